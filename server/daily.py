"""What is done once a day, as a job in the queue: retention, and telling whose room is nearly used.

    worker ── is_due? ──> a job of the kind `daily` ──> retain, notify_of_room, merge_words

Invariants: one such job a day, whichever worker adds it; one that fails is tried again as any job
is, and what it has done is not done twice, as it is written down with what it is about.
Not here: the rules (`cases.retention`, `cases.storage`), the loop that asks (`server.worker`).
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import select

from cases.retention import Ran, Rules
from cases.retention import run as run_retention
from cases.sharing import purge_shares
from cases.storage import notify_of_room
from server.config import Settings
from server.own_data import tidy
from server.privacy import look_again
from server.services import Services, now
from server.watching import Progress
from store.db import in_utc
from store.jobs import Job, Jobs
from store.schema import job
from store.search_words import merge_words

__all__ = [
    "DAILY",
    "add_when_due",
    "look_now_and_then",
    "perform_daily",
    "retain",
    "rules_of",
]

DAILY: Final = "daily"
EVERY: Final = timedelta(days=1)
NOBODYS: Final = 0
"""Whose the jobs are: the server's own."""

LOOK_EVERY_SECONDS: Final = 60.0


def rules_of(settings: Settings) -> Rules:
    """How long cases may be pending."""
    return Rules(settings.pending_days, settings.pending_notice_days)


def retain(services: Services, clock: Callable[[], datetime] = now) -> Ran:
    """Tell owners of pending cases, and delete what is over."""
    base = services.settings.public_base.rstrip("/")
    return run_retention(services.ingest, rules=rules_of(services.settings), clock=clock, base=base)


def perform_daily(
    services: Services, _job: Job, progress: Progress, _keep: Callable[[Any], None]
) -> None:
    """Do what is due."""
    progress(0, 2)
    retain(services)
    progress(1, 2)
    notify_of_room(services.database, now, private_bytes=services.settings.private_bytes)
    look_again(services)
    tidy(services)
    with services.database.write() as connection:
        purge_shares(connection, now=now())
    merge_words(services.database)
    progress(2, 2)


def add_when_due(services: Services, clock: Callable[[], datetime] = now) -> int | None:
    """Add today's job, if there is none yet; its number."""
    moment = clock()
    last = select(job.c.created_at).where(job.c.kind == DAILY).order_by(job.c.id.desc()).limit(1)
    with services.database.read() as connection:
        added = connection.execute(last).scalar()
    if added is not None and in_utc(added) > moment - EVERY:
        return None
    with services.database.write() as connection:
        # Asked again where nobody else adds one.
        again = connection.execute(last).scalar()
        if again != added:
            return None
        return Jobs(services.database, clock).add(NOBODYS, DAILY, {}, connection=connection)


def look_now_and_then() -> Callable[[Services], None]:
    """A function that a loop may call as often as it likes."""
    looked = [float("-inf")]

    def look(services: Services) -> None:
        if time.monotonic() - looked[0] >= LOOK_EVERY_SECONDS:
            looked[0] = time.monotonic()
            add_when_due(services)

    return look
