"""What is known of an account, for its person to take along.

Invariants: every column is named here; no password, secret, digest or key is among them.
Not here: what the account has stored and made (`cases.export`).
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from accounts import schema
from store.db import Database, in_utc

__all__ = ["NOT_SHOWN", "record_of"]

Rows = list[dict[str, Any]]


def record_of(database: Database, account_id: int) -> dict[str, Rows]:
    """Rows by the name of their table, as JSON takes them."""
    found = {}
    with database.read() as connection:
        for name, columns in _SHOWN.items():
            table = schema.account.metadata.tables[name]
            whose = table.c.id if name == "account" else table.c.account_id
            query = select(*(table.c[column] for column in columns)).where(whose == account_id)
            rows = connection.execute(query.order_by(*table.primary_key.columns)).mappings()
            found[name] = [{key: _plain(value) for key, value in row.items()} for row in rows]
    return found


def _plain(value: object) -> object:
    return in_utc(value).isoformat() if isinstance(value, datetime) else value


_SHOWN: Final = {
    "account": (
        "id",
        "email",
        "name",
        "channel",
        "admin",
        "moderator",
        "premium",
        "active",
        "created_at",
        "confirmed_at",
        "second_factor",
    ),
    "assent": ("terms", "at", "of_age"),
    "token": ("name", "scopes", "created_at", "expires_at"),
    "ae_title": ("title", "open"),
    "peer": ("ae_title", "host", "port", "hosts", "tls"),
    "passkey": ("name", "usage", "created_at", "last_used_at"),
    "session": ("browser", "created_at", "seen_at"),
    "message": ("recipient", "subject", "created_at", "sent_at"),
}

NOT_SHOWN: Final = frozenset(("sign_in_link",))
"""Tables of accounts of which nothing is shown, as all that they hold are secrets."""
