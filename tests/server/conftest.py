"""The whole application on a fresh folder, with settings of the test's choice; databases."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from accounts.people import Account, create_account
from accounts.tokens import ALL_SCOPES, TokenScope, create_token
from server.app import create_app
from server.config import Settings
from server.services import Services, now
from store.db import Database
from tests.support.databases import ready
from tests.support.postgres import new_database


@dataclass
class Site:
    """A running application, without a network."""

    app: Flask
    services: Services
    owner: Account
    other: Account

    @property
    def client(self) -> FlaskClient:
        """A browser or program without any cookie."""
        return self.app.test_client()

    def token(self, account: Account, *scopes: TokenScope) -> dict[str, str]:
        """The header with a fresh token."""
        secret = create_token(
            self.services.database,
            account.id,
            random_bytes=os.urandom,
            clock=now,
            scopes=scopes or ALL_SCOPES,
        )
        return {"Authorization": f"Bearer {secret}"}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty one of either kind."""
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
        yield database
        database.dispose()
        return
    with new_database(request.getfixturevalue("postgresql_url")) as url:
        database = Database(url)
        yield database
        database.dispose()


MakeSite = Callable[..., Site]


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    """Makes an application with these settings."""
    made: list[Services] = []

    def make(**settings: object) -> Site:
        services = Services(replace(Settings(data=tmp_path / "data"), **settings))  # type: ignore[arg-type]
        made.append(services)
        ready(services.database)
        owner = create_account(services.database, "ines@example.org", clock=now, password="p" * 12)
        other = create_account(services.database, "otto@example.org", clock=now)
        return Site(create_app(services), services, owner, other)

    yield make
    for services in made:
        services.database.dispose()
