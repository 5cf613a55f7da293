"""Puts a backup back into an empty place.

Invariants: everything is checked against the digests of the backup, and nothing is put where
something is; the secret has to be there before, and has to be the one that the keys need.
Not here: making a backup (`server.backup`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from accounts.people import first_account
from server.backup import MANIFEST, Kept, digest_of_file, kept_in, place_of
from server.errors import CommandFailed
from server.migrations import migrate
from server.services import Services
from server.snapshot import NAMES, put_back
from store.errors import StoreError, WrongSecret
from store.schema import instance

__all__ = ["Restored", "restore"]

NOTHING_WRAPS: Final = (
    "The secret is not there. Put the file `secret` that was kept apart from the backup into the "
    "data folder, or name it in the setting, and restore again."
)
ANOTHER_WRAPS: Final = (
    "The secret is not the one of this backup. All else is restored. Put the right one in its "
    "place before the server is started."
)


@dataclass(frozen=True)
class Restored:
    """What is there again."""

    blobs: int
    size: int


def restore(services: Services, folder: Path) -> Restored:
    """Put a backup back.

    Raises:
        CommandFailed: it is damaged or of another kind of database, the place is not empty, or
            the secret is missing.
    """
    said = _manifest(folder)
    kind = services.database.engine.dialect.name
    if said["database"] != NAMES[kind]:
        raise CommandFailed("The backup is of the other kind of database.")
    if not (services.settings.secret or (services.settings.data / "secret").is_file()):
        raise CommandFailed(NOTHING_WRAPS)
    copy = folder / NAMES[kind]
    if not copy.is_file() or digest_of_file(copy) != said["sha256"]:
        raise CommandFailed("The copy of the database is not the one that was backed up.")
    kept = kept_in(folder)
    for key, one in kept.items():
        _put(services, folder, key, one)
    put_back(services.database, copy)
    migrate(services.database)
    _check(services, kept)
    return Restored(len(kept), sum(one.size for one in kept.values()))


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / MANIFEST).read_text("ascii"))
    except (OSError, ValueError):
        raise CommandFailed("There is no whole backup in this folder.") from None
    return dict(found)


def _put(services: Services, folder: Path, key: str, kept: Kept) -> None:
    place = place_of(folder, key)
    try:
        if digest_of_file(place) != kept.digest:
            raise CommandFailed("A file of the backup is damaged; nothing was restored to serve.")
        services.blobs.adopt(key, _chunks(place))
    except OSError:
        raise CommandFailed("A file of the backup is missing or cannot be put back.") from None
    except StoreError as error:
        raise CommandFailed(str(error)) from None


def _chunks(place: Path) -> Iterator[bytes]:
    with open(place, "rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def _check(services: Services, kept: dict[str, Kept]) -> None:
    """Make sure that each file that the index names is there, and that the secret opens keys."""
    with services.database.read() as connection:
        rows = connection.execute(select(instance.c.blob, instance.c.size)).all()
    for key, size in rows:
        if key not in kept or kept[key].size != size:
            raise CommandFailed("The index names a file that the backup has not.")
        found = sha256()
        for chunk in services.blobs.stream(key):
            found.update(chunk)
        if found.hexdigest() != kept[key].digest:
            raise CommandFailed("A file was not put back as it was.")
    owner = first_account(services.database)
    try:
        if owner is not None:
            services.ingest.keys.key_of(owner.id)
    except WrongSecret:
        raise CommandFailed(ANOTHER_WRAPS) from None
