"""Retention: a case that was never published is deleted after some days, and its owner is told.

    created ── pending_days - notice_days ──> told ── notice_days ──> deleted
       └─ published, on a plan that keeps pending cases, or kept by an administrator: never

The days count from the making of the case; editing it does not prolong them. With it go those of
its series that are in no other case. What was uploaded and never put into a case is not pending,
and stays.
Invariants: nobody loses a case without having been told `notice_days` before, also when the server
was off or the settings have changed; looking changes nothing; whether a case is still pending is
asked again in the transaction that deletes it; a case with a report that is open stays.
Not here: when this runs (`server.daily`), plans (`accounts.plans`), keeping (`cases.keeping`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, delete, exists, func, select, update

from accounts.messages import send
from accounts.plans import plan_of
from accounts.schema import account
from cases.deadlines import Rules, deadline_of
from cases.schema import case, case_series, report
from store.audit import Deed, note
from store.changes import bump
from store.db import Database, in_utc
from store.ingest import Ingest
from store.removing import remove_series
from store.schema import instance

__all__ = ["Fate", "Ran", "Rules", "deadline_of", "preview", "run"]


@dataclass(frozen=True)
class Fate:
    """A case that will be deleted.

    Attributes:
        told_at: when its owner was told; None if that is still to come.
        goes_at: when it is deleted, at the earliest.
        images, size: instances that go with it, and their bytes.
        kept_until: until when an administrator keeps it; None when nobody does.
    """

    case_id: int
    code: str
    title: str
    private: bool
    owner_id: int
    email: str
    created_at: datetime
    told_at: datetime | None
    goes_at: datetime
    images: int
    size: int
    kept_until: datetime | None


@dataclass(frozen=True)
class Ran:
    """What a run has done."""

    told: int
    deleted: int
    images: int


def preview(database: Database, until: datetime, *, rules: Rules, now: datetime) -> list[Fate]:
    """What will be deleted until then, the first first; nothing is changed.

    Args:
        database: the index.
        until: the last moment that counts.
        rules: for how long cases may be pending.
        now: the present time.
    """
    with database.read() as connection:
        fates = [_fate(connection, row, rules, now) for row in _pending(connection, rules)]
    found = [fate for fate in fates if fate is not None and fate.goes_at <= until]
    return sorted(found, key=lambda fate: (fate.goes_at, fate.case_id))


def run(ingest: Ingest, *, rules: Rules, clock: Callable[[], datetime], base: str = "") -> Ran:
    """Tell owners whose cases will go soon, and delete those whose time is over.

    Args:
        ingest: through which series came in.
        rules: for how long cases may be pending.
        clock: gives the present time.
        base: the server's address, for links in messages.
    """
    database, now = ingest.database, clock()
    told = deleted = images = 0
    _forget_exempt(database)
    for fate in preview(database, now + rules.notice, rules=rules, now=now):
        if fate.told_at is None:
            told += _tell(database, fate, now, clock, base)
        elif fate.goes_at <= now:
            gone = _delete(database, fate, now)
            deleted += gone is not None
            images += gone or 0
    if deleted:
        ingest.sweep()
    return Ran(told, deleted, images)


def _pending(connection: Connection, rules: Rules) -> list[Row[Any]]:
    is_reported = exists().where(report.c.case_id == case.c.id, report.c.state == "open")
    query = (
        select(case, account.c.email, account.c.premium)
        .join(account, account.c.id == case.c.owner_id)
        .where(case.c.published_at.is_(None), ~is_reported)
        .order_by(case.c.id)
    )
    return list(connection.execute(query)) if rules.pending_days else []


def _fate(connection: Connection, row: Row[Any], rules: Rules, now: datetime) -> Fate | None:
    goes_at = deadline_of(
        row,
        plan=plan_of(row),
        pending_days=rules.pending_days,
        notice_days=rules.notice_days,
        now=now,
    )
    if goes_at is None:
        return None
    sizes = select(func.count(), func.coalesce(func.sum(instance.c.size), 0))
    sizes = sizes.where(instance.c.series_id.in_(_own_series(row.id)))
    images, size = connection.execute(sizes).one()
    told_at = None if row.warned_at is None else in_utc(row.warned_at)
    return Fate(
        row.id,
        row.code,
        row.title,
        row.private,
        row.owner_id,
        row.email,
        in_utc(row.created_at),
        told_at,
        goes_at,
        int(images),
        int(size),
        in_utc(row.kept_until) if row.kept and row.kept_until else None,
    )


def _own_series(case_id: int) -> Select[tuple[int]]:
    """Series of the case that are in no other."""
    other = case_series.alias()
    elsewhere = exists().where(
        other.c.series_id == case_series.c.series_id, other.c.case_id != case_id
    )
    found = select(case_series.c.series_id).where(case_series.c.case_id == case_id)
    return found.where(~elsewhere).distinct()


def _forget_exempt(database: Database) -> None:
    """Whoever has got a plan, and loses it again, is told anew."""
    exempt = select(account.c.id).where(account.c.premium)
    these = (case.c.warned_at.is_not(None), case.c.owner_id.in_(exempt))
    with database.read() as connection:
        if connection.execute(select(case.c.id).where(*these).limit(1)).first() is None:
            return
    with database.write() as connection:
        connection.execute(update(case).where(*these).values(warned_at=None))


def _tell(
    database: Database,
    fate: Fate,
    now: datetime,
    clock: Callable[[], datetime],
    base: str,
) -> bool:
    still = (case.c.id == fate.case_id, case.c.published_at.is_(None), case.c.warned_at.is_(None))
    with database.write() as connection:
        if connection.execute(update(case).where(*still).values(warned_at=now)).rowcount == 0:
            return False
        day = f"{fate.goes_at.day} {fate.goes_at:%B %Y}"
        body = (
            f"Your case “{fate.title or 'without a title'}” was never published. It will be "
            f"deleted on {day}, with {fate.images} images that are in no other case. Publish it "
            f"before then to keep it.\n\n{base}/cases/{fate.code}/edit\n"
        )
        subject = f"A case of yours will be deleted on {day}"
        send(connection, fate.email, subject, body, account_id=fate.owner_id, clock=clock)
        note(connection, Deed(now, None, "tell of deletion", fate.code))
    return True


def _delete(database: Database, fate: Fate, now: datetime) -> int | None:
    """Delete the case and its series; None when it is pending no longer."""
    # Whoever keeps it, or lets it go again, has it told anew.
    still = (
        case.c.id == fate.case_id,
        case.c.published_at.is_(None),
        case.c.warned_at.is_not(None),
    )
    with database.write() as connection:
        locked = select(case.c.id).where(*still).with_for_update()
        if connection.execute(locked).first() is None:
            return None
        own = [row.series_id for row in connection.execute(_own_series(fate.case_id))]
        connection.execute(delete(case).where(case.c.id == fate.case_id))
        gone = remove_series(connection, own, now) if own else 0
        note(connection, Deed(now, None, _DELETED, fate.code))
        bump(connection, fate.owner_id)
    return gone


_DELETED: Final = "delete pending case"
