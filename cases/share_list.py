"""Share links, as their owners see them.

Invariants: what is deleted is not listed, though it can still be brought back for a moment; the
address of a link is not known any more, but to who has it.
Not here: making and deleting them (`cases.sharing`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Row, or_, select

from accounts.secrets import digest_of
from cases.schema import case, playlist, share
from store.db import Database, in_utc

__all__ = ["Kind", "Share", "listed", "share_of_secret", "shares_of"]

Kind = Literal["case", "playlist"]


@dataclass(frozen=True)
class Share:
    """A share link, as its owner sees it; its address is not known any more.

    Attributes:
        id: by which it is deleted.
        owner_id: whose it is.
        kind, code: of what it is, and the name of that in addresses.
        label, has_password, downloadable, max_uses, expires_at: as it was made.
        uses, last_used_at: how often it was opened, and when the last time was.
    """

    id: int
    owner_id: int
    kind: Kind
    code: str
    label: str
    has_password: bool
    downloadable: bool
    max_uses: int | None
    uses: int
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None

    def is_over(self, now: datetime) -> bool:
        """Its time is over."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def is_spent(self) -> bool:
        """Nobody else can open it."""
        return self.max_uses is not None and self.uses >= self.max_uses


def shares_of(
    database: Database,
    owner_id: int | None = None,
    *,
    kind: Kind | None = None,
    code: str | None = None,
) -> list[Share]:
    """The links that are not deleted, the newest first.

    Args:
        database: where they are kept.
        owner_id: whose; None for everybody's.
        kind, code: of what; None for all.
    """
    wanted: list[ColumnElement[bool]] = [share.c.deleted_at.is_(None)]
    if owner_id is not None:
        wanted.append(share.c.owner_id == owner_id)
    if kind is not None:
        wanted.append((case if kind == "case" else playlist).c.code == code)
    with database.read() as connection:
        return listed(connection, *wanted)


def share_of_secret(database: Database, owner_id: int, secret: str) -> Share | None:
    """The owner's link with this secret in its address."""
    wanted = (share.c.digest == digest_of(secret), share.c.owner_id == owner_id)
    with database.read() as connection:
        return next(iter(listed(connection, *wanted, share.c.deleted_at.is_(None))), None)


def listed(connection: Connection, *wanted: ColumnElement[bool]) -> list[Share]:
    """The links of which all of these are true, the newest first."""
    query = (
        select(share, case.c.code.label("case_code"), playlist.c.code.label("playlist_code"))
        .outerjoin(case, case.c.id == share.c.case_id)
        .outerjoin(playlist, playlist.c.id == share.c.playlist_id)
        .where(*wanted, or_(case.c.id.is_not(None), playlist.c.id.is_not(None)))
        .order_by(share.c.id.desc())
    )
    return [_share(row) for row in connection.execute(query)]


def _share(row: Row[Any]) -> Share:
    moments = (row.created_at, row.expires_at, row.last_used_at)
    created_at, expires_at, last_used_at = (m and in_utc(m) for m in moments)
    return Share(
        row.id,
        row.owner_id,
        "case" if row.case_code else "playlist",
        row.case_code or row.playlist_code,
        row.label,
        row.password_hash is not None,
        row.downloadable,
        row.max_uses,
        row.uses,
        created_at,
        expires_at,
        last_used_at,
    )
