"""Finding what was done."""

from datetime import UTC, datetime, timedelta

from store.audit import Deed, find_deeds, kinds_of_deeds, note, record
from store.db import Database

NOW = datetime(2026, 5, 12, 14, 30, tzinfo=UTC)


def test_deeds_are_found_by_who_what_and_which(database: Database) -> None:
    done = [
        Deed(NOW, 7, "publish case", "bcdfghjk"),
        Deed(NOW + timedelta(hours=1), None, "report case", "bcdfghjk"),
        Deed(NOW + timedelta(hours=2), 8, "report case", "mnpqrstv 100%"),
    ]
    for one in done:
        record(database, one)
    assert find_deeds(database) == (done[::-1], 3)
    assert find_deeds(database, account_id=8) == ([done[2]], 1)
    assert find_deeds(database, what="report case") == ([done[2], done[1]], 2)
    assert find_deeds(database, which="bcd") == ([done[1], done[0]], 2)
    assert find_deeds(database, which="0%") == ([done[2]], 1)
    assert find_deeds(database, which="b%k") == ([], 0)
    assert find_deeds(database, limit=1, offset=1) == ([done[1]], 3)
    assert kinds_of_deeds(database) == ["publish case", "report case"]


def test_a_deed_goes_with_what_it_tells(database: Database) -> None:
    class Undone(Exception):
        pass

    try:
        with database.write() as connection:
            note(connection, Deed(NOW, 7, "publish case", "bcdfghjk"))
            raise Undone
    except Undone:
        pass
    assert find_deeds(database) == ([], 0)
