"""All cases of the server, as moderators see them.

Invariants: of a private case its title is not told, as it is its owner's only.
Not here: what everybody finds (`cases.finding`), hiding (`cases.reports`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, true

from cases.schema import case
from store.db import Database, in_utc

__all__ = ["SHOWS", "CaseRow", "Show", "all_cases"]

Show = Literal["all", "published", "pending", "private", "hidden"]

SHOWS: Final[dict[Show, ColumnElement[bool]]] = {
    "all": true(),
    "published": and_(
        case.c.version.is_not(None), case.c.private.is_(False), case.c.hidden_at.is_(None)
    ),
    "pending": and_(case.c.version.is_(None), case.c.private.is_(False)),
    "private": case.c.private.is_(True),
    "hidden": case.c.hidden_at.is_not(None),
}
ESCAPE: Final = "\\"


@dataclass(frozen=True)
class CaseRow:
    """A case in the list.

    Attributes:
        title: empty for a private case.
        picture: the UIDs of the study and series that stand for it; empty where there is none, or
            a moderator does not see it.
    """

    code: str
    title: str
    owner_id: int
    private: bool
    version: int | None
    hidden: bool
    images: int
    picture: tuple[str, str] | None
    created_at: datetime
    published_at: datetime | None


def all_cases(
    database: Database, words: str = "", show: Show = "all", *, limit: int = 50, offset: int = 0
) -> tuple[list[CaseRow], int]:
    """Some of the cases, the newest first, and how many there are.

    Args:
        database: the index.
        words: a part of the title, or the code; empty for all.
        show: which kind.
        limit, offset: which of them.
    """
    condition = and_(SHOWS[show], _named(words))
    query = select(case).where(condition).order_by(case.c.id.desc()).limit(limit).offset(offset)
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(case).where(condition))
        return [_row(row) for row in connection.execute(query)], int(total.scalar_one())


def _named(words: str) -> ColumnElement[bool]:
    words = words.strip().lower()
    if not words:
        return true()
    part = words
    for sign in (ESCAPE, "%", "_"):
        part = part.replace(sign, ESCAPE + sign)
    titled = func.lower(case.c.title).like(f"%{part}%", escape=ESCAPE)
    return or_(case.c.code == words, and_(case.c.private.is_(False), titled))


def _row(row: Row[Any]) -> CaseRow:
    is_seen = row.version is not None and not row.private
    study_uid, _, series_uid = row.picture.partition(" ")
    return CaseRow(
        row.code,
        "" if row.private else row.title,
        row.owner_id,
        row.private,
        row.version,
        row.hidden_at is not None,
        row.images,
        (study_uid, series_uid) if is_seen and series_uid else None,
        in_utc(row.created_at),
        None if row.published_at is None else in_utc(row.published_at),
    )
