"""The rules of the DICOM JSON model, each as a function that yields what breaks it.

Standard: PS3.18 Annex F, in particular F.2.2 (structure), F.2.3 (value representations),
F.2.4 (multiplicity), F.2.5 (empty values), F.2.6 (BulkDataURI), F.2.7 (InlineBinary).
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

__all__ = ["RULES", "SECTIONS", "walk"]

DataSet = dict[str, Any]
BINARY: Final = frozenset(["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
NUMBERS: Final = frozenset(["FL", "FD", "SL", "SS", "UL", "US"])
WIDE_NUMBERS: Final = frozenset(["SV", "UV", "IS", "DS"])
TEXTS: Final = frozenset(
    ["AE", "AS", "AT", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"]
)
VRS: Final = BINARY | NUMBERS | WIDE_NUMBERS | TEXTS | {"PN", "SQ"}
BULK: Final = BINARY | frozenset(
    ["DS", "FL", "FD", "IS", "LT", "SL", "SS", "ST", "SV", "UC", "UL", "US", "UT", "UV"]
)
_TAG = re.compile(r"[0-9A-F]{8}")
_MEMBERS = {"Value", "BulkDataURI", "InlineBinary"}


def walk(data: DataSet) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield all attributes, those of sequences as well."""
    for tag, attribute in data.items():
        yield tag, attribute
        if isinstance(attribute, dict) and attribute.get("vr") == "SQ":
            for item in attribute.get("Value") or ():
                if isinstance(item, dict):
                    yield from walk(item)


def _values(data: DataSet, vrs: frozenset[str]) -> Iterator[tuple[str, Any]]:
    for tag, attribute in walk(data):
        if attribute.get("vr") in vrs:
            for value in attribute.get("Value") or ():
                if value is not None:
                    yield tag, value


def tags(data: DataSet) -> Iterator[str]:
    """Names of attributes are eight upper-case hexadecimal digits"""
    yield from (tag for tag, _ in walk(data) if not _TAG.fullmatch(tag))


def order(data: DataSet) -> Iterator[str]:
    """Attributes are in ascending order of their tags"""
    if list(data) != sorted(data):
        yield "the data set"
    for tag, attribute in walk(data):
        if attribute.get("vr") == "SQ":
            for item in attribute.get("Value") or ():
                if list(item or ()) != sorted(item or ()):
                    yield f"an item of {tag}"


def vr(data: DataSet) -> Iterator[str]:
    """Every attribute has a vr, one that the standard knows"""
    yield from (tag for tag, attribute in walk(data) if attribute.get("vr") not in VRS)


def members(data: DataSet) -> Iterator[str]:
    """Beside the vr stands at most one of Value, BulkDataURI and InlineBinary, and nothing else"""
    for tag, attribute in walk(data):
        others = set(attribute) - {"vr"}
        if len(others) > 1 or others - _MEMBERS:
            yield tag


def empty(data: DataSet) -> Iterator[str]:
    """An empty attribute has neither Value nor any other member"""
    for tag, attribute in walk(data):
        if (
            attribute.get("Value", ["x"]) in ([], [""], [None], None)
            or attribute.get("InlineBinary", "x") == ""
        ):
            yield tag


def arrays(data: DataSet) -> Iterator[str]:
    """Value is an array"""
    yield from (t for t, a in walk(data) if "Value" in a and not isinstance(a["Value"], list))


def nulls(data: DataSet) -> Iterator[str]:
    """An empty member of several values is null, not an empty text"""
    for tag, attribute in walk(data):
        if attribute.get("vr") != "SQ" and "" in (attribute.get("Value") or ()):
            yield tag


def items(data: DataSet) -> Iterator[str]:
    """Items of sequences are objects, also the empty ones"""
    for tag, attribute in walk(data):
        values = attribute.get("Value") or () if attribute.get("vr") == "SQ" else ()
        if any(not isinstance(item, dict) for item in values):
            yield tag


