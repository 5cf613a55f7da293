"""Blacks out areas of compressed frames: each is decoded, blacked out and compressed without loss.

Standard: PS3.5 A.4 (fragments, Basic Offset Table), PS3.3 C.7.6.1.1.5 (lossy compression),
C.7.6.3.1.2 and .3 (photometric interpretation, planar configuration).

Invariants: pixels outside of the areas are those that a reader decodes from the stored instance;
none is compressed with loss a second time. Memory is one frame.

Not here: native pixel data (store.masked_pixels), the other elements (store.masked_file).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import numpy as np
from pydicom.dataset import Dataset

from deid.encoding import ITEM, SEQUENCE_END, UNDEFINED, encode_element, encode_header
from store.cells import Cells, Pixels, value_of
from store.codecs import Unpacked, unpack
from store.encoders import Encoder, encoder_for
from store.errors import CannotMask
from store.masked_pixels import Area, Darkest, as_cells, black, needs_darkest
from store.recode import EXPLICIT, Forward
from store.transcode import Source, Stored

__all__ = ["MaskedFrames"]

_PIXEL_DATA: Final = 0x7FE00010
_PHOTOMETRIC_INTERPRETATION: Final = 0x00280004
_PLANAR_CONFIGURATION: Final = 0x00280006
_LOSSY_IMAGE_COMPRESSION: Final = 0x00282110
_LOSSY_IMAGE_COMPRESSION_METHOD: Final = 0x00282114
_OFFSET_TABLES: Final = (0x7FE00001, 0x7FE00002)
# These have always lost something; of JPEG-LS and JPEG 2000 only the header can tell.
_JPEG_WITH_LOSS: Final = frozenset(f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 53, 55))

Instance = TypeVar("Instance", bound=Stored)


@dataclass
class MaskedFrames(Generic[Instance]):
    """The pixel data of a compressed instance, to be written anew."""

    source: Source[Instance]
    ref: Instance
    ds: Dataset
    cells: Cells
    areas: Sequence[Area]
    first: Unpacked
    encoder: Encoder

    @classmethod
    def start(
        cls, source: Source[Instance], ref: Instance, ds: Dataset, areas: Sequence[Area]
    ) -> MaskedFrames[Instance]:
        """Decode the first frame and choose how all of them will be written.

        Raises:
            CannotMask, CannotDecode: the frames cannot be had, or this one cannot be decoded.
        """
        if ref.frames == 0 or (value_of(ds, "NumberOfFrames") or 1) != ref.frames:
            raise CannotMask("The frames of an image cannot be decoded one by one.")
        cells = Cells.of(ds)
        first = unpack(cells, source.frame(ref, 1), ref.transfer_syntax)
        # What was RGB in the file stays so; what a codec had transformed may be so again.
        transforms = first.photometric == "RGB" and cells.photometric != "RGB"
        encoder = encoder_for(ref.transfer_syntax, cells, first.cells, transforms=transforms)
        return cls(source, ref, ds, cells, areas, first, encoder)

    def changes(self) -> dict[int, bytes | None]:
        """Return the elements that read differently in the new instance; None for one that goes."""
        colour = "YBR_RCT" if self.encoder.transforms else self.first.photometric
        found: dict[int, bytes | None] = dict.fromkeys(_OFFSET_TABLES)
        if colour != self.cells.photometric:
            found[_PHOTOMETRIC_INTERPRETATION] = _code(_PHOTOMETRIC_INTERPRETATION, colour)
        if self.cells.is_planar and not self.encoder.is_by_plane:
            by_pixel = struct.pack("<H", 0)
            found[_PLANAR_CONFIGURATION] = encode_element(
                _PLANAR_CONFIGURATION, "US", by_pixel, EXPLICIT
            )
        if self.ref.transfer_syntax in _JPEG_WITH_LOSS:
            found[_LOSSY_IMAGE_COMPRESSION] = _code(_LOSSY_IMAGE_COMPRESSION, "01")
            if "LossyImageCompressionMethod" not in self.ds:
                method = _code(_LOSSY_IMAGE_COMPRESSION_METHOD, "ISO_10918_1")
                found[_LOSSY_IMAGE_COMPRESSION_METHOD] = method
        return found

    def element(self, data: Forward, start: int, length: int) -> Iterator[bytes]:
        """Give the new element, passing over the stored one.

        Raises:
            CannotMask, CannotDecode: a frame cannot be decoded, or not be written.
        """
        if length != UNDEFINED:
            raise CannotMask("The pixel data of an image is not encoded as its syntax says.")
        data.skip(start)
        _skip_fragments(data)
        yield encode_header(_PIXEL_DATA, "OB", UNDEFINED, EXPLICIT)
        # A table would have to stand before the frames whose sizes it tells; it may be empty, and
        # with one fragment for each frame nobody needs it.
        yield encode_header(ITEM, "", 0, EXPLICIT)
        for values in self._blacked():
            if not self.encoder.holds(values):
                raise CannotMask("The frames of an image do not agree on their precision.")
            fragment = self.encoder(values)
            yield encode_header(ITEM, "", len(fragment), EXPLICIT) + fragment
        yield encode_header(SEQUENCE_END, "", 0, EXPLICIT)

    def _blacked(self) -> Iterator[Pixels]:
        cell = as_cells(
            black(self.ds, self.cells, self.first.photometric, self._darkest()),
            self.first.cells.dtype,
        )
        for values in self._frames():
            blacked = values.copy()
            for area in self.areas:
                blacked[area] = cell if self.cells.samples == 3 else cell[0]
            yield blacked

    def _darkest(self) -> float:
        darkest = Darkest(self.cells)
        if needs_darkest(self.cells):
            for values in self._frames():
                stays = np.ones(values.shape, bool)
                for area in self.areas:
                    stays[area] = False
                darkest.see(values[stays])
        return darkest.value

    def _frames(self) -> Iterator[Pixels]:
        for number in range(1, self.ref.frames + 1):
            unpacked = self.first
            if number > 1:
                frame = self.source.frame(self.ref, number)
                unpacked = unpack(self.cells, frame, self.ref.transfer_syntax)
            if unpacked.photometric != self.first.photometric:
                raise CannotMask("The frames of an image do not agree on their colour.")
            yield unpacked.cells


def _code(tag: int, value: str) -> bytes:
    return encode_element(tag, "CS", value.encode(), EXPLICIT)


def _skip_fragments(data: Forward) -> None:
    while True:
        group, element, length = struct.unpack("<HHI", data.take(8))
        if group << 16 | element == SEQUENCE_END:
            return
        data.skip(length)
