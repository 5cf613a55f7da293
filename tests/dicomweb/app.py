"""A WSGI application with nothing but the DICOMweb edge over a real store, for these tests.

`create_app` is used by the test client; granian imports this module in a process of its own and
calls `served`, which takes its folder and limits from the environment.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flask import Flask

from dicomweb import create_blueprint
from store.access import Caller, NothingScope, OwnerScope, Scope
from store.blobs_folder import FolderBlobs
from store.db import Database, metadata
from store.ingest import Ingest
from store.keys import KeyRing
from store.retrieve import Archive

TOKEN = "the-token"
OTHER_TOKEN = "another-token"


class TokenGate:
    """Two owners, each with a token; strangers see nothing."""

    owners: Final = {f"Bearer {TOKEN}": 1, f"Bearer {OTHER_TOKEN}": 2}

    def reader(self, caller: Caller) -> Scope | None:
        if caller.authorization is None:
            return NothingScope()
        owner = self.owners.get(caller.authorization)
        return None if owner is None else OwnerScope(owner)

    def storer(self, caller: Caller) -> int | None:
        return self.owners.get(caller.authorization or "")

    def remover(self, caller: Caller) -> int | None:
        return self.owners.get(caller.authorization or "")


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    folder: Path,
    *,
    max_body_bytes: int = 64 * 1024 * 1024,
    public_base: str | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Flask:
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{folder / 'index.db'}")
    metadata.create_all(database.engine)
    blobs = FolderBlobs(folder / "blobs", utc_now)
    keys = KeyRing(database, b"a secret of the server", random_bytes)
    ingest = Ingest(database, blobs, keys, utc_now)
    archive = Archive(database, blobs)
    app = Flask(__name__)
    app.register_blueprint(
        create_blueprint(
            archive,
            ingest,
            TokenGate(),
            database=database,
            max_body_bytes=max_body_bytes,
            public_base=public_base,
        )
    )
    app.extensions["archive"] = archive
    app.extensions["ingest"] = ingest
    app.extensions["database"] = database
    return app


def served() -> Flask:
    limit = int(os.environ.get("TEST_MAX_BODY_BYTES", str(1 << 31)))
    return create_app(Path(os.environ["TEST_FOLDER"]), max_body_bytes=limit)
