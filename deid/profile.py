"""Loads the profile: what the tables say of each attribute, and its type in each SOP class.

Standard: PS3.15 E.1 (actions), PS3.5 7.4 (types of data elements).

Invariants: the profile is data; its hash is that of the file's bytes and names the exact rules,
vocabulary and an operator's changes included. Changes can state other literals and make rows
stricter; nothing can make a row looser.

Not here: the decision for one element (``deid.rules``), making the file (``generate_profile``).
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

from deid.dictionary import is_known, keyword_of, vr_of
from deid.errors import ProfileError

_EXACT: Final = re.compile("[0-9A-F]{8}")
_STRICTNESS: Final = {"dummy": 1, "empty": 2, "remove": 3}
_LONGEST: Final = {"SH": 16, "AE": 16, "CS": 16}
_LITERAL: Final = re.compile("[ -\\[\\]-~]*")
# Without these an object cannot be told from others, or not be read.
STRUCTURAL: Final = frozenset(
    (
        *(0x00080005, 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00280002, 0x00280004),
        *(0x00280006, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102),
        *(0x00280103, 0x7FE00001, 0x7FE00002, 0x7FE00008, 0x7FE00009, 0x7FE00010),
        *(0x00120062, 0x00120063, 0x00120064, 0x00280303),
    )
)


@dataclass(frozen=True)
class Row:
    """One attribute of the two tables.

    Attributes:
        basic: the action code of Table E.1-1, empty when it is not listed there.
        library: the rule of the DICOM Library table, empty when it is not listed there.
        dates: whether shifted dates are an option, so that dates shift and times stay.
        descriptors: whether cleaning the text is an option.
        content: a sequence whose leaves all have a row or a rule of their own.
        own: what the operator asks for instead: "dummy", "empty" or "remove".
    """

    tag: int
    vr: str
    basic: str
    library: str
    value: str
    dates: bool
    descriptors: bool
    content: bool = False
    own: str = ""


@dataclass(frozen=True)
class Types:
    """The types of the profile's attributes in one SOP class.

    Attributes:
        of: (parent sequence, 0 at top level; tag) to 1 or 2; what is not there is Type 3.
        required: the attributes at top level that must be present even when they are empty.
    """

    of: dict[tuple[int, int], int]
    required: frozenset[int]


@dataclass(frozen=True)
class Held:
    """What must be looked at by a person (rule 8): values of the header and SOP Class UIDs."""

    modalities: frozenset[bytes]
    conversion_types: frozenset[bytes]
    secondary_capture: frozenset[str]
    documents: frozenset[str]
    video: frozenset[str]


@dataclass(frozen=True, eq=False)
class Profile:
    """The whole profile.

    Attributes:
        technical: unlisted text that is a setting of the device or a label by its definition.
        terms: whole values of such text that stay whoever is called like a word of them.
        schemes: coding schemes whose codes mean the same to everybody.
        identifying, ages: codes of concepts that say who somebody is, and how old.
        sop_classes: private ones that the operator knows, so that their UIDs are structure, too.
    """

    name: str
    version: str
    sha256: str
    implementation_class_uid: str
    codes: tuple[str, ...]
    units: tuple[str, ...]
    rows: dict[int, Row]
    vocabulary: frozenset[bytes]
    technical: frozenset[int]
    terms: frozenset[bytes]
    schemes: frozenset[bytes]
    identifying: frozenset[bytes]
    ages: frozenset[bytes]
    held: Held
    _document: dict[str, Any] = field(repr=False)
    sop_classes: frozenset[str] = frozenset()

    @cached_property
    def literals(self) -> dict[int, str]:
        """The values that the DICOM Library table states."""
        return {row.tag: row.value for row in self.rows.values() if row.library == "value"}

    def taking(self, sop_classes: Iterable[str]) -> "Profile":
        """Return the profile with private SOP classes that are taken beside the standard's."""
        return replace(self, sop_classes=frozenset(sop_classes)) if sop_classes else self

    def changed(self, literals: Mapping[int, str], stricter: Mapping[int, str]) -> "Profile":
        """Return the profile with an operator's changes.

        Args:
            literals: other values for the tags that have a literal.
            stricter: tags and what is to become of them: "dummy", "empty" or "remove".

        Raises:
            ProfileError: a literal is none or is not valid, or a row would become looser.
        """
        if not literals and not stricter:
            return self
        rows = dict(self.rows)
        for tag, value in literals.items():
            rows[tag] = replace(self._literal_row(tag, value), value=value)
        for tag, wish in stricter.items():
            rows[tag] = self._stricter_row(tag, wish)
        changes = [sorted(literals.items()), sorted(stricter.items())]
        named = self.sha256 + json.dumps(changes, separators=(",", ":"))
        sha256 = hashlib.sha256(named.encode()).hexdigest()
        return replace(self, version=f"{self.version}+local", sha256=sha256, rows=rows)

    def _literal_row(self, tag: int, value: str) -> Row:
        row = self.rows.get(tag)
        if row is None or row.library != "value":
            raise ProfileError(f"{keyword_of(tag)} has no literal value.")
        if len(value) > _LONGEST.get(row.vr, 64) or not _LITERAL.fullmatch(value):
            raise ProfileError(f"The literal of {keyword_of(tag)} is not valid for its VR.")
        return row

    def _stricter_row(self, tag: int, wish: str) -> Row:
        if wish not in _STRICTNESS:
            raise ProfileError('A stricter row says "dummy", "empty" or "remove".')
        if not is_known(tag) or tag in STRUCTURAL:
            raise ProfileError(f"{keyword_of(tag)} cannot have a stricter row.")
        row = self.rows.get(tag) or Row(tag, vr_of(tag), "", "", "", dates=False, descriptors=False)
        if row.library in ("value", "unique", "modified"):
            raise ProfileError(f"{keyword_of(tag)} is always replaced, nothing is stricter.")
        now = {"empty": 2, "removed": 3}.get(row.library, 0)
        now = max(now, {"D": 1, "Z": 2, "X": 3}.get(row.basic[:1], 0))
        if _STRICTNESS[wish] < now:
            raise ProfileError(f"The row of {keyword_of(tag)} cannot become looser.")
        return replace(row, own=wish)

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
    words = (folder / "vocabulary.txt").read_bytes().split()
    return profile_of((folder / "profile.json").read_bytes(), frozenset(words))


