"""Plants in every row of both tables, as ``deid/profile.json`` has them.

Not here: the places where rows stand (``places``, ``classes``).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR

from tests.deid.build import Element
from tests.deid.planting.encode import Marks, Rows
from tests.deid.planting.key import After, Category, Groups, Path, Plant

# The data alone, so that the corpus can be made without the engine.
PROFILE = FilePath(__file__).parents[3] / "deid" / "profile.json"
ENCAPSULATED_DOCUMENT = 0x00420011
# The identity of the instance itself, which each file has already.
_STRUCTURE = (0x00080018, 0x0020000D, 0x0020000E, 0x00080016)
_TEXT = ("LO", "LT", "SH", "ST", "UC", "UT")
_BINARY = ("OB", "OW", "UN", "OB or OW")


@dataclass(frozen=True)
class Row:
    """One row of the profile."""

    tag: int
    name: str
    vr: str
    basic: str
    library: str
    options: tuple[str, ...]

    @property
    def is_walked(self) -> bool:
        """Whether the items of this sequence stay, cleaned."""
        return not self.library and (self.basic == "D" or self.basic.endswith("U*"))


@cache
def document() -> dict[str, Any]:
    """Return the profile as JSON."""
    found: dict[str, Any] = json.loads(PROFILE.read_bytes())
    return found


@cache
def rows() -> tuple[Row, ...]:
    """Return the rows that name one attribute of the data set, but for the document itself."""
    exact = (r for r in document()["rows"] if len(r["tag"]) == 8 and r["tag"].isalnum())
    found = (_row(r) for r in exact if "x" not in r["tag"] and r["tag"] != "ODDGROUP")
    return tuple(
        row
        for row in found
        if row.tag >> 16 not in (0x0000, 0x0002, 0xFFFC)
        and row.tag not in (*_STRUCTURE, ENCAPSULATED_DOCUMENT)
    )


def _row(row: dict[str, Any]) -> Row:
    tag, name = int(row["tag"], 16), row["name"]
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else _guessed(name)
    texts = row.get("basic", ""), row.get("library", "")
    return Row(tag, name, vr, *texts, tuple(row.get("options", ())))


def _guessed(name: str) -> str:
    """Guess the VR of an attribute that is newer than the dictionary."""
    if name.endswith("Sequence"):
        return "SQ"
    return "DT" if name.endswith("DateTime") else "LO"


def plant_rows(
    chosen: Iterable[Row], prefix: Path, marks: Marks, *, form: str
) -> tuple[Rows, list[Plant]]:
    """Plant in each of some rows below a path."""
    elements: Rows = []
    plants: list[Plant] = []
    for row in chosen:
        element, planted = plant_row(row, prefix, marks, form=form)
        elements.append(element)
        plants += planted
    return elements, plants


def plant_row(row: Row, prefix: Path, marks: Marks, *, form: str) -> tuple[Element, list[Plant]]:
    """Plant in one row: a value, or an item that names somebody."""
    path = (*prefix, row.tag)
    if row.vr == "SQ":
        found = [leaf(tag, vr, (*path, 0), marks, form=form) for tag, vr in _content(row)]
        return (row.tag, "SQ", [[e for e, _ in found]]), [p for _, one in found for p in one]
    element, planted = leaf(row.tag, row.vr, prefix, marks, form=form)
    return element, [_as_row(plant, row) for plant in planted]


def _content(row: Row) -> Iterable[tuple[int, str]]:
    """Choose what to plant in a sequence: leaves of rows where items stay, else a code as well."""
    if row.is_walked or "Reference" in row.name:
        return ((0x0040A123, "PN"), (0x00081155, "UI"), (0x0040A121, "DA"), (0x0040A160, "UT"))
    return ((0x00080100, "SH"), (0x00080104, "LO"), (0x0040A123, "PN"))


def _as_row(plant: Plant, row: Row) -> Plant:
    after = plant.after
    if row.library in ("empty", "removed"):
        after = After.GONE
    elif "descriptors" in row.options and row.vr in _TEXT:
        after = After.CLEANED
    elif row.vr == "AS":
        after = After.ANYTHING
    name = f"{row.vr} {row.name} ({plant.form})"
    groups = plant.planted, plant.mark, plant.shown_by
    return Plant(plant.category, name, plant.path, *groups, after)


def leaf(
    tag: int, vr: str, prefix: Path, marks: Marks, *, form: str
) -> tuple[Element, tuple[Plant, ...]]:
    """Plant in an element of a value representation; TM is written and not planted in."""
    value, mark, shown_by, after = _value(vr, marks)
    written = "OB" if vr == "OB or OW" else vr
    element = (tag, written, value)
    if vr == "TM":
        return element, ()
    form = f"{vr} {form}"
    plant = Plant(Category.ROWS, form, (*prefix, tag), value, mark, shown_by, after)
    return element, (plant,)


def _value(vr: str, marks: Marks) -> tuple[bytes, bytes, Groups, After]:
    number = marks.number()
    if vr == "UI":
        uid = marks.uid()
        return uid, uid, (), After.NEW_UID
    plain = {
        "AS": b"097Y",
        "DS": b"8471.%04d" % (number % 10_000),
        "IS": b"8471%04d" % (number % 10_000),
        "US": b"\x9d\xb3",
    }
    if vr in plain:
        return plain[vr], b"", ((plain[vr].lower(),),), After.GONE
    if vr in ("DA", "DT"):
        day = f"{date(1931, 1, 1) + timedelta(days=number % 9000):%Y%m%d}".encode()
        return day + (b"101112" if vr == "DT" else b""), b"", ((day,),), After.MOVED
    if vr == "TM":
        return b"134711.221933", b"", (), After.ANYTHING
    mark = marks.word()
    text = {
        "CS": mark.upper(),
        "PN": mark + b"^Prudence",
        "UR": b"http://" + mark + b".example/",
        "UT": mark + b" CHEST",
    }
    value = b"\x9d\0" + mark + b"\0" if vr in _BINARY else text.get(vr, mark)
    return value, mark.lower(), (), After.CLEANED if vr == "UT" else After.GONE
