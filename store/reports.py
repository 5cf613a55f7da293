"""Reads structured reports into a tree of names and values, and writes it as plain text.

Standard: PS3.3 A.35 (SR documents), C.17.3 (SR Document Content), C.18 (content item macros),
C.17.2.1 (evidence sequences); PS3.16 for the meanings of codes.
Invariants: an item that makes no sense is shown by what can be read of it, never an error; depth
and number of items are bounded.
Not here: the page of it (`store.report_html`), who asks (`dicomweb.rendered_texts`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any, Final

from deid.values import REMOVED
from store.cells import value_of
from store.headers import Header

__all__ = ["Item", "Reference", "Report", "report_of", "to_text"]

DEEPEST: Final = 40
MOST_ITEMS: Final = 50_000
MOST_COORDINATES: Final = 12
LONGEST_FRAME_LIST: Final = 8

_EVIDENCE: Final = (
    "CurrentRequestedProcedureEvidenceSequence",
    "PertinentOtherEvidenceSequence",
)
_RELATIONS: Final = {
    "INFERRED FROM": "inferred from",
    "SELECTED FROM": "selected from",
    "HAS ACQ CONTEXT": "acquisition",
    "HAS OBS CONTEXT": "context",
}
_SHOWN: Final = {
    "Polyline": "POLYLINE",
    "Points": "MULTIPOINT",
    "Point": "POINT",
    "Circle": "CIRCLE",
    "Ellipse": "ELLIPSE",
    "Polygon": "POLYGON",
    "Ellipsoid": "ELLIPSOID",
}
# What an item without a name is called.
_KINDS: Final = {
    "IMAGE": "Image",
    "COMPOSITE": "Object",
    "WAVEFORM": "Waveform",
    "CONTAINER": "Section",
    "TEXT": "Text",
    "CODE": "Code",
    "NUM": "Measurement",
    "PNAME": "Person",
    "SCOORD": "Region",
    "SCOORD3D": "Region",
    "TCOORD": "Times",
    "DATE": "Date",
    "TIME": "Time",
    "DATETIME": "Time",
    "UIDREF": "UID",
    "TABLE": "Table",
}
_REMOVED: Final = REMOVED.decode()
_SEXES: Final = {"F": "Female", "M": "Male", "O": "Other"}


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance that an item refers to; study and series are empty where they are not told."""

    study: str
    series: str
    instance: str
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A content item.

    Attributes:
        name: what it is.
        value: what it says, as text.
        is_container: it is a heading for others.
        relation: to the item above, where that is not simply to be part of it.
        references: the instances that it refers to.
        items: below it.
    """

    name: str
    value: str
    is_container: bool = False
    relation: str = ""
    references: tuple[Reference, ...] = ()
    items: tuple["Item", ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A document: its title, what is known about it as names and values, and its content."""

    title: str
    facts: tuple[tuple[str, str], ...]
    items: tuple[Item, ...]


def report_of(attributes: Mapping[str, Any]) -> Report:
    """Read a report.

    Args:
        attributes: of the instance, in the DICOM JSON model.
    """
    ds = Header(dict(attributes), lambda _: b"")
    reader = _Reader(_places(ds))
    title = _meaning(ds, "ConceptNameCodeSequence") or "Report"
    if _text(ds, "Modality") == "KO" and title == "Report":
        title = "Key objects"
    return Report(title, tuple(_facts(ds)), reader.items(ds, DEEPEST))


def to_text(report: Report) -> bytes:
    """Return the report as plain text in UTF-8."""
    lines = [report.title, "=" * len(report.title), ""]
    lines += [f"{name}: {value}" for name, value in report.facts]
    lines += ["", *_lines(report.items, 0), ""]
    return "\n".join(lines).encode("utf-8", "replace")


