"""Databases of the tests' own: SQLite, and a real PostgreSQL."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.migrations import migrate
from store.db import Database, metadata
from tests.store.conftest import postgresql_url

__all__ = ["database", "migrated", "postgresql_url", "sqlite"]


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty SQLite database; to migrate each one anew takes most of the time of a test."""
    path = tmp_path_factory.mktemp("migrated") / "index.sqlite"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    database.dispose()
    return path


@pytest.fixture
def sqlite(migrated: Path, tmp_path: Path) -> Iterator[Database]:
    """A database for what is the same on every one."""
    path = shutil.copy(migrated, tmp_path / "index.sqlite")
    database = Database(f"sqlite:///{path}")
    yield database
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with all tables, empty."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated"), tmp_path / "index.sqlite")
        database = Database(f"sqlite:///{path}")
    else:
        database = Database(request.getfixturevalue("postgresql_url"))
        migrate(database)
    yield database
    if request.param == "postgresql":
        with database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    database.dispose()
