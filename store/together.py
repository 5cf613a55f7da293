"""Lets writers that come at the same time share one transaction, and so one sync of the index.

Where the database takes one writer after the other, each waits for the syncs of all before it. A
writer that finds nobody at work begins at once; those that come while it is at work wait for its
end, and then go together, one of them for all.
Invariants: nobody waits for company; what one of them does wrong fails none of the others: when
their transaction fails, each is tried alone.
Not here: what is written (`store.ingest`), transactions (`store.db`).
"""

from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection

from store.db import Database

__all__ = ["Together"]

Result = TypeVar("Result")


class _Job(Generic[Result]):
    """What one writer does; it may be done again when it came to nothing."""

    def __init__(self, work: Callable[[Connection], Result]) -> None:
        self.work: Final = work
        self.turn: Final = Event()
        self.is_done = False
        self.error: BaseException | None = None
        self.result: Result

    def finish(self, result: Result) -> None:
        self.result, self.is_done = result, True

    def fail(self, error: BaseException) -> None:
        self.error, self.is_done = error, True


class Together:
    """Writers of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()
        self._is_busy = False
        self._waiting: list[_Job[Any]] = []

    def write(self, work: Callable[[Connection], Result]) -> Result:
        """Do some work in a transaction; return when it is committed.

        Args:
            work: writes with the connection; it is called again if the transaction that it shared
                with others was rolled back.

        Raises:
            StoreFull, StoreBusy: as `Database.write` does.
        """
        if not self._database.writes_in_turn:
            with self._database.write() as connection:
                return work(connection)
        job = _Job(work)
        with self._lock:
            self._waiting.append(job)
            leads, self._is_busy = not self._is_busy, True
        if not leads:
            job.turn.wait()
        if not job.is_done:
            try:
                self._lead(job)
            finally:
                self._hand_on()
        if job.error is not None:
            raise job.error
        return job.result

    def _lead(self, own: _Job[Any]) -> None:
        with self._lock:
            jobs, self._waiting = self._waiting, []
        try:
            self._commit(jobs)
        finally:
            for job in jobs:
                if job is not own:
                    job.turn.set()

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].turn.set()
            else:
                self._is_busy = False

    def _commit(self, jobs: Sequence[_Job[Any]]) -> None:
        begun = False
        try:
            with self._database.write_in_turn() as connection:
                begun = True
                results = [job.work(connection) for job in jobs]
        except BaseException as error:
            if len(jobs) == 1 or not begun:
                # Who did not even get a connection, or the lock, would not get it now.
                for job in jobs:
                    job.fail(error)
                return
        else:
            for job, result in zip(jobs, results, strict=True):
                job.finish(result)
            return
        for job in jobs:
            self._commit([job])
