"""Share links: making, deleting and bringing them back.

An account may share its cases, pending or published, and its playlists; private cases as long as
its plan allows them.
Invariants: of a link's address only a digest is kept, of its password only a hash; a link that is
deleted opens nothing from then on, and can be brought back for a minute.
Not here: listing them (`cases.share_list`), what a link opens (`cases.share_access`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from accounts.people import account_of_row
from accounts.plans import plan_of
from accounts.schema import account
from accounts.secrets import digest_of, new_secret
from cases.codes import is_code
from cases.errors import InvalidText, NoSuchCase, NoSuchPlaylist, NoSuchShare, NotAllowed
from cases.schema import case, playlist, share
from cases.share_list import Kind, Share, listed
from cases.share_tries import PASSWORD_CHARACTERS, hash_of
from store.audit import Deed, note
from store.changes import bump
from store.db import Database

__all__ = [
    "LABEL_CHARACTERS",
    "MOST_USES",
    "UNDO",
    "Wanted",
    "create_share",
    "delete_share",
    "end_of",
    "purge_shares",
    "restore_share",
]

LABEL_CHARACTERS: Final = 100
MOST_USES: Final = 1_000_000
UNDO: Final = timedelta(minutes=1)
"""For how long a deleted link can be brought back."""


@dataclass(frozen=True)
class Wanted:
    """What a new link is to be like.

    Attributes:
        label: tells its owner who it is for.
        expires_at: when it ends; None for never.
        password: without which it opens nothing; empty for none.
        max_uses: how often it can be opened; None for any number.
        downloadable: whoever has it may fetch the files.
    """

    label: str
    expires_at: datetime | None = None
    password: str = ""
    max_uses: int | None = None
    downloadable: bool = False


def end_of(day: date) -> datetime:
    """The last moment of a day, in UTC."""
    return datetime.combine(day, time(23, 59, 59), UTC)


def create_share(
    database: Database,
    owner_id: int,
    kind: Kind,
    code: str,
    wanted: Wanted,
    *,
    clock: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
) -> tuple[Share, str]:
    """Make a link.

    Args:
        database: where it is kept.
        owner_id: of the case or the playlist.
        kind, code: of what it is.
        wanted: what it is like.
        clock: gives the present time.
        random_bytes: gives that many random bytes.

    Returns:
        The link, and the secret of its address, which cannot be shown again.

    Raises:
        NoSuchCase, NoSuchPlaylist: the owner has none of this code.
        NotAllowed: the case is private, and the owner's plan has no private cases.
        InvalidText: one of the wishes cannot be granted.
    """
    now, secret = clock(), new_secret(random_bytes)
    row = _checked(wanted, now) | {"owner_id": owner_id, "digest": digest_of(secret)}
    with database.write() as connection:
        purge_shares(connection, now=now)
        row |= {f"{kind}_id": _shared(connection, owner_id, kind, code), "created_at": now}
        made = connection.execute(insert(share).returning(share.c.id), row).scalar_one()
        note(connection, Deed(now, owner_id, "share", f"{kind} {code}"))
        found = listed(connection, share.c.id == made)
    return found[0], secret


def delete_share(
    database: Database, owner_id: int | None, share_id: int, *, clock: Callable[[], datetime]
) -> Share:
    """Delete a link: it opens nothing from now on, also for those who have opened it.

    Args:
        database: where it is kept.
        owner_id: whose it has to be; None for anybody's.
        share_id: which.
        clock: gives the present time.

    Raises:
        NoSuchShare: there is none of this number, or it is another's.
    """
    now = clock()
    chosen = [share.c.id == share_id, share.c.deleted_at.is_(None), *_whose(owner_id)]
    with database.write() as connection:
        purge_shares(connection, now=now)
        found = listed(connection, *chosen)
        if not found:
            raise NoSuchShare("There is no such link among yours.")
        gone = update(share).where(share.c.id == share_id).values(deleted_at=now)
        connection.execute(gone)
        note(connection, Deed(now, owner_id, "unshare", f"{found[0].kind} {found[0].code}"))
        bump(connection, found[0].owner_id)
    return found[0]


def restore_share(
    database: Database, owner_id: int, share_id: int, *, clock: Callable[[], datetime]
) -> Share:
    """Bring back a link that was deleted a moment ago; those who had opened it go on.

    Raises:
        NoSuchShare: there is none of this number, it is another's, or it is too late.
    """
    now = clock()
    chosen = [share.c.id == share_id, share.c.deleted_at > now - UNDO, *_whose(owner_id)]
    with database.write() as connection:
        found = listed(connection, *chosen)
        if not found:
            raise NoSuchShare("That link is gone. Make a new one.")
        back = update(share).where(share.c.id == share_id).values(deleted_at=None)
        connection.execute(back)
        note(connection, Deed(now, owner_id, "share again", f"{found[0].kind} {found[0].code}"))
        bump(connection, owner_id)
    return found[0]


def purge_shares(connection: Connection, *, now: datetime) -> int:
    """Remove what is left of deleted links, when they cannot be brought back; how many."""
    gone = delete(share).where(share.c.deleted_at <= now - UNDO)
    return int(connection.execute(gone).rowcount)


def _whose(owner_id: int | None) -> list[ColumnElement[bool]]:
    return [] if owner_id is None else [share.c.owner_id == owner_id]


def _checked(wanted: Wanted, now: datetime) -> dict[str, Any]:
    label = wanted.label.strip()
    if not label or len(label) > LABEL_CHARACTERS or not label.isprintable():
        raise InvalidText(f"A label is one line of 1 to {LABEL_CHARACTERS} characters.")
    if wanted.expires_at is not None and wanted.expires_at <= now:
        raise InvalidText("A link ends in the future.")
    least, most = PASSWORD_CHARACTERS
    if wanted.password and not least <= len(wanted.password) <= most:
        raise InvalidText(f"A password has {least} to {most} characters.")
    if wanted.max_uses is not None and not 1 <= wanted.max_uses <= MOST_USES:
        raise InvalidText("A link can be used 1 to 1,000,000 times, or without limit.")
    return {
        "label": label,
        "expires_at": wanted.expires_at,
        "password_hash": hash_of(wanted.password) if wanted.password else None,
        "max_uses": wanted.max_uses,
        "downloadable": wanted.downloadable,
    }


def _shared(connection: Connection, owner_id: int, kind: Kind, code: str) -> int:
    """The number of what the owner shares."""
    query = select(playlist.c.id).where(playlist.c.code == code, playlist.c.owner_id == owner_id)
    if kind == "case":
        query = select(case.c.id).where(case.c.code == code, case.c.owner_id == owner_id)
    found = connection.execute(query).scalar() if is_code(code) else None
    if found is None and kind == "case":
        raise NoSuchCase("There is no such case among yours.")
    if found is None:
        raise NoSuchPlaylist("There is no such playlist among yours.")
    private = select(case.c.id).where(case.c.id == found, case.c.private)
    if kind == "case" and connection.execute(private).first():
        owner = connection.execute(select(account).where(account.c.id == owner_id)).one()
        if not plan_of(account_of_row(owner)).private_cases:
            raise NotAllowed("Sharing a private case needs a plan that has private cases.")
    return int(found)
