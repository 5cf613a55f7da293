"""Databases of the tests' own: SQLite, and a real PostgreSQL."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from store.db import Database
from tests.support.databases import emptied, ready


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """A database for what is the same on every one."""
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database with all tables, empty."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite")
        return
    database = Database(request.getfixturevalue("postgresql_url"))
    yield database
    emptied(database)
    database.dispose()
