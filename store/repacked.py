"""Makes the pixel data of an instance anew, in the form that another transfer syntax asks for.

Standard: PS3.5 8.2 (native and encapsulated pixel data), A.4 (fragments, Basic Offset Table),
PS3.3 C.7.6.3 (Image Pixel), C.7.6.1.1.5 (lossy compression).

Invariants: the first frame has been made before anything is given; memory is one frame. What the
header says of the pixel data is what is given, and nothing else of it changes.

Not here: the other elements (store.transcode), what a syntax can hold (store.encoders).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol, TypeVar

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset

from deid.encoding import (
    EXPLICIT_LITTLE,
    ITEM,
    SEQUENCE_END,
    UNDEFINED,
    encode_header,
)
from store.cells import Cells, Pixels, value_of
from store.codecs import Unpacked, can_decode, unpack
from store.codestream import jpeg_header
from store.encoders import LOSSLESS, LOSSY, Encoder, encoder_in
from store.errors import CannotDecode, CannotTranscode
from store.recode import EXPLICIT

__all__ = [
    "WRITTEN",
    "Changes",
    "Ref",
    "Repacked",
    "Source",
    "Stored",
    "can_be_written",
    "frame_maker",
    "repacked",
]

_PIXEL_DATA: Final = 0x7FE00010
_FAMILY: Final = "1.2.840.10008.1.2.4."
_LOSSY: Final = dict.fromkeys((f"{_FAMILY}{n}" for n in (50, 51, 53, 55, 111)), "ISO_10918_1")
# JPEG inside of JPEG XL, and out of it again: the very bytes, so nothing is lost.
_RECOMPRESSED: Final[dict[tuple[str, str], Callable[[bytes], bytes]]] = {
    (f"{_FAMILY}50", f"{_FAMILY}111"): lambda jpeg: bytes(imagecodecs.jpegxl_encode_jpeg(jpeg)),
    (f"{_FAMILY}111", f"{_FAMILY}50"): lambda jxl: bytes(
        imagecodecs.jpegxl_decode_jpeg(jxl, numthreads=1)
    ),
}
_LOSSY_COMPRESSION: Final = 0x00282110
_LOSSY_RATIO: Final = 0x00282112
_LOSSY_METHOD: Final = 0x00282114

WRITTEN: Final = LOSSLESS | LOSSY | {new for _, new in _RECOMPRESSED}
"""Encapsulated transfer syntaxes in which instances are given, though perhaps not each."""

Changes = dict[int, tuple[str, bytes]]
"""Elements that read differently in the new syntax: tag to VR and value."""


class Stored(Protocol):
    """What must be known of the instance: `store.retrieve.StoredInstance` fits."""

    @property
    def transfer_syntax(self) -> str:
        """As stored."""

    @property
    def frames(self) -> int:
        """How many frames can be had one by one."""


Ref = TypeVar("Ref", bound=Stored, contravariant=True)


class Source(Protocol[Ref]):
    """Where instances are read from: `store.retrieve.Archive` fits."""

    def dataset(self, ref: Ref) -> Dataset:
        """The header, without pixel data."""

    def read(self, ref: Ref) -> Iterator[bytes]:
        """The stored Part 10 file."""

    def frame(self, ref: Ref, number: int) -> bytes:
        """One frame, in the stored transfer syntax."""


@dataclass(frozen=True)
class Repacked:
    """The pixel data of an instance in another form.

    Attributes:
        changes: elements of the header that read differently with it.
        element: the bytes of Pixel Data, frame after frame.
    """

    changes: Changes
    element: Iterator[bytes]


def can_be_written(stored: str, transfer_syntax: str) -> bool:
    """Tell whether some pixel data stored in one syntax can be had encapsulated in the other."""
    is_known = transfer_syntax in LOSSLESS | LOSSY or (stored, transfer_syntax) in _RECOMPRESSED
    return is_known and can_decode(stored)


def frame_maker(
    source: Source[Ref], ref: Ref, ds: Dataset, transfer_syntax: str
) -> Callable[[int], bytes]:
    """Return what gives one frame, counted from 1, in another transfer syntax.

    Raises:
        CannotDecode, CannotTranscode: it cannot be given so; also by what is returned.
    """
    recompress = _RECOMPRESSED.get((ref.transfer_syntax, transfer_syntax))
    cells = Cells.of(ds)

    def made(number: int) -> bytes:
        frame = source.frame(ref, number)
        unpacked = _unpack(cells, frame, ref.transfer_syntax)
        if recompress:
            return _recompressed(recompress, cells, frame)
        if transfer_syntax != EXPLICIT_LITTLE:
            return encoder_in(transfer_syntax, cells, unpacked)(unpacked.cells)
        if cells.allocated == 1:
            return np.packbits(unpacked.cells.ravel(), bitorder="little").tobytes()
        return unpacked.cells.tobytes()

    return made


def repacked(source: Source[Ref], ref: Ref, ds: Dataset, transfer_syntax: str) -> Repacked:
    """Make the pixel data anew: native for Explicit VR Little Endian, else encapsulated.

    Raises:
        CannotDecode, CannotTranscode, NoSuchFrame: there are no frames that can be had one by one,
            or the first cannot be decoded or not be written so.
    """
    if ref.frames == 0 or (value_of(ds, "NumberOfFrames") or 1) != ref.frames:
        raise CannotTranscode("The frames of this instance cannot be had one by one.")
    cells = Cells.of(ds)
    stored = source.frame(ref, 1)
    first = _unpack(cells, stored, ref.transfer_syntax)
    changes = _told_of_loss(ds, ref.transfer_syntax)
    recompress = _RECOMPRESSED.get((ref.transfer_syntax, transfer_syntax))
    if recompress:
        fragment = _recompressed(recompress, cells, stored)
        others = (
            _recompressed(recompress, cells, source.frame(ref, number))
            for number in range(2, ref.frames + 1)
        )
        return Repacked(changes, _encapsulated(chain((fragment,), others)))
    frames = _frames(source, ref, cells, first)
    if transfer_syntax == EXPLICIT_LITTLE:
        changes |= _described(cells, first.photometric)
        return Repacked(changes, _native(cells, ref.frames, frames))
    encoder = encoder_in(transfer_syntax, cells, first)
    fragment = encoder(first.cells)
    changes |= _described(cells, encoder.photometric)
    if encoder.lossy_method:
        ratio = cells.rows * cells.columns * cells.samples * cells.stored / (8 * len(fragment))
        changes |= _lost(ds, changes, encoder.lossy_method, ratio)
    next(frames)
    return Repacked(changes, _encapsulated(chain((fragment,), _written(encoder, frames))))


def _unpack(cells: Cells, frame: bytes, transfer_syntax: str) -> Unpacked:
    """Decode a frame to cells that have their sign."""
    unpacked = unpack(cells, frame, transfer_syntax)
    if cells.is_signed and unpacked.cells.dtype.kind == "u":
        signed = unpacked.cells.view(f"<i{unpacked.cells.itemsize}")
        return Unpacked(signed, unpacked.photometric)
    return unpacked


def _frames(source: Source[Ref], ref: Ref, cells: Cells, first: Unpacked) -> Iterator[Pixels]:
    yield first.cells
    for number in range(2, ref.frames + 1):
        unpacked = _unpack(cells, source.frame(ref, number), ref.transfer_syntax)
        if unpacked.photometric != first.photometric:
            raise CannotDecode("The frames do not agree on their colour.")
        yield unpacked.cells


def _recompressed(recompress: Callable[[bytes], bytes], cells: Cells, frame: bytes) -> bytes:
    header = jpeg_header(frame)
    if header and header.colour is None and cells.photometric == "RGB":
        # Without a word of it in the frame, the other codec takes it for luminance and chrominance.
        raise CannotTranscode("The frame does not tell its colour.")
    try:
        data = recompress(frame)
    except Exception:
        # Codecs raise what they like.
        raise CannotTranscode("A frame cannot be compressed.") from None
    return data + b"\0" * (len(data) % 2)


def _described(cells: Cells, photometric: str) -> Changes:
    found: Changes = {0x00280004: ("CS", photometric.encode())}
    if cells.samples > 1:
        found[0x00280006] = ("US", struct.pack("<H", 0))
    return found


def _told_of_loss(ds: Dataset, transfer_syntax: str) -> Changes:
    """Say of what was JPEG with loss that it was, which its syntax tells no more."""
    method = _LOSSY.get(transfer_syntax)
    if method is None:
        return {}
    found: Changes = {_LOSSY_COMPRESSION: ("CS", b"01")}
    if "LossyImageCompressionMethod" not in ds:
        found[_LOSSY_METHOD] = ("CS", method.encode())
    return found


def _lost(ds: Dataset, changes: Changes, method: str, ratio: float) -> Changes:
    """Append to the history of losses (PS3.3 C.7.6.1.1.5)."""
    methods = _values(ds, "LossyImageCompressionMethod")
    if _LOSSY_METHOD in changes:
        methods = [changes[_LOSSY_METHOD][1].decode()]
    ratios = _values(ds, "LossyImageCompressionRatio")
    # Each ratio belongs to the method at its place; where one was left out none can be put behind.
    is_whole = len(ratios) == len(methods)
    found: Changes = {
        _LOSSY_COMPRESSION: ("CS", b"01"),
        _LOSSY_METHOD: ("CS", "\\".join((*methods, method)).encode()),
    }
    if is_whole:
        found[_LOSSY_RATIO] = ("DS", "\\".join((*ratios, f"{ratio:.2f}")).encode())
    return found


def _values(ds: Dataset, keyword: str) -> list[str]:
    found = value_of(ds, keyword)
    if found is None or found == "":
        return []
    if isinstance(found, str) or not hasattr(found, "__iter__"):
        return [str(found)]
    return [str(value) for value in found]


def _native(cells: Cells, count: int, frames: Iterator[Pixels]) -> Iterator[bytes]:
    bits = cells.rows * cells.columns * cells.samples * cells.allocated * count
    size = (bits + 7) // 8
    if size + 1 >= UNDEFINED:
        raise CannotTranscode("The decoded instance would be too large for its syntax.")

    def element() -> Iterator[bytes]:
        pack = _BitPacker() if cells.allocated == 1 else None
        yield encode_header(
            _PIXEL_DATA, "OB" if cells.allocated <= 8 else "OW", size + size % 2, EXPLICIT
        )
        for values in frames:
            yield pack(values) if pack else values.tobytes()
        if pack:
            yield pack.rest()
        if size % 2:
            yield b"\0"

    return element()


def _encapsulated(fragments: Iterator[bytes]) -> Iterator[bytes]:
    yield encode_header(_PIXEL_DATA, "OB", UNDEFINED, EXPLICIT)
    # A table would have to stand before the frames whose sizes it tells; it may be empty, and with
    # one fragment for each frame nobody needs it.
    yield encode_header(ITEM, "", 0, EXPLICIT)
    for fragment in fragments:
        yield encode_header(ITEM, "", len(fragment), EXPLICIT) + fragment
    yield encode_header(SEQUENCE_END, "", 0, EXPLICIT)


def _written(encoder: Encoder, frames: Iterator[Pixels]) -> Iterator[bytes]:
    for values in frames:
        if not encoder.holds(values):
            raise CannotTranscode("The frames do not agree on their precision.")
        yield encoder(values)


class _BitPacker:
    """Packs frames of single bits without a gap between them (PS3.5 8.1.1)."""

    def __init__(self) -> None:
        self._left = np.empty(0, np.uint8)

    def __call__(self, values: Pixels) -> bytes:
        bits = np.concatenate((self._left, values.ravel()))
        whole = len(bits) - len(bits) % 8
        self._left = bits[whole:]
        return np.packbits(bits[:whole], bitorder="little").tobytes()

    def rest(self) -> bytes:
        return np.packbits(self._left, bitorder="little").tobytes()
