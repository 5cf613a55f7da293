"""What a share link opens, for whom, and for how long.

A link shows a case of its owner's, or the cases of a playlist: of the owner's own all, of others'
those that everybody may see. Of each it shows the version that is published, and of one that never
was, the working copy. It is used once by whoever opens it: the page, its viewer and other viewers
in the same browser go on under that opening for half a day, without a cookie.
Invariants: that the link is deleted or over, that its owner is suspended or has lost the plan, and
that a case is hidden, is asked by the same statement that reads the series; of links and openings
only digests are kept; a link with a password opens nothing without it.
Not here: making and deleting links (`cases.sharing`), why one opens nothing (`cases.share_ends`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hmac import digest as keyed
from ipaddress import IPv6Address, ip_address
from typing import Final, final
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, and_, exists, func, or_, select

from accounts.schema import account
from accounts.secrets import digest_of, new_secret
from cases.errors import NeedsPassword, NoSuchCase, NoSuchShare, WrongPassword
from cases.schema import WORKING_COPY, case, case_series, playlist_item, share
from cases.share_openings import Link, begin, is_alive, link_of, link_opened_by, opening_of
from cases.share_tries import Tries
from cases.working import Case, case_of_row
from store.db import Database
from store.schema import series

__all__ = [
    "ShareScope",
    "case_of_share",
    "client_of",
    "open_with_password",
    "share_scope",
]

IPV6_NETWORK_BITS: Final = 64


@final
@dataclass(frozen=True)
class ShareScope:
    """The series that a share link shows.

    Attributes:
        share_id: the link.
        case_id, playlist_id: of what it is; one of the two.
        downloadable: whoever has it may fetch the files.
        premium: the plan of its owner, so that what was kept for one plan is not for another.
        now: the time at which it is asked.
        owner_id: nobody's eyes; what is held for review is not shown.
    """

    share_id: int
    case_id: int | None
    playlist_id: int | None
    downloadable: bool
    premium: bool
    now: datetime = field(compare=False)
    owner_id: None = None

    def condition(self) -> ColumnElement[bool]:
        """True for the series of the cases that the link shows."""
        of_version = case_series.c.version == func.coalesce(case.c.version, WORKING_COPY)
        found = select(case_series.c.series_id).select_from(case_series)
        found = found.join(case, case.c.id == case_series.c.case_id).where(of_version)
        return series.c.id.in_(found.where(self.cases()))

    def cases(self) -> ColumnElement[bool]:
        """True for each row of `case` that the link shows."""
        return and_(self._lent(), case.c.hidden_at.is_(None))

    def hidden_cases(self) -> ColumnElement[bool]:
        """True for each row of `case` that it would show if no report kept it hidden."""
        return and_(self._lent(), case.c.hidden_at.is_not(None))

    def _lent(self) -> ColumnElement[bool]:
        if self.case_id is not None:
            named = case.c.id == self.case_id
        else:
            listed = select(playlist_item.c.case_id)
            named = case.c.id.in_(listed.where(playlist_item.c.playlist_id == self.playlist_id))
        of_owner = case.c.owner_id == share.c.owner_id
        published = and_(case.c.version.is_not(None), ~case.c.private)
        link = exists().where(
            share.c.id == self.share_id,
            is_alive(self.now),
            account.c.id == share.c.owner_id,
            account.c.active,
            or_(published, and_(of_owner, or_(~case.c.private, account.c.premium))),
        )
        return and_(named, link.correlate(case))


def client_of(key: bytes, address: str, agent: str) -> bytes:
    """Who asks, as far as one opening is told from another.

    Args:
        key: a secret of the server's; without it, nobody can tell whose digest it is.
        address: from where the request comes; of IPv6, the network counts.
        agent: the User-Agent header.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        who = ""
    else:
        who = address
        if isinstance(parsed, IPv6Address):
            who = str(parsed.ipv4_mapped or int(parsed) >> (128 - IPV6_NETWORK_BITS))
    return keyed(key, f"{who}\0{agent}".encode("utf-8", "replace"), "sha256")


def share_scope(
    database: Database,
    secret: str,
    *,
    client: bytes,
    now: datetime,
    password: str | None = None,
    address: str = "",
) -> ShareScope | None:
    """What the share link of this secret shows to whoever asks; asking may be a use of it.

    Args:
        database: the index.
        secret: the part of the link's address that is; or that which a password has given.
        client: who asks, by `client_of`.
        now: the present time.
        password: of the link, from programs, which cannot fill in a form.
        address: from where the request comes, if there is a password with it.

    Returns:
        None when there is no such link, or when it opens nothing any more.

    Raises:
        NeedsPassword: the link has a password, and it is neither given nor right.
        TooManyRequests: there were too many wrong passwords.
    """
    opening = opening_of(secret, client)
    link = link_of(database, secret, opening)
    if link is None:
        # After a password, the opening itself has an address.
        link = link_opened_by(database, secret)
        is_opened = link is not None and link.has_opening(now)
        return _scope(link, now) if link is not None and is_opened and link.is_open(now) else None
    if not link.is_open(now):
        return None
    if link.password_hash is not None:
        if password is None:
            raise NeedsPassword("This link needs its password.")
        _check(database, link, password, address, now)
    if not link.has_opening(now) and not begin(database, link.id, opening, now):
        return None
    return _scope(link, now)


def open_with_password(
    database: Database,
    secret: str,
    password: str,
    *,
    address: str,
    random_bytes: Callable[[int], bytes],
    clock: Callable[[], datetime],
) -> str:
    """A fresh secret, under which the link is open for half a day; this is a use of it.

    Raises:
        NoSuchShare: there is no such link with a password, or it opens nothing any more.
        WrongPassword: that is not its password.
        TooManyRequests: there were too many wrong passwords.
    """
    now, link = clock(), link_of(database, secret)
    if link is None or link.password_hash is None or not link.is_open(now):
        raise NoSuchShare("There is no such link.")
    try:
        _check(database, link, password, address, now)
    except NeedsPassword:
        raise WrongPassword("That is not the password of this link.") from None
    opened = new_secret(random_bytes)
    if not begin(database, link.id, digest_of(opened), now):
        raise NoSuchShare("The link has been used as often as it may be.")
    return opened


def case_of_share(database: Database, scope: ShareScope, code: str | None = None) -> Case:
    """A case that a share link shows.

    Args:
        database: the index.
        scope: of the link.
        code: of the case; None for the one that the link is of.

    Raises:
        NoSuchCase: the link shows no such case.
    """
    query = select(case).where(scope.cases())
    if scope.case_id is None or code is not None:
        query = query.where(case.c.code == (code or ""))
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NoSuchCase("There is no such case.")
    return case_of_row(row)


_TRIES: Final[WeakKeyDictionary[Database, Tries]] = WeakKeyDictionary()


def _check(database: Database, link: Link, password: str, address: str, now: datetime) -> None:
    tries = _TRIES.setdefault(database, Tries())
    hashed = link.password_hash or ""
    if not tries.is_right(password, hashed, share_id=link.id, address=address, now=now):
        raise NeedsPassword("That is not the password of this link.")


def _scope(link: Link, now: datetime) -> ShareScope:
    return ShareScope(link.id, link.case_id, link.playlist_id, link.downloadable, link.premium, now)
