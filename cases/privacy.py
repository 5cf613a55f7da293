"""What gets into private cases, and that nothing further does while there is no room for it.

    a case becomes private ──────────────────────────┐
    a private case is saved with a series that none  ├─> a private upload: refused while the room
    showed before ───────────────────────────────────┤   of its owner's plan is full
    an image comes for a series in private cases only┘

Invariants: only what is new is refused: nothing that is private already is deleted, shown to
anybody or kept from being edited; what is sent to series that no private case shows is taken in
whatever is stored; opening a case to everybody is always allowed.
Not here: whose plan allows private cases (`accounts.plans`), counting (`cases.storage`), what
private means to readers (`cases.access`).
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, exists, select

from accounts.people import account_by_id
from accounts.plans import PRIVATE_BYTES, Plan, plan_of
from cases.errors import NotAllowed
from cases.schema import case, case_series
from cases.storage import private_room, room_of
from store.db import Database
from store.errors import NoPrivateRoom
from store.schema import series, study

__all__ = ["FULL", "NO_PLAN", "PrivateDoor", "check_plan", "within_room"]

NO_PLAN: Final = "Your plan has no private cases."
FULL: Final = (
    "Storage for private cases is full. Nothing was deleted. Delete what no case needs, or make a "
    "private case public."
)
ASK_AGAIN_SECONDS: Final = 30.0


def check_plan(plan: Plan | None) -> None:
    """Make sure that an owner may make a case private.

    Raises:
        NotAllowed: the plan has no private cases.
    """
    if plan is not None and not plan.private_cases:
        raise NotAllowed(NO_PLAN)


@contextmanager
def within_room(connection: Connection, owner_id: int, plan: Plan | None) -> Iterator[None]:
    """Hold what is done within, in the caller's transaction, to the room of a plan.

    Args:
        connection: the transaction's; to be rolled back if this raises.
        owner_id: whose cases are changed.
        plan: the owner's; None for whoever runs the server, who is not held to it.

    Raises:
        NotAllowed: a series got into private cases, and there was no room.
    """
    is_full = plan is not None and room_of(connection, owner_id, plan).is_full
    before = _in_private_cases(connection, owner_id) if is_full else frozenset()
    yield
    if is_full and _in_private_cases(connection, owner_id) - before:
        raise NotAllowed(FULL)


class PrivateDoor:
    """Asked for each image that is to be stored; most answers come from memory.

    How much is stored is counted again after half a minute, in which some more may come in: the
    limit is there to be told of, and not to be exact.

    Args:
        database: the index.
        private_bytes: what the settings say of the room.
        seconds: from any beginning.
    """

    def __init__(
        self,
        database: Database,
        private_bytes: int = PRIVATE_BYTES,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._private_bytes = private_bytes
        self._seconds = seconds
        self._known: dict[int, tuple[float, bool]] = {}

    def __call__(self, owner_id: int, study_uid: str, series_uid: str) -> None:
        """Let an image that is new into a series of an account.

        Raises:
            NoPrivateRoom: only private cases show the series, and there is no room.
        """
        if self._is_full(owner_id) and self._is_private(owner_id, study_uid, series_uid):
            raise NoPrivateRoom(FULL)

    def _is_full(self, owner_id: int) -> bool:
        now = self._seconds()
        asked, is_full = self._known.get(owner_id, (float("-inf"), False))
        if now - asked >= ASK_AGAIN_SECONDS:
            is_full = self._count(owner_id)
            self._known[owner_id] = now, is_full
        return is_full

    def _count(self, owner_id: int) -> bool:
        owner = account_by_id(self._database, owner_id)
        if owner is None:
            return False
        plan = plan_of(owner, private_bytes=self._private_bytes)
        mine = select(case.c.id).where(case.c.owner_id == owner_id, case.c.private).limit(1)
        with self._database.read() as connection:
            if not plan.private_bytes or connection.execute(mine).first() is None:
                return False
        return private_room(self._database, owner_id, plan).is_full

    def _is_private(self, owner_id: int, study_uid: str, series_uid: str) -> bool:
        found = (
            select(series.c.id)
            .join(study, study.c.id == series.c.study_id)
            .where(study.c.owner_id == owner_id, study.c.study_instance_uid == study_uid)
            .where(series.c.series_instance_uid == series_uid)
        )
        with self._database.read() as connection:
            number = connection.execute(found).scalar()
            return number is not None and number in _in_private_cases(connection, owner_id)


def _in_private_cases(connection: Connection, owner_id: int) -> frozenset[int]:
    """The series of private cases of the owner that no other case shows."""
    shown, other = case_series.alias(), case.alias()
    is_shown = (
        exists()
        .where(shown.c.series_id == case_series.c.series_id)
        .where(other.c.id == shown.c.case_id, ~other.c.private)
    )
    query = (
        select(case_series.c.series_id)
        .join(case, case.c.id == case_series.c.case_id)
        .where(case.c.owner_id == owner_id, case.c.private, ~is_shown)
        .distinct()
    )
    return frozenset(connection.execute(query).scalars())
