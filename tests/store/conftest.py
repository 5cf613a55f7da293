"""A store of the tests' own: on SQLite, and on a real PostgreSQL."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset

from store.access import OwnerScope
from store.blobs_folder import FolderBlobs
from store.db import Database
from store.ingest import Ingest, Received
from store.keys import KeyRing
from store.retrieve import Archive
from tests.support.databases import emptied, ready
from tests.support.datasets import encoded

OWNER = 7
SECRET = b"the secret of the tests' server"


@dataclass
class Store:
    database: Database
    blobs: FolderBlobs
    ingest: Ingest
    archive: Archive
    scope: OwnerScope

    def put(self, *data_sets: FileDataset | bytes, owner: int = OWNER) -> list[Received]:
        """Store Part 10 files, all in one batch."""
        received = []
        with self.ingest.batch(owner, "STOW-RS") as batch:
            for ds in data_sets:
                incoming = batch.receive()
                incoming.feed(ds if isinstance(ds, bytes) else encoded(ds))
                received.append(incoming.finish())
            batch.commit()
        return received


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
        ready(database)
    else:
        database = Database(request.getfixturevalue("postgresql_url"))
    yield database
    if request.param == "postgresql":
        emptied(database)
    database.dispose()


@pytest.fixture
def store(database: Database, tmp_path: Path) -> Store:
    return make_store(database, tmp_path / "blobs", os.urandom)


def make_store(database: Database, folder: Path, rng: Callable[[int], bytes]) -> Store:
    def clock() -> datetime:
        return datetime.now(UTC)

    blobs = FolderBlobs(folder, clock)
    ingest = Ingest(database, blobs, KeyRing(database, SECRET, rng), clock)
    return Store(database, blobs, ingest, Archive(database, blobs), OwnerScope(OWNER))
