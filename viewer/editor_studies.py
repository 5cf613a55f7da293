"""The studies and series of a case as its editor shows them: what is stored, and what was typed.

Invariants: only the account's own are shown, all series of each study, those of the case first and
in their order; what was deleted meanwhile is left out.
Not here: what was typed itself (`viewer.editor_forms`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from cases.document import Document, ShownSeries, ShownStudy
from cases.showing import SeriesOfCase, StudyOfCase, shown
from store.access import OwnerScope
from store.states import State
from viewer.blueprint import Pages
from viewer.editor_forms import Typed, TypedStudy
from viewer.studies import StudyEntry, page_of_studies

__all__ = ["EditedSeries", "EditedStudy", "edited_studies", "series_to_show", "studies_to_add"]

MOST_SERIES: Final = 500


@dataclass(frozen=True)
class EditedSeries:
    """A series of a study.

    Attributes:
        found: as it is stored; its name is the default one.
        name: what was typed.
        show: readers see it.
    """

    found: SeriesOfCase
    name: str
    show: bool

    @property
    def key(self) -> str:
        """Its name in the form."""
        return f"{self.found.study_uid}/{self.found.uid}"


@dataclass(frozen=True)
class EditedStudy:
    """A study of the case.

    Attributes:
        uid: its Study Instance UID.
        name: what was typed.
        default: its name without that.
        date: Study Date as a DA value; it was shifted.
        series: all that it has.
    """

    uid: str
    name: str
    default: str
    date: str
    series: tuple[EditedSeries, ...]

    @property
    def seen(self) -> StudyOfCase:
        """The study as a viewer beside the editor shows it: with all of its series."""
        parts = tuple(replace(one.found, name=one.name or one.found.name) for one in self.series)
        return StudyOfCase(self.uid, self.name or self.default, self.date, parts)


def edited_studies(pages: Pages, owner_id: int, typed: Typed) -> list[EditedStudy]:
    """The studies of the case with all of their series."""
    rows: dict[str, TypedStudy] = {study.uid: study for study in typed.studies}
    room, wanted = MOST_SERIES, []
    for study in typed.studies:
        uids = _all_series(pages, owner_id, study)[:room]
        room -= len(uids)
        wanted.append(ShownStudy(study.uid, series=tuple(ShownSeries(uid) for uid in uids)))
    # Without the names that were typed, so that they are the default ones.
    found = shown(pages.database, OwnerScope(owner_id), Document(studies=tuple(wanted)))
    edited = []
    for one in found:
        study = rows[one.uid]
        known = {series.uid: series for series in study.series}
        parts = [
            EditedSeries(
                part,
                known[part.uid].name if part.uid in known else "",
                part.uid in known and known[part.uid].show,
            )
            for part in one.series
        ]
        edited.append(EditedStudy(one.uid, study.name, one.name, one.date, tuple(parts)))
    return edited


def series_to_show(pages: Pages, owner_id: int, study_uid: str) -> list[str]:
    """What of a study goes into a case at first: every series that its owner has not left out."""
    found = pages.review.series(owner_id, study_uid)
    return [one.series_instance_uid for one in found if one.state != State.LEFT_OUT]


def studies_to_add(pages: Pages, owner_id: int, typed: Typed) -> Sequence[StudyEntry]:
    """The newest studies of the account that are not in the case."""
    inside = {study.uid for study in typed.studies}
    newest = page_of_studies(pages.database, OwnerScope(owner_id), 1, pages.clock())
    return [one for one in newest.entries if one.uid not in inside]


def _all_series(pages: Pages, owner_id: int, study: TypedStudy) -> list[str]:
    stored = [one.series_instance_uid for one in pages.review.series(owner_id, study.uid)]
    chosen = [one.uid for one in study.series if one.uid in stored]
    return list(dict.fromkeys([*chosen, *stored]))
