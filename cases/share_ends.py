"""Why a share link shows nothing, or not what it has shown before.

Invariants: who has no link learns nothing here; who has one learns no more of a case than that it
is hidden.
Not here: what a link opens (`cases.share_access`).
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from cases.schema import case
from cases.share_access import ShareScope
from cases.share_openings import link_of, link_opened_by
from store.db import Database, in_utc

__all__ = ["Ended", "ended", "hides"]


@dataclass(frozen=True)
class Ended:
    """Why a link opens nothing.

    Attributes:
        kind: `unknown` (or deleted), `expired`, `spent`, or `closed` by what became of the case or
            its owner.
        on: when it expired.
    """

    kind: str
    on: datetime | None = None


def ended(database: Database, secret: str, now: datetime) -> Ended:
    """Why a link opens nothing; for one that does not."""
    link = link_of(database, secret) or link_opened_by(database, secret)
    if link is None or link.deleted_at is not None:
        return Ended("unknown")
    if link.expires_at is not None and in_utc(link.expires_at) <= now:
        return Ended("expired", in_utc(link.expires_at))
    return Ended("spent" if link.active and link.is_spent else "closed")


def hides(database: Database, scope: ShareScope, code: str) -> bool:
    """Whether a link would show this case if no report kept it hidden."""
    query = select(case.c.id).where(case.c.code == code, scope.hidden_cases())
    with database.read() as connection:
        return connection.execute(query).first() is not None
