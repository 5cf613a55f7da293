"""Turns sequences that hide in UN into real ones.

Standard: PS3.5 6.2.2 Note (UN of known attributes), CP-246 (content is implicit VR little endian).

Invariants: the result is well-formed in the target encoding, with defined lengths; private and
unknown elements are left out, for nothing would keep them; what does not parse gives None.

Not here: the rules that apply to the result (``deid.rewriter`` walks it like any sequence).
"""

from typing import Final

from deid.encoding import (
    BINARY,
    IMPLICIT,
    ITEM,
    MAX_DEPTH,
    VRS,
    Encoding,
    elements,
    encode_element,
    encode_header,
    items,
)
from deid.errors import DeidError, Malformed
from deid.rules import is_deleted

_WIDTH: Final = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
_SHORT_LIMIT: Final = 0xFFFE


def to_sequence(buf: bytes, start: int, end: int, enc: Encoding, depth: int) -> bytes | None:
    """Re-write the value of a UN sequence in ``enc``; None when it does not parse."""
    try:
        return _sequence(buf, start, end, enc, depth)
    except DeidError:
        return None


def _sequence(buf: bytes, start: int, end: int, enc: Encoding, depth: int) -> bytes:
    if depth > MAX_DEPTH:
        raise Malformed("Sequences are nested too deeply.")
    written = []
    for first, last in items(buf, start, end, IMPLICIT):
        content = b"".join(
            _element(buf, tag, vr, a, b, enc, depth)
            for tag, vr, a, b in elements(buf, first, last, IMPLICIT)
            if not is_deleted(tag)
        )
        written += [encode_header(ITEM, "", len(content), enc), content]
    return b"".join(written)


def _element(
    buf: bytes, tag: int, vr: str, start: int, end: int, enc: Encoding, depth: int
) -> bytes:
    if vr == "SQ":
        value = _sequence(buf, start, end, enc, depth + 1)
        return encode_header(tag, vr, len(value), enc) + value
    value = buf[start:end]
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
