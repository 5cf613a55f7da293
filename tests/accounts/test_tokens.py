"""Bearer tokens: what they may do, until when, and that no secret is kept."""

import os
from datetime import timedelta
from typing import Any

import pytest

from accounts.errors import InvalidValue, NoSuchToken
from accounts.people import Account, create_account
from accounts.tokens import (
    Bearer,
    TokenScope,
    bearer_of_token,
    create_token,
    revoke_token,
    tokens_of,
)
from store.db import Database
from tests.accounts.conftest import Clock

READ, STORE, DELETE = TokenScope.READ, TokenScope.STORE, TokenScope.DELETE


@pytest.fixture
def account(database: Database, clock: Clock) -> Account:
    return create_account(database, "ines@example.org", clock=clock)


def made(database: Database, account: Account, clock: Clock, **more: object) -> str:
    common = {"random_bytes": os.urandom, "clock": clock}
    return create_token(database, account.id, **common, **more)  # type: ignore[arg-type]


def bearer(database: Database, secret: str, clock: Clock) -> Bearer | None:
    return bearer_of_token(database, secret, now=clock.now)


def test_a_token_leads_to_its_account_and_is_not_stored(
    database: Database, account: Account, clock: Clock
) -> None:
    secret = made(database, account, clock)
    assert bearer(database, secret, clock) == Bearer(account.id, frozenset({READ, STORE, DELETE}))
    assert bearer(database, secret[:-1], clock) is None
    assert bearer(database, "", clock) is None
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM token").all()
    assert len(rows) == 1
    assert secret not in repr(rows)


def test_a_token_is_looked_up_with_one_query_by_keys(
    database: Database, account: Account, clock: Clock
) -> None:
    secret = made(database, account, clock)
    seen: list[str] = []
    # It goes straight to the driver, which says what it runs.
    raw = database.engine.raw_connection()
    raw.driver_connection.set_trace_callback(seen.append)  # type: ignore[union-attr]
    raw.close()
    assert bearer(database, secret, clock)
    [query] = seen
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}").all()
    token, account_of_it = (step.detail for step in plan)
    assert token.startswith("SEARCH token USING INDEX")
    assert account_of_it.startswith("SEARCH account USING INTEGER PRIMARY KEY")


@pytest.mark.parametrize("scopes", [[READ], [STORE], [DELETE], [READ, STORE, DELETE]])
def test_a_token_may_do_what_it_was_made_for(
    database: Database, account: Account, clock: Clock, scopes: list[TokenScope]
) -> None:
    secret = made(database, account, clock, scopes=scopes)
    found = bearer(database, secret, clock)
    assert found is not None
    assert found.scopes == frozenset(scopes)


def test_a_token_ends(database: Database, account: Account, clock: Clock) -> None:
    secret = made(database, account, clock, lifetime=timedelta(days=3))
    clock.now += timedelta(days=3, seconds=-1)
    assert bearer(database, secret, clock) is not None
    clock.now += timedelta(seconds=1)
    assert bearer(database, secret, clock) is None


def test_a_revoked_token_is_void_at_once(
    database: Database, account: Account, clock: Clock
) -> None:
    first, second = made(database, account, clock, name="PACS"), made(database, account, clock)
    [listed, other] = tokens_of(database, account.id)
    assert (listed.name, listed.created_at, listed.expires_at) == ("PACS", clock.now, None)
    revoke_token(database, listed.id)
    assert bearer(database, first, clock) is None
    assert bearer(database, second, clock) is not None
    assert tokens_of(database) == [other]
    with pytest.raises(NoSuchToken):
        revoke_token(database, listed.id)


def test_others_tokens_are_not_revoked(database: Database, account: Account, clock: Clock) -> None:
    other = create_account(database, "otto@example.org", clock=clock)
    secret = made(database, account, clock)
    [listed] = tokens_of(database)
    with pytest.raises(NoSuchToken):
        revoke_token(database, listed.id, other.id)
    assert bearer(database, secret, clock) is not None
    revoke_token(database, listed.id, account.id)
    assert bearer(database, secret, clock) is None


def test_tokens_of_others_are_not_listed(
    database: Database, account: Account, clock: Clock
) -> None:
    other = create_account(database, "otto@example.org", clock=clock)
    made(database, other, clock)
    assert tokens_of(database, account.id) == []
    assert [token.account_id for token in tokens_of(database)] == [other.id]


@pytest.mark.parametrize("more", [{"scopes": []}, {"name": "x" * 101}, {"name": "two\nlines"}])
def test_a_token_that_cannot_be_is_refused(
    database: Database, account: Account, clock: Clock, more: dict[str, Any]
) -> None:
    with pytest.raises(InvalidValue):
        made(database, account, clock, **more)
    assert tokens_of(database) == []
