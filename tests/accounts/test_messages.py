"""The outbox: what waits, who has it, and what is kept of it."""

from datetime import timedelta

import pytest

from accounts.errors import InvalidValue, NoSuchMessage
from accounts.messages import (
    GIVE_UP_AFTER,
    claim,
    count_of_messages,
    message_by_id,
    messages_of,
    note_trouble,
    refuse,
    release,
    send,
    waiting,
    was_sent,
)
from accounts.people import create_account
from store.db import Database
from tests.accounts.conftest import Clock


def sent(database: Database, clock: Clock, to: str = "ines@example.org") -> int:
    return send(database, to, "Confirm", "https://example.org/confirm/secret", clock=clock)


def taken(database: Database, number: int) -> bool:
    with database.write() as connection:
        return claim(connection, number)


def test_a_message_waits_and_is_claimed_once(database: Database, clock: Clock) -> None:
    first, second = sent(database, clock), sent(database, clock, "jon@example.org")
    assert waiting(database, clock.now) == [first, second]
    assert (taken(database, first), taken(database, first)) == (True, False)
    assert waiting(database, clock.now) == [second]
    release(database, first)
    assert waiting(database, clock.now) == [first, second]


def test_what_was_sent_is_never_sent_again_and_its_text_is_forgotten(
    database: Database, clock: Clock
) -> None:
    number = sent(database, clock)
    assert taken(database, number)
    was_sent(database, number, clock=clock)
    release(database, number)
    found = message_by_id(database, number)
    assert (found.sent_at, found.body, found.subject) == (clock.now, "", "Confirm")
    assert waiting(database, clock.now) == []


def test_what_is_refused_or_too_old_is_not_sent_any_more(database: Database, clock: Clock) -> None:
    refused, old = sent(database, clock), sent(database, clock)
    refuse(database, refused)
    clock.now += GIVE_UP_AFTER - timedelta(minutes=1)
    assert waiting(database, clock.now) == [old]
    clock.now += timedelta(minutes=1)
    assert waiting(database, clock.now) == []
    note_trouble(database, old, "The mail server cannot be reached.")
    assert [one.trouble for one in messages_of(database)] == [
        "The mail server cannot be reached.",
        "The mail server does not take mail for this address.",
    ]


def test_messages_are_listed_from_the_newest(database: Database, clock: Clock) -> None:
    account = create_account(database, "ines@example.org", clock=clock)
    numbers = [sent(database, clock) for _ in range(4)]
    mine = send(database, account.email, "Room", "80 %", account_id=account.id, clock=clock)
    assert [one.id for one in messages_of(database, 2, 1)] == [numbers[3], numbers[2]]
    assert [one.id for one in messages_of(database, account_id=account.id)] == [mine]
    assert count_of_messages(database) == 5


def test_a_message_is_part_of_the_transaction_that_it_is_about(
    database: Database, clock: Clock
) -> None:
    def fails() -> None:
        with database.write() as connection:
            send(connection, "ines@example.org", "Confirm", "text", clock=clock)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert count_of_messages(database) == 0


@pytest.mark.parametrize(
    ("recipient", "subject"),
    [
        ("ines@example.org\r\nBcc: all@example.org", "Confirm"),
        ("ines", "Confirm"),
        ("ines@example.org", "Confirm\nBcc: all@example.org"),
        ("ines@example.org", ""),
        ("ines@example.org", "x" * 201),
    ],
)
def test_headers_cannot_be_smuggled_in(
    database: Database, clock: Clock, recipient: str, subject: str
) -> None:
    with pytest.raises(InvalidValue):
        send(database, recipient, subject, "text", clock=clock)


def test_there_is_no_message_of_another_number(database: Database) -> None:
    with pytest.raises(NoSuchMessage):
        message_by_id(database, 1)
