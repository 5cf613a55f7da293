"""Compresses frames without loss: which encoder writes which transfer syntax, and what it can hold.

Standard: PS3.5 A.4 (encapsulated transfer syntaxes), 8.2 (what each codec may hold), Annex G (RLE).

Invariants: decoding (store.codecs) what was encoded gives the same cells, which the precision that
was asked for must be able to hold; nothing here loses a bit.
Which syntax is written for which, and why: docs/decisions/0012-masks.md.

Not here: decompressing (store.codecs), which frames are compressed (store.masked_file).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import imagecodecs
import numpy as np

from store.cells import Cells, Pixels
from store.errors import CannotMask

__all__ = ["LOSSLESS", "Encoder", "encoder_for", "precision_of"]

RLE: Final = "1.2.840.10008.1.2.5"
DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
UNCOMPRESSED_FRAMES: Final = "1.2.840.10008.1.2.1.98"
_FAMILY: Final = "1.2.840.10008.1.2.4."
JPEG_2000: Final = f"{_FAMILY}90"
_HEADER_BYTES: Final = 4096
LOSSLESS: Final = frozenset(
    {RLE, DEFLATED_FRAMES, UNCOMPRESSED_FRAMES}
    | {f"{_FAMILY}{number}" for number in (57, 70, 80, 90, 92, 201, 202, 110)}
)
"""Encapsulated transfer syntaxes that cannot have lost anything."""

# The lossless syntax of the same codec; codecs that are not named have none that is written here.
_SAME_CODEC: Final = {
    **{syntax: syntax for syntax in (RLE, DEFLATED_FRAMES, UNCOMPRESSED_FRAMES)},
    **{f"{_FAMILY}{number}": f"{_FAMILY}{number}" for number in (57, 70)},
    **{f"{_FAMILY}{number}": f"{_FAMILY}80" for number in (80, 81)},
    **{f"{_FAMILY}{number}": JPEG_2000 for number in (90, 91, 92, 93)},
    **{f"{_FAMILY}{number}": f"{_FAMILY}201" for number in (201, 202, 203)},
}


@dataclass(frozen=True)
class Encoder:
    """Writes frames in one transfer syntax.

    Attributes:
        transfer_syntax: of what is written.
        cells: how the header says that pixels are stored.
        precision: bits of a sample that are written, where the syntax states them.
        transforms: whether colour, which is RGB then, is made YBR_RCT on the way.
    """

    transfer_syntax: str
    cells: Cells
    precision: int
    transforms: bool

    @property
    def is_by_plane(self) -> bool:
        """Whether the syntax has an order of colours of its own, whatever the header says."""
        return self.transfer_syntax == RLE

    def holds(self, values: Pixels) -> bool:
        """Whether all values of a frame can be written."""
        if self.transfer_syntax not in _STATED:
            return True
        return precision_of(values) <= self.precision

    def __call__(self, values: Pixels) -> bytes:
        """Encode the cells of a frame; the bytes are of even number, as a fragment needs them.

        Raises:
            CannotMask: the encoder fails.
        """
        encode = _STATED.get(self.transfer_syntax) or _PLAIN[self.transfer_syntax]
        try:
            data = encode(self, values)
        except Exception:
            # Codecs raise what they like.
            raise CannotMask("A frame cannot be compressed.") from None
        return data + b"\0" * (len(data) % 2)


def encoder_for(transfer_syntax: str, cells: Cells, first: Pixels, *, transforms: bool) -> Encoder:
    """Choose how the frames of an instance are written.

    It is the lossless syntax of the same codec if that can hold them, else JPEG 2000 without loss,
    and RLE for what has more bits than an image has.

    Args:
        transfer_syntax: in which the frames came.
        cells: how the header says that pixels are stored.
        first: the cells of the first frame, decoded.
        transforms: whether they are RGB that may be written as YBR_RCT.
    """
    # Some encoders wrote more bits than the header tells of.
    is_told = not cells.is_float and precision_of(first) <= cells.high_bit + 1
    precision = cells.high_bit + 1 if is_told else cells.allocated
    same = _SAME_CODEC.get(transfer_syntax, JPEG_2000)
    if not _can(same, cells, precision):
        same = JPEG_2000 if _can(JPEG_2000, cells, precision) else RLE
    return Encoder(same, cells, precision, transforms and same in _TRANSFORMING)


def precision_of(values: Pixels) -> int:
    """Bits that the values need, the sign's included."""
    low, high = int(values.min()), int(values.max())
    if values.dtype.kind == "i":
        return max(value.bit_length() for value in (high, ~low if low < 0 else low)) + 1
    return high.bit_length()


