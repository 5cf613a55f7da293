"""Deleting an account with all that is its own.

    leave ─> in one transaction: account, cases, playlists, links gone; nobody sees what is stored
      └────> a job: `forget`, study by study, until nothing is stored

Invariants: from the commit of `leave` on, nothing of the account can be seen, by anybody, by any
way; nothing of another account is touched; `forget` may be broken off and called again at any time.
What others did stays: their reports, their decisions, and the audit log, which has numbers only.
Not here: the account itself (`accounts.leaving`), deleting blobs (`store.removing`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, func, select, update

from accounts.leaving import erase, is_gone, is_there
from accounts.schema import account
from cases.schema import case, playlist, report, share
from store.access import OwnerScope
from store.audit import Deed, note
from store.changes import bump
from store.db import Database
from store.ingest import Ingest
from store.jobs import Jobs
from store.removing import remove
from store.schema import job, owner_key, remote, replaced_instance, study, upload

__all__ = ["FORGET", "Holdings", "forget", "forget_left_over", "holdings_of", "leave"]

FORGET: Final = "forget"
"""The kind of job that deletes what is stored."""

_AT_ONCE: Final = 100


@dataclass(frozen=True)
class Holdings:
    """How much of what an account has."""

    studies: int
    cases: int
    playlists: int
    shares: int


def holdings_of(database: Database, account_id: int) -> Holdings:
    """What goes when the account goes."""
    counts = [
        select(func.count()).where(table.c.owner_id == account_id).scalar_subquery()
        for table in (study, case, playlist, share)
    ]
    with database.read() as connection:
        return Holdings(*connection.execute(select(*counts)).one())


def leave(
    database: Database,
    account_id: int,
    *,
    jobs: Jobs,
    clock: Callable[[], datetime],
    by: int | None = None,
) -> int:
    """Delete an account with all that is its own; return the number of the job for the rest.

    Args:
        database: where it is kept.
        account_id: which.
        jobs: the queue.
        clock: gives the present time.
        by: the account that deletes it; None for whoever runs the server.

    Raises:
        NoSuchAccount: there is none of this number.
        LastAdministrator: nobody could administer the server any more.
    """
    with database.write() as connection:
        erase(connection, account_id)
        # What belongs to a case or a playlist goes with it, by the foreign keys.
        for table in (share, case, playlist, remote, job):
            connection.execute(delete(table).where(table.c.owner_id == account_id))
        _forget_reporter(connection, account_id)
        number = jobs.add(account_id, FORGET, {}, connection=connection)
        note(connection, Deed(clock(), by, "delete account", str(account_id)))
        bump(connection, account_id)
    return number


def forget(ingest: Ingest, account_id: int, progress: Callable[[int, int], None]) -> bool:
    """Delete all that an account that is gone has stored, and its keys.

    Args:
        ingest: through which it came in.
        account_id: which.
        progress: is told how many studies are deleted, of how many; may raise.

    Returns:
        False when the account is not gone, and nothing was done.

    Raises:
        StoreError: some of it is still there.
    """
    database = ingest.database
    if not is_gone(database, account_id):
        return False
    mine = study.c.owner_id == account_id
    with database.read() as connection:
        total = int(connection.execute(select(func.count()).where(mine)).scalar_one())
    done = 0
    query = select(study.c.study_instance_uid).where(mine).order_by(study.c.id).limit(_AT_ONCE)
    progress(done, total)
    while True:
        with database.read() as connection:
            some = list(connection.execute(query).scalars())
        if not some:
            break
        for uid in some:
            remove(ingest, OwnerScope(account_id), uid)
            done += 1
            progress(done, max(done, total))
    with database.write() as connection:
        for table in (replaced_instance, upload, owner_key):
            connection.execute(delete(table).where(table.c.owner_id == account_id))
    return True


def forget_left_over(database: Database, jobs: Jobs) -> int:
    """Have deleted what came in for accounts while they were being deleted; how many they are.

    An association that had begun before goes on until it ends, say.
    """
    gone = select(account.c.id).where(~is_there())
    query = select(study.c.owner_id).where(study.c.owner_id.in_(gone)).distinct()
    with database.read() as connection:
        found = list(connection.execute(query).scalars())
    for account_id in found:
        jobs.add(account_id, FORGET, {})
    return len(found)


def _forget_reporter(connection: Connection, account_id: int) -> None:
    """Let what the account has reported be from nobody; that it was reported stays."""
    mine = report.c.account_id == account_id
    connection.execute(update(report).where(mine).values(account_id=None, contact=""))
