"""Making a case private, or open to everybody.

Invariants: whoever may not have private cases, or has no room left for them, makes none; opening a
case to everybody is always allowed, as everybody's cases are so.
Not here: whose plan allows it (`accounts.plans`), what private means (`cases.access`).
"""

from sqlalchemy import update

from accounts.plans import Plan
from cases.errors import NotAllowed
from cases.schema import case
from cases.storage import private_room
from cases.working import Case, case_of_row, locked
from store.changes import bump
from store.db import Database

__all__ = ["check_private", "set_private"]


def check_private(database: Database, owner_id: int, plan: Plan) -> None:
    """Tell whether an owner may make one more case private.

    Raises:
        NotAllowed: the plan has no private cases, or its room for them is full.
    """
    if not plan.private_cases:
        raise NotAllowed("Your plan has no private cases.")
    if private_room(database, owner_id, plan).is_full:
        raise NotAllowed(
            "Storage for private cases is full. Nothing was deleted. Make room, or publish a case."
        )


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
