"""Reads what the header of a compressed frame says, before a codec is let loose on it.

Standard: ISO/IEC 10918-1 B.2 (JPEG markers), 10918-6 6.5.3 and 10918-5 (Adobe and JFIF markers),
14495-1 C (JPEG-LS), 15444-1 A.5.1 (JPEG 2000 SIZ).

Invariants: looks at no more than the markers before the image, and never fails in another way than
by answering None. A codec that gets only frames whose size was compared with Rows and Columns
cannot be talked into allocating more than that.

Not here: decoding (store.pixels).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["Codestream", "jpeg2000_header", "jpeg_header"]

_START_OF_SCAN: Final = 0xDA
_APP0: Final = 0xE0
_APP14: Final = 0xEE
_LOSSLESS_FRAMES: Final = frozenset({0xC3, 0xC7, 0xCB, 0xCF, 0xF7})
# SOF0 to SOF15 but for DHT, JPG and DAC, which share their range, and SOF55 of JPEG-LS.
_FRAMES: Final = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xDA)})
_SIZ: Final = b"\xff\x4f\xff\x51"
# A JP2 file, which does not belong into DICOM but occurs, has its boxes before the codestream.
_BOXES: Final = 4096

Colour = Literal["RGB", "YBR"]


@dataclass(frozen=True)
class Codestream:
    """The header of one compressed image.

    Attributes:
        rows, columns, components: its size.
        precision: bits of a sample.
        is_lossless: a lossless JPEG process or JPEG-LS; not known for JPEG 2000.
        colour: what the codestream itself says of its three components, if anything.
    """

    rows: int
    columns: int
    components: int
    precision: int
    is_lossless: bool = False
    colour: Colour | None = None


def jpeg_header(frame: bytes) -> Codestream | None:
    """Read the markers of a JPEG or JPEG-LS image; None if it has no readable frame header."""
    colour: Colour | None = None
    at = 2
    while frame[at : at + 1] == b"\xff" and at + 4 <= len(frame):
        marker = frame[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _WITHOUT_LENGTH:
            at += 2
            continue
        if marker == _START_OF_SCAN:
            return None
        body = frame[at + 4 : at + 2 + int.from_bytes(frame[at + 2 : at + 4], "big")]
        if marker in _FRAMES:
            return _frame_header(marker, body, colour)
        colour = _stated_colour(marker, body) or colour
        at += 4 + len(body)
    return None


def jpeg2000_header(frame: bytes) -> Codestream | None:
    """Read the size of a JPEG 2000 or HTJ2K image; None if there is none."""
    at = frame.find(_SIZ, 0, _BOXES)
    if at < 0 or len(frame) < at + 43:
        return None
    right, bottom, left, top = struct.unpack_from(">IIII", frame, at + 8)
    components, depth = struct.unpack_from(">HB", frame, at + 40)
    return Codestream(bottom - top, right - left, components, (depth & 0x7F) + 1)


def _frame_header(marker: int, body: bytes, colour: Colour | None) -> Codestream | None:
    if len(body) < 6:
        return None
    precision, rows, columns, components = struct.unpack_from(">BHHB", body)
    if body[6 : 6 + 3 * components : 3] in (b"RGB", b"rgb"):
        colour = "RGB"
    return Codestream(rows, columns, components, precision, marker in _LOSSLESS_FRAMES, colour)


def _stated_colour(marker: int, body: bytes) -> Colour | None:
    if marker == _APP14 and body.startswith(b"Adobe") and len(body) >= 12:
        return "YBR" if body[11] else "RGB"
    if marker == _APP0 and body.startswith(b"JFIF\0"):
        return "YBR"
    return None
