"""Who did what to which: a list that is only ever added to.

Invariants: nothing in it was not de-identified; `which` is a UID of the archive, a number of a row,
or a name that the account gave.
Not here: who may read it (`server`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, insert, select

from store.db import Database, in_utc
from store.schema import deed

__all__ = ["Deed", "deeds", "find_deeds", "kinds_of_deeds", "note", "record"]

LISTED: Final = 500


@dataclass(frozen=True)
class Deed:
    """One row of the list.

    Attributes:
        account_id: who; None for the server itself.
        what: the verb, as `send`.
        which: to what.
    """

    at: datetime
    account_id: int | None
    what: str
    which: str


def record(database: Database, done: Deed) -> None:
    """Add a row."""
    with database.write() as connection:
        note(connection, done)


def note(connection: Connection, done: Deed) -> None:
    """Add a row in the transaction of what is done, so that there is not one without the other."""
    row = {"at": done.at, "account_id": done.account_id, "what": done.what, "which": done.which}
    connection.execute(insert(deed).values(row))


def deeds(database: Database, account_id: int | None = None) -> Sequence[Deed]:
    """The last rows, of an account or of all, the newest first."""
    query = select(deed.c.at, deed.c.account_id, deed.c.what, deed.c.which)
    if account_id is not None:
        query = query.where(deed.c.account_id == account_id)
    with database.read() as connection:
        rows = connection.execute(query.order_by(deed.c.id.desc()).limit(LISTED)).all()
    return [Deed(in_utc(at), account, what, which) for at, account, what, which in rows]


def find_deeds(
    database: Database,
    *,
    account_id: int | None = None,
    what: str = "",
    which: str = "",
    limit: int = 100,
    offset: int = 0,
) -> tuple[list[Deed], int]:
    """Some of the rows, the newest first, and how many there are.

    Args:
        database: where the list is.
        account_id: only of this account.
        what: only of this verb.
        which: only with this in what it was done to.
        limit, offset: which of them.
    """
    conditions = []
    if account_id is not None:
        conditions.append(deed.c.account_id == account_id)
    if what:
        conditions.append(deed.c.what == what)
    if which:
        conditions.append(deed.c.which.contains(which, autoescape=True))
    query = select(deed.c.at, deed.c.account_id, deed.c.what, deed.c.which).where(*conditions)
    query = query.order_by(deed.c.id.desc()).limit(limit).offset(offset)
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(deed).where(*conditions))
        rows = connection.execute(query).all()
        return [Deed(in_utc(row[0]), *row[1:]) for row in rows], int(total.scalar_one())


def kinds_of_deeds(database: Database) -> list[str]:
    """The verbs that are in the list."""
    with database.read() as connection:
        return list(
            connection.execute(select(deed.c.what).distinct().order_by(deed.c.what)).scalars()
        )
