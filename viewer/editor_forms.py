"""What is typed into the editor of a case, and what it means.

    case ──of──> Typed ──after──> Typed (a series moved, a study added; nothing is saved)
    form ──read─┘     └─document──> cases.document.Document

Invariants: whatever was typed is in `Typed`, also what cannot be saved, so that the page can be
drawn again without losing any of it.
Not here: saving (`cases.cases`), what each series is called by itself (`viewer.editor_studies`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from types import MappingProxyType
from typing import Final, TypeVar

from werkzeug.datastructures import MultiDict

from cases.document import SECTIONS, Document, ShownSeries, ShownStudy, StartState
from cases.errors import InvalidText
from cases.working import Case
from viewer.view_links import renumbered

__all__ = ["START_FIELDS", "Typed", "TypedSeries", "TypedStudy"]

START_FIELDS: Final = ("series", "frame", "center", "width", "zoom")
MOST_FRAMES: Final = 1_000_000
_Row = TypeVar("_Row", "TypedStudy", "TypedSeries")


@dataclass(frozen=True)
class TypedSeries:
    """A series of a study in the editor; `name` is empty for its default."""

    uid: str
    name: str = ""
    show: bool = True


@dataclass(frozen=True)
class TypedStudy:
    """A study in the editor, with its series in the author's order."""

    uid: str
    name: str = ""
    series: tuple[TypedSeries, ...] = ()


@dataclass(frozen=True)
class Typed:
    """Everything that is in the fields of the editor, as text.

    Attributes:
        saved: of the case that the author began with.
        texts: by name of the section.
        closed: names of sections.
        tags: separated by commas.
        authors: one a line.
        readers: "public" or "private".
        start: by name, of `START_FIELDS`.
    """

    saved: int
    title: str
    modality: str
    body_part: str
    texts: Mapping[str, str]
    closed: frozenset[str] = frozenset()
    tags: str = ""
    authors: str = ""
    licence: str = ""
    downloadable: bool = False
    readers: str = "public"
    studies: tuple[TypedStudy, ...] = ()
    start: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def of(cls, case: Case) -> "Typed":
        """The fields with what a case has."""
        document, start = case.document, case.document.start
        center, width = start.window or ("", "")
        shown = (start.series, start.frame or "", center, width, start.zoom or "")
        return cls(
            saved=case.saved,
            title=case.title,
            modality=case.modality,
            body_part=case.body_part,
            texts={name: getattr(document, name) for name in SECTIONS},
            closed=frozenset(document.closed),
            tags=", ".join(document.tags),
            authors="\n".join(document.authors),
            licence=document.licence,
            downloadable=document.downloadable,
            readers="private" if case.private else "public",
            studies=tuple(
                TypedStudy(one.uid, one.name, tuple(TypedSeries(s.uid, s.name) for s in one.series))
                for one in document.studies
            ),
            start={name: _plain(value) for name, value in zip(START_FIELDS, shown, strict=True)},
        )

    @classmethod
    def read(cls, fields: MultiDict[str, str]) -> "Typed":
        """The fields as a form sent them."""
        return cls(
            saved=fields.get("saved", -1, int),
            title=fields.get("title", ""),
            modality=fields.get("modality", ""),
            body_part=fields.get("body_part", ""),
            # A form sends its lines with the ends that Windows has.
            texts={name: _lines(fields.get(name, "")) for name in SECTIONS},
            closed=frozenset(SECTIONS) & set(fields.getlist("closed")),
            tags=fields.get("tags", ""),
            authors=_lines(fields.get("authors", "")),
            licence=fields.get("licence", ""),
            downloadable="downloadable" in fields,
            readers=fields.get("readers", "public"),
            studies=_studies(fields),
            start={name: fields.get(f"start_{name}", "").strip() for name in START_FIELDS},
        )

    def document(self) -> Document:
        """What is saved of it.

        Raises:
            InvalidText: something is too long, or not what it should be.
        """
        return Document(
            **{name: text.strip() for name, text in self.texts.items()},
            closed=tuple(name for name in SECTIONS if name in self.closed),
            tags=_several(self.tags.split(",")),
            authors=_several(self.authors.splitlines()),
            licence=self.licence,
            downloadable=self.downloadable,
            studies=tuple(
                ShownStudy(
                    study.uid,
                    study.name.strip(),
                    tuple(ShownSeries(s.uid, s.name.strip()) for s in study.series if s.show),
                )
                for study in self.studies
            ),
            start=_start(self.start),
        )

    def after(self, done: str) -> "Typed":
        """The fields after a press of a button that moves, or takes out, a study or a series.

        Args:
            done: "up", "down" or "remove", then the UID of a study, then that of a series, between
                slashes. Anything else changes nothing.
        """
        verb, _, place = done.partition("/")
        study_uid, _, series_uid = place.partition("/")
        if not series_uid:
            return self._showing(_moved(self.studies, verb, study_uid))
        return self._showing(
            tuple(
                replace(one, series=_moved(one.series, verb, series_uid))
                if one.uid == study_uid
                else one
                for one in self.studies
            ),
        )

    def _showing(self, studies: tuple["TypedStudy", ...]) -> "Typed":
        """Return the fields with these studies; links in the texts lead where they led before."""
        before, now = _shown(self.studies), _shown(studies)
        texts = {name: renumbered(text, before, now) for name, text in self.texts.items()}
        return replace(self, studies=studies, texts=texts)

    def with_study(self, uid: str, series: Sequence[str]) -> "Typed":
        """The fields with another study at the end, and these of its series."""
        if not series or any(one.uid == uid for one in self.studies):
            return self
        added = TypedStudy(uid, series=tuple(TypedSeries(one) for one in series))
        return replace(self, studies=(*self.studies, added))


