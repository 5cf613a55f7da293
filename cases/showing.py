"""What of a case a reader sees: its studies and series in the author's order, with their names.

Invariants: the scope is part of the query; what a document names and is not visible in the scope is
left out.
Not here: text (`cases.document`), scopes (`cases.access`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, select

from cases.contents import WITHOUT_PICTURE, rank
from cases.document import Document
from store.access import OPEN_STATES, Scope, visible
from store.db import Database
from store.schema import series, study
from store.states import State

__all__ = [
    "SeriesOfCase",
    "StudyOfCase",
    "default_name",
    "default_study_name",
    "picture_of",
    "shown",
]

_AT_ONCE: Final = 500
_Row = Row[*tuple[Any, ...]]


@dataclass(frozen=True)
class SeriesOfCase:
    """A series as readers see it.

    Attributes:
        name: the author's, else "number - description".
        modality, description, number: as they came; the number may be missing.
        images: how many instances it has.
        state: whether others than its owner see it.
    """

    study_uid: str
    uid: str
    name: str
    modality: str
    images: int
    state: State
    description: str
    number: int | None

    @property
    def has_picture(self) -> bool:
        """A picture of it can be drawn."""
        return self.modality not in WITHOUT_PICTURE

    @property
    def default_name(self) -> str:
        """What it is called when its author gave no name."""
        return default_name(self.number, self.description)


@dataclass(frozen=True)
class StudyOfCase:
    """A study as readers see it.

    Attributes:
        name: the author's, else "number - description", counted within the case.
        date: Study Date as a DA value; it was shifted.
    """

    uid: str
    name: str
    date: str
    series: tuple[SeriesOfCase, ...]


def shown(database: Database, scope: Scope, document: Document) -> list[StudyOfCase]:
    """The studies and series of a document that are visible in the scope, in its order."""
    rows = _visible(database, scope, document)
    found: list[StudyOfCase] = []
    for wanted in document.studies:
        parts = [(one, row) for one in wanted.series if (row := rows.get((wanted.uid, one.uid)))]
        if not parts:
            continue
        of_study = parts[0][1]
        found.append(
            StudyOfCase(
                wanted.uid,
                wanted.name or default_study_name(len(found) + 1, of_study.study_description),
                of_study.study_date,
                tuple(_series(row, one.name) for one, row in parts),
            )
        )
    return found


def picture_of(document: Document, studies: Sequence[StudyOfCase]) -> SeriesOfCase | None:
    """The series that stands for the case, chosen as `cases.contents.picture_of` does."""
    found = [one for each in studies for one in each.series]
    first = [one for one in found if one.uid == document.start.series and rank(one.modality) < 2]
    others = sorted(found, key=lambda one: (rank(one.modality), one.state not in OPEN_STATES))
    return next(iter([*first, *others]), None)


def default_name(number: int | None, description: str) -> str:
    """What a series is called when its author gave no name: "3 - FLAIR axial".

    Nothing else that came with it feeds a name, so that what must not be shown is not.
    """
    if number is None:
        return description or "Series without a number"
    return f"{number} - {description}" if description else f"Series {number}"


def default_study_name(number: int, description: str) -> str:
    """What a study is called when its author gave no name; the number is its place in the case."""
    return f"{number} - {description}" if description else f"Study {number}"


def _visible(database: Database, scope: Scope, document: Document) -> dict[tuple[str, str], _Row]:
    uids = sorted({uid for _, uid in document.series_uids()})
    rows: dict[tuple[str, str], _Row] = {}
    with database.read() as connection:
        for at in range(0, len(uids), _AT_ONCE):
            some = series.c.series_instance_uid.in_(uids[at : at + _AT_ONCE])
            for row in connection.execute(_SERIES.where(some, visible(scope))):
                rows[row.study_instance_uid, row.series_instance_uid] = row
    return rows


def _series(row: _Row, name: str) -> SeriesOfCase:
    return SeriesOfCase(
        row.study_instance_uid,
        row.series_instance_uid,
        name or default_name(row.series_number, row.series_description),
        row.modality,
        row.number_of_series_related_instances,
        State(row.review_state),
        row.series_description,
        row.series_number,
    )


_SERIES: Final = select(
    study.c.study_instance_uid,
    study.c.study_description,
    study.c.study_date,
    series.c.series_instance_uid,
    series.c.series_number,
    series.c.series_description,
    series.c.modality,
    series.c.number_of_series_related_instances,
    series.c.review_state,
).join(study, study.c.id == series.c.study_id)
