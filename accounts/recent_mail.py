"""How much mail an address was written of late.

Not here: the outbox itself (`accounts.messages`).
"""

from datetime import datetime

from sqlalchemy import func, select

from accounts import schema
from store.db import Database

__all__ = ["mails_since"]


def mails_since(database: Database, recipient: str, moment: datetime) -> int:
    """How many mails to an address were put into the outbox since then."""
    table = schema.message
    query = select(func.count()).where(table.c.created_at > moment, table.c.recipient == recipient)
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())
