"""What differs between two documents of a case, as the editor and the list of versions draw it.

Invariants: a series or study without a name of the author's is called what readers see.
Not here: finding the differences (`cases.comparing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from cases.comparing import changes_between, words_between
from cases.document import Document, ShownSeries, ShownStudy
from cases.showing import shown
from store.access import OwnerScope
from store.db import Database

__all__ = ["DrawnChange", "drawn_changes"]

Kind = Literal["same", "gone", "new"]
#: Of a longer stretch that stayed the same, only its ends are shown.
NEARBY: Final = 60
GONE: Final = "deleted"


@dataclass(frozen=True)
class DrawnChange:
    """One difference: what it is in, and pieces that stayed, went and came."""

    what: str
    pieces: tuple[tuple[Kind, str], ...]


def drawn_changes(
    database: Database, owner_id: int, old: Document, new: Document
) -> list[DrawnChange]:
    """What is different in the new document, for its owner.

    Args:
        database: where the series are.
        owner_id: whose they are.
        old, new: the documents.
    """
    olds, news = (_with_default_names(database, owner_id, document) for document in (old, new))
    return [
        DrawnChange(change.what, _shortened(words_between(change.before, change.after)))
        for change in changes_between(olds, news)
    ]


def _with_default_names(database: Database, owner_id: int, document: Document) -> Document:
    """The document with default names where the author gave none."""
    found = shown(database, OwnerScope(owner_id), document)
    studies = {study.uid: study.name for study in found}
    series = {(study.uid, one.uid): one.name for study in found for one in study.series}
    return replace(
        document,
        studies=tuple(
            ShownStudy(
                study.uid,
                study.name or studies.get(study.uid, GONE),
                tuple(
                    ShownSeries(one.uid, one.name or series.get((study.uid, one.uid), GONE))
                    for one in study.series
                ),
            )
            for study in document.studies
        ),
    )


def _shortened(pieces: Sequence[tuple[Kind, str]]) -> tuple[tuple[Kind, str], ...]:
    last = len(pieces) - 1
    return tuple(
        (kind, _ends(text, at > 0, at < last) if kind == "same" else text)
        for at, (kind, text) in enumerate(pieces)
    )


def _ends(text: str, has_before: bool, has_after: bool) -> str:
    if len(text) <= 2 * NEARBY:
        return text
    start = text[:NEARBY] if has_before else ""
    end = text[-NEARBY:] if has_after else ""
    return f"{start} … {end}"
