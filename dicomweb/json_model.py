"""Encodes a data set that came as DICOM JSON, as Explicit VR Little Endian.

Standard: PS3.18 F.2 (DICOM JSON model), PS3.5 7.1.2 (explicit VR), 6.2 (value representations).
Invariants: elements come out in ascending order, with text in UTF-8 that says so; group lengths and
the groups of commands and of file meta information are left out, and so are private attributes
whose value is bulk data. Anything that is not of the model is a `Malformed` without a text.
Not here: reading JSON or XML (`dicomweb.metadata_parts`), judging the values (`deid`).
"""

import math
import re
import struct
from base64 import b64decode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from pydicom.valuerep import format_number_as_ds

__all__ = ["UNDEFINED", "Malformed", "Slot", "bulk_data_uris", "elements", "header", "padding"]

MAX_DEPTH: Final = 64
UNDEFINED: Final = 0xFFFFFFFF

_TAG: Final = re.compile(r"[0-9A-Fa-f]{8}\Z")
_BINARY: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW", "UN"))
_LONG: Final = _BINARY | {"SQ", "SV", "UC", "UR", "UT", "UV"}
_PADDED: Final = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT")
)
_INTEGERS: Final = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "UV": "Q", "SV": "q"}
_FLOATS: Final = {"FL": "f", "FD": "d"}
_VRS: Final = _LONG | _PADDED | _INTEGERS.keys() | _FLOATS.keys() | {"AT", "UI"}
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_UTF_8: Final = b"ISO_IR 192"
_LONGEST_DECIMAL: Final = 16

Attributes = Mapping[str, Any]


class Malformed(ValueError):
    """It is not of the DICOM JSON model."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A bulk value at top level, which stands in a part of its own."""

    tag: int
    vr: str
    uri: str


def bulk_data_uris(attributes: object) -> tuple[Counter[str], Counter[str]]:
    """Return how often each BulkDataURI stands in a data set: at top level, and in sequences.

    Raises:
        Malformed: it is no data set.
    """
    top, inside = Counter[str](), Counter[str]()
    waiting = [(attributes, 0)]
    while waiting:
        data_set, depth = waiting.pop()
        for _, vr, attribute in _checked(data_set, depth):
            if "BulkDataURI" in attribute:
                (inside if depth else top)[_uri(vr, attribute)] += 1
            elif vr == "SQ":
                waiting += [({} if x is None else x, depth + 1) for x in _values(attribute)]
    return top, inside


def elements(attributes: Attributes, bulk_data: Mapping[str, bytes]) -> Iterator[bytes | Slot]:
    """Yield the encoded data set, with a slot for each bulk value at top level.

    Args:
        attributes: the data set.
        bulk_data: the values inside of sequences by the BulkDataURI that stands for them.

    Raises:
        Malformed: something in it is not of the model, or a value inside of a sequence is missing.
    """
    said = False
    for tag, vr, attribute in _checked(attributes, 0):
        if not said and tag >= _SPECIFIC_CHARACTER_SET:
            yield _element(_SPECIFIC_CHARACTER_SET, "CS", _UTF_8)
            said = True
        if tag == _SPECIFIC_CHARACTER_SET:
            continue
        if "BulkDataURI" not in attribute:
            yield _element(tag, vr, _value(vr, attribute, bulk_data, 0))
            continue
        yield Slot(tag, vr, _uri(vr, attribute))


def header(tag: int, vr: str, length: int) -> bytes:
    """Return what precedes a value of this length.

    Raises:
        Malformed: a value of this representation cannot be so long.
    """
    group, element = tag >> 16, tag & 0xFFFF
    if vr in _LONG:
        if length > UNDEFINED:
            raise Malformed
        return struct.pack("<HH2sHL", group, element, vr.encode(), 0, length)
    if length > 0xFFFE:
        raise Malformed
    return struct.pack("<HH2sH", group, element, vr.encode(), length)


