"""Which cases show series of a study.

Invariants: only cases and studies of the one owner are looked at; every version counts, so that
whoever deletes a study is told of all that loses something.
Not here: deleting (`store.removing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from cases.schema import case, case_series
from store.db import Database
from store.schema import series, study

__all__ = ["Use", "cases_with"]


@dataclass(frozen=True)
class Use:
    """A case that shows series of a study.

    Attributes:
        code, title: the case's.
        published: it was published, whoever may see it.
    """

    code: str
    title: str
    published: bool


def cases_with(
    database: Database, owner_id: int, study_uids: Sequence[str]
) -> dict[str, tuple[Use, ...]]:
    """The owner's cases with each of these studies, by Study Instance UID, the oldest first."""
    query = (
        select(study.c.study_instance_uid, case.c.id, case.c.code, case.c.title, case.c.version)
        .select_from(study)
        .join(series, series.c.study_id == study.c.id)
        .join(case_series, case_series.c.series_id == series.c.id)
        .join(case, case.c.id == case_series.c.case_id)
        .where(study.c.owner_id == owner_id, case.c.owner_id == owner_id)
        .where(study.c.study_instance_uid.in_(study_uids))
        .distinct()
        .order_by(case.c.id)
    )
    found: dict[str, tuple[Use, ...]] = dict.fromkeys(study_uids, ())
    with database.read() as connection:
        for uid, _, code, title, version in connection.execute(query):
            found[uid] += (Use(code, title, version is not None),)
    return found
