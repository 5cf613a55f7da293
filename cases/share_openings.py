"""Share links and their openings, as one look into the index finds them.

A link is used once by whoever opens it; all that follows in the same browser goes on under that
opening, until half a day is over.
Invariants: of links and openings only digests are kept; a use is counted in the transaction that
writes its opening down, so that nobody opens a link once too often.
Not here: what is opened by it (`cases.share_access`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, or_, select, update

from accounts.schema import account
from accounts.secrets import digest_of
from cases.schema import share, share_opening
from store.db import Database, in_utc

__all__ = ["OPENING", "Link", "begin", "is_alive", "link_of", "link_opened_by", "opening_of"]

OPENING: Final = timedelta(hours=12)
"""For how long an opening goes on."""


def is_alive(now: datetime) -> ColumnElement[bool]:
    """True for each row of `share` that is neither deleted nor over."""
    is_over = and_(share.c.expires_at.is_not(None), share.c.expires_at <= now)
    return and_(share.c.deleted_at.is_(None), ~is_over)


@dataclass(frozen=True)
class Link:
    """A share link as it was found, and the opening that was asked for with it.

    Attributes:
        is_spent: nobody else can open it.
        active, premium: of its owner.
        opened_at: when it was opened under this opening; None if it was not.
    """

    id: int
    case_id: int | None
    playlist_id: int | None
    downloadable: bool
    password_hash: str | None
    expires_at: datetime | None
    deleted_at: datetime | None
    is_spent: bool
    active: bool
    premium: bool
    opened_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """It opens something, short of what is asked in the query of its series."""
        is_over = self.expires_at is not None and in_utc(self.expires_at) <= now
        return self.deleted_at is None and not is_over and self.active

    def has_opening(self, now: datetime) -> bool:
        """The opening goes on."""
        return self.opened_at is not None and in_utc(self.opened_at) > now - OPENING


def link_of(database: Database, secret: str, opening: bytes = b"") -> Link | None:
    """The link of this secret, with its opening of this digest."""
    if not _is_secret(secret):
        return None
    row = database.row(_BY_SECRET, {"digest": digest_of(secret), "opening": opening})
    return None if row is None else Link(*row)


def link_opened_by(database: Database, secret: str) -> Link | None:
    """The link that was opened with its password under this secret."""
    row = database.row(_BY_OPENING, {"digest": digest_of(secret)}) if _is_secret(secret) else None
    return None if row is None else Link(*row)


def opening_of(secret: str, client: bytes) -> bytes:
    """The digest of an opening, by the secret of the link and who asks."""
    # Not the same at two links, so that nobody can see in the index who opened both.
    return sha256(digest_of(secret) + client).digest()


def begin(database: Database, share_id: int, opening: bytes, now: datetime) -> bool:
    """Write down an opening and count it; False when the link has no uses left."""
    mine = (share_opening.c.share_id == share_id, share_opening.c.opened_at <= now - OPENING)
    row = {"share_id": share_id, "digest": opening, "opened_at": now}
    uses_left = or_(share.c.max_uses.is_(None), share.c.uses < share.c.max_uses)
    use = update(share).where(share.c.id == share_id, is_alive(now), uses_left)
    try:
        with database.write() as connection:
            # With those that are over, so that coming back tomorrow is another use.
            connection.execute(delete(share_opening).where(*mine))
            if not database.insert_if_new(connection, share_opening, [row], share_opening.c.id):
                # Another request of the same page was faster.
                return True
            counted = connection.execute(use.values(uses=share.c.uses + 1, last_used_at=now))
            if counted.rowcount == 0:
                raise _Spent
    except _Spent:
        return False
    return True


def _is_secret(text: str) -> bool:
    return 20 <= len(text) <= 100 and text.isascii()


class _Spent(Exception):
    """Undoes what was written."""


_FOUND: Final = (
    share.c.id,
    share.c.case_id,
    share.c.playlist_id,
    share.c.downloadable,
    share.c.password_hash,
    share.c.expires_at,
    share.c.deleted_at,
    func.coalesce(share.c.uses >= share.c.max_uses, False),
    account.c.active,
    account.c.premium,
    share_opening.c.opened_at,
)
# Made once: they are part of every request of a viewer, and looks into indexes each.
_BY_SECRET: Final = (
    select(*_FOUND)
    .select_from(share)
    .join(account, account.c.id == share.c.owner_id)
    .outerjoin(
        share_opening,
        and_(
            share_opening.c.share_id == share.c.id,
            share_opening.c.digest == bindparam("opening"),
        ),
    )
    .where(share.c.digest == bindparam("digest"))
)
_BY_OPENING: Final = (
    select(*_FOUND)
    .select_from(share_opening)
    .join(share, share.c.id == share_opening.c.share_id)
    .join(account, account.c.id == share.c.owner_id)
    .where(share_opening.c.digest == bindparam("digest"), share.c.password_hash.is_not(None))
)