def _checked(data_set: object, depth: int) -> list[tuple[int, str, Mapping[str, Any]]]:
    """Return tag, value representation and members of each attribute, in ascending order."""
    if not isinstance(data_set, dict) or depth > MAX_DEPTH:
        raise Malformed
    found: list[tuple[int, str, Mapping[str, Any]]] = []
    for name, attribute in data_set.items():
        if not isinstance(attribute, dict) or not _TAG.match(name):
            raise Malformed
        tag, vr = int(name, 16), attribute.get("vr")
        if tag >> 16 in (0x0000, 0x0002) or not tag & 0xFFFF:
            continue
        if tag >> 16 & 1 and "BulkDataURI" in attribute:
            # The profile removes private attributes, so nobody need wait for their values.
            continue
        if tag >> 16 == 0xFFFE or not isinstance(vr, str) or vr not in _VRS:
            raise Malformed
        found.append((tag, vr, attribute))
    found.sort(key=lambda entry: entry[0])
    if any(a[0] == b[0] for a, b in pairwise(found)):
        raise Malformed
    return found


def _uri(vr: str, attribute: Mapping[str, Any]) -> str:
    uri = attribute["BulkDataURI"]
    if not isinstance(uri, str) or not uri or vr == "SQ":
        raise Malformed
    return uri


def _values(attribute: Mapping[str, Any]) -> list[Any]:
    values = attribute.get("Value")
    if values is None:
        return []
    if not isinstance(values, list):
        raise Malformed
    return values


def _element(tag: int, vr: str, value: bytes) -> bytes:
    pad = padding(vr) * (len(value) % 2)
    return header(tag, vr, len(value) + len(pad)) + value + pad


def padding(vr: str) -> bytes:
    """Return what makes the length of a value even."""
    return b" " if vr in _PADDED else b"\0"


def _value(vr: str, attribute: Mapping[str, Any], bulk: Mapping[str, bytes], depth: int) -> bytes:
    if "InlineBinary" in attribute:
        return _inline(vr, attribute["InlineBinary"])
    values = _values(attribute)
    if vr == "SQ":
        return b"".join(_item(item, bulk, depth + 1) for item in values)
    if not values:
        return b""
    try:
        if vr in _INTEGERS:
            return b"".join(struct.pack("<" + _INTEGERS[vr], _integer(v)) for v in values)
        if vr in _FLOATS:
            return b"".join(struct.pack("<" + _FLOATS[vr], _float(v)) for v in values)
        if vr == "AT":
            return b"".join(struct.pack("<HH", *_halves(v)) for v in values)
        if vr in _BINARY:
            raise Malformed
        return "\\".join("" if v is None else _text(vr, v) for v in values).encode()
    except (ValueError, OverflowError, struct.error, UnicodeError):
        raise Malformed from None


def _item(item: object, bulk: Mapping[str, bytes], depth: int) -> bytes:
    content = []
    for tag, vr, attribute in _checked({} if item is None else item, depth):
        if tag == _SPECIFIC_CHARACTER_SET:
            continue
        if "BulkDataURI" in attribute:
            value = bulk.get(_uri(vr, attribute))
            if value is None:
                raise Malformed
        else:
            value = _value(vr, attribute, bulk, depth)
        content.append(_element(tag, vr, value))
    encoded = b"".join(content)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(encoded)) + encoded


def _inline(vr: str, text: object) -> bytes:
    if vr == "SQ" or not isinstance(text, str):
        raise Malformed
    try:
        # Lines may be broken, as MIME has them; anything else that is no Base64 is not passed over.
        return b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise Malformed from None


def _integer(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Malformed
    number = int(value)
    if isinstance(value, float) and number != value:
        raise Malformed
    return number


def _float(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Malformed
    number = float(value)
    if not math.isfinite(number):
        raise Malformed
    return number


def _halves(value: object) -> tuple[int, int]:
    if not isinstance(value, str) or not _TAG.match(value):
        raise Malformed
    return int(value[:4], 16), int(value[4:], 16)


def _text(vr: str, value: object) -> str:
    if vr == "PN" and isinstance(value, dict):
        groups = [value.get(group) or "" for group in _GROUPS]
        if not all(isinstance(group, str) for group in groups):
            raise Malformed
        return "=".join(groups).rstrip("=")
    if isinstance(value, str):
        return value
    if vr == "IS":
        return str(_integer(value))
    if vr != "DS":
        raise Malformed
    number = value if isinstance(value, int) and not isinstance(value, bool) else _float(value)
    text = repr(number)
    return text if len(text) <= _LONGEST_DECIMAL else format_number_as_ds(float(number))
