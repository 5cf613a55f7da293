"""Moves files of private cases to their own place, and back: a job whenever some are elsewhere.

    worker ── is anything unsettled? ──> a job of the kind `settle-privacy` ──> store.private_blobs

Invariants: what is to be moved is told by the index alone, so nobody has to say that a case has
become private, that its series have changed or that an image has arrived, and nothing is missed
when a process dies; one such job waits or runs at a time.
Not here: which series are private (`cases.private_series`), the loop that asks (`server.worker`).
"""

import time
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import select

from cases.private_series import is_private
from server.errors import TryLater
from server.services import Services
from server.watching import Progress
from store.jobs import Job, JobState
from store.private_blobs import doubt, settle, unsettled
from store.schema import job

__all__ = ["SETTLE", "add_when_unsettled", "look_again", "look_for_unsettled", "perform_settle"]

SETTLE: Final = "settle-privacy"
NOBODYS: Final = 0
"""Whose the jobs are: the server's own."""

LOOK_EVERY_SECONDS: Final = 5.0


def perform_settle(
    services: Services, _job: Job, progress: Progress, _keep: Callable[[Any], None]
) -> None:
    """Move what lies in the wrong place.

    Raises:
        TryLater: some of it could not be moved.
    """
    if settle(services.ingest, services.blobs, is_private(), progress):
        raise TryLater("Some files could not be moved to where private cases lie, or back.")


def add_when_unsettled(services: Services) -> int | None:
    """Add a job if something is to be moved and none waits or runs; its number."""
    if not unsettled(services.database, is_private()):
        return None
    is_open = select(job.c.id).where(
        job.c.kind == SETTLE, job.c.state.in_((JobState.QUEUED, JobState.RUNNING))
    )
    with services.database.write() as connection:
        if connection.execute(is_open.limit(1)).first() is not None:
            return None
        return services.jobs.add(NOBODYS, SETTLE, {}, connection=connection)


def look_for_unsettled() -> Callable[[Services], None]:
    """A function that a loop may call as often as it likes."""
    looked = [float("-inf")]

    def look(services: Services) -> None:
        if time.monotonic() - looked[0] >= LOOK_EVERY_SECONDS:
            looked[0] = time.monotonic()
            add_when_unsettled(services)

    return look


def look_again(services: Services) -> None:
    """Find, once a day, what was missed in spite of all."""
    doubt(services.database)
