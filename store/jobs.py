"""Work that takes its time: a queue in the same database, with progress, retries and an end.

    add ─> queued ── take ──> running ──> done
              ^                 │ │ └───> failed      nothing would help, or tried too often
              └── put_off ──────┘ └─────> cancelled   by its owner

Invariants: a job is run by one worker at a time; one whose worker was not heard of for
`LEASE` is taken again by another, as often as one that is put off, so that a job which kills its
worker comes to an end. Arguments, troubles and what is settled hold nothing that was not
de-identified, since they reach a disk.
Not here: what the kinds of jobs do, and the process that runs them (`server`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, or_, select, true, update

from store.db import Database, in_utc
from store.errors import NoSuchJob
from store.schema import job

__all__ = ["LEASE", "PAUSES", "Job", "JobState", "Jobs"]

LEASE: Final = timedelta(minutes=2)
"""How long a worker may be silent before its job is given to another."""

PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (10, 60, 300, 1800, 7200))
"""Between an attempt and the next; after the last of them the job has failed."""

LISTED: Final = 200
_TOO_OFTEN: Final = "It broke off each time that it was begun."
_ALONE: Final = "Whoever did it is gone. It can be asked for again."


class JobState(StrEnum):
    """What has become of a job."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Job:
    """A job as it was when it was looked up.

    Attributes:
        kind: what is to be done, and `arguments` with what.
        done, total: progress, in instances.
        attempts: how often it was begun.
        trouble: a sentence about the last attempt that did not succeed.
        settled: what need not be done again, as whoever did it wrote it down.
        due_at: when it may be begun, or when its worker was last heard of.
    """

    id: int
    owner_id: int
    kind: str
    arguments: Mapping[str, Any]
    state: JobState
    done: int
    total: int
    attempts: int
    trouble: str
    settled: str
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None


