"""Looks at pictures without a library: which kind, how large, and the pixels of a PNG.

Standard: ISO/IEC 10918-1 (JPEG markers), ISO/IEC 15948 (PNG), GIF89a.
"""

import struct
import zlib
from dataclasses import dataclass

from conformance.errors import Fault

__all__ = ["Picture", "kind_of", "png", "size_of"]

_SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF8": "image/gif",
}
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


@dataclass(frozen=True)
class Picture:
    """Samples of eight bits, row by row; colour as red, green and blue, without transparency."""

    width: int
    height: int
    rows: tuple[bytes, ...]
    channels: int

    def at(self, column: int, row: int) -> int:
        """Return the brightness of a pixel."""
        start = column * self.channels
        return sum(self.rows[row][start : start + self.channels]) // self.channels

    @property
    def mean(self) -> float:
        """The mean brightness."""
        return sum(map(sum, self.rows)) / (self.width * self.height * self.channels)


def kind_of(data: bytes) -> str:
    """Return the media type that the first bytes tell; empty for none of these."""
    return next((kind for start, kind in _SIGNATURES.items() if data.startswith(start)), "")


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height."""
    kind = kind_of(data)
    if kind == "image/png":
        width, height = struct.unpack(">II", data[16:24])
    elif kind == "image/gif":
        width, height = struct.unpack("<HH", data[6:10])
    elif kind == "image/jpeg":
        width, height = _jpeg_size(data)
    else:
        raise Fault("no picture")
    return width, height


def _jpeg_size(data: bytes) -> tuple[int, int]:
    place = 2
    while place + 9 < len(data):
        marker, length = data[place + 1], int.from_bytes(data[place + 2 : place + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        place += 2 + length
    raise Fault("a JPEG without a frame header")


def png(data: bytes) -> Picture:
    """Return the pixels of a PNG of eight bits without interlacing."""
    if kind_of(data) != "image/png":
        raise Fault("no PNG")
    place, body, palette = 8, b"", b""
    while place < len(data):
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        chunk = data[place + 8 : place + 8 + length]
        if name == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", chunk[:10])
        elif name == b"PLTE":
            palette = chunk
        elif name == b"IDAT":
            body += chunk
        place += 12 + length
    if depth not in (8, 16):
        raise Fault(f"a PNG of {depth} bits")
    channels = _CHANNELS[colour]
    raw = _unfiltered(zlib.decompress(body), width * channels * depth // 8, channels * depth // 8)
    if depth == 16:
        raw = [row[::2] for row in raw]
    if palette:
        raw = [b"".join(palette[3 * v : 3 * v + 3] for v in row) for row in raw]
        channels = 3
    if channels in (2, 4):
        kept = channels - 1
        raw = [b"".join(row[at : at + kept] for at in range(0, len(row), channels)) for row in raw]
        channels = kept
    return Picture(width, height, tuple(raw), channels)


def _unfiltered(data: bytes, width: int, pixel: int) -> list[bytes]:
    rows: list[bytes] = []
    above = bytes(width)
    for start in range(0, len(data), width + 1):
        kind, row = data[start], bytearray(data[start + 1 : start + 1 + width])
        for at in range(len(row)):
            left = row[at - pixel] if at >= pixel else 0
            corner = above[at - pixel] if at >= pixel else 0
            row[at] = (row[at] + _predicted(kind, left, above[at], corner)) & 0xFF
        above = bytes(row)
        rows.append(above)
    return rows


def _predicted(kind: int, left: int, up: int, corner: int) -> int:
    if kind < 4:
        return (0, left, up, (left + up) // 2)[kind]
    return min((left, up, corner), key=lambda each: abs(left + up - corner - each))
