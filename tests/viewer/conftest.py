"""Pages on a real store, with a build that consists of names only, and two people."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydicom.dataset import FileDataset
from sqlalchemy import update
from werkzeug.test import TestResponse

import viewer
from accounts.people import Account, create_account
from accounts.signin import create_link
from accounts.terms import accept
from accounts.tokens import create_token
from server.gate import AccountGate
from store.blobs_folder import FolderBlobs
from store.db import Database
from store.ingest import Ingest
from store.keys import KeyRing
from store.retrieve import Archive
from store.review import SeriesReview
from store.schema import series
from tests.support.databases import ready
from tests.support.datasets import encoded
from viewer.assets import Assets

SOURCES = {
    "icons.svg": "icons-1.svg",
    "mark.svg": "mark-1.svg",
    "src/pages/main.ts": "pages-1.js",
    "src/styles/font/plex-sans-latin.woff2": "plex-1.woff2",
    "src/styles/site.css": "site-1.css",
    "src/viewport/main.ts": "viewer-1.js",
    "src/viewport/viewer.ts": "stage-1.js",
    "node_modules/codec.js": "codec-1.js",
}


# Passwords are slow to hash, as they should be, but not in tests.
QUICK = {"time_cost": 1, "memory_cost": 8, "parallelism": 1}


class Clock:
    """The present time, which tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 5, 12, 14, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Site:
    """The pages, who may sign in to them, and the door through which studies come."""

    app: Flask
    pages: viewer.Pages
    ingest: Ingest
    clock: Clock
    owner: Account
    other: Account

    def put(self, *data_sets: FileDataset, owner: Account | None = None) -> str:
        """Store data sets of one study; its new UID."""
        with self.ingest.batch((owner or self.owner).id, "STOW-RS") as batch:
            for data_set in data_sets:
                incoming = batch.receive()
                incoming.feed(encoded(data_set))
                received = incoming.finish()
            batch.commit()
        return received.study_instance_uid

    def series(self, study_uid: str, owner: Account | None = None) -> list[SeriesReview]:
        """The series of a study, as its owner reviews them."""
        return self.pages.review.series((owner or self.owner).id, study_uid)

    def hold(self, series_uid: str, *reasons: str) -> None:
        """Put a series into the state in which ingest would have put it for these reasons."""
        held = {"review_state": "held", "review_reasons": " ".join(sorted(reasons))}
        with self.pages.database.write() as connection:
            connection.execute(
                update(series).where(series.c.series_instance_uid == series_uid).values(held)
            )

    def token(self, account: Account) -> dict[str, str]:
        """The header with a fresh token."""
        secret = create_token(
            self.pages.database, account.id, random_bytes=os.urandom, clock=self.clock
        )
        return {"Authorization": f"Bearer {secret}"}

    def link(self, account: Account) -> str:
        """A fresh one-time link's secret."""
        return create_link(
            self.pages.database, account.id, random_bytes=os.urandom, clock=self.clock
        )

    def accept_terms(self, account: Account) -> None:
        """As the person does who is asked for it."""
        version = self.pages.site.terms_version
        accept(self.pages.database, account.id, version, of_age=True, clock=self.clock)

    def visitor(self, account: Account | None = None) -> FlaskClient:
        """A browser, signed in as somebody or not."""
        client = self.app.test_client()
        if account is not None:
            self.accept_terms(account)
            # By link: passwords are slow to check, as they should be.
            assert press(client, f"/sign-in/{self.link(account)}").status_code == 303
        return client


def press(
    client: FlaskClient, page: str, to: str | None = None, **fields: str | list[str]
) -> TestResponse:
    """Fill in a form of a page and send it, with the page's own protection."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get(page).text)
    assert found, f"{page} has no form"
    return client.post(to or page, data={**fields, "csrf_token": found[1]})


@pytest.fixture
def build(tmp_path: Path) -> Assets:
    """A build of small files."""
    folder = tmp_path / "dist"
    folder.mkdir()
    manifest: dict[str, dict[str, object]] = {
        source: {"file": name} for source, name in SOURCES.items()
    }
    manifest["src/viewport/main.ts"]["dynamicImports"] = ["src/viewport/viewer.ts"]
    manifest["src/viewport/viewer.ts"]["dynamicImports"] = ["node_modules/codec.js"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name in SOURCES.values():
        (folder / name).write_text(f"plain {name}")
    (folder / "site-1.css.br").write_text("brotli")
    (folder / "site-1.css.gz").write_text("gzip")
    return Assets.load(folder)


@pytest.fixture
def site(tmp_path: Path, build: Assets) -> Iterator[Site]:
    """The pages on an empty store."""
    clock = Clock()
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)
    blobs = FolderBlobs(tmp_path / "blobs", clock)
    owner = create_account(database, "ines@northfield.example", clock=clock)
    other = create_account(database, "jon@northfield.example", clock=clock)
    keys = KeyRing(database, b"secret of these tests" * 2, os.urandom)
    ingest = Ingest(database, blobs, keys, clock)
    gate = AccountGate(database, viewer.signed_in_account)
    pages = viewer.Pages(database, Archive(database, blobs), ingest, gate, clock, assets=build)
    yield Site(make_app(pages), pages, ingest, clock, owner, other)
    database.dispose()


def make_app(pages: viewer.Pages) -> Flask:
    """An application with nothing but the pages, and a route that fails."""
    app = Flask("viewer")
    app.config.update(SECRET_KEY="of the tests", WTF_CSRF_TIME_LIMIT=None)
    viewer.install(app, pages)
    app.extensions["security"].pwd_context.update(**{f"argon2__{n}": v for n, v in QUICK.items()})

    @app.get("/api/broken")
    @app.get("/dicomweb/broken")
    @app.get("/broken")
    def broken() -> str:
        raise RuntimeError("Zebedee^Quillfeather")

    app.add_url_rule("/whose", view_func=lambda: {"account": viewer.signed_in_account()})
    return app