class Jobs:
    """The queue.

    Args:
        database: where it lies.
        clock: gives the present time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    def add(
        self,
        owner_id: int,
        kind: str,
        arguments: Mapping[str, Any],
        *,
        worker: str = "",
        connection: Connection | None = None,
    ) -> int:
        """Add a job; return its number.

        Args:
            owner_id: for whom.
            kind: of work.
            arguments: for whoever does it, as JSON.
            worker: who does it from now on; by default whoever takes it first.
            connection: a write transaction that it is part of; by default one of its own.
        """
        now = self._clock()
        row = {
            "owner_id": owner_id,
            "kind": kind,
            "arguments": json.dumps(arguments),
            "state": JobState.RUNNING if worker else JobState.QUEUED,
            "attempts": 1 if worker else 0,
            "worker": worker,
            "due_at": now,
            "created_at": now,
        }
        statement = insert(job).values(row).returning(job.c.id)
        with nullcontext(connection) if connection else self._database.write() as writing:
            return int(writing.execute(statement).scalar_one())

    def take(self, kinds: Sequence[str], worker: str) -> Job | None:
        """Begin the job that has been due for longest; None when there is none.

        A job that has taken its worker down too often fails, and is nobody's.

        Args:
            kinds: what this worker can do.
            worker: its name, which no other worker has.
        """
        now = self._clock()
        self._end(and_(job.c.kind.in_(kinds), job.c.attempts > len(PAUSES)), _TOO_OFTEN)
        is_due = and_(job.c.state == JobState.QUEUED, job.c.due_at <= now)
        next_one = (
            select(job.c.id)
            .where(job.c.kind.in_(kinds), or_(is_due, _is_abandoned(now)))
            .order_by(job.c.due_at, job.c.id)
            .limit(1)
        )
        with self._database.read() as connection:
            # Nothing is locked, nor written, to learn that there is nothing to do.
            if connection.execute(next_one).first() is None:
                return None
        begun = (
            update(job)
            .where(job.c.id == next_one.with_for_update(skip_locked=True).scalar_subquery())
            .values(state=JobState.RUNNING, worker=worker, due_at=now, done=0)
            .values(attempts=job.c.attempts + 1)
            .returning(job)
        )
        with self._database.write() as connection:
            row = connection.execute(begun).first()
        return None if row is None else _job(row)

    def end_alone(self, kinds: Sequence[str]) -> None:
        """Fail jobs that nobody but whoever asked for them could do, and who is silent.

        Args:
            kinds: those that are never taken.
        """
        self._end(job.c.kind.in_(kinds), _ALONE)

    def go_on(
        self, job_id: int, worker: str, done: int, total: int, settled: str | None = None
    ) -> bool:
        """Say how far a job is; False when it is this worker's no longer, as it was cancelled.

        Args:
            job_id: of the job.
            worker: who has it.
            done, total: how far it is.
            settled: what need not be done again; None when that is as it was.
        """
        told = {} if settled is None else {"settled": settled}
        return self._change(job_id, worker, done=done, total=total, due_at=self._clock(), **told)

    def finish(self, job_id: int, worker: str) -> bool:
        """Say that it is done."""
        return self._change(job_id, worker, state=JobState.DONE, finished_at=self._clock())

    def put_off(self, found: Job, worker: str, trouble: str) -> bool:
        """Say that an attempt did not succeed, and that another may; the last one fails it."""
        if found.attempts > len(PAUSES):
            return self.fail(found.id, worker, trouble)
        due = self._clock() + PAUSES[found.attempts - 1]
        return self._change(
            found.id, worker, state=JobState.QUEUED, trouble=trouble, due_at=due, worker=""
        )

    def give_back(self, found: Job, worker: str) -> bool:
        """Leave a job to whoever takes it next, as this worker ends; it was no attempt."""
        return self._change(
            found.id,
            worker,
            state=JobState.QUEUED,
            due_at=self._clock(),
            worker="",
            attempts=found.attempts - 1,
        )

    def fail(self, job_id: int, worker: str, trouble: str) -> bool:
        """Say that it cannot be done."""
        now = self._clock()
        return self._change(job_id, worker, state=JobState.FAILED, trouble=trouble, finished_at=now)

    def cancel(self, job_id: int, owner_id: int | None = None) -> None:
        """End a job that is not over; a worker that has it learns it when it next goes on.

        Args:
            job_id: its number.
            owner_id: only if it is this owner's.

        Raises:
            NoSuchJob: there is none that could be cancelled.
        """
        is_open = job.c.state.in_((JobState.QUEUED, JobState.RUNNING))
        change = update(job).where(job.c.id == job_id, is_open, _of(owner_id))
        change = change.values(state=JobState.CANCELLED, finished_at=self._clock(), worker="")
        with self._database.write() as connection:
            if connection.execute(change).rowcount == 0:
                raise NoSuchJob("There is no such job that is not over.")

    def is_worked_on(self, kinds: Sequence[str]) -> bool:
        """Whether a worker that takes these kinds was heard of, as it has one of them."""
        is_heard_of = and_(job.c.state == JobState.RUNNING, job.c.due_at > self._clock() - LEASE)
        query = select(job.c.id).where(job.c.kind.in_(kinds), is_heard_of).limit(1)
        with self._database.read() as connection:
            return connection.execute(query).first() is not None

    def get(self, job_id: int, owner_id: int | None = None) -> Job:
        """A job by its number.

        Raises:
            NoSuchJob: there is none, or it is another owner's.
        """
        query = select(job).where(job.c.id == job_id, _of(owner_id))
        with self._database.read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NoSuchJob("There is no such job.")
        return _job(row)

    def newest(self, owner_id: int | None = None) -> list[Job]:
        """The last jobs of an owner, or of all, the newest first."""
        query = select(job).where(_of(owner_id)).order_by(job.c.id.desc()).limit(LISTED)
        with self._database.read() as connection:
            return [_job(row) for row in connection.execute(query)]

    def _end(self, which: ColumnElement[bool], trouble: str) -> None:
        """Fail those of abandoned jobs."""
        now = self._clock()
        these = and_(which, _is_abandoned(now))
        with self._database.read() as connection:
            if connection.execute(select(job.c.id).where(these).limit(1)).first() is None:
                return
        ended = update(job).where(these)
        ended = ended.values(state=JobState.FAILED, trouble=trouble, finished_at=now, worker="")
        with self._database.write() as connection:
            connection.execute(ended)

    def _change(self, job_id: int, by: str, /, **values: Any) -> bool:  # noqa: ANN401 - columns
        change = update(job).where(
            job.c.id == job_id, job.c.worker == by, job.c.state == JobState.RUNNING
        )
        with self._database.write() as connection:
            return connection.execute(change.values(**values)).rowcount > 0


def _of(owner_id: int | None) -> ColumnElement[bool]:
    return true() if owner_id is None else job.c.owner_id == owner_id


def _is_abandoned(now: datetime) -> ColumnElement[bool]:
    return and_(job.c.state == JobState.RUNNING, job.c.due_at <= now - LEASE)


def _job(row: Row[Any]) -> Job:
    return Job(
        row.id,
        row.owner_id,
        row.kind,
        json.loads(row.arguments),
        JobState(row.state),
        row.done,
        row.total,
        row.attempts,
        row.trouble,
        row.settled,
        in_utc(row.due_at),
        in_utc(row.created_at),
        None if row.finished_at is None else in_utc(row.finished_at),
    )
