"""Decompresses frames: which codec reads which transfer syntax, and how it is kept in check.

Standard: PS3.5 A.4 (encapsulated transfer syntaxes), Annex G (RLE), 8.2 (what each codec may hold).

Invariants: no codec starts before the size in the frame has been compared with the header's, so it
cannot allocate more than the header's share; its failures come out as CannotDecode alone.
Which libraries do this and why: docs/decisions/0006-codecs.md.

Not here: uncompressed frames (store.cells), turning cells into values (store.pixels).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from store.cells import TOO_SHORT, Cells, Pixels, by_pixel, native_cells, significant
from store.codestream import Codestream, jpeg2000_header, jpeg_header
from store.errors import CannotDecode

__all__ = ["NATIVE", "Unpacked", "can_decode", "unpack"]

# A blank image compresses without limit, so a ratio only counts once memory is at stake.
ALWAYS_PLAUSIBLE: Final = 64 << 20
LARGEST_RATIO: Final = 2000
LONGEST_RUN: Final = 128
# CharLS counts for many seconds where a frame ends without it; a second one is not looked at.
END_OF_IMAGE: Final = b"\xff\xd9"
CONTRADICTION: Final = "The frame contradicts the header."

_JPEG: Final = "1.2.840.10008.1.2.4."
_RLE: Final = "1.2.840.10008.1.2.5"
_DEFLATED_FRAMES: Final = "1.2.840.10008.1.2.8.1"
NATIVE: Final = frozenset(
    {
        "1.2.840.10008.1.2",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.1.2.1.99",
        "1.2.840.10008.1.2.2",  # frames of it arrive with their bytes swapped already
        "1.2.840.10008.1.2.1.98",
    }
)


@dataclass(frozen=True)
class Unpacked:
    """A decompressed frame: whole cells, and the colour model that they are in now."""

    cells: Pixels
    photometric: str


Codec = Callable[[Cells, bytes], Unpacked]


def can_decode(transfer_syntax: str) -> bool:
    """Tell whether frames in this transfer syntax can be decoded at all."""
    return transfer_syntax in NATIVE or _codec_of(transfer_syntax) is not None


def unpack(cells: Cells, frame: bytes, transfer_syntax: str) -> Unpacked:
    """Decompress one frame and leave its cells as they were stored.

    Colour is by pixel, and RGB where the codec itself undoes a colour transform. Bits above
    the high bit are kept where the syntax kept them.

    Args:
        cells: how the header says that pixels are stored.
        frame: the fragments of one frame, joined, or its native little-endian bytes.
        transfer_syntax: of the frame.

    Raises:
        CannotDecode: damaged, in conflict with the header, or in a syntax without a codec.
    """
    if transfer_syntax in NATIVE:
        return Unpacked(native_cells(cells, frame), _unchanged(cells))
    codec = _codec_of(transfer_syntax)
    if codec is None:
        raise CannotDecode("There is no codec for the transfer syntax of this image.")
    if cells.size > max(ALWAYS_PLAUSIBLE, LARGEST_RATIO * len(frame)):
        raise CannotDecode(TOO_SHORT)
    try:
        unpacked = codec(cells, frame)
    except CannotDecode:
        raise
    except Exception:
        # Codecs raise what they like; their texts may quote the input.
        raise CannotDecode("The frame is damaged.") from None
    if unpacked.cells.shape != cells.shape:
        raise CannotDecode(CONTRADICTION)
    return unpacked


def _codec_of(transfer_syntax: str) -> Codec | None:
    if transfer_syntax == _RLE:
        return _rle
    if transfer_syntax == _DEFLATED_FRAMES:
        return _deflated
    if transfer_syntax.startswith(_JPEG):
        return _JPEG_CODECS.get(transfer_syntax.removeprefix(_JPEG))
    return None


def _rle(cells: Cells, frame: bytes) -> Unpacked:
    if cells.allocated == 1:
        (bits,) = _segments(frame, 1, (cells.rows * cells.columns + 7) // 8)
        return Unpacked(native_cells(cells, bits.tobytes()), _unchanged(cells))
    plane = cells.rows * cells.columns
    width = cells.dtype.itemsize
    values = np.empty((cells.samples, plane, width), np.uint8)
    for number, segment in enumerate(_segments(frame, cells.samples * width, plane)):
        # Sample by sample, and of each sample the most significant byte first (PS3.5 G.2).
        values[number // width, :, width - 1 - number % width] = segment
    return Unpacked(by_pixel(cells, values.view(cells.dtype), is_planar=True), _unchanged(cells))


def _segments(frame: bytes, count: int, size: int) -> Iterator[NDArray[np.uint8]]:
    """Decode the segments of an RLE frame (PS3.5 G.3 to G.5), each to `size` bytes."""
    declared, *offsets = struct.unpack_from("<16I", frame)
    if declared != count:
        raise CannotDecode(CONTRADICTION)
    bounds = [*offsets[:count], len(frame)]
    for start, end in pairwise(bounds):
        # A last run may end behind the last pixel; a limit keeps a segment from growing freely.
        data = imagecodecs.packbits_decode(frame[start:end], out=size + LONGEST_RUN)
        if len(data) < size:
            raise CannotDecode("The frame is damaged.")
        yield np.frombuffer(data, np.uint8, size)


def _deflated(cells: Cells, frame: bytes) -> Unpacked:
    data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, cells.size)
    return Unpacked(native_cells(cells, data), _unchanged(cells))


def _jpeg(cells: Cells, frame: bytes) -> Unpacked:
    header = _agreed(cells, jpeg_header(frame))
    # A process of fewer bits than are stored has no sign bit to be found.
    precision = max(header.precision, cells.stored)
    # The markers in the frame win over the header, which many devices do not adapt.
    colour = header.colour or ("RGB" if cells.photometric == "RGB" else "YBR")
    photometric = _unchanged(cells)
    if cells.samples == 1:
        values = imagecodecs.jpeg8_decode(frame)
    elif header.is_lossless:
        # What was not transformed must not be transformed back.
        values = imagecodecs.jpeg8_decode(frame, colorspace="RGB", outcolorspace="RGB")
    else:
        source = "RGB" if colour == "RGB" else "YCBCR"
        values = imagecodecs.jpeg8_decode(frame, colorspace=source, outcolorspace="RGB")
        photometric = "RGB"
    return Unpacked(_contained(cells, values, precision), photometric)


def _jpeg_ls(cells: Cells, frame: bytes) -> Unpacked:
    header = _agreed(cells, jpeg_header(frame))
    values = imagecodecs.jpegls_decode(frame + END_OF_IMAGE)
    return Unpacked(_contained(cells, values, header.precision), _unchanged(cells))


def _jpeg2000(cells: Cells, frame: bytes) -> Unpacked:
    # High throughput too: the codec made for it dies of tampered input (decision 0006).
    header = _agreed(cells, jpeg2000_header(frame))
    values = imagecodecs.jpeg2k_decode(frame)
    # The codec undoes the transforms of JPEG 2000 itself.
    undone = cells.photometric in ("YBR_ICT", "YBR_RCT")
    photometric = "RGB" if undone else _unchanged(cells)
    return Unpacked(_contained(cells, values, header.precision), photometric)


def _jpeg_xl(cells: Cells, frame: bytes) -> Unpacked:
    # With an array of the right size given, another size is an error before it is decoded.
    values = np.empty(cells.shape, cells.dtype)
    imagecodecs.jpegxl_decode(frame, out=values)
    photometric = "RGB" if cells.samples == 3 else _unchanged(cells)
    # Its codestreams have no sign, so that what looks like one is of a header that has.
    precision = cells.stored if cells.is_signed else cells.allocated
    return Unpacked(_contained(cells, values, precision), photometric)


_JPEG_CODECS: Final[dict[str, Codec]] = {
    **dict.fromkeys(("50", "51", "53", "55", "57", "70"), _jpeg),
    **dict.fromkeys(("80", "81"), _jpeg_ls),
    **dict.fromkeys(("90", "91", "92", "93", "201", "202", "203"), _jpeg2000),
    **dict.fromkeys(("110", "111", "112"), _jpeg_xl),
}


def _unchanged(cells: Cells) -> str:
    """Name the colour model of cells that were not converted; chrominance is shared no more."""
    return "YBR_FULL" if cells.photometric == "YBR_FULL_422" else cells.photometric


def _agreed(cells: Cells, header: Codestream | None) -> Codestream:
    """Compare what frame and header say before memory is allocated for either."""
    if header is None:
        raise CannotDecode("The frame is damaged.")
    size = (header.rows, header.columns, header.components)
    if size != (cells.rows, cells.columns, cells.samples) or header.precision > cells.allocated:
        raise CannotDecode(CONTRADICTION)
    return header


def _contained(cells: Cells, values: Pixels, precision: int) -> Pixels:
    """Put decoded samples of `precision` bits into cells of the declared size and sign.

    Only JPEG 2000 knows of signs, and not every encoder tells it the truth.
    """
    sign = "i" if cells.is_signed else "u"
    numbers = significant(values, precision, precision - 1, cells.is_signed)
    return numbers.astype(f"<{sign}{cells.dtype.itemsize}", copy=False)
