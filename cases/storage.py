"""How much room an account's studies take, and telling its owner before there is none left.

    100 GB for private cases ── 80 %, 95 %, 100 % ──> one mail each

Invariants: what a case shows that is not private does not count, in whatever else it is; nothing is
ever deleted because there is no room. A mark is told of once; again only after `TOLD_FOR`, if it
still holds then, or holds again.
Not here: how much room a plan gives (`accounts.plans`), refusing what is new (`cases.privacy`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from sqlalchemy import Connection, case, exists, func, literal, select

from accounts.leaving import is_there
from accounts.messages import send
from accounts.people import Account, account_of_row
from accounts.plans import PRIVATE_BYTES, Plan, plan_of
from accounts.schema import account, message
from cases import schema
from store.db import Database
from store.schema import instance, series

__all__ = [
    "MARKS",
    "LargeCase",
    "PrivateRoom",
    "Stored",
    "largest_cases",
    "notify_of_room",
    "private_room",
    "room_of",
    "stored_by",
]

MARKS: Final = (80, 95, 100)
"""At how many per cent of its room an account is told."""

TOLD_FOR: Final = timedelta(days=90)
LARGEST: Final = 5


@dataclass(frozen=True)
class Stored:
    """Bytes of the Part 10 files of an account, each counted once.

    Attributes:
        private: of series that private cases show, and no other.
        uploads: of series that no case shows.
        public: of series that are in a case that is not private.
    """

    private: int = 0
    uploads: int = 0
    public: int = 0

    @property
    def counted(self) -> int:
        """What only their owner sees: all but what is, or will be, public."""
        return self.private + self.uploads

    @property
    def total(self) -> int:
        """All of them."""
        return self.counted + self.public


class PrivateRoom(NamedTuple):
    """How much of the room for private cases is used, in bytes; no limit is 0."""

    used: int
    limit: int

    @property
    def percent(self) -> int:
        """How much of it is used, rounded down; more than 100 if more is used than there is."""
        return 100 * self.used // self.limit if self.limit else 0

    @property
    def mark(self) -> int | None:
        """The highest of the marks that is reached."""
        return max((mark for mark in MARKS if self.limit and self.percent >= mark), default=None)

    @property
    def is_full(self) -> bool:
        """Nothing further gets into private cases."""
        return self.mark == 100


@dataclass(frozen=True)
class LargeCase:
    """A case, and how many bytes the series of all of its versions have."""

    code: str
    title: str
    private: bool
    size: int


def stored_by(database: Database, account_id: int) -> Stored:
    """How much an account has stored."""
    with database.read() as connection:
        return _stored(connection, account_id)


def private_room(database: Database, account_id: int, plan: Plan) -> PrivateRoom:
    """How much of the room for private cases is used, and how much its plan gives."""
    with database.read() as connection:
        return room_of(connection, account_id, plan)


def room_of(connection: Connection, account_id: int, plan: Plan) -> PrivateRoom:
    """The same, in the caller's transaction; without a limit nothing is counted."""
    used = _stored(connection, account_id).counted if plan.private_bytes else 0
    return PrivateRoom(used, plan.private_bytes)


def largest_cases(database: Database, account_id: int, limit: int = LARGEST) -> list[LargeCase]:
    """The account's cases that take the most room, the largest first."""
    shown = (
        select(schema.case_series.c.case_id, schema.case_series.c.series_id)
        .join(schema.case, schema.case.c.id == schema.case_series.c.case_id)
        .where(schema.case.c.owner_id == account_id)
        .distinct()
        .subquery()
    )
    size = func.sum(instance.c.size).label("size")
    query = (
        select(schema.case.c.code, schema.case.c.title, schema.case.c.private, size)
        .join(shown, shown.c.case_id == schema.case.c.id)
        .join(instance, instance.c.series_id == shown.c.series_id)
        .group_by(schema.case.c.id)
        .order_by(size.desc(), schema.case.c.id)
        .limit(limit)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [LargeCase(row.code, row.title, row.private, int(row.size)) for row in rows]


def notify_of_room(
    database: Database,
    clock: Callable[[], datetime],
    *,
    private_bytes: int = PRIVATE_BYTES,
) -> int:
    """Tell those whose room for private cases is nearly, or wholly, used; how many were told.

    Args:
        database: where all of it is kept.
        clock: gives the present time.
        private_bytes: what the settings say of the room.
    """
    query = select(account).where(account.c.premium, account.c.active, is_there())
    with database.read() as connection:
        people = [account_of_row(row) for row in connection.execute(query)]
    told = 0
    for one in people:
        room = private_room(database, one.id, plan_of(one, private_bytes=private_bytes))
        if room.mark is not None:
            told += _tell(database, one, room, room.mark, clock)
    return told


def _tell(
    database: Database,
    to: Account,
    room: PrivateRoom,
    mark: int,
    clock: Callable[[], datetime],
) -> bool:
    subject = _SUBJECTS[mark]
    already = select(message.c.id).where(
        message.c.account_id == to.id,
        message.c.subject == subject,
        message.c.created_at > clock() - TOLD_FOR,
    )
    with database.write() as connection:
        if connection.execute(already).first() is not None:
            return False
        body = _BODY.format(
            used=room.used / 1e9, limit=room.limit / 1e9, percent=room.percent, next=_NEXT[mark]
        )
        send(connection, to.email, subject, body, account_id=to.id, clock=clock)
    return True


def _stored(connection: Connection, account_id: int) -> Stored:
    in_case = (
        exists()
        .where(schema.case_series.c.series_id == series.c.id)
        .where(schema.case_series.c.case_id == schema.case.c.id)
    )
    kind = case(
        (in_case.where(~schema.case.c.private), literal("public")),
        (in_case, literal("private")),
        else_=literal("uploads"),
    )
    size = select(func.sum(instance.c.size)).where(instance.c.series_id == series.c.id)
    each = select(kind.label("kind"), size.scalar_subquery().label("size"))
    owned = each.where(series.c.owner_id == account_id).subquery()
    query = select(owned.c.kind, func.sum(owned.c.size)).group_by(owned.c.kind)
    return Stored(**{kind: int(size or 0) for kind, size in connection.execute(query)})


_SUBJECTS: Final = {
    80: "80 % of your room for private cases is used",
    95: "95 % of your room for private cases is used",
    100: "Your room for private cases is full",
}
_NEXT: Final = {
    80: "You will be told again at 95 %.",
    95: (
        "At 100 % nothing further gets into private cases. Nothing is deleted, and all else that "
        "you send is stored."
    ),
    100: (
        "Until there is room no case becomes private, nothing is added to a private case, and "
        "images that are sent for one are refused. Nothing was deleted, and all else that you "
        "send is stored."
    ),
}
_BODY: Final = """\
What you keep to yourself takes {used:.1f} of {limit:.1f} GB, which is {percent} %.

{next}

To make room, delete studies that no case needs, or make a private case public: what is in a case
that is not private is not counted. Your account page lists the largest cases.
"""
