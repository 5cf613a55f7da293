"""How an account's person shows who they are: one row of facts, for whatever checks them.

Invariants: of passwords, codes and keys only what they can be checked against is kept; an account
whose address nobody has confirmed has no `confirmed_at`.
Not here: checking them (`viewer.security`), passkeys (`accounts.passkeys`), sessions
(`accounts.sessions`), what an account is to everybody else (`accounts.people`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row, insert, select, update

from accounts import schema
from accounts.errors import EmailTaken
from store.db import Database, in_utc

__all__ = [
    "COLUMNS",
    "Credentials",
    "add_credentials",
    "change_credentials",
    "credentials_by",
    "credentials_of_values",
]

Key = Literal["id", "email", "uniquifier", "passkey_handle"]

_FACTS: Final = (
    "id",
    "email",
    "name",
    "channel",
    "password_hash",
    "admin",
    "moderator",
    "premium",
    "active",
    "uniquifier",
    "confirmed_at",
    "second_factor",
    "totp_secret",
    "recovery_codes",
    "passkey_handle",
)
COLUMNS: Final = tuple(schema.account.c[name] for name in _FACTS)
"""What `credentials_of_values` reads, in order."""


@dataclass(frozen=True)
class Credentials:
    """What there is to check a person against, and what to greet them with.

    Attributes:
        uniquifier: names the account in links and cookies; a new one makes the old ones void.
        second_factor: by which means a second step is asked for; None for not at all.
        totp_secret: as it was given to be kept, which is sealed.
        recovery_codes: digests, with spaces between.
        passkey_handle: names the account to authenticators.
    """

    id: int
    email: str
    name: str = ""
    channel: str | None = None
    password_hash: str | None = None
    admin: bool = False
    moderator: bool = False
    premium: bool = False
    active: bool = True
    uniquifier: str | None = None
    confirmed_at: datetime | None = None
    second_factor: str | None = None
    totp_secret: str | None = None
    recovery_codes: str | None = None
    passkey_handle: str | None = None


def credentials_by(database: Database, key: Key, value: int | str) -> Credentials | None:
    """The credentials of the one account that has this value."""
    wanted = value.lower() if key == "email" and isinstance(value, str) else value
    query = select(*COLUMNS).where(schema.account.c[key] == wanted)
    with database.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else credentials_of_values(row)


def add_credentials(
    database: Database, values: Mapping[str, Any], *, clock: Callable[[], datetime]
) -> int:
    """Make the account of a person who signs up; its number.

    Raises:
        EmailTaken: there is one with this address.
    """
    email = str(values["email"]).lower()
    row = {"admin": False, "premium": False, "created_at": clock(), **values, "email": email}
    table = schema.account
    with database.write() as connection:
        if connection.execute(select(table.c.id).where(table.c.email == email)).first():
            raise EmailTaken("There is an account with this e-mail address.")
        return int(connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one())


def change_credentials(database: Database, account_id: int, changes: Mapping[str, Any]) -> None:
    """Change some of an account's facts.

    Raises:
        EmailTaken: another account has the new address.
    """
    table = schema.account
    with database.write() as connection:
        if "email" in changes:
            same = (table.c.email == changes["email"]) & (table.c.id != account_id)
            if connection.execute(select(table.c.id).where(same)).first():
                raise EmailTaken("There is an account with this e-mail address.")
        connection.execute(update(table).where(table.c.id == account_id).values(dict(changes)))


def credentials_of_values(values: Row[Any] | tuple[Any, ...]) -> Credentials:
    """The credentials of a row of `COLUMNS`."""
    facts = dict(zip(_FACTS, values, strict=True))
    at = facts["confirmed_at"]
    return Credentials(**facts | {"confirmed_at": None if at is None else in_utc(at)})
