"""Terms that are accepted, plans that are granted, names that authors choose."""

from datetime import timedelta

import pytest

from accounts.errors import ChannelTaken, InvalidValue, NoSuchAccount
from accounts.people import Account, account_by_id, create_account
from accounts.plans import Plan, grant, plan_of
from accounts.profile import change_profile
from accounts.terms import Assent, accept, assents_of, has_accepted
from store.db import Database
from tests.accounts.conftest import Clock

FIRST, SECOND = "2026-03-01", "2026-11-01"


@pytest.fixture
def account(database: Database, clock: Clock) -> Account:
    return create_account(database, "ines@example.org", clock=clock)


@pytest.mark.promise("F71", "F73")
def test_each_version_of_the_terms_is_accepted_once(
    database: Database, clock: Clock, account: Account
) -> None:
    assert not has_accepted(database, account.id, FIRST)
    accept(database, account.id, FIRST, of_age=True, clock=clock)
    then = clock.now
    clock.now += timedelta(days=1)
    accept(database, account.id, FIRST, of_age=True, clock=clock)
    assert has_accepted(database, account.id, FIRST)
    assert not has_accepted(database, account.id, SECOND)
    accept(database, account.id, SECOND, of_age=True, clock=clock)
    assert assents_of(database, account.id) == [
        Assent(FIRST, then, True),
        Assent(SECOND, clock.now, True),
    ]


def test_who_is_not_old_enough_accepts_nothing(
    database: Database, clock: Clock, account: Account
) -> None:
    with pytest.raises(InvalidValue):
        accept(database, account.id, FIRST, of_age=False, clock=clock)
    assert assents_of(database, account.id) == []


def test_a_plan_is_granted_and_taken_back(database: Database, account: Account) -> None:
    def plan() -> Plan:
        found = account_by_id(database, account.id)
        assert found is not None
        return plan_of(found, private_bytes=1000)

    assert plan() == Plan("free", False, False, 0)
    grant(database, account.id, premium=True)
    assert plan() == Plan("premium", True, True, 1000)
    grant(database, account.id, premium=False)
    assert plan().name == "free"
    with pytest.raises(NoSuchAccount):
        grant(database, account.id + 1, premium=True)


def test_a_channel_is_one_persons(database: Database, clock: Clock, account: Account) -> None:
    other = create_account(database, "jon@example.org", clock=clock)
    change_profile(database, account.id, name=" Ines Ferreira ", channel="I-Ferreira")
    # Again, and with another name: it is hers already.
    change_profile(database, account.id, name="I. Ferreira", channel="i-ferreira")
    with pytest.raises(ChannelTaken):
        change_profile(database, other.id, name="Jon", channel="i-ferreira")
    found = account_by_id(database, account.id)
    assert found is not None
    assert (found.name, found.channel) == ("I. Ferreira", "i-ferreira")
    change_profile(database, account.id, name="", channel="")
    change_profile(database, other.id, name="", channel="i-ferreira")


@pytest.mark.parametrize(
    ("name", "channel"),
    [
        ("x" * 101, ""),
        ("two\nlines", ""),
        ("", "ab"),
        ("", "-abc"),
        ("", "../admin"),
        ("", "a" * 41),
        ("", "ünes"),
    ],
)
def test_what_is_no_name_or_address_is_refused(
    database: Database, account: Account, name: str, channel: str
) -> None:
    with pytest.raises(InvalidValue):
        change_profile(database, account.id, name=name, channel=channel)
