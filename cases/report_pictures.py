"""Deletes the pictures that a report is about, when a moderator says so.

Invariants: only series of the reported case, and only its owner's, are deleted; they are then gone
from every case, share link and upload. The case itself stays, for its owner to see why.
Not here: the decision (`cases.reports`), deleting (`store.removing`).
"""

from sqlalchemy import select

from cases.report_rows import Report
from cases.schema import case_series
from store.access import OwnerScope
from store.audit import Deed, note
from store.ingest import Ingest
from store.removing import remove
from store.schema import series, study

__all__ = ["delete_pictures"]


def delete_pictures(ingest: Ingest, found: Report, *, by: int | None) -> int:
    """Delete the series that a report names, or all of its case when it names none.

    Args:
        ingest: through which they came in.
        found: the report.
        by: the moderator's account; None for whoever runs the server.

    Returns:
        How many instances are gone.
    """
    if found.owner_id is None:
        return 0
    query = (
        select(study.c.study_instance_uid, series.c.series_instance_uid)
        .join(series, series.c.study_id == study.c.id)
        .join(case_series, case_series.c.series_id == series.c.id)
        .where(case_series.c.case_id == found.case_id)
        .distinct()
    )
    if found.spot.series:
        query = query.where(series.c.series_instance_uid == found.spot.series)
    with ingest.database.read() as connection:
        rows = connection.execute(query).all()
    gone = 0
    for study_uid, series_uid in rows:
        gone += remove(ingest, OwnerScope(found.owner_id), study_uid, series_uid)
        with ingest.database.write() as connection:
            note(connection, Deed(ingest.clock(), by, "delete series", series_uid))
    return gone
