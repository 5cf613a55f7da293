"""Playlists: cases in an order, with notes between them.

Invariants: a save that was made from an older state than the present one changes nothing; what its
owner may not see at present (another's case that is hidden, say) keeps its place.
Not here: what readers see of them (`cases.playing`), share links (`cases.sharing`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast, get_args

from sqlalchemy import Connection, Row, delete, insert, select, update

from accounts.people import account_of_row
from accounts.plans import plan_of
from accounts.schema import account
from cases.codes import is_code, new_code
from cases.errors import Changed, InvalidText, NoSuchPlaylist, NotAllowed
from cases.playlist_items import append_item, checked_note, put_items
from cases.schema import playlist
from store.audit import Deed, note
from store.changes import bump
from store.db import Database, in_utc

__all__ = [
    "DESCRIPTION_CHARACTERS",
    "TITLE_CHARACTERS",
    "VISIBILITIES",
    "Playlist",
    "Visibility",
    "add_case",
    "create_playlist",
    "delete_playlist",
    "playlist_of_owner",
    "playlist_of_row",
    "save_playlist",
]

Visibility = Literal["public", "unlisted", "private"]
VISIBILITIES: Final[tuple[Visibility, ...]] = get_args(Visibility)
TITLE_CHARACTERS: Final = 200
DESCRIPTION_CHARACTERS: Final = 10_000


@dataclass(frozen=True)
class Playlist:
    """A playlist, without its cases.

    Attributes:
        code: its name in addresses.
        description: Markdown.
        visibility: `public` for one that is listed, `unlisted` for whoever has its address,
            `private` for its owner and who has a share link.
        saved: how often it was saved; whoever saves says upon which of these.
    """

    id: int
    code: str
    owner_id: int
    title: str
    description: str
    visibility: Visibility
    saved: int
    created_at: datetime
    updated_at: datetime


def create_playlist(
    database: Database,
    owner_id: int,
    *,
    title: str,
    description: str = "",
    visibility: str = "unlisted",
    clock: Callable[[], datetime],
    random_bytes: Callable[[int], bytes],
) -> Playlist:
    """Make an empty playlist.

    Raises:
        InvalidText: title or description are too long, or there is no title.
        NotAllowed: it is to be private, and the owner's plan has no private ones.
    """
    now, row = clock(), _checked(title, description, visibility)
    with database.write() as connection:
        if visibility == "private":
            _check_plan(connection, owner_id)
        row |= {"code": _free_code(connection, random_bytes), "owner_id": owner_id}
        row |= {"created_at": now, "updated_at": now}
        made = connection.execute(insert(playlist).returning(playlist), row).one()
        note(connection, Deed(now, owner_id, "make playlist", made.code))
    return playlist_of_row(made)


def playlist_of_owner(database: Database, owner_id: int, code: str) -> Playlist:
    """The owner's playlist of this code.

    Raises:
        NoSuchPlaylist: the owner has none.
    """
    with database.read() as connection:
        return playlist_of_row(_own(connection, owner_id, code))


def save_playlist(
    database: Database,
    owner_id: int,
    code: str,
    *,
    title: str,
    description: str,
    visibility: str,
    items: Sequence[tuple[str, str]],
    saved: int,
    clock: Callable[[], datetime],
) -> Playlist:
    """Save what its owner has edited.

    Args:
        database: where it is kept.
        owner_id, code: the playlist.
        title, description, visibility: as they are to be.
        items: code of each case, and the note after it, in order; what is left out is removed.
        saved: of the playlist that the owner began with.
        clock: gives the present time.

    Raises:
        NoSuchPlaylist: the owner has none of this code.
        NoSuchCase: one of them is not in the playlist.
        Changed: it was saved in between.
        InvalidText: one of the texts is too long, or there is no title.
        NotAllowed: it is to be private, and the owner's plan has no private ones.
    """
    now, values = clock(), _checked(title, description, visibility)
    notes = {one: checked_note(text) for one, text in items}
    with database.write() as connection:
        row = _own(connection, owner_id, code, to_change=True)
        if row.saved != saved:
            raise Changed("The playlist was saved in another window in the meantime.")
        if visibility == "private" and row.visibility != "private":
            _check_plan(connection, owner_id)
        put_items(connection, row.id, owner_id, notes)
        made = _touched(connection, row, now, values)
        note(connection, Deed(now, owner_id, "save playlist", f"{code}, {visibility}"))
        bump(connection, owner_id)
    return made


def add_case(
    database: Database,
    owner_id: int,
    code: str,
    case_code: str,
    *,
    clock: Callable[[], datetime],
) -> Playlist:
    """Put a case at the end of a playlist; one that is in it stays where it is.

    Raises:
        NoSuchPlaylist: the owner has none of this code.
        NoSuchCase: there is none that the owner of the playlist may see.
        InvalidText: the playlist has as many as it may.
    """
    with database.write() as connection:
        row = _own(connection, owner_id, code, to_change=True)
        append_item(connection, row.id, owner_id, case_code, database)
        now = clock()
        made = _touched(connection, row, now, {})
        note(connection, Deed(now, owner_id, "add to playlist", f"{code}, case {case_code}"))
        bump(connection, owner_id)
    return made


def delete_playlist(
    database: Database, owner_id: int, code: str, *, clock: Callable[[], datetime]
) -> None:
    """Delete a playlist with its share links; its cases stay.

    Raises:
        NoSuchPlaylist: the owner has none of this code.
    """
    with database.write() as connection:
        row = _own(connection, owner_id, code, to_change=True)
        connection.execute(delete(playlist).where(playlist.c.id == row.id))
        note(connection, Deed(clock(), owner_id, "delete playlist", code))
        bump(connection, owner_id)


def playlist_of_row(row: Row[Any]) -> Playlist:
    """The playlist of a row of `cases.schema.playlist`."""
    return Playlist(
        row.id,
        row.code,
        row.owner_id,
        row.title,
        row.description,
        cast(Visibility, row.visibility),
        row.saved,
        in_utc(row.created_at),
        in_utc(row.updated_at),
    )


def _own(connection: Connection, owner_id: int, code: str, *, to_change: bool = False) -> Row[Any]:
    query = select(playlist).where(playlist.c.code == code, playlist.c.owner_id == owner_id)
    if to_change:
        query = query.with_for_update()
    row = connection.execute(query).first() if is_code(code) else None
    if row is None:
        raise NoSuchPlaylist("There is no such playlist among yours.")
    return row


def _touched(
    connection: Connection, row: Row[Any], now: datetime, values: dict[str, Any]
) -> Playlist:
    values = {**values, "saved": row.saved + 1, "updated_at": now}
    change = update(playlist).where(playlist.c.id == row.id).values(values)
    return playlist_of_row(connection.execute(change.returning(playlist)).one())


def _checked(title: str, description: str, visibility: str) -> dict[str, Any]:
    title, description = title.strip(), description.strip().replace("\r\n", "\n")
    if not title or len(title) > TITLE_CHARACTERS or not title.isprintable():
        raise InvalidText(f"A title is one line of 1 to {TITLE_CHARACTERS} characters.")
    if len(description) > DESCRIPTION_CHARACTERS:
        raise InvalidText(f"A description has at most {DESCRIPTION_CHARACTERS:,} characters.")
    if visibility not in VISIBILITIES:
        raise InvalidText("A playlist is public, unlisted or private.")
    return {"title": title, "description": description, "visibility": visibility}


def _check_plan(connection: Connection, owner_id: int) -> None:
    owner = connection.execute(select(account).where(account.c.id == owner_id)).one()
    if not plan_of(account_of_row(owner)).private_cases:
        raise NotAllowed("A private playlist needs a plan that has private cases.")


def _free_code(connection: Connection, random_bytes: Callable[[int], bytes]) -> str:
    while True:
        code = new_code(random_bytes)
        taken = select(playlist.c.id).where(playlist.c.code == code)
        if connection.execute(taken).first() is None:
            return code
