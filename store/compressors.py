"""Writes the cells of one frame in one transfer syntax: the calls into the libraries that compress.

Standard: PS3.5 Annex G (RLE), A.4 (encapsulated transfer syntaxes), 8.2 (what each may hold).

Invariants: the codestream states the precision that was asked for, which the values must fit in.
Which library writes what, and how much is lost: docs/decisions/0019-transcoding.md.

Not here: which syntax can hold which image (store.encoders), decompressing (store.codecs).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import imagecodecs
import jpeg_ls
import numpy as np

from store.cells import Cells, Pixels

__all__ = [
    "NEAR",
    "Compress",
    "Layout",
    "deflated",
    "high_throughput",
    "high_throughput_lossy",
    "jpeg",
    "jpeg_2000",
    "jpeg_2000_lossy",
    "jpeg_extended",
    "jpeg_lossless",
    "jpeg_ls_lossless",
    "jpeg_ls_near",
    "jpeg_xl",
    "jpeg_xl_lossy",
    "packed",
    "rle",
]

_HEADER_BYTES: Final = 4096
_SIZ: Final = b"\xff\x4f\xff\x51"
_BASELINE: Final = b"\xff\xc0\x00"
_EXTENDED: Final = b"\xff\xc1\x00"
# What is lost where loss is asked for: docs/decisions/0019-transcoding.md.
_JPEG_QUALITY: Final = 90
NEAR: Final = 2
_GREY_LEVELS_KEPT: Final = 1024


@dataclass(frozen=True)
class Layout:
    """What the samples of a frame are.

    Attributes:
        cells: how the header says that pixels are stored.
        photometric: the colour model of the cells as they are now.
        precision: bits of a sample that are written, where the syntax states them.
        transforms: whether colour, which is RGB then, is made luminance and chrominance on the way.
    """

    cells: Cells
    photometric: str
    precision: int
    transforms: bool


Compress = Callable[[Layout, Pixels], bytes]


def rle(layout: Layout, values: Pixels) -> bytes:
    """Write runs (PS3.5 G)."""
    cells = layout.cells
    if cells.allocated == 1:
        segments = [_runs(np.packbits(values.ravel(), bitorder="little"))]
    else:
        width = cells.dtype.itemsize
        planes = np.ascontiguousarray(values.reshape(cells.rows, cells.columns, -1), cells.dtype)
        octets = planes.view(np.uint8).reshape(cells.rows, cells.columns, cells.samples, width)
        # Sample by sample, and of each sample the most significant byte first (PS3.5 G.2).
        segments = [
            _runs(octets[:, :, sample, place])
            for sample in range(cells.samples)
            for place in reversed(range(width))
        ]
    places, at = [], 64
    for segment in segments:
        places.append(at)
        at += len(segment)
    header = struct.pack("<16I", len(segments), *places, *[0] * (15 - len(segments)))
    return header + b"".join(segments)


def _runs(octets: Pixels) -> bytes:
    """Encode a segment, each row by itself (PS3.5 G.3.1)."""
    data = bytes(imagecodecs.packbits_encode(octets.copy(order="C"), axis=-1))
    return data + b"\0" * (len(data) % 2)


def packed(layout: Layout, values: Pixels) -> bytes:
    """Write cells as they are, single bits without a gap."""
    if layout.cells.allocated == 1:
        return np.packbits(values.ravel(), bitorder="little").tobytes()
    return values.tobytes()


def deflated(layout: Layout, values: Pixels) -> bytes:
    """Write cells as a deflated stream."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(packed(layout, values)) + deflater.flush()


def jpeg(layout: Layout, values: Pixels) -> bytes:
    """Write baseline JPEG, colour as YBR with one pair of chrominance for two pixels."""
    raw = _unsigned(values, layout.precision)
    if layout.cells.samples == 1:
        return bytes(imagecodecs.jpeg8_encode(raw, _JPEG_QUALITY, bitspersample=layout.precision))
    space = "YCBCR" if layout.photometric.startswith("YBR") else "RGB"
    return bytes(
        imagecodecs.jpeg8_encode(
            raw, _JPEG_QUALITY, colorspace=space, outcolorspace="YCBCR", subsampling="422"
        )
    )


def jpeg_extended(layout: Layout, values: Pixels) -> bytes:
    """Write extended sequential JPEG."""
    # At 8 bits the encoder says baseline of what is a case of extended, too.
    return jpeg(layout, values).replace(_BASELINE, _EXTENDED, 1)


def jpeg_lossless(layout: Layout, values: Pixels) -> bytes:
    """Write lossless JPEG with the first predictor, which both of its syntaxes allow."""
    # Named the same on both sides, so that nothing is transformed. For chrominance by its name the
    # encoder makes tables of its own, and then tells the wrong ones (ISO/IEC 10918-1 B.2.3).
    space = None
    if layout.cells.samples == 3:
        space = "RGB" if layout.photometric == "RGB" else "UNKNOWN"
    return bytes(
        imagecodecs.jpeg8_encode(
            _unsigned(values, layout.precision),
            lossless=True,
            predictor=1,
            bitspersample=layout.precision,
            colorspace=space,
            outcolorspace=space,
        )
    )


def jpeg_ls_lossless(layout: Layout, values: Pixels) -> bytes:
    """Write JPEG-LS."""
    return _jpeg_ls(layout, values, 0)


