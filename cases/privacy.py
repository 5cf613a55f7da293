"""Making a case private, or open to everybody.

Invariants: whoever may not have private cases makes none; opening a case to everybody is always
allowed, as everybody's cases are so.
Not here: whose plan allows it (`accounts.plans`), what private means (`cases.access`).
"""

from sqlalchemy import update

from cases.errors import NotAllowed
from cases.schema import case
from cases.working import Case, case_of_row, locked
from store.changes import bump
from store.db import Database

__all__ = ["set_private"]


def set_private(
    database: Database, owner_id: int, code: str, private: bool, *, allowed: bool
) -> Case:
    """Say who may see a case; it applies at once.

    Args:
        database: where the case is kept.
        owner_id, code: the case.
        private: only its owner, and who has a share link.
        allowed: the owner's plan has private cases.

    Raises:
        NoSuchCase: the owner has none of this code.
        NotAllowed: it would become private, and the plan has no private cases.
    """
    with database.write() as connection:
        row = locked(connection, owner_id, code)
        if private and not row.private and not allowed:
            raise NotAllowed("Your plan has no private cases.")
        change = update(case).where(case.c.id == row.id).values(private=private)
        made = case_of_row(connection.execute(change.returning(case)).one())
        bump(connection, owner_id)
    return made
