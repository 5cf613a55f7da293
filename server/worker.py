"""Works on jobs: takes one after the other from the queue.

Three loops do so: one for mail, which somebody waits for, one that keeps files of private cases
where they belong, and one for all else.

Invariants: a worker that lives is heard of while it has a job, however long one instance takes;
what is settled is written down with it, and before the job changes hands; a worker that is told to
end does not give back what is over. Whatever the work raises ends that job or puts it off, and
never the worker; nothing of an error but its own sentence is kept.
Not here: the queue (`store.jobs`), what jobs do (`server.kinds`), the process (`server.jobs`).
"""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from server.daily import look_now_and_then
from server.errors import Cancelled, TransferError, TryLater
from server.importing import IMPORT
from server.kinds import ALONE, KINDS, MOVING, Doer, perform
from server.mail import claim_waiting
from server.privacy import look_for_unsettled
from server.services import Services
from store.errors import NoSuchRemote, StoreError
from store.jobs import LEASE, Job, Jobs

__all__ = ["Reporting", "work", "worker_name"]

LOOK_EVERY_SECONDS: Final = 2.0
SAY_EVERY_SECONDS: Final = 1.0
BEAT_SECONDS: Final = LEASE.total_seconds() / 4

logger = logging.getLogger(__name__)


class _Stopped(Exception):
    """This worker is to end."""


class Reporting:
    """Tells the queue how far a job is; a `server.watching.Progress`.

    Args:
        jobs: the queue.
        job_id: of the job.
        worker: who has it.
        stop: when set, whoever reports next is stopped.
    """

    def __init__(self, jobs: Jobs, job_id: int, worker: str, stop: threading.Event) -> None:
        self._jobs, self._job_id, self._worker, self._stop = jobs, job_id, worker, stop
        self._far: tuple[int, int] | None = None
        self._standing: object = None
        self._said = 0.0
        self._is_over = threading.Event()
        self._is_cancelled = False

    def __call__(self, done: int, total: int) -> None:
        """Say how far it is.

        Raises:
            Cancelled: somebody has ended it.
        """
        self._far = done, total
        if done >= total or time.monotonic() - self._said >= SAY_EVERY_SECONDS:
            self._say()
        if self._is_cancelled:
            raise Cancelled("The job was cancelled.")
        if self._stop.is_set() and done < total:
            raise _Stopped

    def keep(self, standing: object) -> None:
        """Write down, too, what is settled, which is the text of this at any time."""
        self._standing = standing

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Keep the job while one instance takes long; say at the end how far it came."""
        beat = threading.Thread(target=self._beat, name="job beat", daemon=True)
        beat.start()
        try:
            yield
        finally:
            self._is_over.set()
            beat.join()
            if self._far is not None:
                self._try_to_say()

    def _beat(self) -> None:
        while not self._is_over.wait(BEAT_SECONDS):
            self._try_to_say()

    def _try_to_say(self) -> None:
        try:
            self._say()
        except Exception as error:
            # Said again soon; a lease is as long as several beats. At the end, some is done twice.
            logger.error("a job could not be reported on: %s", type(error).__name__)

    def _say(self) -> None:
        self._said = time.monotonic()
        settled = None if self._standing is None else str(self._standing)
        far = self._far or (0, 0)
        if not self._jobs.go_on(self._job_id, self._worker, *far, settled):
            self._is_cancelled = True


def worker_name() -> str:
    """A name that no other worker has."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


def work(services: Services, stop: threading.Event) -> None:
    """Work on jobs until the event is set; one that is under way then is given back."""
    name = worker_name()

    def send_mail() -> None:
        _loop(services, f"{name}-mail", ALONE, claim_waiting, stop)

    def move() -> None:
        _loop(services, f"{name}-privacy", MOVING, look_for_unsettled(), stop)

    beside = [threading.Thread(target=move, name="privacy")]
    if services.settings.smtp:
        beside.append(threading.Thread(target=send_mail, name="mail"))
    for thread in beside:
        thread.start()
    look_for_daily = look_now_and_then()

    def look(services: Services) -> None:
        services.jobs.end_alone((IMPORT,))
        look_for_daily(services)

    _loop(services, name, KINDS, look, stop)
    for thread in beside:
        thread.join()


def _loop(
    services: Services,
    name: str,
    kinds: Mapping[str, Doer],
    look: Callable[[Services], None],
    stop: threading.Event,
) -> None:
    while not stop.is_set():
        try:
            look(services)
            job = services.jobs.take(tuple(kinds), name)
            if job is not None:
                _do(services, job, name, stop)
                continue
        except Exception as error:
            # The database is away, say; it is asked again.
            logger.error("jobs could not be looked up: %s", type(error).__name__)
        stop.wait(LOOK_EVERY_SECONDS)


def _do(services: Services, job: Job, name: str, stop: threading.Event) -> None:
    jobs = services.jobs
    reporting = Reporting(jobs, job.id, name, stop)
    try:
        with reporting.beating():
            perform(services, job, reporting, reporting.keep)
    except _Stopped:
        jobs.give_back(job, name)
    except Cancelled:
        pass
    except TryLater as error:
        jobs.put_off(job, name, str(error))
    except (TransferError, NoSuchRemote) as error:
        jobs.fail(job.id, name, str(error))
    except StoreError as error:
        jobs.put_off(job, name, str(error))
    except Exception as error:
        logger.error("a job ended with %s", type(error).__name__)
        jobs.put_off(job, name, "Something went wrong on this server.")
    else:
        jobs.finish(job.id, name)
