"""Which kinds of jobs the worker takes from the queue, and who does each.

    job of a kind ── its doer(services, job, progress, keep) ──> done, or TryLater, or an error

Invariants: a doer may be called again for a job that it began; what `keep` was given is then in
`job.settled`. It says how far it is now and then, and learns there that the job is cancelled.
Not here: the process and its loops (`server.worker`), the queue (`store.jobs`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from server.daily import DAILY, perform_daily
from server.mail import MAIL, deliver
from server.own_data import EXPORT, FORGET, perform_export, perform_forget
from server.privacy import SETTLE, perform_settle
from server.services import Services
from server.transfers import KINDS as TRANSFERS
from server.transfers import perform as transfer
from server.watching import Progress
from store.jobs import Job

__all__ = ["ALONE", "KINDS", "MOVING", "Doer", "perform"]

Doer = Callable[[Services, Job, Progress, Callable[[Any], None]], None]

KINDS: Final[Mapping[str, Doer]] = {
    **dict.fromkeys(TRANSFERS, transfer),
    EXPORT: perform_export,
    FORGET: perform_forget,
    DAILY: perform_daily,
}
"""What one loop of the worker does, one after the other."""

ALONE: Final[Mapping[str, Doer]] = {MAIL: deliver}
"""What a second loop does, so that a mail does not wait for an hour's import."""

MOVING: Final[Mapping[str, Doer]] = {SETTLE: perform_settle}
"""What a third loop does, so that what has become private does not wait for it either."""

_ALL: Final = {**KINDS, **ALONE, **MOVING}


def perform(services: Services, job: Job, progress: Progress, keep: Callable[[Any], None]) -> None:
    """Do what a job says; what that raises is said by whoever does it."""
    _ALL[job.kind](services, job, progress, keep)
