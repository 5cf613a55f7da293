"""Passkeys: credentials of WebAuthn, with which a person signs in.

Standard: W3C Web Authentication 4 (credential record).
Invariants: of a passkey only its public half is here; one belongs to one account.
Not here: the ceremonies (`viewer.security`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update

from accounts import schema
from store.db import Database, in_utc

__all__ = [
    "Passkey",
    "add_passkey",
    "passkey_by_credential",
    "passkeys_of",
    "remove_passkey",
    "use_passkey",
]

FIRST: Final = "first"


@dataclass(frozen=True)
class Passkey:
    """A passkey of an account.

    Attributes:
        id: its number; 0 before it is kept.
        name: what its owner calls it.
        usage: "first" for instead of a password, "secondary" for after it.
        sign_count: how often it was used, as far as it counts that.
        transports: ways to reach the authenticator.
        backup_state: it is kept in more than one place.
        extensions: what the browser said about it, as JSON.
    """

    account_id: int
    credential_id: bytes
    public_key: bytes
    name: str
    usage: str
    sign_count: int = 0
    transports: tuple[str, ...] = ()
    backup_state: bool = False
    device_type: str = ""
    extensions: str | None = None
    last_used_at: datetime | None = None
    created_at: datetime | None = None
    id: int = 0

    @property
    def replaces_password(self) -> bool:
        """It signs in by itself."""
        return self.usage == FIRST


def add_passkey(database: Database, made: Passkey, *, clock: Callable[[], datetime]) -> None:
    """Keep a new passkey."""
    now = clock()
    row = {
        "account_id": made.account_id,
        "credential_id": made.credential_id,
        "public_key": made.public_key,
        "sign_count": made.sign_count,
        "transports": " ".join(made.transports),
        "backup_state": made.backup_state,
        "device_type": made.device_type,
        "extensions": made.extensions,
        "name": made.name,
        "usage": made.usage,
        "created_at": now,
        "last_used_at": now,
    }
    with database.write() as connection:
        connection.execute(insert(schema.passkey).values(**row))


def passkeys_of(database: Database, account_id: int) -> list[Passkey]:
    """The passkeys of an account, the oldest first."""
    table = schema.passkey
    query = select(table).where(table.c.account_id == account_id).order_by(table.c.id)
    with database.read() as connection:
        return [_passkey(row) for row in connection.execute(query)]


def passkey_by_credential(database: Database, credential_id: bytes) -> Passkey | None:
    """The passkey that an authenticator names so."""
    query = select(schema.passkey).where(schema.passkey.c.credential_id == credential_id)
    with database.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else _passkey(row)


def use_passkey(
    database: Database,
    passkey_id: int,
    *,
    sign_count: int,
    backup_state: bool,
    device_type: str,
    clock: Callable[[], datetime],
) -> None:
    """Note that a passkey was used, and what it said of itself."""
    change = update(schema.passkey).where(schema.passkey.c.id == passkey_id)
    values = {
        "sign_count": sign_count,
        "backup_state": backup_state,
        "device_type": device_type,
        "last_used_at": clock(),
    }
    with database.write() as connection:
        connection.execute(change.values(**values))


def remove_passkey(database: Database, account_id: int, passkey_id: int) -> None:
    """Forget a passkey; what is not there, or another's, is left alone."""
    table = schema.passkey
    chosen = (table.c.id == passkey_id) & (table.c.account_id == account_id)
    with database.write() as connection:
        connection.execute(delete(table).where(chosen))


def _passkey(row: Row[Any]) -> Passkey:
    return Passkey(
        row.account_id,
        bytes(row.credential_id),
        bytes(row.public_key),
        row.name,
        row.usage,
        row.sign_count,
        tuple(row.transports.split()),
        row.backup_state,
        row.device_type,
        row.extensions,
        in_utc(row.last_used_at),
        in_utc(row.created_at),
        row.id,
    )
