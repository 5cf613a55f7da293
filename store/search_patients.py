"""Patients, who are what studies say of them: one for each Patient ID within a scope.

Standard: PS3.4 C.6.1.1.2 (attributes of the patient level), C.3.4 (counts of what is related).
Invariants: the scope is part of every query. The profile may well give all patients the same ID,
so that nothing here looks at studies one by one.
Not here: the other levels (`store.search`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from store.access import LeadingScope, Scope, visible, visible_studies
from store.db import Database
from store.schema import series, study
from store.search_rules import LITERAL, Rules
from store.search_terms import Match, terms_of

__all__ = ["Related", "patient_ids", "related_to"]


@dataclass(frozen=True)
class Related:
    """What there is of a patient within a scope."""

    studies: int
    series: int
    instances: int


def patient_ids(
    database: Database, scope: Scope, matches: Sequence[Match], most: int, rules: Rules = LITERAL
) -> list[str]:
    """The Patient IDs of the studies that match, those of the newest study first.

    Args:
        database, scope: where.
        matches: of attributes that the index has a column of the study for.
        most: how many at most.
        rules: how values are taken.

    Raises:
        NotSearchable: a value is not of the form that its attribute has.
    """
    terms = terms_of(scope, "study", matches, rules)
    found = select(study.c.patient_id).where(visible_studies(scope), *_led(scope), *terms.where)
    found = found.group_by(study.c.patient_id).order_by(func.max(study.c.id).desc()).limit(most)
    with database.read() as connection:
        return list(connection.execute(found).scalars().all())


def related_to(database: Database, scope: Scope, patient_id: str) -> Related:
    """Count what there is of a patient."""
    instances = func.sum(series.c.number_of_series_related_instances)
    studies = func.count(series.c.study_id.distinct())
    counted = select(studies, func.count(), func.coalesce(instances, 0))
    counted = counted.select_from(series.join(study, study.c.id == series.c.study_id))
    counted = counted.where(visible(scope), *_led(scope), study.c.patient_id == patient_id)
    with database.read() as connection:
        return Related(*map(int, connection.execute(counted).one()))


def _led(scope: Scope) -> list[ColumnElement[bool]]:
    """The same in other words, where a scope has few studies and can name them."""
    return [study.c.id.in_(scope.studies())] if isinstance(scope, LeadingScope) else []