def _can(transfer_syntax: str, cells: Cells, precision: int) -> bool:
    if transfer_syntax not in _STATED:
        return True
    if cells.is_float or precision > 16:
        return False
    if transfer_syntax == JPEG_2000:
        return True
    if transfer_syntax in (f"{_FAMILY}57", f"{_FAMILY}70"):
        return precision > 1
    # These two encoders always write 8 or 16 bits, and headers must agree with that (PS3.5 8.2).
    return precision == 16 or (precision == 8 and not cells.is_signed)


def _rle(encoder: Encoder, values: Pixels) -> bytes:
    cells = encoder.cells
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


def _uncompressed(encoder: Encoder, values: Pixels) -> bytes:
    if encoder.cells.allocated == 1:
        return np.packbits(values.ravel(), bitorder="little").tobytes()
    return values.tobytes()


def _deflated(encoder: Encoder, values: Pixels) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(_uncompressed(encoder, values)) + deflater.flush()


def _jpeg(encoder: Encoder, values: Pixels) -> bytes:
    # Named the same on both sides, so that nothing is transformed; the markers then name it too.
    is_colour = encoder.cells.samples == 3
    space = "YCBCR" if encoder.cells.photometric.startswith("YBR") else "RGB"
    return bytes(
        imagecodecs.jpeg8_encode(
            _unsigned(values, encoder.precision),
            lossless=True,
            predictor=1,
            bitspersample=encoder.precision,
            colorspace=space if is_colour else None,
            outcolorspace=space if is_colour else None,
        )
    )


def _jpeg_ls(encoder: Encoder, values: Pixels) -> bytes:
    raw = _unsigned(values, encoder.precision)
    # No code is longer than four times its sample (ISO/IEC 14495-1 A.5.3); the encoder allows
    # for less, and fails on noise.
    return bytes(imagecodecs.jpegls_encode(raw, out=4 * raw.nbytes + _HEADER_BYTES))


def _jpeg_2000(encoder: Encoder, values: Pixels) -> bytes:
    return bytes(
        imagecodecs.jpeg2k_encode(
            _numbers(encoder, values),
            codecformat="J2K",
            reversible=True,
            level=0,
            bitspersample=encoder.precision,
            mct=encoder.transforms,
        )
    )


def _high_throughput(encoder: Encoder, values: Pixels) -> bytes:
    numbers = _numbers(encoder, values)
    return bytes(imagecodecs.htj2k_encode(numbers, reversible=True, rgb=encoder.transforms))


def _unsigned(values: Pixels, precision: int) -> Pixels:
    """The bits of each value, in cells that are no wider than they need be."""
    raw = values.view(f"<u{values.dtype.itemsize}") & ((1 << precision) - 1)
    return np.ascontiguousarray(raw, np.uint8 if precision <= 8 else np.uint16)


def _numbers(encoder: Encoder, values: Pixels) -> Pixels:
    if not encoder.cells.is_signed:
        return _unsigned(values, encoder.precision)
    return np.ascontiguousarray(values, np.int8 if encoder.precision <= 8 else np.int16)


Encode = Callable[[Encoder, Pixels], bytes]
# Frames of these are cells as they are.
_PLAIN: Final[dict[str, Encode]] = {
    RLE: _rle,
    DEFLATED_FRAMES: _deflated,
    UNCOMPRESSED_FRAMES: _uncompressed,
}
# Frames of these state how many bits a sample has.
_STATED: Final[dict[str, Encode]] = {
    f"{_FAMILY}57": _jpeg,
    f"{_FAMILY}70": _jpeg,
    f"{_FAMILY}80": _jpeg_ls,
    JPEG_2000: _jpeg_2000,
    f"{_FAMILY}201": _high_throughput,
}
_TRANSFORMING: Final = frozenset({JPEG_2000, f"{_FAMILY}201"})
