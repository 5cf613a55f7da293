"""How pixel cells lie in bytes, and what numbers they hold.

Standard: PS3.5 8.1.1 (pixel cells), 8.2 (native format), PS3.3 C.7.6.3 (Image Pixel module).

Invariants: a header that describes no possible image is refused before any memory is taken; an
array of cells is never larger than the bytes it was made from, but for shared chrominance and bits.

Not here: compressed frames (store.codecs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from store.errors import CannotDecode
from store.headers import Attributes

__all__ = ["TOO_SHORT", "Cells", "Pixels", "by_pixel", "native_cells", "significant", "value_of"]

Pixels = NDArray[Any]

# No single frame of a modality comes near this; what does is a whole slide without tiles.
LARGEST_FRAME: Final = 1 << 30
TOO_SHORT: Final = "The frame is too short for the size that the header claims."


@dataclass(frozen=True)
class Cells:
    """How the header says that pixels are stored."""

    rows: int
    columns: int
    samples: int
    allocated: int
    stored: int
    high_bit: int
    is_signed: bool
    is_float: bool
    is_planar: bool
    photometric: str

    @classmethod
    def of(cls, ds: Attributes) -> Cells:
        """Read and check the Image Pixel attributes.

        Raises:
            CannotDecode: there is no image, or one of a shape that no frame can have.
        """
        try:
            allocated = int(ds.BitsAllocated)
            stored = int(ds.get("BitsStored") or allocated)
            cells = cls(
                rows=int(ds.Rows),
                columns=int(ds.Columns),
                samples=int(ds.get("SamplesPerPixel") or 1),
                allocated=allocated,
                stored=stored,
                high_bit=int(ds.get("HighBit") or stored - 1),
                is_signed=ds.get("PixelRepresentation") == 1,
                # The Float Pixel Data modules leave Pixel Representation out (PS3.3 C.7.6.24).
                is_float=allocated in (32, 64) and "PixelRepresentation" not in ds,
                is_planar=ds.get("PlanarConfiguration") == 1,
                photometric=str(ds.get("PhotometricInterpretation") or "MONOCHROME2"),
            )
        except Exception:
            # pydicom raises what it likes for values that do not parse.
            raise CannotDecode("The header does not describe an image.") from None
        cells._check()
        return cells

    def _check(self) -> None:
        if (
            self.rows < 1
            or self.columns < 1
            or self.samples not in (1, 3)
            or self.allocated not in (1, 8, 16, 32, 64)
            or not 1 <= self.stored <= self.high_bit + 1 <= self.allocated
        ):
            raise CannotDecode("The header describes an image of an impossible shape.")
        if self.size > LARGEST_FRAME:
            raise CannotDecode("The frame is too large to be decoded.")

    @property
    def size(self) -> int:
        """Bytes of a decoded frame."""
        return self.rows * self.columns * self.samples * max(8, self.allocated) // 8

    @property
    def shape(self) -> tuple[int, ...]:
        """Of a decoded frame."""
        plane = (self.rows, self.columns)
        return plane if self.samples == 1 else (*plane, self.samples)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the cells, without regard to their sign."""
        kind = "f" if self.is_float else "u"
        return np.dtype(f"<{kind}{max(8, self.allocated) // 8}")


def native_cells(cells: Cells, frame: bytes) -> Pixels:
    """Arrange the bytes of an uncompressed frame by rows, columns and samples.

    Args:
        cells: how they are stored.
        frame: little-endian, beginning at bit 0; what follows the frame is passed over.

    Raises:
        CannotDecode: the bytes are fewer than the frame needs.
    """
    count = cells.rows * cells.columns * cells.samples
    if cells.allocated == 1:
        bits = np.frombuffer(frame, np.uint8, min(len(frame), (count + 7) // 8))
        values = np.unpackbits(bits, bitorder="little")[:count]
    else:
        subsampled = cells.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422")
        if subsampled and len(frame) < count * cells.dtype.itemsize:
            return _upsampled(cells, frame)
        whole = len(frame) // cells.dtype.itemsize
        values = np.frombuffer(frame, cells.dtype, min(whole, count))
    if values.size < count:
        raise CannotDecode(TOO_SHORT)
    return by_pixel(cells, values, is_planar=cells.is_planar)


def by_pixel(cells: Cells, values: Pixels, *, is_planar: bool) -> Pixels:
    """Arrange values in the shape of the frame, colour by pixel."""
    if cells.samples == 3 and is_planar:
        planes = values.reshape(3, cells.rows, cells.columns)
        return np.ascontiguousarray(planes.transpose(1, 2, 0))
    return values.reshape(cells.shape)


def _upsampled(cells: Cells, frame: bytes) -> Pixels:
    """Undo the sharing of chrominance by two pixels: Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2)."""
    pairs = cells.rows * cells.columns // 2
    if len(frame) < 4 * pairs or cells.columns % 2 or cells.allocated != 8:
        raise CannotDecode(TOO_SHORT)
    quads = np.frombuffer(frame, np.uint8, 4 * pairs).reshape(pairs, 4)
    # Two pixels of three samples each out of every four bytes.
    return quads[:, [0, 2, 3, 1, 2, 3]].reshape(cells.shape)


def significant(values: Pixels, stored: int, high_bit: int, is_signed: bool) -> Pixels:
    """Read cells as numbers: drop the bits that do not belong to the value, extend its sign."""
    if values.dtype.kind == "f":
        return values
    width = 8 * values.dtype.itemsize
    kind = "i" if is_signed else "u"
    numbers = values.view(f"<{kind}{values.dtype.itemsize}")
    if stored >= width:
        return numbers
    if not is_signed and high_bit == stored - 1:
        # What most images are: one step instead of two.
        masked: Pixels = numbers & numbers.dtype.type((1 << stored) - 1)
        return masked
    up = width - 1 - high_bit
    shifted: Pixels = (numbers << up) >> (width - stored)
    return shifted


def value_of(ds: Attributes, keyword: str) -> object:
    """Return a value, None also where it does not parse."""
    try:
        value: object = ds.get(keyword)
        return value
    except Exception:  # pydicom raises what it likes for values that do not parse
        return None
