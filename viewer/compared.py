"""What differs between two published versions, for a reader of both.

Invariants: a series that the reader does not see is not named.
Not here: finding the differences (`cases.comparing`).
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from cases.comparing import changes_between, words_between
from cases.document import Document
from cases.publishing import Published
from cases.showing import shown
from store.access import Scope
from store.db import Database

__all__ = ["Difference", "differences"]

UNSEEN: Final = "a series that is no longer there"
UNSEEN_STUDY: Final = "a study that is no longer there"


@dataclass(frozen=True)
class Difference:
    """One difference: what it is in, and pieces that stayed, went and came."""

    what: str
    pieces: tuple[tuple[Literal["same", "gone", "new"], str], ...]


def differences(
    database: Database, scope: Scope, old: Published, new: Published
) -> list[Difference]:
    """What is different in the newer of two versions, in the order in which a case is read.

    Args:
        database: where the series are.
        scope: of the reader, within the case.
        old, new: the versions.
    """
    olds, news = (_as_its_reader_sees_it(database, scope, one.document) for one in (old, new))
    found = [Difference("Title", tuple(words_between(old.title, new.title)))]
    found += [
        Difference(change.what, tuple(words_between(change.before, change.after)))
        for change in changes_between(olds, news)
    ]
    return [one for one in found if any(kind != "same" for kind, _ in one.pieces)]


def _as_its_reader_sees_it(database: Database, scope: Scope, document: Document) -> Document:
    """The document with the names that readers see, also where its author gave none."""
    found = shown(database, scope, document)
    studies = {study.uid: study.name for study in found}
    series = {(study.uid, one.uid): one.name for study in found for one in study.series}
    return replace(
        document,
        studies=tuple(
            replace(
                study,
                name=studies.get(study.uid, UNSEEN_STUDY),
                series=tuple(
                    replace(one, name=series.get((study.uid, one.uid), UNSEEN))
                    for one in study.series
                ),
            )
            for study in document.studies
        ),
    )
