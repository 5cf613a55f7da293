"""A WSGI application with nothing but the DICOMweb edge over a real store, for these tests.

`create_app` is used by the test client; granian imports this module in a process of its own and
calls `served`, which takes its folder and limits from the environment.
"""

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from flask import Flask

from dicomweb import create_blueprint
from store.access import Caller, NothingScope, OwnerScope, Scope, SeriesScope, UploadScope
from store.blobs_folder import FolderBlobs
from store.db import Database
from store.errors import Forbidden, NoSuchRoot
from store.ingest import Ingest
from store.keys import KeyRing
from store.pictures import Pictures
from store.retrieve import Archive
from tests.support.tables import make_tables

TOKEN = "the-token"
OTHER_TOKEN = "another-token"
ROOTS: Final = {
    "dicomweb": "/dicomweb",
    "share": "/share/<share>/dicomweb",
    "upload": "/uploads/<upload>/dicomweb",
}


class TokenGate:
    """Two owners, each with a token; strangers see nothing but what is shared.

    Attributes:
        shares: numbers of series by the secret in the path of their root.
        uploads: number and owner of uploads by the key in the path of their root.
    """

    owners: Final = {f"Bearer {TOKEN}": 1, f"Bearer {OTHER_TOKEN}": 2}

    def __init__(self) -> None:
        self.shares: dict[str, frozenset[int]] = {}
        self.uploads: dict[str, tuple[int, int]] = {}

    def reader(self, caller: Caller) -> Scope | None:
        owner = self.owners.get(caller.authorization or "")
        if caller.authorization is not None and owner is None:
            return None
        if "share" in caller.root:
            if caller.root["share"] not in self.shares:
                raise NoSuchRoot
            return SeriesScope(self.shares[caller.root["share"]], owner)
        if "upload" in caller.root:
            upload, of = self.uploads.get(caller.root["upload"], (0, 0))
            if of != owner:
                raise NoSuchRoot
            return UploadScope(upload, of)
        return NothingScope() if owner is None else OwnerScope(owner)

    def renewed(self, scope: Scope) -> Scope:
        return scope

    def storer(self, caller: Caller) -> int | None:
        if caller.root:
            raise Forbidden
        return self.owners.get(caller.authorization or "")

    def remover(self, caller: Caller) -> Scope | None:
        return None if caller.authorization is None else self.reader(caller)


def utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(
    folder: Path,
    *,
    max_body_bytes: int = 64 * 1024 * 1024,
    public_base: str | None = None,
    cors_origins: Iterable[str] = (),
    pictures: Pictures | None = None,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> Flask:
    folder.mkdir(parents=True, exist_ok=True)
    database = Database(f"sqlite:///{folder / 'index.db'}")
    make_tables(database)
    blobs = FolderBlobs(folder / "blobs", utc_now)
    keys = KeyRing(database, b"a secret of the server", random_bytes)
    ingest = Ingest(database, blobs, keys, utc_now, pictures=pictures)
    archive = Archive(database, blobs, pictures)
    app = Flask(__name__)
    gate = TokenGate()
    for name, url_prefix in ROOTS.items():
        app.register_blueprint(
            create_blueprint(
                archive,
                ingest,
                gate,
                database=database,
                max_body_bytes=max_body_bytes,
                public_base=public_base,
                cors_origins=cors_origins,
                url_prefix=url_prefix,
                name=name,
            )
        )
    app.extensions["gate"] = gate
    app.extensions["archive"] = archive
    app.extensions["ingest"] = ingest
    app.extensions["database"] = database
    return app


def served() -> Flask:
    limit = int(os.environ.get("TEST_MAX_BODY_BYTES", str(1 << 31)))
    return create_app(Path(os.environ["TEST_FOLDER"]), max_body_bytes=limit)
