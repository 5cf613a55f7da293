"""Turns sequences that hide in UN into real ones.

Standard: PS3.5 6.2.2 Note (UN of known attributes), CP-246 (content is implicit VR little endian).

Invariants: the result is well-formed in the target encoding, with defined lengths; private and
unknown elements are left out, for nothing would keep them; what does not parse gives None.

Not here: the rules that apply to the result (``deid.rewriter`` walks it like any sequence).
"""

import struct
from typing import Final

from deid.encoding import (
    BINARY,
    IMPLICIT,
    ITEM,
    ITEM_END,
    MAX_DEPTH,
    SEQUENCE_END,
    UNDEFINED,
    VRS,
    Encoding,
    encode_element,
    encode_header,
    header_reader,
)
from deid.errors import DeidError, Malformed, Truncated
from deid.rules import is_deleted

_WIDTH: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_SHORT_LIMIT: Final = 0xFFFE
_READ: Final = header_reader(IMPLICIT)
_ITEM_HEADER: Final = struct.Struct("<HHL")


def to_sequence(buf: bytes, start: int, end: int, enc: Encoding, depth: int) -> bytes | None:
    """Re-write the value of a UN sequence in ``enc``; None when it does not parse."""
    try:
        return _sequence(buf, start, end, enc, depth, undefined=False)[0]
    except (DeidError, struct.error):
        return None


def _sequence(
    buf: bytes, pos: int, end: int, enc: Encoding, depth: int, *, undefined: bool
) -> tuple[bytes, int]:
    """Re-write the items from ``pos`` on; return them and where they end.

    Every byte is looked at once, however deep: an undefined length ends where its delimiter is met.
    """
    if depth > MAX_DEPTH:
        raise Malformed("Sequences are nested too deeply.")
    written: list[bytes] = []
    while pos < end or undefined:
        group, element, length = _ITEM_HEADER.unpack_from(buf, pos)
        tag, pos = group << 16 | element, pos + 8
        if tag == SEQUENCE_END:
            # Some write the delimiter although the length is stated.
            return b"".join(written), pos if undefined else end
        if tag != ITEM:
            raise Malformed("A sequence holds something that is no item.")
        is_open = length == UNDEFINED
        content, pos = _data_set(buf, pos, _stop(pos, length, end), enc, depth, undefined=is_open)
        written += [encode_header(ITEM, "", len(content), enc), content]
    return b"".join(written), pos


def _data_set(
    buf: bytes, pos: int, end: int, enc: Encoding, depth: int, *, undefined: bool
) -> tuple[bytes, int]:
    written: list[bytes] = []
    while pos < end or undefined:
        tag, vr, start, length = _READ(buf, pos, end)
        if not vr:
            if undefined and tag == ITEM_END:
                return b"".join(written), start
            raise Malformed("A delimiter stands where none may be.")
        is_open = length == UNDEFINED
        if vr == "SQ" or (is_open and vr == "UN"):
            stop = _stop(start, length, end)
            value, pos = _sequence(buf, start, stop, enc, depth + 1, undefined=is_open)
            if not is_deleted(tag):
                written += [encode_header(tag, "SQ", len(value), enc), value]
        elif is_open:
            raise Malformed("An element has an undefined length that cannot have one.")
        else:
            pos = _stop(start, length, end)
            if not is_deleted(tag):
                written.append(_element(tag, vr, buf[start:pos], enc))
    return b"".join(written), pos


def _stop(start: int, length: int, end: int) -> int:
    """Return where a value ends, or may end at most."""
    if length == UNDEFINED:
        return end
    if start + length > end:
        raise Truncated("An element is longer than what holds it.")
    return start + length


def _element(tag: int, vr: str, value: bytes, enc: Encoding) -> bytes:
    if not enc.little and vr in BINARY:
        value = _swapped(value, _WIDTH.get(vr, 1))
    if len(value) > _SHORT_LIMIT and not VRS[vr.encode()][1]:
        vr = "UN"  # PS3.5 6.2.2: what does not fit into its VR
    return encode_element(tag, vr, value, enc)


def _swapped(value: bytes, width: int) -> bytes:
    if width == 1 or len(value) % width:
        return value
    swapped = bytearray(len(value))
    for i in range(width):
        swapped[i::width] = value[width - 1 - i :: width]
    return bytes(swapped)
