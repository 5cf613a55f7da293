"""A migrated database and a clock that the tests move."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from store.db import Database
from tests.support.databases import ready


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 12, 14, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)
    yield database
    database.dispose()
