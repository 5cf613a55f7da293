"""Whether accounts may do anything.

Not here: who suspends and resumes them (`accounts.roles`).
"""

from sqlalchemy import bindparam, select

from accounts import schema
from store.db import Database

__all__ = ["is_active"]


def is_active(database: Database, account_id: int) -> bool:
    """Whether there is such an account, and it is not suspended."""
    return database.row(_ACTIVE, {"account_id": account_id}) is not None


# Made once: it is part of every association.
_ACTIVE = select(schema.account.c.id).where(
    schema.account.c.id == bindparam("account_id"), schema.account.c.active
)
