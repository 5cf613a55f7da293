"""Bearer tokens, with which programs act for an account.

Standard: RFC 6750.
Not here: reading them from a request (`server.gate`).
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import bindparam, insert, select

from accounts import schema
from accounts.people import Account, account_of_row
from accounts.secrets import digest_of, new_secret
from store.db import Database

__all__ = ["account_of_token", "create_token"]


def create_token(
    database: Database,
    account_id: int,
    *,
    random_bytes: Callable[[int], bytes],
    clock: Callable[[], datetime],
) -> str:
    """A new token; it cannot be shown again."""
    secret = new_secret(random_bytes)
    row = {"digest": digest_of(secret), "account_id": account_id, "created_at": clock()}
    with database.write() as connection:
        connection.execute(insert(schema.token).values(**row))
    return secret


def account_of_token(database: Database, secret: str) -> Account | None:
    """Whose token this is; None when it is nobody's."""
    with database.read() as connection:
        row = connection.execute(_OF_TOKEN, {"digest": digest_of(secret)}).first()
    return None if row is None else account_of_row(row)


# Made once: it is part of every request of a program.
_OF_TOKEN = (
    select(schema.account)
    .join(schema.token, schema.token.c.account_id == schema.account.c.id)
    .where(schema.token.c.digest == bindparam("digest"))
)
