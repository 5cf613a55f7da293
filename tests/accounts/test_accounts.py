"""Accounts and one-time links."""

import os
from datetime import timedelta

import pytest

from accounts.errors import EmailTaken, InvalidValue
from accounts.people import (
    Account,
    account_by_email,
    account_with_password,
    create_account,
    first_account,
)
from accounts.signin import create_link, redeem_link
from store.db import Database
from tests.accounts.conftest import Clock

PASSWORD = "correct horse battery"


def made(database: Database, clock: Clock, email: str = "ines@example.org") -> Account:
    return create_account(database, email, clock=clock, password=PASSWORD)


def test_an_account_is_found_by_its_address_in_any_case(database: Database, clock: Clock) -> None:
    account = made(database, clock)
    assert account_by_email(database, "INES@Example.org") == account


def test_two_accounts_cannot_have_one_address(database: Database, clock: Clock) -> None:
    made(database, clock)
    with pytest.raises(EmailTaken):
        made(database, clock, "Ines@example.org")


@pytest.mark.parametrize("email", ["", "ines", "ines@", "a b@example.org", "x" * 65 + "@y"])
def test_what_is_no_address_is_refused(database: Database, clock: Clock, email: str) -> None:
    with pytest.raises(InvalidValue):
        create_account(database, email, clock=clock)


def test_a_short_password_is_refused(database: Database, clock: Clock) -> None:
    with pytest.raises(InvalidValue):
        create_account(database, "ines@example.org", clock=clock, password="short")
    assert first_account(database) is None


def test_only_the_right_password_signs_in(database: Database, clock: Clock) -> None:
    account = made(database, clock)
    assert account_with_password(database, account.email, PASSWORD) == account
    assert account_with_password(database, account.email, PASSWORD + "!") is None
    assert account_with_password(database, "nobody@example.org", PASSWORD) is None


def test_an_account_without_a_password_has_no_password(database: Database, clock: Clock) -> None:
    create_account(database, "owner@localhost", clock=clock)
    assert account_with_password(database, "owner@localhost", "nobody's password") is None


def test_a_link_signs_in_once(database: Database, clock: Clock) -> None:
    account = made(database, clock)
    secret = create_link(database, account.id, random_bytes=os.urandom, clock=clock)
    assert redeem_link(database, secret, clock=clock) == account
    assert redeem_link(database, secret, clock=clock) is None


def test_an_old_link_does_not_sign_in(database: Database, clock: Clock) -> None:
    account = made(database, clock)
    secret = create_link(database, account.id, random_bytes=os.urandom, clock=clock)
    clock.now += timedelta(days=2)
    assert redeem_link(database, secret, clock=clock) is None


def test_a_new_link_makes_the_old_one_void(database: Database, clock: Clock) -> None:
    account = made(database, clock)
    old = create_link(database, account.id, random_bytes=os.urandom, clock=clock)
    create_link(database, account.id, random_bytes=os.urandom, clock=clock)
    assert redeem_link(database, old, clock=clock) is None
