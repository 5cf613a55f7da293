"""Who did what to which: a list that is only ever added to.

Invariants: nothing in it was not de-identified; `which` is a UID of the archive, a number of a row,
or a name that the account gave.
Not here: who may read it (`server`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import insert, select

from store.db import Database, in_utc
from store.schema import deed

__all__ = ["Deed", "deeds", "record"]

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
    row = {"at": done.at, "account_id": done.account_id, "what": done.what, "which": done.which}
    with database.write() as connection:
        connection.execute(insert(deed).values(row))


def deeds(database: Database, account_id: int | None = None) -> Sequence[Deed]:
    """The last rows, of an account or of all, the newest first."""
    query = select(deed.c.at, deed.c.account_id, deed.c.what, deed.c.which)
    if account_id is not None:
        query = query.where(deed.c.account_id == account_id)
    with database.read() as connection:
        rows = connection.execute(query.order_by(deed.c.id.desc()).limit(LISTED)).all()
    return [Deed(in_utc(at), account, what, which) for at, account, what, which in rows]
