"""Identifiers of queries and retrievals: small data sets, read and written without a trace.

pydicom would warn about odd values by quoting them; what is asked may hold an identity.

Standard: PS3.5 7.1 (data elements), 7.5 (sequences), 6.1 (character sets); PS3.18 Annex F (the
model of what is written).
Invariants: no error tells a value; reading takes time and memory in proportion to the bytes, which
are bounded; what is written is in UTF-8 (ISO_IR 192).
Not here: what the keys mean (`dimse.query`, `dimse.fetching`).
"""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydicom.charset import decode_bytes, python_encoding
from pydicom.datadict import dictionary_VR
from pydicom.uid import UID

from dimse.exchange import Exchange
from dimse.query_statuses import IDENTIFIER_DAMAGED, IDENTIFIER_TOO_LONG, NO_IDENTIFIER
from dimse.statuses import Status

__all__ = [
    "BINARY",
    "Element",
    "Identifier",
    "Unfit",
    "Writer",
    "read_identifier",
    "vr_of",
]

LONGEST: Final = 64 * 1024
DEEPEST: Final = 8

_CHARACTER_SET: Final = 0x00080005
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF
_NUMBERS: Final = {
    **{"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q"},
    **{"FL": "f", "FD": "d"},
}
BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_LONG: Final = BINARY | {"SQ", "SV", "UC", "UR", "UT", "UV"}
_VRS: Final = _LONG | {
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT"),
    *("PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
}
_OTHER_CHARACTERS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT", "UN"})
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_LONGEST_SHORT: Final = 0xFFFE
_ESCAPE: Final = b"\x1b"
_DELIMITERS: Final = {ord(sign) for sign in "\\^=\r\n\t\f"}


class Unfit(Exception):
    """The request cannot be served; says with what to answer.

    Attributes:
        status: the answer.
        tag: of the element that is in the way, None when it is none or all.
    """

    def __init__(self, status: Status, tag: int | None = None) -> None:
        super().__init__(status.comment)
        self.status = status
        self.tag = tag


@dataclass(frozen=True)
class Element:
    """An element of an identifier.

    Attributes:
        vr: as written, or that of the dictionary.
        value: as text, without padding; several values have backslashes between.
        items: those of a sequence.
    """

    vr: str
    value: str = ""
    items: tuple["Identifier", ...] = ()


Identifier = Mapping[int, Element]
"""Elements by tag."""


def read_identifier(exchange: Exchange) -> Identifier:
    """Read the identifier of a request.

    Raises:
        Unfit: there is none, or it is damaged or too long.
    """
    if not exchange.request.has_data_set:
        raise Unfit(NO_IDENTIFIER)
    data = bytearray()
    for fragment in exchange.data_set():
        if len(data) + len(fragment) > LONGEST:
            raise Unfit(IDENTIFIER_TOO_LONG)
        data += fragment
    return decoded(bytes(data), exchange.transfer_syntax)


def decoded(data: bytes, transfer_syntax: str, longest: int = LONGEST) -> Identifier:
    """Read an encoded data set.

    Args:
        data: its bytes.
        transfer_syntax: in which it is encoded.
        longest: how many bytes a deflated one may have when it is inflated.

    Raises:
        Unfit: it is damaged or too long.
    """
    syntax = UID(transfer_syntax)
    try:
        if syntax.is_deflated:
            inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            data = inflate.decompress(data, longest + 1)
            if len(data) > longest:
                raise Unfit(IDENTIFIER_TOO_LONG)
        reader = _Reader(data, is_implicit=syntax.is_implicit_VR, little=syntax.is_little_endian)
        return reader.data_set(0, len(data), [], 0)[0]
    except (_Damaged, struct.error, zlib.error):
        raise Unfit(IDENTIFIER_DAMAGED) from None


def vr_of(tag: int) -> str:
    """The VR of the dictionary; UN when it has none."""
    if tag & 0xFFFF == 0:
        return "UL"
    try:
        # Of several ("US or SS") the first.
        return dictionary_VR(tag).partition(" ")[0]
    except KeyError:
        return "UN"


class _Damaged(Exception):
    """The bytes are no data set."""


@dataclass
class _Reader:
    """Reads encoded elements."""

    data: bytes
    is_implicit: bool
    little: bool
    _order: str = field(init=False)

    def __post_init__(self) -> None:
        self._order = "<" if self.little else ">"

    def data_set(
        self, at: int, end: int, characters: Sequence[str], depth: int
    ) -> tuple[Identifier, int]:
        """Read elements to the end, or to the delimiter of an item; returns where that was."""
        if depth > DEEPEST:
            raise _Damaged
        found: dict[int, Element] = {}
        while at < end:
            tag, vr, at, length = self._header(at)
            if tag == _ITEM_END:
                break
            if tag >> 16 == 0xFFFE:
                raise _Damaged
            if vr == "SQ" or (length == _UNDEFINED and vr == "UN"):
                items, at = self._items(at, end, length, characters, depth)
                found[tag] = Element("SQ", items=items)
                continue
            if length > end - at:
                raise _Damaged
            value = self.data[at : at + length]
            at += length
            if tag == _CHARACTER_SET:
                characters = _characters(value)
            found[tag] = Element(vr, self._text(vr, value, characters))
        return found, at

    def _header(self, at: int) -> tuple[int, str, int, int]:
        group, element = struct.unpack_from(self._order + "HH", self.data, at)
        tag = group << 16 | element
        if self.is_implicit or group == 0xFFFE:
            (length,) = struct.unpack_from(self._order + "L", self.data, at + 4)
            return tag, vr_of(tag), at + 8, length
        vr = self.data[at + 4 : at + 6].decode("latin-1")
        if vr not in _VRS:
            raise _Damaged
        if vr in _LONG:
            (length,) = struct.unpack_from(self._order + "L", self.data, at + 8)
            return tag, vr, at + 12, length
        (length,) = struct.unpack_from(self._order + "H", self.data, at + 6)
        return tag, vr, at + 8, length

    def _items(
        self, at: int, end: int, length: int, characters: Sequence[str], depth: int
    ) -> tuple[tuple[Identifier, ...], int]:
        if length != _UNDEFINED:
            if length > end - at:
                raise _Damaged
            end = at + length
        items = []
        while at < end:
            tag, _, at, size = self._header(at)
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM or (size != _UNDEFINED and size > end - at):
                raise _Damaged
            until = end if size == _UNDEFINED else at + size
            item, at = self.data_set(at, until, characters, depth + 1)
            items.append(item)
        return tuple(items), at

    def _text(self, vr: str, value: bytes, characters: Sequence[str]) -> str:
        if vr in _NUMBERS:
            width = struct.calcsize(_NUMBERS[vr])
            form = f"{self._order}{len(value) // width}{_NUMBERS[vr]}"
            return "\\".join(map(str, struct.unpack_from(form, value)))
        if vr == "AT":
            pairs = struct.unpack_from(f"{self._order}{len(value) // 4 * 2}H", value)
            tags = zip(pairs[::2], pairs[1::2], strict=True)
            return "\\".join(f"{group:04X}{element:04X}" for group, element in tags)
        if vr in BINARY and vr != "UN":
            return "?" if value else ""
        text = _in_characters(value, characters if vr in _OTHER_CHARACTERS else ())
        if vr in ("LT", "ST", "UT"):
            return text.rstrip(" \0")
        return "\\".join(part.strip(" \0") for part in text.split("\\"))


def _characters(value: bytes) -> list[str]:
    """The names, as Python knows them, of the character sets that an identifier says it is in."""
    names = [name.strip() for name in value.decode("latin-1").strip(" \0").split("\\")]
    return [python_encoding.get(name, "utf-8") for name in names]


def _in_characters(value: bytes, characters: Sequence[str]) -> str:
    try:
        if characters and _ESCAPE in value:
            # The set changes within the text (PS3.5 6.1.2.5).
            return decode_bytes(value, characters, _DELIMITERS)
        return value.decode(characters[0] if characters else "utf-8")
    except (UnicodeDecodeError, LookupError):
        # Some say nothing of their character set, and it is seldom another than this one.
        return value.decode("latin-1")


class Writer:
    """Writes results, which are in the DICOM JSON model, as data sets.

    Args:
        transfer_syntax: in which.
    """

    def __init__(self, transfer_syntax: str) -> None:
        syntax = UID(transfer_syntax)
        self._is_implicit = syntax.is_implicit_VR
        self._is_deflated = syntax.is_deflated
        self._order = "<" if syntax.is_little_endian else ">"

    def data_set(self, attributes: Mapping[str, Any]) -> bytes:
        """Encode a data set; `attributes` are those of the JSON model, in any order."""
        marked = {**attributes, "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]}}
        return self._finished(self._elements(marked))

    def uids(self, tag: int, uids: Sequence[str]) -> bytes:
        """Encode a data set that holds a list of UIDs alone, of which it has as many as it can."""
        room = _LONGEST_SHORT
        fitting = []
        for uid in uids:
            room -= len(uid) + 1
            if room < 0:
                break
            fitting.append(uid)
        return self._finished(self._element(tag, "UI", fitting))

    def _finished(self, data: bytes) -> bytes:
        if not self._is_deflated:
            return data
        deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = deflate.compress(data) + deflate.flush()
        return data + b"\0" if len(data) % 2 else data

    def _elements(self, attributes: Mapping[str, Any]) -> bytes:
        return b"".join(
            self._element(int(name, 16), attribute["vr"], attribute.get("Value") or ())
            for name, attribute in sorted(attributes.items())
        )

    def _element(self, tag: int, vr: str, values: Sequence[Any]) -> bytes:
        value = b"" if vr in BINARY else self._value(vr, values)
        head = struct.pack(self._order + "HH", tag >> 16, tag & 0xFFFF)
        if self._is_implicit:
            return head + struct.pack(self._order + "L", len(value)) + value
        if vr in _LONG:
            return head + vr.encode() + struct.pack(self._order + "HL", 0, len(value)) + value
        if len(value) > _LONGEST_SHORT:
            # What does not fit its VR is left out of a result, not the result.
            value = b""
        return head + vr.encode() + struct.pack(self._order + "H", len(value)) + value

    def _value(self, vr: str, values: Sequence[Any]) -> bytes:
        if vr == "SQ":
            return b"".join(self._item(item or {}) for item in values)
        if vr in _NUMBERS:
            return b"".join(self._number(vr, value) for value in values if value is not None)
        if vr == "AT":
            pairs = (divmod(int(str(value), 16), 1 << 16) for value in values if value)
            return b"".join(struct.pack(self._order + "HH", *pair) for pair in pairs)
        encoded = "\\".join(_written(vr, value) for value in values).encode("utf-8", "replace")
        return encoded + (b"\0" if vr == "UI" else b" ") if len(encoded) % 2 else encoded

    def _item(self, item: Mapping[str, Any]) -> bytes:
        data = self._elements(item)
        head = struct.pack(self._order + "HHL", _ITEM >> 16, _ITEM & 0xFFFF, len(data))
        return head + data

    def _number(self, vr: str, value: object) -> bytes:
        form = _NUMBERS[vr]
        try:
            number = float(str(value)) if form in "fd" else int(str(value))
            return struct.pack(self._order + form, number)
        except (ValueError, OverflowError, struct.error):
            return b""


def _written(vr: str, value: object) -> str:
    """One value as text."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return "=".join(str(value.get(group, "")) for group in _NAME_GROUPS).rstrip("=")
    if vr == "DS" and isinstance(value, float):
        return _decimal(value)
    return str(value)


def _decimal(number: float) -> str:
    """A decimal string of 16 characters at most (PS3.5 6.2)."""
    text = repr(number)
    digits = 15
    while len(text) > 16:
        text = f"{number:.{digits}g}"
        digits -= 1
    return text
