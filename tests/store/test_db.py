"""Writers of one SQLite file take turns, whatever process or thread they are in."""

import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from store import db
from store.db import Database
from store.errors import StoreBusy


@pytest.fixture
def file(tmp_path: Path) -> Path:
    database = Database(f"sqlite:///{tmp_path / 'turns.sqlite'}")
    with database.write() as connection:
        connection.execute(text("CREATE TABLE counted (number INTEGER)"))
        connection.execute(text("INSERT INTO counted VALUES (0)"))
    database.dispose()
    return tmp_path / "turns.sqlite"


def test_no_turn_is_lost(file: Path) -> None:
    def count() -> None:
        database = Database(f"sqlite:///{file}")
        for _ in range(25):
            with database.write() as connection:
                number = connection.execute(text("SELECT number FROM counted")).scalar_one()
                connection.execute(text("UPDATE counted SET number = :more"), {"more": number + 1})
        database.dispose()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database = Database(f"sqlite:///{file}")
    with database.read() as connection:
        assert connection.execute(text("SELECT number FROM counted")).scalar_one() == 100
    database.dispose()


def test_a_writer_does_not_wait_for_ever(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "LOCK_WAIT_SECONDS", 0.05)
    one, other = Database(f"sqlite:///{file}"), Database(f"sqlite:///{file}")
    with one.write() as connection:
        connection.execute(text("UPDATE counted SET number = 5"))
        with pytest.raises(StoreBusy), other.write():
            raise AssertionError("two at a time")
    with other.write() as connection:
        # And it has its turn once the first is done.
        assert connection.execute(text("SELECT number FROM counted")).scalar_one() == 5
    one.dispose()
    other.dispose()
