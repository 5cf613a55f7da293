"""All jobs, as administrators see them: how many in which state, and doing one again.

Invariants: only a job that is over is done again, and not one that only whoever asked for it could
do; it goes on from what it had settled.
Not here: the queue itself (`store.jobs`).
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update

from store.db import Database, in_utc
from store.errors import NoSuchJob
from store.jobs import JobState
from store.schema import job

__all__ = ["counts_of_jobs", "oldest_due", "retry"]

OVER: Final = (JobState.FAILED, JobState.CANCELLED)


def counts_of_jobs(database: Database) -> dict[tuple[str, str], int]:
    """How many jobs there are, by kind and state."""
    query = select(job.c.kind, job.c.state, func.count().label("jobs"))
    with database.read() as connection:
        rows = connection.execute(query.group_by(job.c.kind, job.c.state)).all()
    return {(row.kind, row.state): int(row.jobs) for row in rows}


def oldest_due(database: Database) -> datetime | None:
    """Since when the job has been due that waits longest; None when none waits."""
    query = select(job.c.due_at).where(job.c.state == JobState.QUEUED).order_by(job.c.due_at)
    with database.read() as connection:
        found = connection.execute(query.limit(1)).scalar()
    return None if found is None else in_utc(found)


def retry(
    database: Database,
    job_id: int,
    *,
    but_not: Collection[str] = (),
    clock: Callable[[], datetime],
) -> None:
    """Have a job that failed, or was cancelled, done again.

    Args:
        database: where the queue lies.
        job_id: its number.
        but_not: kinds that no worker takes from the queue.
        clock: gives the present time.

    Raises:
        NoSuchJob: there is none that could be done again.
    """
    is_one = (job.c.id == job_id, job.c.state.in_(OVER), job.c.kind.not_in(list(but_not)))
    again = update(job).where(*is_one)
    again = again.values(state=JobState.QUEUED, attempts=0, trouble="", worker="")
    with database.write() as connection:
        done = connection.execute(again.values(due_at=clock(), finished_at=None))
        if done.rowcount == 0:
            raise NoSuchJob("There is no such job that could be done again.")