def _shown(studies: Sequence[TypedStudy]) -> list[tuple[str, str]]:
    return [(study.uid, one.uid) for study in studies for one in study.series if one.show]


def _studies(fields: MultiDict[str, str]) -> tuple[TypedStudy, ...]:
    shown = set(fields.getlist("show"))
    series: dict[str, list[TypedSeries]] = {}
    pairs = zip(fields.getlist("series"), fields.getlist("series_name"), strict=False)
    for pair, name in pairs:
        study_uid, _, uid = pair.partition("/")
        series.setdefault(study_uid, []).append(TypedSeries(uid, name, pair in shown))
    named = zip(fields.getlist("study"), fields.getlist("study_name"), strict=False)
    return tuple(TypedStudy(uid, name, tuple(series.get(uid, ()))) for uid, name in named)


def _moved(rows: Sequence[_Row], verb: str, uid: str) -> tuple[_Row, ...]:
    at = next((place for place, one in enumerate(rows) if one.uid == uid), None)
    left = [one for one in rows if one.uid != uid]
    if at is None or verb not in ("up", "down", "remove"):
        return tuple(rows)
    if verb != "remove":
        left.insert(max(0, at - 1) if verb == "up" else at + 1, rows[at])
    return tuple(left)


def _several(typed: Sequence[str]) -> tuple[str, ...]:
    """Without empty ones, and each once."""
    return tuple(dict.fromkeys(one for text in typed if (one := " ".join(text.split()))))


def _start(typed: Mapping[str, str]) -> StartState:
    series = typed.get("series", "")
    if not series:
        return StartState()
    frame, center, width, zoom = (_number(typed.get(name, "")) for name in START_FIELDS[1:])
    if frame is not None and not (frame.is_integer() and 1 <= frame <= MOST_FRAMES):
        raise InvalidText("The image that the viewer opens with is a whole number from 1.")
    if (center is None) != (width is None) or (width is not None and width < 1):
        raise InvalidText("A window has a centre, and a width of at least 1.")
    if zoom is not None and not 0.05 <= zoom <= 50:
        raise InvalidText("The zoom is between 0.05 and 50; 1 fits the image.")
    window = None if center is None or width is None else (center, width)
    return StartState(series, None if frame is None else int(frame), window, zoom)


def _number(typed: str) -> float | None:
    """A number with a point or a comma; None for nothing."""
    try:
        number = float(typed.replace(",", ".").replace("−", "-")) if typed else None
    except ValueError:
        number = float("nan")
    if number is not None and not isfinite(number):
        raise InvalidText("One of the fields of what the viewer opens with is not a number.")
    return number


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
