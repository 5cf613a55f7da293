"""Accounts: making them, finding them, checking a password.

Invariants: e-mail addresses are compared without regard to case; passwords are kept as argon2id
hashes, and a wrong password costs the same time whether or not the account exists. Whoever runs the
server and makes an account knows its address: it needs no confirmation.
Not here: how people sign in (`accounts.credentials`, `viewer.security`), tokens
(`accounts.tokens`), roles (`accounts.roles`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import ColumnElement, Row, insert, select

from accounts import schema
from accounts.errors import EmailTaken, InvalidValue
from accounts.leaving import is_there
from store.db import Database

__all__ = [
    "Account",
    "account_by_email",
    "account_by_id",
    "account_of_row",
    "account_with_password",
    "checked_email",
    "create_account",
    "first_account",
]

PASSWORD_CHARACTERS = 10
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")
_hasher = PasswordHasher()


@dataclass(frozen=True)
class Account:
    """One person's account.

    Attributes:
        id: the owner_id of what it has stored.
        email: where the person can be reached.
        has_password: it can be signed into with a password, not only by link.
        admin: may administer the server.
        premium: may have private cases.
        name: as its person is named as an author; may be empty.
        channel: the address of its page; None for none.
        moderator: may decide about reports, as administrators may, too.
        active: may do anything at all.
        confirmed: its address was shown to be its person's.
    """

    id: int
    email: str
    has_password: bool
    admin: bool
    premium: bool
    name: str = ""
    channel: str | None = None
    moderator: bool = False
    active: bool = True
    confirmed: bool = True


def create_account(
    database: Database,
    email: str,
    *,
    clock: Callable[[], datetime],
    password: str | None = None,
    admin: bool = False,
    premium: bool = False,
) -> Account:
    """Make an account.

    Raises:
        InvalidValue: not an e-mail address, or too short a password.
        EmailTaken: there is one with this address.
    """
    address = checked_email(email)
    if password is not None and len(password) < PASSWORD_CHARACTERS:
        raise InvalidValue(f"A password has at least {PASSWORD_CHARACTERS} characters.")
    now = clock()
    row = {
        "email": address,
        "password_hash": None if password is None else _hasher.hash(password),
        "admin": admin,
        "premium": premium,
        "created_at": now,
        "confirmed_at": now,
    }
    with database.write() as connection:
        taken = select(schema.account.c.id).where(schema.account.c.email == row["email"])
        if connection.execute(taken).first():
            raise EmailTaken("There is an account with this e-mail address.")
        connection.execute(insert(schema.account).values(**row))
    created = account_by_email(database, email)
    assert created is not None
    return created


def checked_email(email: str) -> str:
    """An e-mail address as it is kept, in lower case.

    Raises:
        InvalidValue: it is not one.
    """
    if not _EMAIL.fullmatch(email):
        raise InvalidValue("That is not an e-mail address.")
    return email.lower()


def account_by_id(database: Database, account_id: int) -> Account | None:
    """The account of this number."""
    row = _row(database, schema.account.c.id == account_id)
    return None if row is None else account_of_row(row)


def account_by_email(database: Database, email: str) -> Account | None:
    """The account with this e-mail address."""
    row = _row(database, schema.account.c.email == email.lower())
    return None if row is None else account_of_row(row)


def account_with_password(database: Database, email: str, password: str) -> Account | None:
    """The account, if the password is right."""
    nobodys = _nobodys_hash()
    row = _row(database, schema.account.c.email == email.lower())
    known = row.password_hash if row and row.password_hash else nobodys
    try:
        _hasher.verify(known, password)
    except VerificationError:
        return None
    return account_of_row(row) if row and row.password_hash else None


@cache
def _nobodys_hash() -> str:
    # Made at the first use: it takes a quarter of a second, and most commands need none.
    return _hasher.hash("nobody's password")


def first_account(database: Database) -> Account | None:
    """The oldest account: the owner of a server that was just set up."""
    with database.read() as connection:
        query = select(schema.account).where(is_there()).order_by(schema.account.c.id).limit(1)
        row = connection.execute(query).first()
    return None if row is None else account_of_row(row)


def _row(database: Database, condition: ColumnElement[bool]) -> Row[Any] | None:
    with database.read() as connection:
        return connection.execute(select(schema.account).where(condition)).first()


def account_of_row(row: Row[Any]) -> Account:
    """The account of a row of `accounts.schema.account`."""
    return Account(
        row.id,
        row.email,
        row.password_hash is not None,
        row.admin,
        row.premium,
        row.name,
        row.channel,
        # Whatever a moderator decides, an administrator can, too.
        row.moderator or row.admin,
        row.active,
        row.confirmed_at is not None,
    )
