"""One-time links that sign a person in, for the owner of a fresh server.

Invariants: a link works once and not after its end; a new one makes the account's old ones void.
Not here: the page behind the link (`viewer.sign_in`).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import delete, insert, select

from accounts import schema
from accounts.people import Account, account_by_id
from accounts.secrets import digest_of, new_secret
from store.db import Database, in_utc

__all__ = ["create_link", "redeem_link"]

LIFETIME = timedelta(days=1)


def create_link(
    database: Database,
    account_id: int,
    *,
    random_bytes: Callable[[int], bytes],
    clock: Callable[[], datetime],
) -> str:
    """The secret part of a new link."""
    secret = new_secret(random_bytes)
    link = schema.sign_in_link
    row = {
        "digest": digest_of(secret),
        "account_id": account_id,
        "expires_at": clock() + LIFETIME,
    }
    with database.write() as connection:
        connection.execute(delete(link).where(link.c.account_id == account_id))
        connection.execute(insert(link).values(**row))
    return secret


def redeem_link(
    database: Database, secret: str, *, clock: Callable[[], datetime]
) -> Account | None:
    """Use the link up; None when it is unknown, used or past its end."""
    link = schema.sign_in_link
    with database.write() as connection:
        chosen = link.c.digest == digest_of(secret)
        row = connection.execute(select(link).where(chosen)).first()
        connection.execute(delete(link).where(chosen))
    if row is None or in_utc(row.expires_at) < clock():
        return None
    return account_by_id(database, row.account_id)