def jpeg_ls_near(layout: Layout, values: Pixels) -> bytes:
    """Write JPEG-LS in which no value is off by more than NEAR."""
    return _jpeg_ls(layout, values, NEAR)


def _jpeg_ls(layout: Layout, values: Pixels, near: int) -> bytes:
    raw = _unsigned(values, layout.precision)
    if layout.precision in (8, 16):
        # No code is longer than four times its sample (ISO/IEC 14495-1 A.5.3); the encoder allows
        # for less, and fails on noise.
        return bytes(imagecodecs.jpegls_encode(raw, near, out=4 * raw.nbytes + _HEADER_BYTES))
    # The only one that takes a precision; the other lets threads go on meanwhile.
    cells = layout.cells
    interleaved = 2 if cells.samples == 3 else None
    return bytes(
        jpeg_ls.encode_buffer(
            raw.tobytes(),
            cells.rows,
            cells.columns,
            cells.samples,
            layout.precision,
            near,
            interleaved,
        )
    )


def jpeg_2000(layout: Layout, values: Pixels) -> bytes:
    """Write JPEG 2000 without loss."""
    return bytes(
        imagecodecs.jpeg2k_encode(
            _numbers(layout, values),
            codecformat="J2K",
            reversible=True,
            level=0,
            bitspersample=layout.precision,
            mct=layout.transforms,
        )
    )


def jpeg_2000_lossy(layout: Layout, values: Pixels) -> bytes:
    """Write JPEG 2000 with the irreversible transform."""
    noise_ratio = round(20 * math.log10(((1 << layout.precision) - 1) / _tolerated(values)))
    return bytes(
        imagecodecs.jpeg2k_encode(
            _numbers(layout, values),
            codecformat="J2K",
            reversible=False,
            level=noise_ratio,
            bitspersample=layout.precision,
            mct=layout.transforms,
        )
    )


def high_throughput(layout: Layout, values: Pixels) -> bytes:
    """Write HTJ2K without loss: RPCL, with tile-part lengths and a base of 64 pixels at most."""
    numbers = _numbers(layout, values)
    precision = layout.precision
    if precision not in (8, 16):
        # The encoder knows only samples of whole bytes. What it writes of signed ones is the same
        # for any precision but for what the header says of it, and signed are all after the shift
        # by half of the range that a decoder undoes (ISO/IEC 15444-1 G.1).
        if not layout.cells.is_signed:
            numbers = numbers.astype(np.int32) - (1 << (precision - 1))
        numbers = numbers.astype(np.int8 if precision < 8 else np.int16)
    return _stating(layout, _high_throughput(layout, numbers, reversible=True))


def high_throughput_lossy(layout: Layout, values: Pixels) -> bytes:
    """Write HTJ2K with the irreversible transform."""
    step = 2 * _tolerated(values) / (1 << layout.precision)
    numbers = _numbers(layout, values)
    # Irreversible samples are fractions of their range, which is what the header says it is.
    numbers = numbers << (8 * numbers.itemsize - layout.precision)
    return _stating(layout, _high_throughput(layout, numbers, reversible=False, level=step))


def _high_throughput(
    layout: Layout, numbers: Pixels, *, reversible: bool, level: float | None = None
) -> bytes:
    shorter = min(layout.cells.rows, layout.cells.columns)
    return bytes(
        imagecodecs.htj2k_encode(
            numbers,
            level,
            rgb=layout.transforms,
            reversible=reversible,
            tlm=True,
            resolutions=max(5, math.ceil(math.log2(shorter / 64))),
        )
    )


def _stating(layout: Layout, codestream: bytes) -> bytes:
    """Name precision and sign of the samples in the SIZ marker (ISO/IEC 15444-1 A.5.1)."""
    written = bytearray(codestream)
    first = written.index(_SIZ) + 42
    for sample in range(layout.cells.samples):
        written[first + 3 * sample] = layout.cells.is_signed << 7 | (layout.precision - 1)
    return bytes(written)


def jpeg_xl(layout: Layout, values: Pixels) -> bytes:
    """Write JPEG XL without loss."""
    raw = _unsigned(values, layout.precision)
    return bytes(
        imagecodecs.jpegxl_encode(raw, lossless=True, bitspersample=layout.precision, effort=3)
    )


def jpeg_xl_lossy(layout: Layout, values: Pixels) -> bytes:
    """Write JPEG XL with loss."""
    raw = _unsigned(values, layout.precision)
    # A distance of 1 can just be seen by an eye that sees the whole range at once.
    span = int(raw.max()) - int(raw.min())
    distance = max(0.05, span / (1 << layout.precision) / 2)
    return bytes(
        imagecodecs.jpegxl_encode(
            raw, lossless=False, distance=distance, bitspersample=layout.precision
        )
    )


def _tolerated(values: Pixels) -> float:
    """The error, as the root of its mean square, that costs no grey level of a window."""
    return max(1.0, (int(values.max()) - int(values.min())) / _GREY_LEVELS_KEPT)


def _unsigned(values: Pixels, precision: int) -> Pixels:
    """The bits of each value, in cells that are no wider than they need be."""
    raw = values.view(f"<u{values.dtype.itemsize}") & ((1 << precision) - 1)
    return np.ascontiguousarray(raw, np.uint8 if precision <= 8 else np.uint16)


def _numbers(layout: Layout, values: Pixels) -> Pixels:
    if not layout.cells.is_signed:
        return _unsigned(values, layout.precision)
    return np.ascontiguousarray(values, np.int8 if layout.precision <= 8 else np.int16)