def profile_of(raw: bytes, vocabulary: frozenset[bytes]) -> Profile:
    """Read a profile from the bytes of its file, and the safe words."""
    document = json.loads(raw)
    return Profile(
        name=document["name"],
        version=document["version"],
        sha256=hashlib.sha256(raw).hexdigest(),
        implementation_class_uid=document["implementation_class_uid"],
        codes=tuple(document["codes"]),
        units=tuple(document["units"]),
        rows={int(r["tag"], 16): _row(r) for r in document["rows"] if _EXACT.fullmatch(r["tag"])},
        vocabulary=vocabulary,
        technical=frozenset(int(tag, 16) for tag in document["technical"]),
        terms=_codes(document["terms"]),
        schemes=_codes(document["schemes"]),
        identifying=_codes(document["concepts"]["identifying"]),
        ages=_codes(document["concepts"]["age"]),
        held=Held(
            modalities=_codes(document["held"]["modalities"]),
            conversion_types=_codes(document["held"]["conversion_types"]),
            secondary_capture=frozenset(document["held"]["secondary_capture"]),
            documents=frozenset(document["held"]["documents"]),
            video=frozenset(document["held"]["video"]),
        ),
        _document=document,
    )


def _codes(values: list[str]) -> frozenset[bytes]:
    return frozenset(value.encode() for value in values)


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
        content=row.get("content", False),
    )