def names(data: DataSet) -> Iterator[str]:
    """Person names are objects of Alphabetic, Ideographic and Phonetic"""
    groups = {"Alphabetic", "Ideographic", "Phonetic"}
    for tag, value in _values(data, frozenset({"PN"})):
        if not isinstance(value, dict) or set(value) - groups:
            yield tag


def numbers(data: DataSet) -> Iterator[str]:
    """Values of FL, FD, SL, SS, UL and US are numbers"""
    for tag, value in _values(data, NUMBERS):
        # F.2.3 writes what is no number as a text.
        special = value in ("NaN", "inf", "-inf", "Infinity", "-Infinity")
        if not special and (isinstance(value, bool) or not isinstance(value, int | float)):
            yield tag


def wide_numbers(data: DataSet) -> Iterator[str]:
    """Values of IS, DS, SV and UV are numbers, or texts that hold one"""
    for tag, value in _values(data, WIDE_NUMBERS):
        try:
            float(value)
        except (TypeError, ValueError):
            yield tag


def texts(data: DataSet) -> Iterator[str]:
    """Values of the other value representations are texts"""
    yield from (tag for tag, value in _values(data, TEXTS) if not isinstance(value, str))


def attribute_tags(data: DataSet) -> Iterator[str]:
    """Values of AT are eight hexadecimal digits"""
    for tag, value in _values(data, frozenset({"AT"})):
        if not re.fullmatch(r"[0-9A-Fa-f]{8}", str(value)):
            yield tag


def binary(data: DataSet) -> Iterator[str]:
    """Values of bytes are given as InlineBinary or BulkDataURI, never as Value"""
    yield from (t for t, a in walk(data) if a.get("vr") in BINARY and "Value" in a)


def inline(data: DataSet) -> Iterator[str]:
    """InlineBinary is Base64, and only of values of bytes"""
    for tag, attribute in walk(data):
        if "InlineBinary" not in attribute:
            continue
        try:
            base64.b64decode(attribute["InlineBinary"], validate=True)
        except (binascii.Error, ValueError, TypeError):
            yield tag
        if attribute.get("vr") not in BINARY:
            yield tag


def bulk(data: DataSet) -> Iterator[str]:
    """BulkDataURI stands only for value representations that allow it"""
    for tag, attribute in walk(data):
        if "BulkDataURI" in attribute and attribute.get("vr") not in BULK:
            yield tag


def group_lengths(data: DataSet) -> Iterator[str]:
    """There are no group lengths and no file meta information"""
    for tag, _ in walk(data):
        if tag.endswith("0000") or tag.startswith("0002"):
            yield tag


def character_set(data: DataSet) -> Iterator[str]:
    """Specific Character Set, if given, says UTF-8"""
    for tag, attribute in walk(data):
        if tag == "00080005" and attribute.get("Value", ["ISO_IR 192"]) != ["ISO_IR 192"]:
            yield str(attribute["Value"])


RULES: Final[dict[str, Callable[[DataSet], Iterator[str]]]] = {
    "tags": tags,
    "order": order,
    "vr": vr,
    "members": members,
    "empty": empty,
    "arrays": arrays,
    "nulls": nulls,
    "items": items,
    "names": names,
    "numbers": numbers,
    "wide-numbers": wide_numbers,
    "texts": texts,
    "attribute-tags": attribute_tags,
    "binary": binary,
    "inline": inline,
    "bulk": bulk,
    "group-lengths": group_lengths,
    "character-set": character_set,
}
SECTIONS: Final = {
    "tags": "F.2.2",
    "order": "F.2.2",
    "vr": "F.2.2",
    "members": "F.2.2",
    "empty": "F.2.5",
    "arrays": "F.2.4",
    "nulls": "F.2.5",
    "items": "F.2.4",
    "names": "F.2.2",
    "numbers": "F.2.3",
    "wide-numbers": "F.2.3",
    "texts": "F.2.3",
    "attribute-tags": "F.2.3",
    "binary": "F.2.2",
    "inline": "F.2.7",
    "bulk": "F.2.6",
    "group-lengths": "F.2.2",
    "character-set": "F.2.1",
}
