"""What a map of the site lists: public cases, public playlists, and channels that are not empty.

Invariants: only what a stranger sees is in it, by the condition that shows it.
Not here: searching (`cases.finding`), the files of the map (`viewer.public_maps`).
"""

from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Select, func, select

from accounts.schema import account
from cases.access import is_public
from cases.playing import is_listed
from cases.schema import case, playlist
from store.db import Database, in_utc

__all__ = ["Mapped", "count_of", "entries_of"]

Mapped = Literal["cases", "channels", "playlists"]


def count_of(database: Database, kind: Mapped) -> int:
    """How many there are."""
    query = select(func.count()).select_from(_MAPPED[kind].order_by(None).subquery())
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def entries_of(
    database: Database, kind: Mapped, *, limit: int, offset: int
) -> list[tuple[str, datetime]]:
    """The names that they have in addresses, the oldest first, with when each last changed."""
    query = _MAPPED[kind].limit(limit).offset(offset)
    with database.read() as connection:
        return [(name, in_utc(changed)) for name, changed in connection.execute(query)]


_MAPPED: Final[dict[Mapped, Select[Any]]] = {
    "cases": select(case.c.code, case.c.updated_at).where(is_public()).order_by(case.c.id),
    "channels": (
        select(account.c.channel, func.max(case.c.updated_at))
        .join(case, case.c.owner_id == account.c.id)
        .where(account.c.channel.is_not(None), account.c.active, is_public())
        .group_by(account.c.id, account.c.channel)
        .order_by(account.c.id)
    ),
    "playlists": (
        select(playlist.c.code, playlist.c.updated_at).where(is_listed()).order_by(playlist.c.id)
    ),
}
