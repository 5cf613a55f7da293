"""What stands around a case: the playlists that hold it, and the way through one of them.

Invariants: a playlist that is not public is not named to those who do not know it; a case that the
reader may not see is neither named nor counted.
Not here: making and ordering playlists (`cases.playlists`).
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, or_, select

from cases.access import is_public
from cases.codes import is_code
from cases.schema import case, playlist, playlist_item
from store.db import Database

__all__ = ["InPlaylist", "Step", "Steps", "playlists_with", "steps_through"]

MOST_PLAYLISTS = 10


@dataclass(frozen=True)
class InPlaylist:
    """A playlist that holds the case, which place it has there, and of how many."""

    code: str
    title: str
    place: int
    count: int


@dataclass(frozen=True)
class Step:
    """A neighbour in a playlist."""

    code: str
    title: str


@dataclass(frozen=True)
class Steps:
    """Where in a playlist the case is, and its neighbours there."""

    playlist: InPlaylist
    previous: Step | None
    next: Step | None


def playlists_with(database: Database, case_id: int) -> tuple[InPlaylist, ...]:
    """The public playlists that hold a public case, the newest first."""
    own = (
        select(playlist.c.id, playlist.c.code, playlist.c.title, playlist_item.c.position)
        .join(playlist_item, playlist_item.c.playlist_id == playlist.c.id)
        .where(playlist_item.c.case_id == case_id, playlist.c.visibility == "public")
        .order_by(playlist.c.id.desc())
        .limit(MOST_PLAYLISTS)
        .subquery()
    )
    before = playlist_item.c.position < own.c.position
    counted = (
        select(func.count(), func.count().filter(before))
        .select_from(playlist_item)
        .join(case, case.c.id == playlist_item.c.case_id)
        .add_columns(own.c.code, own.c.title)
        .join(own, own.c.id == playlist_item.c.playlist_id)
        .where(is_public())
        .group_by(own.c.id, own.c.code, own.c.title)
        .order_by(own.c.id.desc())
    )
    with database.read() as connection:
        rows = connection.execute(counted).all()
    return tuple(InPlaylist(code, title, before + 1, count) for count, before, code, title in rows)


def steps_through(
    database: Database, code: str, case_code: str, account_id: int | None
) -> Steps | None:
    """The way from a case to its neighbours in a playlist.

    Args:
        database: the index.
        code: of the playlist.
        case_code: of the case.
        account_id: of the reader; None for a stranger.

    Returns:
        None when there is no such playlist that the reader may see, or the case is not in it.
    """
    if not is_code(code):
        return None
    mine: ColumnElement[bool] = playlist.c.owner_id == account_id
    found = (
        select(playlist.c.title, case.c.code, case.c.title.label("name"))
        .join(playlist_item, playlist_item.c.playlist_id == playlist.c.id)
        .join(case, case.c.id == playlist_item.c.case_id)
        .where(
            playlist.c.code == code,
            or_(playlist.c.visibility.in_(("public", "unlisted")), mine),
            or_(is_public(), case.c.owner_id == account_id),
        )
        .order_by(playlist_item.c.position, case.c.id)
    )
    with database.read() as connection:
        rows = connection.execute(found).all()
    place = next((place for place, row in enumerate(rows) if row.code == case_code), None)
    if place is None:
        return None
    steps = [Step(row.code, row.name) for row in rows]
    return Steps(
        InPlaylist(code, rows[0].title, place + 1, len(rows)),
        steps[place - 1] if place else None,
        steps[place + 1] if place + 1 < len(steps) else None,
    )
