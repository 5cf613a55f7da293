"""Reports as they are read: the queue, what was decided, how long it took.

Not here: reporting and deciding (`cases.reports`).
"""

import json
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Final, Literal

from sqlalchemy import Row, func, select

from cases.errors import NoSuchReport
from cases.schema import case, report
from store.db import Database, in_utc

__all__ = [
    "Kind",
    "Outcome",
    "Place",
    "Report",
    "Speed",
    "Spot",
    "State",
    "counts_of_reports",
    "open_reports",
    "report_by_id",
    "speed_of_reports",
    "spot_of",
]

Kind = Literal["anonymity", "rights", "other"]
Place = Literal["case", "embed", "viewer"]
Outcome = Literal["restored", "removed"]
State = Literal["open", "restored", "removed"]

MEASURED: Final = 200


@dataclass(frozen=True)
class Spot:
    """Where in the case it is.

    Attributes:
        series: its UID; empty for the case as a whole.
        image: the number of the picture in the series, from 1; 0 for all.
        x, y, width, height: a box on the picture, in its pixels; 0 for none.
    """

    series: str = ""
    image: int = 0
    x: int = 0
    y: int = 0
    width: int = 0
    height: int = 0

    @property
    def has_box(self) -> bool:
        """A box was drawn."""
        return self.width > 0 and self.height > 0


@dataclass(frozen=True)
class Report:
    """A report, and the case that it is about as that is now.

    Attributes:
        case_id, owner_id, title: of the case; None and empty when that is gone.
        hidden: the case is hidden now.
        picture: the UIDs of the study and series that stand for it, if moderators see it.
        account_id: who reported it; None for a stranger.
        contact: the address that a stranger has given for an answer; may be empty.
        hidden_ms: how long it took from its arrival to hide the case; None when it hid nothing.
        decision: the moderator's reason, which the owner is told.
    """

    id: int
    case_code: str
    case_id: int | None
    owner_id: int | None
    title: str
    private: bool
    hidden: bool
    picture: tuple[str, str] | None
    kind: Kind
    place: Place
    spot: Spot
    words: str
    account_id: int | None
    contact: str
    created_at: datetime
    state: State
    hidden_ms: int | None
    decided_by: int | None
    decided_at: datetime | None
    decision: str


@dataclass(frozen=True)
class Speed:
    """How long the last reports took; None where there is nothing to measure.

    Attributes:
        hidden_ms: from the arrival of a report until its case was hidden, in the middle.
        slowest_hidden_ms: the longest of these.
        decided: from its arrival until the decision, in the middle.
    """

    hidden_ms: int | None
    slowest_hidden_ms: int | None
    decided: timedelta | None


def open_reports(
    database: Database, *, decided: bool = False, limit: int = 50, offset: int = 0
) -> list[Report]:
    """The reports that wait, those of the oldest first; or those decided, the newest first."""
    order = report.c.decided_at.desc() if decided else report.c.id
    is_one = report.c.state != "open" if decided else report.c.state == "open"
    query = _FIND.where(is_one).order_by(order, report.c.id).limit(limit).offset(offset)
    with database.read() as connection:
        return [_report(row) for row in connection.execute(query)]


def counts_of_reports(database: Database) -> tuple[int, int]:
    """How many wait, and how many are decided."""
    query = select(report.c.state, func.count().label("number")).group_by(report.c.state)
    with database.read() as connection:
        counts = {row.state: int(row.number) for row in connection.execute(query)}
    waiting = counts.pop("open", 0)
    return waiting, sum(counts.values())


def report_by_id(database: Database, number: int) -> Report:
    """A report by its number.

    Raises:
        NoSuchReport: there is none.
    """
    with database.read() as connection:
        row = connection.execute(_FIND.where(report.c.id == number)).first()
    if row is None:
        raise NoSuchReport("There is no report of this number.")
    return _report(row)


def speed_of_reports(database: Database) -> Speed:
    """How long it took to hide and to decide, of the last ones."""
    columns = (report.c.hidden_ms, report.c.created_at, report.c.decided_at)
    query = select(*columns).order_by(report.c.id.desc()).limit(MEASURED)
    with database.read() as connection:
        rows = connection.execute(query).all()
    hidden = [row.hidden_ms for row in rows if row.hidden_ms is not None]
    decided = [row.decided_at - row.created_at for row in rows if row.decided_at is not None]
    return Speed(
        round(median(hidden)) if hidden else None,
        max(hidden, default=None),
        median(decided) if decided else None,
    )


def spot_of(text: str) -> Spot:
    """The place that is kept with a report."""
    known = {one.name for one in fields(Spot)}
    found = json.loads(text) if text else {}
    return Spot(**{name: value for name, value in found.items() if name in known})


def _report(row: Row[Any]) -> Report:
    return Report(
        row.id,
        row.case_code,
        row.case_id,
        row.owner_id,
        row.title or "",
        bool(row.private),
        row.hidden_at is not None,
        _picture(row),
        row.kind,
        row.place,
        spot_of(row.spot),
        row.words,
        row.account_id,
        row.contact,
        in_utc(row.created_at),
        row.state,
        row.hidden_ms,
        row.decided_by,
        None if row.decided_at is None else in_utc(row.decided_at),
        row.decision,
    )


def _picture(row: Row[Any]) -> tuple[str, str] | None:
    study_uid, _, series_uid = (row.picture or "").partition(" ")
    is_seen = row.version is not None and not row.private and series_uid
    return (study_uid, series_uid) if is_seen else None


_FIND: Final = select(
    report,
    case.c.owner_id,
    case.c.title,
    case.c.private,
    case.c.hidden_at,
    case.c.version,
    case.c.picture,
).outerjoin(case, case.c.id == report.c.case_id)
