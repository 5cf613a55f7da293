"""Which series lie in the private place: those of private cases that nobody but their owner sees.

A series that is in a private case, in its working copy or any version, is private, unless a
published case that is open to everybody shows it in any of its versions: then it is public anyway.
Invariants: it is a condition of the query, so it is true of what is stored now.
Not here: moving files (`store.private_blobs`), who sees which case (`cases.access`).
"""

from sqlalchemy import ColumnElement, and_, exists, select

from cases.schema import WORKING_COPY, case, case_series
from store.schema import series

__all__ = ["is_private"]


def is_private() -> ColumnElement[bool]:
    """True for the rows of `series` whose files belong in the private place."""
    private = select(case_series.c.series_id).select_from(case_series)
    private = private.join(case, case.c.id == case_series.c.case_id).where(case.c.private.is_(True))
    shown, open_case = case_series.alias(), case.alias()
    is_shown = (
        exists()
        .where(shown.c.series_id == series.c.id, shown.c.version != WORKING_COPY)
        .where(open_case.c.id == shown.c.case_id, open_case.c.version.is_not(None))
        .where(open_case.c.private.is_(False))
    )
    return and_(series.c.id.in_(private), ~is_shown)
