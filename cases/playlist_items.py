"""The cases of a playlist: putting them in, in order.

Invariants: its owner puts in only what its owner may see; what its owner may not see at present
(another's case that is hidden, say) keeps its place.
Not here: who may change a playlist, and when (`cases.playlists`).
"""

from typing import Final

from sqlalchemy import ColumnElement, Connection, delete, func, insert, or_, select

from cases.access import is_public
from cases.codes import is_code
from cases.errors import InvalidText, NoSuchCase
from cases.schema import case, playlist_item
from store.db import Database

__all__ = ["CASES", "NOTE_CHARACTERS", "append_item", "checked_note", "put_items"]

NOTE_CHARACTERS: Final = 2_000
CASES: Final = 500


def append_item(
    connection: Connection, playlist_id: int, owner_id: int, case_code: str, database: Database
) -> None:
    """Put a case at the end of a playlist; one that is in it stays where it is.

    Raises:
        NoSuchCase: there is none that the owner of the playlist may see.
        InvalidText: the playlist has as many as it may.
    """
    wanted = select(case.c.id).where(case.c.code == case_code, _seen_by(owner_id))
    case_id = connection.execute(wanted).scalar() if is_code(case_code) else None
    if case_id is None:
        raise NoSuchCase("There is no such case, or it is not open to you.")
    of_list = playlist_item.c.playlist_id == playlist_id
    ends = select(func.count(), func.max(playlist_item.c.position)).where(of_list)
    count, last = connection.execute(ends).one()
    if count >= CASES:
        raise InvalidText(f"A playlist has at most {CASES} cases.")
    item = {"playlist_id": playlist_id, "case_id": case_id, "position": (last or 0) + 1, "note": ""}
    database.insert_if_new(connection, playlist_item, [item])


def put_items(
    connection: Connection, playlist_id: int, owner_id: int, notes: dict[str, str]
) -> None:
    """Let a playlist have these cases in this order, and those that its owner does not see.

    Args:
        connection: the transaction's.
        playlist_id, owner_id: the playlist.
        notes: by code of each case, in order.

    Raises:
        NoSuchCase: one of them is not in the playlist.
    """
    query = select(case.c.code, playlist_item, _seen_by(owner_id).label("is_seen"))
    query = query.join(case, case.c.id == playlist_item.c.case_id)
    query = query.where(playlist_item.c.playlist_id == playlist_id)
    before = connection.execute(
        query.order_by(playlist_item.c.position, playlist_item.c.case_id)
    ).all()
    known = {row.code: row for row in before}
    if not notes.keys() <= known.keys():
        raise NoSuchCase("One of the cases is not in the playlist any more.")
    order = list(notes)
    for place, row in enumerate(before):
        if row.is_seen or row.code in notes:
            continue
        # It stays behind the one that it was behind, or the one before that.
        leader = next((one.code for one in reversed(before[:place]) if one.code in order), None)
        order.insert(0 if leader is None else order.index(leader) + 1, row.code)
    items = [
        {
            "playlist_id": playlist_id,
            "case_id": known[one].case_id,
            "position": place,
            "note": notes.get(one, known[one].note),
        }
        for place, one in enumerate(order, start=1)
    ]
    connection.execute(delete(playlist_item).where(playlist_item.c.playlist_id == playlist_id))
    if items:
        connection.execute(insert(playlist_item), items)


def checked_note(text: str) -> str:
    """A note as it is kept.

    Raises:
        InvalidText: it is too long.
    """
    text = text.strip().replace("\r\n", "\n")
    if len(text) > NOTE_CHARACTERS:
        raise InvalidText(f"A note has at most {NOTE_CHARACTERS:,} characters.")
    return text


def _seen_by(owner_id: int) -> ColumnElement[bool]:
    return or_(is_public(), case.c.owner_id == owner_id)
