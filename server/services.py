"""Makes the parts of the product from the settings: database, blobs, keys, ingest, archive.

Invariants: nothing here listens or serves; every process of a deployment makes its own.
Not here: the web application (`server.app`), the listener's process (`server.serve`).
"""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

from cases.privacy import PrivateDoor
from deid.profile import Profile
from server.config import Settings, secret
from server.dimse_edge import private_sop_classes
from server.errors import ConfigError
from server.profile import load_profile
from server.secret_file import secrets_in_force
from store.blobs import Blobs
from store.blobs_folder import FolderBlobs
from store.blobs_two import TwoBlobs
from store.db import Database
from store.ingest import Ingest
from store.jobs import Jobs
from store.keys import KeyRing
from store.pictures import Pictures
from store.pictures_folder import FolderPictures
from store.remotes import Remotes
from store.retrieve import Archive
from store.review import Review

__all__ = ["Services", "now"]


def now() -> datetime:
    """The present time, the product's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Services:
    """The parts, each made when it is first asked for."""

    settings: Settings

    @cached_property
    def secret(self) -> bytes:
        """The server's secret."""
        self._make_data_folder()
        return secret(self.settings)

    @cached_property
    def database(self) -> Database:
        """The index."""
        self._make_data_folder()
        return Database(self.settings.sqlalchemy_url)

    @cached_property
    def blobs(self) -> TwoBlobs:
        """Where Part 10 files lie; those of private cases in a place of their own.

        Raises:
            ConfigError: the two are one, or one is within the other.
        """
        shared = self.settings.blobs or str(self.settings.data / "blobs")
        private = self.settings.private_blobs or self._beside(shared)
        if not _are_apart(shared, private):
            raise ConfigError(
                "The settings blobs and private_blobs have to name two places, neither of which "
                "is within the other."
            )
        return TwoBlobs(self._blobs_at(shared), self._blobs_at(private))

    def _beside(self, shared: str) -> str:
        if not shared.startswith("s3://"):
            return str(self.settings.data / "private")
        # Other nodes see the bucket, and not this data folder.
        bucket, _, prefix = shared.removeprefix("s3://").partition("/")
        return f"s3://{bucket}/{prefix.strip('/')}-private" if prefix else f"s3://{bucket}/private"

    def _blobs_at(self, place: str) -> Blobs:
        if place.startswith("s3://"):
            # boto3 is large; a server on a folder does without it.
            from store.blobs_s3 import S3Blobs

            bucket, _, prefix = place.removeprefix("s3://").partition("/")
            endpoint = self.settings.s3_endpoint or None
            return S3Blobs(bucket, prefix.strip("/"), now, endpoint)
        return FolderBlobs(Path(place), now)

    @cached_property
    def keys(self) -> KeyRing:
        """The keys of owners and uploads."""
        reread = partial(secrets_in_force, self.settings)
        return KeyRing(self.database, self.secret, os.urandom, reread)

    @cached_property
    def ingest(self) -> Ingest:
        """The one door."""
        return Ingest(
            self.database,
            self.blobs,
            self.keys,
            now,
            self.profile,
            pictures=self.pictures,
            let_in=PrivateDoor(self.database, self.settings.private_bytes),
        )

    @cached_property
    def pictures(self) -> Pictures:
        """What was rendered, kept in the data folder of this node."""
        return FolderPictures(self.settings.data / "pictures", self.settings.pictures_bytes)

    @cached_property
    def profile(self) -> Profile:
        """The rules of de-identification, with the operator's changes."""
        file = Path(self.settings.profile) if self.settings.profile else None
        return load_profile(file).taking(private_sop_classes(self.settings))

    @cached_property
    def jobs(self) -> Jobs:
        """Work that takes its time."""
        return Jobs(self.database, now)

    @cached_property
    def remotes(self) -> Remotes:
        """The other DICOMweb servers of accounts."""
        return Remotes(self.database, self.keys, os.urandom, now)

    @cached_property
    def review(self) -> Review:
        """What owners decide about series that are held."""
        return Review(self.database, now)

    @cached_property
    def archive(self) -> Archive:
        """The way out."""
        return Archive(self.database, self.blobs, self.pictures)

    def _make_data_folder(self) -> None:
        try:
            self.settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError:
            raise ConfigError("The data folder cannot be made.") from None


def _are_apart(one: str, other: str) -> bool:
    if one.startswith("s3://") or other.startswith("s3://"):
        # Within a bucket no key of the one begins as those of the other do.
        return one.strip("/") != other.strip("/")
    first, second = Path(one).resolve(), Path(other).resolve()
    return not (first.is_relative_to(second) or second.is_relative_to(first))
