"""Loads the profile: what the tables say of each attribute, and its type in each SOP class.

Standard: PS3.15 E.1 (actions), PS3.5 7.4 (types of data elements).

Invariants: the profile is data; its hash is that of the file's bytes and names the exact rules,
vocabulary included.

Not here: the decision for one element (``deid.rules``), making the file (``generate_profile``).
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

_EXACT: Final = re.compile("[0-9A-F]{8}")


@dataclass(frozen=True)
class Row:
    """One attribute of the two tables.

    Attributes:
        basic: the action code of Table E.1-1, empty when it is not listed there.
        library: the rule of the DICOM Library table, empty when it is not listed there.
        dates: whether shifted dates are an option, so that dates shift and times stay.
        descriptors: whether cleaning the text is an option.
    """

    tag: int
    vr: str
    basic: str
    library: str
    value: str
    dates: bool
    descriptors: bool


@dataclass(frozen=True)
class Types:
    """The types of the profile's attributes in one SOP class.

    Attributes:
        of: (parent sequence, 0 at top level; tag) to 1 or 2; what is not there is Type 3.
        required: the attributes at top level that must be present even when they are empty.
    """

    of: dict[tuple[int, int], int]
    required: frozenset[int]


@dataclass(frozen=True, eq=False)
class Profile:
    """The whole profile."""

    name: str
    version: str
    sha256: str
    implementation_class_uid: str
    codes: tuple[str, ...]
    units: tuple[str, ...]
    rows: dict[int, Row]
    vocabulary: frozenset[bytes]
    _document: dict[str, Any] = field(repr=False)

    @cached_property
    def literals(self) -> dict[int, str]:
        """The values that the DICOM Library table states."""
        return {row.tag: row.value for row in self.rows.values() if row.library == "value"}

    def types_of(self, sop_class_uid: str) -> Types | None:
        """Return the types in a SOP class, None when PS3.3 (as loaded) does not know it."""
        iod = self._document["sop_classes"].get(sop_class_uid)
        if iod is None:
            return None
        of: dict[tuple[int, int], int] = {}
        required: set[int] = set()
        for name in self._document["iods"][iod]:
            for parent, table in self._document["modules"][name.removesuffix("?")].items():
                for tag, kind in table.items():
                    place = (int(parent, 16) if parent else 0, int(tag, 16))
                    of[place] = min(int(kind[0]), of.get(place, 3))
                    if kind == "2!" and not name.endswith("?"):
                        required.add(place[1])
        return Types(of, frozenset(tag for tag in required if of[0, tag] == 2))


@cache
def default_profile() -> Profile:
    """Load the profile that lies beside this module."""
    folder = files("deid")
    raw = (folder / "profile.json").read_bytes()
    document = json.loads(raw)
    words = (folder / "vocabulary.txt").read_bytes().split()
    return Profile(
        name=document["name"],
        version=document["version"],
        sha256=hashlib.sha256(raw).hexdigest(),
        implementation_class_uid=document["implementation_class_uid"],
        codes=tuple(document["codes"]),
        units=tuple(document["units"]),
        rows={int(r["tag"], 16): _row(r) for r in document["rows"] if _EXACT.fullmatch(r["tag"])},
        vocabulary=frozenset(words),
        _document=document,
    )


def _row(row: dict[str, Any]) -> Row:
    options = row.get("options", ())
    return Row(
        tag=int(row["tag"], 16),
        vr=row["vr"],
        basic=row.get("basic", ""),
        library=row.get("library", ""),
        value=row.get("value", ""),
        dates="dates" in options,
        descriptors="descriptors" in options,
    )
