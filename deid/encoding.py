"""Walks encoded data sets without decoding them, and encodes single elements.

Standard: PS3.5 7.1 (data elements), 7.5 (sequences), 6.2.2 (UN), A (transfer syntaxes).

Invariants: time is linear in the bytes visited and there is no recursion, so hostile nesting costs
nothing; a range that does not parse raises ``Truncated`` or ``Malformed``, never anything else.
``elements`` trusts the caller that the range holds exactly one data set.

Not here: what becomes of an element (``deid.rewriter``), Part 10 framing (``deid.meta``).
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deid.dictionary import vr_of
from deid.errors import Malformed, TransferSyntaxUnsupported, Truncated

IMPLICIT_LITTLE: Final = "1.2.840.10008.1.2"
EXPLICIT_LITTLE: Final = "1.2.840.10008.1.2.1"
EXPLICIT_BIG: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
MAX_DEPTH: Final = 128
_PIXEL_DATA: Final = 0x7FE00010

_LONG: Final = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
_SHORT: Final = (
    *("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT"),
    *("PN", "SH", "SL", "SS", "ST", "TM", "UI", "UL", "US"),
)
# VR as written -> (name, whether the length takes four bytes after two reserved ones)
VRS: Final[dict[bytes, tuple[str, bool]]] = {
    **{vr.encode(): (vr, True) for vr in _LONG},
    **{vr.encode(): (vr, False) for vr in _SHORT},
}
BINARY: Final = frozenset(
    ("AT", "FD", "FL", "OB", "OD", "OF", "OL", "OV", "OW", "SL", "SS", "SV", "UL", "US", "UV")
)


@dataclass(frozen=True, eq=False)
class Encoding:
    """How a data set is written; there are three, each made once."""

    explicit: bool
    little: bool


IMPLICIT: Final = Encoding(explicit=False, little=True)
_LITTLE: Final = Encoding(explicit=True, little=True)
_BIG: Final = Encoding(explicit=True, little=False)

_PLAIN: Final = {
    IMPLICIT_LITTLE: IMPLICIT,
    EXPLICIT_LITTLE: _LITTLE,
    DEFLATED: _LITTLE,
    EXPLICIT_BIG: _BIG,
}
# JPEG, RLE, encapsulated uncompressed, deflated frames: all explicit little endian (PS3.5 A.4).
_COMPRESSED: Final = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.[0-9]{2,3}(?:\.[0-9])?")
_VIDEO: Final = re.compile(r"1\.2\.840\.10008\.1\.2\.4\.10[0-9](?:\.[0-9])?")
_OTHER_COMPRESSED: Final = frozenset(
    ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1")
)
# JPIP: the pixels stay at a URL of the sender, who would learn of every reader.
_REFERENCED: Final = frozenset(
    f"1.2.840.10008.1.2.4.{number}" for number in ("94", "95", "204", "205")
)


def encoding_of(transfer_syntax: str) -> Encoding:
    """Return the encoding of a transfer syntax.

    Raises:
        TransferSyntaxUnsupported: the UID names none that can be walked.
    """
    plain = _PLAIN.get(transfer_syntax)
    if plain is not None:
        return plain
    if not is_encapsulated(transfer_syntax):
        raise TransferSyntaxUnsupported("The transfer syntax is not supported.")
    return _LITTLE


def is_encapsulated(transfer_syntax: str) -> bool:
    """Tell whether pixel data comes in fragments."""
    if transfer_syntax in _OTHER_COMPRESSED:
        return True
    return _COMPRESSED.fullmatch(transfer_syntax) is not None and transfer_syntax not in _REFERENCED


def is_video(transfer_syntax: str) -> bool:
    """Tell whether pixel data is MPEG-2, MPEG-4 or HEVC video (PS3.5 A.4.5 to A.4.8)."""
    return _VIDEO.fullmatch(transfer_syntax) is not None


def elements(buf: bytes, pos: int, end: int, enc: Encoding) -> Iterator[tuple[int, str, int, int]]:
    """Yield ``(tag, vr, value_start, value_end)`` of every element of one data set or item.

    Undefined lengths are resolved and delimiters left out. The VR comes from the dictionary where
    the data set does not state it; UN stays UN for sequences, whose content is implicit VR.

    Raises:
        Truncated: the range ends inside an element.
        Malformed: a VR field is no VR, or an undefined length is not allowed there.
    """
    read = header_reader(enc)
    while pos < end:
        tag, vr, start, length = read(buf, pos, end)
        if not vr:
            raise Malformed("A delimiter stands outside of a sequence.")
        if length == UNDEFINED:
            stop, pos = value_end(buf, start, end, enc, tag, vr)
            yield tag, vr, start, stop
            continue
        pos = start + length
        if pos > end:
            raise Truncated("The data set ends inside an element.")
        if vr == "UN":
            known = vr_of(tag)
            vr = known if known != "SQ" else vr
        yield tag, vr, start, pos


def items(buf: bytes, pos: int, end: int, enc: Encoding) -> Iterator[tuple[int, int]]:
    """Yield the value range of every item of a sequence value.

    Raises:
        Truncated: the range ends inside an item.
        Malformed: something else than items is found.
    """
    header = _ITEM_LITTLE if enc.little else _ITEM_BIG
    while pos < end:
        if end - pos < 8:
            raise Truncated("A sequence ends inside an item header.")
        group, element, length = header.unpack_from(buf, pos)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            return
        if tag != ITEM:
            raise Malformed("A sequence holds something that is no item.")
        start = pos + 8
        if length == UNDEFINED:
            stop, pos = _skip(buf, start, end, enc, ITEM_END)
        else:
            stop = pos = start + length
            if pos > end:
                raise Truncated("A sequence ends inside an item.")
        yield start, stop


_ITEM_LITTLE: Final = struct.Struct("<HHL")
_ITEM_BIG: Final = struct.Struct(">HHL")


class HeaderReader:
    """Reads element headers of one encoding.

    Calling it returns ``(tag, vr, value_start, length)``; items and delimiters get an empty VR.
    """

    __slots__ = ("_explicit", "_long", "_plain", "_short")

    def __init__(self, enc: Encoding) -> None:
        order = "<" if enc.little else ">"
        self._explicit = enc.explicit
        self._plain = struct.Struct(order + "HHL").unpack_from
        self._short = struct.Struct(order + "HH2sH").unpack_from
        self._long = struct.Struct(order + "L").unpack_from

    def __call__(self, buf: bytes, pos: int, end: int) -> tuple[int, str, int, int]:
        """Read the header at ``pos``; nothing at or behind ``end`` is looked at."""
        if end - pos < 8:
            raise Truncated("The data set ends inside an element header.")
        if not self._explicit:
            group, element, length = self._plain(buf, pos)
            tag = group << 16 | element
            return tag, ("" if group == 0xFFFE else vr_of(tag)), pos + 8, length
        group, element, written, length = self._short(buf, pos)
        tag = group << 16 | element
        if group == 0xFFFE:
            return tag, "", pos + 8, self._long(buf, pos + 4)[0]
        found = VRS.get(written)
        if found is None:
            raise Malformed("An element has a value representation that does not exist.")
        vr, long = found
        if not long:
            return tag, vr, pos + 8, length
        if end - pos < 12:
            raise Truncated("The data set ends inside an element header.")
        return tag, vr, pos + 12, self._long(buf, pos + 8)[0]


_READERS: Final = {enc: HeaderReader(enc) for enc in (IMPLICIT, _LITTLE, _BIG)}


def header_reader(enc: Encoding) -> HeaderReader:
    """Return the reader for an encoding."""
    return _READERS[enc]


def value_end(
    buf: bytes, start: int, end: int, enc: Encoding, tag: int, vr: str
) -> tuple[int, int]:
    """Find the end of a value of undefined length: ``(value_end, position behind it)``."""
    if vr == "SQ":
        return _skip(buf, start, end, enc, SEQUENCE_END)
    if vr == "UN" and tag != _PIXEL_DATA:
        # PS3.5 6.2.2: a UN of undefined length is a sequence in implicit VR little endian.
        return _skip(buf, start, end, IMPLICIT, SEQUENCE_END)
    if tag == _PIXEL_DATA and vr in ("OB", "OW", "UN"):
        return _skip_fragments(buf, start, end, enc)
    raise Malformed("An element that is no sequence has an undefined length.")


def _skip_fragments(buf: bytes, pos: int, end: int, enc: Encoding) -> tuple[int, int]:
    header = _ITEM_LITTLE if enc.little else _ITEM_BIG
    while True:
        if end - pos < 8:
            raise Truncated("The data set ends inside encapsulated pixel data.")
        group, element, length = header.unpack_from(buf, pos)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            return pos, pos + 8
        if tag != ITEM or length == UNDEFINED:
            raise Malformed("Encapsulated pixel data holds something that is no fragment.")
        pos += 8 + length


def _skip(buf: bytes, pos: int, end: int, enc: Encoding, until: int) -> tuple[int, int]:
    """Find the delimiter ``until`` of the sequence or item whose content begins at ``pos``.

    Whatever states its length is jumped over; only undefined lengths are entered. The stack holds
    the delimiter to wait for and the encoding outside of a UN sequence.
    """
    stack: list[tuple[int, Encoding]] = []
    waiting, shapes, outer = until, _SHAPES[enc], enc
    while True:
        key = buf[pos : pos + shapes.key_length]
        form, tag, vr = shapes.known.get(key) or shapes.shape_of(key)
        if end - pos < (12 if form == 1 else 8):
            raise Truncated("The data set ends inside an element header.")
        if form == 0:
            start, length = pos + 8, shapes.u16(buf, pos + 6)[0]
        elif form == 1:
            start, length = pos + 12, shapes.u32(buf, pos + 8)[0]
        else:
            start, length = pos + 8, shapes.u32(buf, pos + 4)[0]
        if tag == waiting:
            if not stack:
                return pos, start
            if enc is not outer:
                enc, shapes = outer, _SHAPES[outer]
            waiting, outer = stack.pop()
            pos = start
            continue
        if not vr:
            if tag != ITEM or waiting != SEQUENCE_END:
                raise Malformed("A sequence delimiter is out of place.")
            entered = ITEM_END
        elif waiting != ITEM_END:
            raise Malformed("A sequence holds something that is no item.")
        else:
            entered = SEQUENCE_END
        if length != UNDEFINED:
            pos = start + length
            if pos > end:
                raise Truncated("The data set ends inside an element.")
            continue
        if vr and vr != "SQ" and (vr != "UN" or tag == _PIXEL_DATA):
            _, pos = value_end(buf, start, end, enc, tag, vr)
            continue
        stack.append((waiting, outer))
        waiting, outer, pos = entered, enc, start
        if vr == "UN":
            enc, shapes = IMPLICIT, _SHAPES[IMPLICIT]
        if len(stack) > 2 * MAX_DEPTH:
            raise Malformed("Sequences are nested too deeply.")


class _Shapes:
    """Remembers how the headers of one encoding are read, by their raw bytes."""

    __slots__ = ("_enc", "_tag", "key_length", "known", "u16", "u32")

    def __init__(self, enc: Encoding) -> None:
        order = "<" if enc.little else ">"
        self.known: dict[bytes, tuple[int, int, str]] = {}
        self.key_length = 6 if enc.explicit else 4
        self.u16 = struct.Struct(order + "H").unpack_from
        self.u32 = struct.Struct(order + "L").unpack_from
        self._tag = struct.Struct(order + "HH").unpack_from
        self._enc = enc

    def shape_of(self, key: bytes) -> tuple[int, int, str]:
        """Return form (0: short length, 1: long, 2: no VR), tag, and VR (empty: delimiter)."""
        if len(key) < self.key_length:
            raise Truncated("The data set ends inside an element header.")
        group, element = self._tag(key)
        tag = group << 16 | element
        if group == 0xFFFE:
            shape = (2, tag, "")
        elif self._enc.explicit:
            found = VRS.get(key[4:6])
            if found is None:
                raise Malformed("An element has a value representation that does not exist.")
            shape = (int(found[1]), tag, found[0])
        else:
            shape = (2, tag, vr_of(tag))
        if len(self.known) < _SHAPE_LIMIT:
            self.known[key] = shape
        return shape


# Enough for every tag of PS3.6; the limit is for hostile input.
_SHAPE_LIMIT: Final = 8192
_SHAPES: Final = {enc: _Shapes(enc) for enc in (IMPLICIT, _LITTLE, _BIG)}


def encode_header(tag: int, vr: str, length: int, enc: Encoding) -> bytes:
    """Encode the header of an element (``UNDEFINED`` is allowed as a length)."""
    order = "<" if enc.little else ">"
    group, element = tag >> 16, tag & 0xFFFF
    if not enc.explicit or group == 0xFFFE:
        return struct.pack(order + "HHL", group, element, length)
    if VRS[vr.encode()][1]:
        return struct.pack(order + "HH2sHL", group, element, vr.encode(), 0, length)
    return struct.pack(order + "HH2sH", group, element, vr.encode(), length)


def encode_element(tag: int, vr: str, value: bytes, enc: Encoding) -> bytes:
    """Encode an element, padded to even length as its VR asks (PS3.5 6.2)."""
    if len(value) & 1:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    return encode_header(tag, vr, len(value), enc) + value
