"""How much is stored, of which kind, and when its owner is told."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from accounts.messages import messages_of
from accounts.people import Account, create_account
from accounts.plans import plan_of
from cases.storage import (
    TOLD_FOR,
    LargeCase,
    PrivateRoom,
    Stored,
    largest_cases,
    notify_of_room,
    private_room,
    stored_by,
)
from store.db import Database
from store.schema import series
from tests.cases.rows import NOW, Pair, add_case, add_pair, clock
from tests.store.rows import add_instance


def add(database: Database, owner: int, size: int) -> Pair:
    """A series of one instance of this many bytes."""
    pair = add_pair(database, owner, images=1)
    with database.read() as connection:
        one = series.c.series_instance_uid == pair[1]
        number = connection.execute(select(series.c.id).where(one)).scalar_one()
    add_instance(database, number, owner=owner, size=size)
    return pair


@pytest.fixture
def account(database: Database) -> Account:
    return create_account(database, "ines@example.org", clock=clock, premium=True)


def test_each_byte_is_counted_once_and_public_ones_apart(
    database: Database, account: Account
) -> None:
    public, private, both = (add(database, account.id, size) for size in (1, 10, 100))
    add(database, account.id, 1000)
    first = add_case(database, account.id, title="Public", pairs=[public, both])
    second = add_case(database, account.id, title="Private", pairs=[private, both], private=True)
    add(database, account.id + 1, 10_000)
    assert stored_by(database, account.id) == Stored(private=10, uploads=1000, public=101)
    room = private_room(database, account.id, plan_of(account, private_bytes=2000))
    assert room == (1010, 2000)
    assert largest_cases(database, account.id) == [
        LargeCase(second.code, "Private", True, 110),
        LargeCase(first.code, "Public", False, 101),
    ]
    assert stored_by(database, account.id + 2) == Stored()


@pytest.mark.parametrize(
    ("used", "mark"),
    [(0, None), (799, None), (800, 80), (949, 80), (950, 95), (999, 95), (1000, 100), (5000, 100)],
)
def test_marks_are_reached_and_not_rounded_to(used: int, mark: int | None) -> None:
    room = PrivateRoom(used, 1000)
    assert (room.mark, room.is_full) == (mark, mark == 100)


def test_who_has_no_room_has_no_mark() -> None:
    assert (PrivateRoom(1000, 0).mark, PrivateRoom(1000, 0).percent) == (None, 0)


@pytest.mark.promise("F39")
def test_each_mark_is_told_of_once(database: Database, account: Account) -> None:
    create_account(database, "free@example.org", clock=clock)
    now = [NOW]

    def told() -> list[str]:
        before = len(messages_of(database))
        count = notify_of_room(database, lambda: now[0], private_bytes=1000)
        found = messages_of(database)
        assert count == len(found) - before
        return [f"{one.recipient}: {one.subject}" for one in found[:count]]

    assert told() == []
    add(database, account.id, 810)
    assert told() == ["ines@example.org: 80 % of your room for private cases is used"]
    now[0] += timedelta(days=1)
    assert told() == []
    add(database, account.id, 150)
    assert told() == ["ines@example.org: 95 % of your room for private cases is used"]
    add(database, account.id, 150)
    assert told() == ["ines@example.org: Your room for private cases is full"]
    assert told() == []
    now[0] += TOLD_FOR + timedelta(days=1)
    assert told() == ["ines@example.org: Your room for private cases is full"]
    body = messages_of(database)[0].body
    assert "111 %" in body
    assert "Nothing was deleted" in body


def test_a_clock_is_what_a_notice_is_dated_by(database: Database, account: Account) -> None:
    add(database, account.id, 1000)
    later = datetime(2027, 1, 1, tzinfo=NOW.tzinfo)
    notify_of_room(database, lambda: later, private_bytes=1000)
    assert messages_of(database)[0].created_at == later
