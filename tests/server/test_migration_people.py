"""Accounts of before people could open them themselves stay as they are, with all of theirs."""

from datetime import UTC, datetime
from hashlib import sha256

from argon2 import PasswordHasher
from sqlalchemy import text

from accounts.people import account_with_password
from accounts.tokens import bearer_of_token
from server.migrations import migrate
from store.db import Database
from tests.server.revisions import upgrade

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SECRET = "a token of before"


def test_accounts_keep_their_password_and_tokens_and_need_not_confirm(database: Database) -> None:
    upgrade(database, "0011")
    made = {"email": "a@example.org", "admin": True, "premium": False, "at": NOW}
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO account (id, email, password_hash, admin, premium, created_at) "
                "VALUES (1, :email, :hash, :admin, :premium, :at)"
            ),
            made | {"hash": PasswordHasher().hash("a long password")},
        )
        connection.execute(
            text(
                "INSERT INTO token (digest, account_id, name, scopes, created_at) "
                "VALUES (:digest, 1, 'reader', 'read', :at)"
            ),
            {"digest": sha256(SECRET.encode()).digest(), "at": NOW},
        )
        connection.execute(
            text("INSERT INTO peer (ae_title, account_id, hosts) VALUES ('CT', 1, '')")
        )
    migrate(database)
    account = account_with_password(database, "a@example.org", "a long password")
    assert account is not None
    assert account.admin
    bearer = bearer_of_token(database, SECRET, now=NOW)
    assert bearer is not None
    assert bearer.account_id == 1
    with database.read() as connection:
        row = connection.execute(text("SELECT active, confirmed_at FROM account")).one()
        assert connection.execute(text("SELECT count(*) FROM peer")).scalar_one() == 1
    assert row.active
    assert row.confirmed_at is not None
