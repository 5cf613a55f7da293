"""Putting further series into the working copy of a case, and finding the case for it.

Invariants: what is in the case stays where it is, and a series is in it once; readers see what was
added when it is published; only series and cases of the one owner are ever found.
Not here: making a case (`cases.cases`), what readers find (`cases.finding`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, func, select

from accounts.plans import Plan
from cases.contents import series_of_owner
from cases.document import Document, ShownSeries, ShownStudy
from cases.privacy import within_room
from cases.schema import case
from cases.working import Case, case_of_row, locked, put_working_copy
from store.audit import Deed, note
from store.changes import bump
from store.db import Database
from store.errors import NoSuchSeries

__all__ = ["add_series", "count_own_cases", "find_own_cases"]

LONGEST_SEARCH: Final = 200


def add_series(
    database: Database,
    owner_id: int,
    code: str,
    series: Sequence[tuple[str, str]],
    *,
    plan: Plan | None,
    clock: Callable[[], datetime],
) -> int:
    """Put series behind those that are in the working copy of a case.

    Args:
        database: where the case is kept.
        owner_id, code: the case.
        series: Study and Series Instance UID of each, in order; those that are in it are left out.
        plan: the owner's, to which a private case is held; None for whoever runs the server.
        clock: gives the present time.

    Returns:
        How many were put into it; with none, nothing was saved.

    Raises:
        NoSuchCase: the owner has none of this code.
        NoSuchSeries: the owner has not all of the series.
        NotAllowed: the case is private, and there is no room.
        InvalidText: it would have too many series.
    """
    now = clock()
    with database.write() as connection:
        row = locked(connection, owner_id, code)
        before = case_of_row(row).document
        known = set(before.series_uids())
        wanted = [pair for pair in dict.fromkeys(series) if pair not in known]
        if len(series_of_owner(connection, owner_id, wanted)) != len(wanted):
            raise NoSuchSeries("One of the series is not among your studies.")
        if wanted:
            with within_room(connection, owner_id, plan if row.private else None):
                put_working_copy(connection, row, _with(before, wanted), now)
            note(connection, Deed(now, owner_id, "save case", code))
            bump(connection, owner_id)
    return len(wanted)


def find_own_cases(database: Database, owner_id: int, words: str, *, limit: int) -> list[Case]:
    """The owner's cases in whose title all of the words are, those that were changed last first."""
    query = _among(select(case), owner_id, words)
    query = query.order_by(case.c.updated_at.desc(), case.c.id.desc()).limit(limit)
    with database.read() as connection:
        return [case_of_row(row) for row in connection.execute(query)]


def count_own_cases(database: Database, owner_id: int, words: str) -> int:
    """How many these are."""
    query = _among(select(func.count()).select_from(case), owner_id, words)
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def _with(before: Document, wanted: Sequence[tuple[str, str]]) -> Document:
    studies = {study.uid: study for study in before.studies}
    for study_uid, uid in wanted:
        study = studies.get(study_uid, ShownStudy(study_uid))
        studies[study_uid] = replace(study, series=(*study.series, ShownSeries(uid)))
    return replace(before, studies=tuple(studies.values()))


def _among(query: Select[Any], owner_id: int, words: str) -> Select[Any]:
    query = query.where(case.c.owner_id == owner_id)
    # PostgreSQL has no NUL in a text; what has one is found nowhere.
    for word in words[:LONGEST_SEARCH].replace("\0", "\ufffd").lower().split():
        query = query.where(func.lower(case.c.title).contains(word, autoescape=True))
    return query
