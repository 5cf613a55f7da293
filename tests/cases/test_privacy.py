"""Private cases: who may make one, and that nothing further gets into them without room."""

import pytest
from sqlalchemy import select

from accounts.people import Account, create_account
from accounts.plans import Plan, plan_of
from cases.access import PublishedScope
from cases.cases import Case, case_by_code, case_of_owner
from cases.errors import Changed, NoSuchCase, NotAllowed
from cases.privacy import PrivateDoor
from cases.publishing import publish, restore
from store.audit import deeds
from store.changes import current_version
from store.db import Database
from store.errors import NoPrivateRoom
from store.schema import series
from tests.cases.rows import (
    OWNER,
    Pair,
    add_case,
    add_pair,
    add_published,
    clock,
    edit,
    showing,
)
from tests.store.rows import add_instance

FREE = Plan("free", private_cases=False, keeps_pending=False, private_bytes=0)


def premium(room: int) -> Plan:
    return Plan("premium", private_cases=True, keeps_pending=True, private_bytes=room)


FULL, ROOMY = premium(1), premium(10**9)


def test_a_case_becomes_private_and_public_at_once(sqlite: Database) -> None:
    found = add_published(sqlite)
    before = current_version(sqlite, PublishedScope())
    found = edit(sqlite, found, private=True, plan=ROOMY)
    assert case_by_code(sqlite, found.code).private
    assert current_version(sqlite, PublishedScope()) > before
    # Who has lost the plan may leave it as it is, and open it.
    found = edit(sqlite, found, private=True, plan=FREE)
    assert found.private
    assert not edit(sqlite, found, private=False, plan=FREE).private
    done = [(one.what, one.which) for one in deeds(sqlite, OWNER)]
    assert done[:3] == [
        ("make case public", found.code),
        ("save case", found.code),
        ("make case private", found.code),
    ]


def test_a_plan_without_private_cases_makes_none(sqlite: Database) -> None:
    found = add_published(sqlite)
    with pytest.raises(NotAllowed, match="plan"):
        edit(sqlite, found, private=True, plan=FREE)
    with pytest.raises(NotAllowed, match="plan"):
        add_case(sqlite, private=True, plan=FREE)
    assert not case_by_code(sqlite, found.code).private


def test_nobody_else_decides_and_a_save_that_is_refused_changes_nothing(sqlite: Database) -> None:
    found = add_published(sqlite)
    edit(sqlite, found, title="Elsewhere")
    with pytest.raises(Changed):
        edit(sqlite, found, private=True, plan=ROOMY)
    assert not case_by_code(sqlite, found.code).private
    with pytest.raises(NoSuchCase):
        case_of_owner(sqlite, OWNER + 1, found.code)


@pytest.mark.promise("F37")
def test_without_room_nothing_further_gets_into_private_cases(database: Database) -> None:
    first, second, third = (add_pair(database, instances=True) for _ in range(3))
    kept = add_published(database, pairs=[first], private=True)
    other = add_case(database, pairs=[second])
    with pytest.raises(NotAllowed, match="full"):
        edit(database, kept, plan=FULL, document=showing(first, third))
    with pytest.raises(NotAllowed, match="full"):
        edit(database, other, private=True, plan=FULL)
    with pytest.raises(NotAllowed, match="full"):
        add_case(database, pairs=[third], private=True, plan=FULL)
    assert not case_by_code(database, other.code).private
    # What is in a private case already may be in another one; what everybody sees is public.
    add_case(database, pairs=[first], private=True, plan=FULL)
    kept = edit(database, kept, plan=FULL, document=showing(first, second))
    kept = edit(database, kept, plan=FULL, document=showing(second), title="Goes on")
    publish(database, OWNER, kept.code, clock=clock)
    restore(database, OWNER, kept.code, 1, clock=clock)
    edit(database, case_of_owner(database, OWNER, kept.code), private=False, plan=FULL)
    # With room all of it is allowed.
    edit(database, other, private=True, plan=ROOMY, document=showing(second, third))


@pytest.fixture
def ines(sqlite: Database) -> Account:
    return create_account(sqlite, "ines@example.org", clock=clock, premium=True)


def add_files(database: Database, owner: int, size: int) -> Pair:
    """A series of one instance of this many bytes."""
    pair = add_pair(database, owner, images=1)
    with database.read() as connection:
        one = select(series.c.id).where(series.c.series_instance_uid == pair[1])
        number = connection.execute(one).scalar_one()
    add_instance(database, number, owner=owner, size=size)
    return pair


@pytest.mark.promise("F37")
def test_without_room_images_for_private_cases_are_refused_and_no_others(
    sqlite: Database, ines: Account
) -> None:
    private, shown, upload = (add_files(sqlite, ines.id, 100) for _ in range(3))
    seconds = [0.0]
    door = PrivateDoor(sqlite, 150, lambda: seconds[0])
    new = ("1.2.3", "1.2.3.4")
    door(ines.id, *private)
    found: Case = add_case(sqlite, ines.id, pairs=[private, shown], private=True)
    add_published(sqlite, ines.id, pairs=[shown])
    # What was counted a moment ago counts for half a minute.
    door(ines.id, *private)
    seconds[0] += 31
    with pytest.raises(NoPrivateRoom, match="Nothing was deleted"):
        door(ines.id, *private)
    for pair in (shown, upload, new):
        door(ines.id, *pair)
    door(ines.id + 1, *private)
    edit(sqlite, found, private=False, plan=plan_of(ines, private_bytes=150))
    door(ines.id, *private)


def test_whoever_has_no_limit_is_asked_nothing(sqlite: Database) -> None:
    free = create_account(sqlite, "free@example.org", clock=clock)
    pair = add_files(sqlite, free.id, 100)
    add_case(sqlite, free.id, pairs=[pair], private=True)
    PrivateDoor(sqlite, 1, lambda: 0.0)(free.id, *pair)
