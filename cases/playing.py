"""What readers see of playlists: which there are, and their cases in order.

Invariants: what a case may be seen by is a condition of the query, so that one that its reader may
not see is neither named, nor counted, nor numbered.
Not here: making and changing them (`cases.playlists`), the way through one (`cases.steps`), what a
share link shows (`cases.share_access`).
"""

from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select, true

from accounts.schema import account
from cases.access import is_public
from cases.codes import is_code
from cases.errors import NoSuchPlaylist
from cases.playlists import Playlist, playlist_of_row
from cases.schema import case, playlist, playlist_item
from cases.share_access import ShareScope
from store.db import Database

__all__ = [
    "Eyes",
    "Item",
    "Listed",
    "count_of_public_playlists",
    "every_playlist",
    "is_listed",
    "items_of",
    "playlist_of_share",
    "playlist_seen_by",
    "playlists_of_owner",
    "public_playlists",
]

Eyes = int | ShareScope | Literal["all"] | None
"""Who looks: an account, by its number; whoever has a share link; None for a stranger; or all."""


@dataclass(frozen=True)
class Item:
    """A case of a playlist.

    Attributes:
        case_id, code: the case.
        title, modality, body_part: as they are shown.
        author: its first authors, else the name of its owner; may be empty.
        images: how many it has.
        picture: UIDs of study and series of the picture that stands for it; empty for none.
        state: `published`, `pending`, `private` or `hidden`; readers see what is published.
        note: between it and the next one.
    """

    case_id: int
    code: str
    title: str
    modality: str
    body_part: str
    author: str
    images: int
    picture: tuple[str, ...]
    state: str
    note: str


@dataclass(frozen=True)
class Listed:
    """A playlist in a list of them, with how many cases the reader sees in it.

    Attributes:
        owner: the name of its owner; may be empty.
        first: the case that its picture is of; None for an empty one.
    """

    playlist: Playlist
    owner: str
    cases: int
    first: Item | None


def playlist_seen_by(database: Database, code: str, account_id: int | None) -> Listed:
    """A playlist, if the caller may see it.

    Raises:
        NoSuchPlaylist: there is none that the caller may see.
    """
    seen = playlist.c.visibility != "private"
    if account_id is not None:
        seen = or_(seen, playlist.c.owner_id == account_id)
    if is_code(code):
        for found in _listed(database, and_(playlist.c.code == code, seen), account_id, 1):
            return found
    raise NoSuchPlaylist("There is no such playlist.")


def playlist_of_share(database: Database, scope: ShareScope) -> Listed:
    """The playlist that a share link shows.

    Raises:
        NoSuchPlaylist: it shows none.
    """
    if scope.playlist_id is not None:
        for found in _listed(database, playlist.c.id == scope.playlist_id, scope, 1):
            return found
    raise NoSuchPlaylist("There is no such playlist.")


def public_playlists(database: Database, *, limit: int = 24, offset: int = 0) -> list[Listed]:
    """Public playlists with something in them, those that were changed last first."""
    return _listed(database, is_listed(), None, limit, offset)


def count_of_public_playlists(database: Database) -> int:
    """How many public playlists have something in them."""
    query = select(func.count()).select_from(playlist).where(is_listed())
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def playlists_of_owner(database: Database, owner_id: int, *, limit: int = 500) -> list[Listed]:
    """The playlists of an account, those that were changed last first."""
    return _listed(database, playlist.c.owner_id == owner_id, owner_id, limit)


def every_playlist(database: Database, owner_id: int | None = None) -> list[Listed]:
    """All playlists, or an account's, with all that is in them; for whoever runs the server."""
    wanted = true() if owner_id is None else playlist.c.owner_id == owner_id
    return _listed(database, wanted, "all", None)


def items_of(database: Database, playlist_id: int, eyes: Eyes) -> list[Item]:
    """The cases of a playlist that the reader may see, in order."""
    query = _ITEMS.where(playlist_item.c.playlist_id == playlist_id, _seen_by(eyes))
    query = query.order_by(playlist_item.c.position, case.c.id)
    with database.read() as connection:
        return [_item(row) for row in connection.execute(query)]


def _seen_by(eyes: Eyes) -> ColumnElement[bool]:
    if isinstance(eyes, ShareScope):
        return eyes.cases()
    if eyes == "all":
        return true()
    return is_public() if eyes is None else or_(is_public(), case.c.owner_id == eyes)


def is_listed() -> ColumnElement[bool]:
    """True for each row of `playlist` that is public and has something in it for everybody."""
    something = (
        select(playlist_item.c.case_id)
        .join(case, case.c.id == playlist_item.c.case_id)
        .where(playlist_item.c.playlist_id == playlist.c.id, is_public())
        .correlate(playlist)
    )
    return and_(playlist.c.visibility == "public", something.exists())


def _listed(
    database: Database, wanted: ColumnElement[bool], eyes: Eyes, limit: int | None, offset: int = 0
) -> list[Listed]:
    query = (
        select(playlist, account.c.name.label("owner"))
        .outerjoin(account, account.c.id == playlist.c.owner_id)
        .where(wanted)
        .order_by(playlist.c.updated_at.desc(), playlist.c.id.desc())
        .limit(limit)
        .offset(offset)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
        counted = (
            select(playlist_item.c.playlist_id, func.count(), func.min(playlist_item.c.position))
            .join(case, case.c.id == playlist_item.c.case_id)
            .where(playlist_item.c.playlist_id.in_([row.id for row in rows]), _seen_by(eyes))
            .group_by(playlist_item.c.playlist_id)
        ).subquery()
        first = _ITEMS.add_columns(counted).join(
            counted,
            and_(
                counted.c[0] == playlist_item.c.playlist_id,
                counted.c[2] == playlist_item.c.position,
            ),
        )
        found = {row[-3]: (row[-2], _item(row)) for row in connection.execute(first)}
    return [
        Listed(playlist_of_row(row), row.owner or "", *found.get(row.id, (0, None))) for row in rows
    ]


def _item(row: Any) -> Item:  # noqa: ANN401 - a row of `_ITEMS`, and more
    state = "private" if row.private else "published"
    if row.version is None and not row.private:
        state = "pending"
    authors = row.authors.splitlines() or [row.name or ""]
    return Item(
        row.id,
        row.code,
        row.title,
        row.modality,
        row.body_part,
        ", ".join(authors[:2]) + (" and others" if len(authors) > 2 else ""),
        row.images,
        tuple(row.picture.split()),
        state if row.hidden_at is None else "hidden",
        row.note,
    )


_ITEMS = (
    select(
        case.c.id,
        case.c.code,
        case.c.title,
        case.c.modality,
        case.c.body_part,
        case.c.authors,
        case.c.images,
        case.c.picture,
        case.c.private,
        case.c.version,
        case.c.hidden_at,
        account.c.name,
        playlist_item.c.note,
    )
    .select_from(playlist_item)
    .join(case, case.c.id == playlist_item.c.case_id)
    .outerjoin(account, account.c.id == case.c.owner_id)
)
