"""What a report is about, as its reporter sees it: the case, its series, and the picture meant.

Invariants: whoever sees a case may report it, and nobody else learns from this that there is one;
of a case that somebody else has reported meanwhile nothing is shown, but a report is still taken.
Not here: the form (`viewer.reports`), what a report does (`cases.reports`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cases.access import scope_of_case
from cases.cases import Case, case_by_code
from cases.errors import NoSuchCase
from cases.publishing import published
from cases.showing import SeriesOfCase, StudyOfCase, shown
from store.access import Scope
from store.db import Database
from viewer.pictures import Pictures, pictures_of

__all__ = ["Subject", "pictures_in", "subject_of"]

NO_PICTURES: Final = Pictures(0, 0, None)


@dataclass(frozen=True)
class Subject:
    """What the form for a report shows.

    Attributes:
        code, title: of the case; no title when it is hidden already.
        studies: what its reader sees of it.
        series: the one that is pointed at; None for the case as a whole.
        pictures: those of the series.
    """

    code: str
    title: str = ""
    studies: tuple[StudyOfCase, ...] = ()
    series: SeriesOfCase | None = None
    pictures: Pictures = field(default_factory=lambda: NO_PICTURES)

    @property
    def choices(self) -> list[SeriesOfCase]:
        """The series that can be pointed at."""
        return [one for study in self.studies for one in study.series]


def subject_of(
    database: Database,
    code: str,
    account_id: int | None,
    *,
    moderator: bool = False,
    series_uid: str = "",
    image: int = 1,
    shared: Scope | None = None,
) -> Subject:
    """What a report of this case is about.

    Args:
        database: the index.
        code: of the case.
        account_id, moderator: who reports.
        series_uid, image: what is pointed at.
        shared: of the share link by which the reporter sees the case, or would if it were not
            hidden.

    Raises:
        NoSuchCase: the reporter does not see such a case.
    """
    found = case_by_code(database, code)
    if shared is not None and found.hidden_at is not None:
        # Who has a link to it may add what they have seen, as others may of what was public.
        return Subject(code)
    try:
        scope: Scope = shared or scope_of_case(database, code, account_id, moderator=moderator)
    except NoSuchCase:
        if found.hidden_at is None or found.private or found.version is None:
            raise
        return Subject(code)
    studies = _studies(database, found, scope)
    if not studies and shared is not None:
        raise NoSuchCase("There is no such case.")
    series, pictures = pictures_in(database, scope, studies, series_uid, image)
    return Subject(code, found.title, tuple(studies), series, pictures)


def pictures_in(
    database: Database,
    scope: Scope,
    studies: Sequence[StudyOfCase],
    series_uid: str,
    image: int,
) -> tuple[SeriesOfCase | None, Pictures]:
    """The series of this UID among those that are shown, and its pictures."""
    every = [one for study in studies for one in study.series]
    series = next((one for one in every if one.uid == series_uid), None)
    if series is None:
        return None, NO_PICTURES
    return series, pictures_of(database, scope, series.study_uid, series.uid, image)


def _studies(database: Database, found: Case, scope: Scope) -> list[StudyOfCase]:
    if found.version is None:
        return shown(database, scope, found.document)
    return shown(database, scope, published(database, found.id).document)