def _lines(items: tuple[Item, ...], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for item in items:
        relation = f" ({item.relation})" if item.relation else ""
        head = f"{indent}{item.name}{relation}"
        if item.is_container:
            yield from ("", head) if depth == 0 else (head,)
        else:
            first, *others = item.value.splitlines() or [""]
            yield f"{head}: {first}" if item.name else f"{indent}{first}"
            yield from (f"{indent}  {line}" for line in others)
        yield from _lines(item.items, depth + 1)


class _Reader:
    def __init__(self, places: Mapping[str, tuple[str, str]]) -> None:
        self._places = places
        self._numbers = count()

    def items(self, ds: Header, depth: int) -> tuple[Item, ...]:
        if depth == 0:
            return (Item("", "…"),) if _sequence(ds, "ContentSequence") else ()
        return tuple(
            self._item(item, depth)
            for item in _sequence(ds, "ContentSequence")
            if next(self._numbers) < MOST_ITEMS
        )

    def _item(self, ds: Header, depth: int) -> Item:
        kind = _text(ds, "ValueType")
        references = tuple(self._references(ds))
        return Item(
            _meaning(ds, "ConceptNameCodeSequence") or _named(kind),
            _value(ds, kind, references),
            kind == "CONTAINER",
            _RELATIONS.get(_text(ds, "RelationshipType"), ""),
            references,
            self.items(ds, depth - 1),
        )

    def _references(self, ds: Header) -> Iterator[Reference]:
        for item in _sequence(ds, "ReferencedSOPSequence"):
            uid = _text(item, "ReferencedSOPInstanceUID")
            study, series = self._places.get(uid, ("", ""))
            frames = _values(item, "ReferencedFrameNumber")
            numbers = [n for n in frames if isinstance(n, int)][:LONGEST_FRAME_LIST]
            for number in numbers or (None,):
                yield Reference(study, series, uid, number)


def _value(ds: Header, kind: str, references: tuple[Reference, ...]) -> str:
    if kind == "NUM":
        return _measurement(ds)
    if kind == "CODE":
        is_there = _sequence(ds, "ConceptCodeSequence")
        return _meaning(ds, "ConceptCodeSequence") or (_REMOVED if is_there else "")
    if kind in ("SCOORD", "SCOORD3D"):
        return _coordinates(ds)
    if kind == "TCOORD":
        times = ("ReferencedTimeOffsets", "ReferencedSamplePositions", "ReferencedDateTime")
        found = ", ".join(str(value) for name in times for value in _values(ds, name))
        return f"{_text(ds, 'TemporalRangeType').capitalize()} {found}".strip()
    if kind == "DATE":
        return _date(_text(ds, "Date"))
    if kind == "TIME":
        return _time(_text(ds, "Time"))
    if kind == "DATETIME":
        text = _text(ds, "DateTime")
        return f"{_date(text[:8])} {_time(text[8:14])}".strip()
    if kind == "PNAME":
        return _text(ds, "PersonName").replace("^", " ").strip()
    if references:
        frames = [str(reference.frame) for reference in references if reference.frame]
        return f"{_named(kind)}, frame {', '.join(frames)}" if frames else _named(kind)
    step = _values(ds, "ReferencedContentItemIdentifier")
    if step:
        return "See item " + ".".join(map(str, step))
    return _text(ds, "TextValue") or _text(ds, "UID")


def _measurement(ds: Header) -> str:
    for item in _sequence(ds, "MeasuredValueSequence")[:1]:
        number = _text(item, "NumericValue")
        units = _sequence(item, "MeasurementUnitsCodeSequence")[:1]
        unit = _text(units[0], "CodeValue") if units else ""
        if unit.startswith("{"):
            unit = unit.strip("{}").replace("_", " ")
        unit = "" if unit in ("0", "1", "0:1", _REMOVED) else unit
        return f"{number}\N{NO-BREAK SPACE}{unit}".strip()
    return _meaning(ds, "NumericValueQualifierCodeSequence")


def _coordinates(ds: Header) -> str:
    kind = _text(ds, "GraphicType")
    name = next((shown for shown, term in _SHOWN.items() if term == kind), "Shape")
    numbers = [str(round(n, 2)) for n in _values(ds, "GraphicData") if isinstance(n, int | float)]
    width = 3 if _text(ds, "ValueType") == "SCOORD3D" else 2
    points = [f"({', '.join(numbers[at : at + width])})" for at in range(0, len(numbers), width)]
    shown = " ".join(points[:MOST_COORDINATES])
    return f"{name}: {shown}{' …' if len(points) > MOST_COORDINATES else ''}"


def _facts(ds: Header) -> Iterator[tuple[str, str]]:
    shifted = (
        " (shifted)" if _text(ds, "LongitudinalTemporalInformationModified") == "MODIFIED" else ""
    )
    study_date = _date(_text(ds, "StudyDate"))
    content_date = _date(_text(ds, "ContentDate"))
    state = [_text(ds, "CompletionFlag"), _text(ds, "VerificationFlag")]
    found = [
        ("Patient", _text(ds, "PatientName").replace("^", " ").strip()),
        ("Patient ID", _text(ds, "PatientID")),
        ("Sex", _SEXES.get(_text(ds, "PatientSex"), "")),
        ("Age", _age(_text(ds, "PatientAge"))),
        ("Study", _text(ds, "StudyDescription")),
        ("Study date", study_date and study_date + shifted),
        ("Series", _text(ds, "SeriesDescription")),
        ("Written", content_date and content_date + shifted),
        ("State", ", ".join(filter(None, state)).capitalize()),
    ]
    return ((name, value) for name, value in found if value)


def _places(ds: Header) -> dict[str, tuple[str, str]]:
    """Return study and series of the instances that the report names as its evidence."""
    found = {}
    for keyword in _EVIDENCE:
        for study in _sequence(ds, keyword):
            for series in _sequence(study, "ReferencedSeriesSequence"):
                for item in _sequence(series, "ReferencedSOPSequence"):
                    found[_text(item, "ReferencedSOPInstanceUID")] = (
                        _text(study, "StudyInstanceUID"),
                        _text(series, "SeriesInstanceUID"),
                    )
    return found


def _named(kind: str) -> str:
    return _KINDS.get(kind, "")


def _meaning(ds: Header, keyword: str) -> str:
    for code in _sequence(ds, keyword)[:1]:
        found = _text(code, "CodeMeaning") or _text(code, "CodeValue")
        return "" if found == _REMOVED else found
    return ""


def _sequence(ds: Header, keyword: str) -> list[Header]:
    found = value_of(ds, keyword)
    return [item for item in found if isinstance(item, Header)] if isinstance(found, list) else []


def _values(ds: Header, keyword: str) -> list[Any]:
    found = value_of(ds, keyword)
    return found if isinstance(found, list) else [] if found is None else [found]


def _text(ds: Header, keyword: str) -> str:
    values = [str(value) for value in _values(ds, keyword) if value is not None]
    text = "\\".join(values).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def _date(text: str) -> str:
    try:
        found = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return text
    return f"{found.day} {found:%B} {found.year}"


def _time(text: str) -> str:
    digits = text[:4]
    return f"{digits[:2]}:{digits[2:]}" if len(digits) == 4 and digits.isdigit() else text


def _age(text: str) -> str:
    units = {"Y": "years", "M": "months", "W": "weeks", "D": "days"}
    if len(text) == 4 and text[:3].isdigit() and text[3] in units:
        return f"{int(text[:3])} {units[text[3]]}"
    return text
