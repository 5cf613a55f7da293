"""What differs between two documents of a case, in words for people.

Invariants: no difference, no change; names are those that readers see where the author gave one.
Not here: drawing it (`viewer`), the versions themselves (`cases.publishing`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from cases.document import LICENCES, SECTIONS, Document, ShownSeries, StartState
from cases.edits import kept_pairs

__all__ = ["Change", "changes_between", "words_between"]

Kind = Literal["same", "gone", "new"]
Piece = tuple[Kind, str]

MOST_EDITS: Final = 400
"""A text with more words that went and came, from the first to the last, counts as a new one."""

_WORDS: Final = re.compile(r"\s+|\w+(?:[.,]\d+)*|[^\w\s]")


@dataclass(frozen=True)
class Change:
    """One difference; either side may be empty.

    Attributes:
        what: "Findings", "Series order", "Name of series".
        before, after: the whole of each side; Markdown for a section.
    """

    what: str
    before: str
    after: str


def changes_between(old: Document, new: Document) -> list[Change]:
    """What is different in the new document, in the order in which a case is read.

    Names are those in the documents; whoever knows what readers see where the author gave none
    puts these in first.
    """
    old, new = _with_names(old), _with_names(new)
    changes = [
        Change(name.capitalize(), getattr(old, name), getattr(new, name)) for name in SECTIONS
    ]
    changes += [
        Change("Kept closed", _sections(old.closed), _sections(new.closed)),
        Change("Tags", ", ".join(old.tags), ", ".join(new.tags)),
        Change("Authors", ", ".join(old.authors), ", ".join(new.authors)),
        Change("Licence", LICENCES[old.licence], LICENCES[new.licence]),
        Change("Download", _download(old), _download(new)),
        *_changes_of_studies(old, new),
        *_changes_of_series(old, new),
        Change("First view", _start(old.start, old), _start(new.start, new)),
    ]
    return [change for change in changes if change.before != change.after]


def words_between(before: str, after: str) -> list[Piece]:
    """The text in pieces that stayed, went and came; "same" and "new" together are `after`."""
    olds, news = _WORDS.findall(before), _WORDS.findall(after)
    kept = kept_pairs(olds, news, MOST_EDITS)
    pieces: list[Piece] = []
    x = y = 0
    for next_x, next_y in [*kept, (len(olds), len(news))]:
        _add(pieces, "gone", "".join(olds[x:next_x]))
        _add(pieces, "new", "".join(news[y:next_y]))
        _add(pieces, "same", "".join(news[next_y : next_y + 1]))
        x, y = next_x + 1, next_y + 1
    return _joined(pieces)


def _add(pieces: list[Piece], kind: Kind, text: str) -> None:
    if not text:
        return
    if pieces and pieces[-1][0] == kind:
        text = pieces.pop()[1] + text
    pieces.append((kind, text))


def _joined(pieces: Sequence[Piece]) -> list[Piece]:
    """Let words that went, or came, one after another be one piece with the spaces between."""
    joined: list[Piece] = []
    gone = new = ""
    for at, (kind, text) in enumerate(pieces):
        is_between = at + 1 < len(pieces) and (gone or new) and text.isspace()
        if kind != "new" and (kind == "gone" or is_between):
            gone += text
        if kind != "gone" and (kind == "new" or is_between):
            new += text
        if kind == "same" and not is_between:
            joined += _both(gone, new)
            joined.append((kind, text))
            gone = new = ""
    return joined + _both(gone, new)


def _both(gone: str, new: str) -> list[Piece]:
    pieces: list[Piece] = [("gone", gone), ("new", new)]
    return [piece for piece in pieces if piece[1]]


def _changes_of_studies(old: Document, new: Document) -> list[Change]:
    olds = {one.uid: one.name for one in old.studies}
    news = {one.uid: one.name for one in new.studies}
    changes = [
        Change("Name of study", olds[uid], name) for uid, name in news.items() if uid in olds
    ]
    return changes + _moved("Study order", list(olds), news)


def _changes_of_series(old: Document, new: Document) -> list[Change]:
    olds, news = _series(old), _series(new)
    changes = [
        Change("Series taken out", one.name, "") for pair, one in olds.items() if pair not in news
    ]
    for pair, one in news.items():
        if pair in olds:
            changes.append(Change("Name of series", olds[pair].name, one.name))
        else:
            changes.append(Change("Series added", "", one.name))
    for study in new.studies:
        before = [uid for study_uid, uid in olds if study_uid == study.uid]
        after = {one.uid: one.name for one in study.series}
        changes += _moved("Series order", before, after)
    return changes


def _moved(what: str, before: Sequence[str], after: Mapping[str, str]) -> list[Change]:
    """Tell which of those in both places moved, and from where to where; `after` has names."""
    olds = [uid for uid in before if uid in after]
    known = set(olds)
    news = [uid for uid in after if uid in known]
    stayed = {olds[x] for x, _ in kept_pairs(olds, news, MOST_EDITS)}
    return [
        Change(what, f"{after[uid]}: {olds.index(uid) + 1}", f"{after[uid]}: {place}")
        for place, uid in enumerate(news, 1)
        if uid not in stayed
    ]


def _with_names(document: Document) -> Document:
    """Return a document in which everything has a name, for people to read."""
    studies = [
        replace(
            study,
            name=study.name or "A study",
            series=tuple(replace(one, name=one.name or "A series") for one in study.series),
        )
        for study in document.studies
    ]
    return replace(document, studies=tuple(studies))


def _series(document: Document) -> dict[tuple[str, str], ShownSeries]:
    return {(study.uid, one.uid): one for study in document.studies for one in study.series}


def _sections(names: Sequence[str]) -> str:
    return ", ".join(name for name in SECTIONS if name in names)


def _download(document: Document) -> str:
    return "Readers may download the files" if document.downloadable else "Not open to readers"


def _start(start: StartState, document: Document) -> str:
    names = {uid: one.name for (_, uid), one in _series(document).items()}
    said = [names.get(start.series, "")] if start.series else []
    said += [] if start.frame is None else [f"image {start.frame}"]
    said += [] if start.window is None else [f"window {start.window[1]:g}, {start.window[0]:g}"]
    said += [] if start.zoom is None else [f"zoom {start.zoom:g}"]
    return ", ".join(said) or "The viewer's own choice"
