"""Which cases a report keeps hidden, and showing them again.

    hide ─> `case.hidden_at` of the case, and of all that show the same pictures
    show ─> only those that no other report, open or followed, keeps hidden

Invariants: a case is hidden exactly as long as a report that is open, or was followed, keeps it so;
hiding and showing again are part of the caller's transaction, in which nobody else can decide about
the same cases.
Not here: reports and decisions (`cases.reports`), who sees what is hidden (`cases.access`).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, exists, select, update

from cases.schema import case, case_series, hidden_case, report
from store.schema import series

__all__ = ["cases_with_the_same", "hide", "lock", "show_again"]


def cases_with_the_same(connection: Connection, case_id: int, series_uid: str = "") -> list[int]:
    """The case, and all others in which its series are, in whatever version.

    Args:
        connection: the transaction's.
        case_id: the case.
        series_uid: only this series counts; by default all of the case do.
    """
    its = select(case_series.c.series_id).where(case_series.c.case_id == case_id)
    if series_uid:
        its = its.join(series, series.c.id == case_series.c.series_id)
        its = its.where(series.c.series_instance_uid == series_uid)
    query = select(case_series.c.case_id).where(case_series.c.series_id.in_(its)).distinct()
    return sorted({case_id, *connection.execute(query).scalars()})


def lock(connection: Connection, case_ids: Sequence[int]) -> None:
    """Wait until nobody else decides about these cases."""
    query = select(case.c.id).where(case.c.id.in_(case_ids)).order_by(case.c.id)
    connection.execute(query.with_for_update()).all()


def hide(connection: Connection, report_id: int, case_ids: Sequence[int], now: datetime) -> None:
    """Have a report keep these cases hidden."""
    lock(connection, case_ids)
    connection.execute(delete(hidden_case).where(hidden_case.c.report_id == report_id))
    rows = [{"report_id": report_id, "case_id": case_id} for case_id in case_ids]
    connection.execute(hidden_case.insert(), rows)
    these = case.c.id.in_(case_ids)
    connection.execute(update(case).where(these, case.c.hidden_at.is_(None)).values(hidden_at=now))


def show_again(connection: Connection, report_id: int) -> None:
    """Let go of the cases of a report, which is neither open nor followed any more."""
    own = select(hidden_case.c.case_id).where(hidden_case.c.report_id == report_id)
    case_ids = list(connection.execute(own).scalars())
    lock(connection, case_ids)
    others = (
        exists()
        .where(hidden_case.c.case_id == case.c.id, hidden_case.c.report_id != report_id)
        .where(report.c.id == hidden_case.c.report_id, report.c.state.in_(("open", "removed")))
    )
    connection.execute(update(case).where(case.c.id.in_(case_ids), ~others).values(hidden_at=None))
