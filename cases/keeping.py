"""Keeping a pending case from being deleted: an administrator exempts it, for good or until a day.

    pending ── keep ──> kept ── release, or its day has come ──> pending, and its owner is told anew

Invariants: only what was never published is kept, as nothing else is deleted for its age; whoever
loses the exemption has all the days of the notice again; each is in the audit.
Not here: the days, telling and deleting (`cases.retention`), the countdown (`cases.deadlines`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from accounts.messages import send
from accounts.schema import account
from cases.codes import is_code
from cases.errors import InvalidText, NoSuchCase, NotReady
from cases.schema import case
from store.audit import Deed, note
from store.db import Database, in_utc

__all__ = ["Kept", "keep", "kept_cases", "release"]


@dataclass(frozen=True)
class Kept:
    """A case that is kept; `until` is None for good, `title` empty for a private case."""

    code: str
    title: str
    private: bool
    owner_id: int
    until: datetime | None


def keep(
    database: Database,
    code: str,
    *,
    by: int | None,
    clock: Callable[[], datetime],
    until: datetime | None = None,
) -> Kept:
    """Exempt a pending case from deletion; its owner is told if a notice was sent already.

    Args:
        database: the index.
        code: of the case.
        by: the administrator's account; None for whoever runs the server.
        clock: gives the present time.
        until: when the exemption ends; None for never.

    Raises:
        NoSuchCase: there is none of this code.
        NotReady: it was published.
        InvalidText: it would have ended already.
    """
    now = clock()
    if until is not None and until <= now:
        raise InvalidText("A case is kept until a day in the future, or for good.")
    with database.write() as connection:
        row = _pending(connection, code)
        # Whoever was told of a day is told anew before the next one.
        values = {"kept": True, "kept_until": until, "warned_at": None}
        connection.execute(update(case).where(case.c.id == row.id).values(values))
        said = "for good" if until is None else f"until {until.day} {until:%B %Y}"
        note(connection, Deed(now, by, "keep case", f"{code}, {said}"))
        if row.warned_at is not None:
            _tell(connection, row, said, clock)
        return _kept(connection.execute(select(case).where(case.c.id == row.id)).one())


def release(
    database: Database, code: str, *, by: int | None, clock: Callable[[], datetime]
) -> None:
    """Take the exemption back: the case has its days again, at least those of the notice.

    Raises:
        NoSuchCase: none of this code is kept.
    """
    with database.write() as connection:
        change = update(case).where(case.c.code == code, case.c.kept)
        values = {"kept": False, "kept_until": None, "warned_at": None}
        if connection.execute(change.values(values)).rowcount == 0:
            raise NoSuchCase("No case of this code is kept.")
        note(connection, Deed(clock(), by, "release case", code))


def kept_cases(database: Database, now: datetime) -> list[Kept]:
    """The pending cases that are kept, those that were made first first."""
    query = select(case).where(case.c.kept, case.c.published_at.is_(None)).order_by(case.c.id)
    with database.read() as connection:
        rows = connection.execute(query).all()
    found = [_kept(row) for row in rows]
    return [one for one in found if one.until is None or one.until > now]


def _kept(row: Row[Any]) -> Kept:
    title = "" if row.private else row.title
    until = None if row.kept_until is None else in_utc(row.kept_until)
    return Kept(row.code, title, row.private, row.owner_id, until)


def _pending(connection: Connection, code: str) -> Row[Any]:
    query = select(case).where(case.c.code == code).with_for_update()
    row = connection.execute(query).first() if is_code(code) else None
    if row is None:
        raise NoSuchCase("There is no such case.")
    if row.published_at is not None:
        raise NotReady("That case was published, and is not deleted for its age.")
    return row


def _tell(connection: Connection, row: Row[Any], said: str, clock: Callable[[], datetime]) -> None:
    email = select(account.c.email).where(account.c.id == row.owner_id)
    to = connection.execute(email).scalar_one()
    body = (
        f"You were told that your case “{row.title or 'without a title'}” would be deleted. It "
        f"will not be: an administrator keeps it {said}.\n"
    )
    subject = "A case of yours is kept"
    send(connection, to, subject, body, account_id=row.owner_id, clock=clock)
