"""Blacks out parts of pixel data: what black is, and where the pixels of native frames lie.

Standard: PS3.3 C.7.6.3.1.2 (photometric interpretation), C.7.6.3.1.3 (planar configuration),
PS3.5 8.1.1 (pixel cells), 8.2 (native format), 7.3 (byte order).

Invariants: bytes that belong to no pixel of an area stay as they are. Native pixel data is taken
in blocks of lines, so memory does not depend on the size or number of frames.

Not here: the elements around the pixel data, compressed frames (store.masked_file).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from store.byteorder import swap_words
from store.cells import Cells, Pixels, significant
from store.errors import CannotMask

__all__ = ["Area", "Darkest", "NativeLines", "as_cells", "black", "needs_darkest"]

Area = tuple[slice, slice]
"""Rows and columns of an image."""

_BLOCK_BYTES: Final = 1 << 20
_SHARED_CHROMINANCE: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")
# Nobody pads a value by more.
_PADDING_BITS: Final = 16


def needs_darkest(cells: Cells) -> bool:
    """Whether black depends on the pixels: a signed or real number has no end that is black."""
    return cells.samples == 1 and (cells.is_signed or cells.is_float)


def black(ds: Dataset, cells: Cells, photometric: str, darkest: float) -> list[float]:
    """Return the cell, or the three of colour, that is shown black.

    Args:
        ds: the header, for its palette.
        cells: how pixels are stored.
        photometric: of the cells as they are now, which decoding may have changed.
        darkest: what `Darkest` found; used where `needs_darkest` says so.

    Raises:
        CannotMask: the palette cannot be read.
    """
    # Values may stand in the upper bits of their cells.
    shift = cells.high_bit + 1 - cells.stored
    most = (1 << cells.stored) - 1
    if cells.samples == 3:
        if not photometric.startswith("YBR"):
            return [0, 0, 0]
        luminance = 16 << cells.stored >> 8 if "PARTIAL" in photometric else 0
        grey = 1 << (cells.stored - 1)
        return [value << shift for value in (luminance, grey, grey)]
    if photometric == "PALETTE COLOR":
        return [_darkest_entry(ds, most) << shift]
    if cells.is_float:
        return [darkest]
    if cells.is_signed:
        return [int(darkest) << shift]
    return [most << shift if photometric == "MONOCHROME1" else 0]


def as_cells(values: Sequence[float], dtype: np.dtype[Any]) -> Pixels:
    """Put numbers into cells; a negative one keeps its bits where cells have no sign."""
    if dtype.kind == "f":
        return np.array(values, dtype)
    width = 8 * dtype.itemsize
    bits = [int(value) & ((1 << width) - 1) for value in values]
    return np.array(bits, f"<u{dtype.itemsize}").view(dtype)


def _darkest_entry(ds: Dataset, most: int) -> int:
    try:
        colours = apply_color_lut(np.arange(min(most, 0xFFFF) + 1, dtype=np.uint16), ds)
        return int(np.argmin(colours[:, :3].astype(np.int64).sum(axis=1)))
    except Exception:  # pydicom raises what it likes for palettes that do not parse
        raise CannotMask("The palette of an image is damaged.") from None


class Darkest:
    """Finds the value that is shown darkest among the pixels that stay.

    With it, a rectangle is as dark as the image gets, and a viewer that spreads grey levels from
    the least to the greatest value shows the rest as it did before.
    """

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._is_greatest = cells.photometric == "MONOCHROME1"
        self._found: float | None = None

    def see(self, raw: Pixels) -> None:
        """Take cells of pixels that stay."""
        cells = self._cells
        values = significant(raw, cells.stored, cells.high_bit, cells.is_signed)
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if values.size:
            darkest = (values.max() if self._is_greatest else values.min()).item()
            choose = max if self._is_greatest else min
            self._found = darkest if self._found is None else choose(self._found, darkest)

    @property
    def value(self) -> float:
        """The value; 0 when no pixel stays."""
        return self._found or 0


class NativeLines:
    """The lines of native pixel data: one row of pixels each, or of one colour when it is planar.

    Args:
        cells: how pixels are stored.
        length: bytes of the value.
        frames: how many the header tells of.
        word: bytes that the syntax swaps together (big endian), else 1.
        areas: what is blacked out, in every frame and inside of the image.

    Raises:
        CannotMask: pixels share their colour in a way that does not fit the image.
    """

    def __init__(
        self, cells: Cells, length: int, frames: int, word: int, areas: Sequence[Area]
    ) -> None:
        self._cells = cells
        self._word = word
        self._planes = 1
        self._units, self._cells_of_unit = cells.columns, cells.samples
        self._areas = list(areas)
        if _shares_chrominance(cells, length, frames):
            # Y1 Y2 Cb Cr: two pixels side by side go together.
            self._units, self._cells_of_unit = cells.columns // 2, 4
            self._areas = [(r, slice(c.start // 2, -(-c.stop // 2))) for r, c in areas]
        elif cells.samples == 3 and cells.is_planar:
            self._planes, self._cells_of_unit = 3, 1
        self._line_bits = self._units * self._cells_of_unit * cells.allocated
        self._lines_of_frame = self._planes * cells.rows
        self._lines = self._count(length)
        # Whole bytes, and whole words of any width.
        step = 64 if cells.allocated == 1 else 8
        self._step = max(1, _BLOCK_BYTES * 8 // (self._line_bits * step)) * step

    @property
    def block_bytes(self) -> int:
        """In pieces of this size, the last one smaller, the value must be given."""
        return self._step * self._line_bits // 8

    def blacked(self, blocks: Iterable[bytes], cell: Sequence[float]) -> Iterator[bytes]:
        """Black out the areas in the blocks of the value."""
        colour = self._as_units(cell)
        for number, block in enumerate(blocks):
            lines = self._lines_at(number, block)
            hit = [(self._hit(lines, rows), columns) for rows, columns in self._areas]
            if not any(places.size for places, _ in hit):
                yield block
                continue
            units = self._units_of(block, len(lines))
            for places, columns in hit:
                planes = lines[places] % self._lines_of_frame // self._cells.rows
                units[places, columns] = colour[planes][:, None, :]
            yield self._bytes_of(units)[: len(block)]

    def staying(self, blocks: Iterable[bytes]) -> Iterator[Pixels]:
        """Give the cells of the value that are in no area."""
        for number, block in enumerate(blocks):
            lines = self._lines_at(number, block)
            units = self._units_of(block, len(lines))
            whole = np.ones(len(lines), bool)
            whole[len(block) * 8 // self._line_bits :] = False
            hit = np.zeros(len(lines), bool)
            for rows, _ in self._areas:
                hit[self._hit(lines, rows)] = True
            yield units[whole & ~hit]
            # Few lines, as a mask of pixels costs more than looking at them.
            parts = np.flatnonzero(whole & hit)
            stays = np.ones((len(parts), self._units), bool)
            for rows, columns in self._areas:
                stays[self._hit(lines[parts], rows), columns] = False
            yield units[parts][stays]

    def _count(self, length: int) -> int:
        """The lines of all frames, of those that the header does not tell of, too."""
        frame_bits = self._line_bits * self._lines_of_frame
        frames, rest = divmod(length * 8, frame_bits)
        lines = frames * self._lines_of_frame
        return lines if rest <= _PADDING_BITS else lines + -(-rest // self._line_bits)

    def _lines_at(self, number: int, block: bytes) -> NDArray[np.int64]:
        first = number * self._step
        return np.arange(first, first - (-len(block) * 8 // self._line_bits))

    def _hit(self, lines: NDArray[np.int64], rows: slice) -> NDArray[np.intp]:
        row = lines % self._lines_of_frame % self._cells.rows
        return np.flatnonzero((rows.start <= row) & (row < rows.stop) & (lines < self._lines))

    def _as_units(self, cell: Sequence[float]) -> Pixels:
        unit = [cell[0], *cell] if self._cells_of_unit == 4 else cell
        return as_cells(unit, self._cells.dtype).reshape(self._planes, self._cells_of_unit)

    def _units_of(self, block: bytes, lines: int) -> Pixels:
        size = -(-lines * self._line_bits // 8)
        data = swap_words(block, self._word).ljust(size, b"\0")
        if self._cells.allocated == 1:
            bits = np.frombuffer(data, np.uint8)
            cells = np.unpackbits(bits, count=lines * self._line_bits, bitorder="little")
        else:
            cells = np.frombuffer(data, self._cells.dtype).copy()
        return cells.reshape(lines, self._units, self._cells_of_unit)

    def _bytes_of(self, units: Pixels) -> bytes:
        if self._cells.allocated == 1:
            units = np.packbits(units.ravel(), bitorder="little")
        return swap_words(units.tobytes(), self._word)


def _shares_chrominance(cells: Cells, length: int, frames: int) -> bool:
    """Tell by the length, because some writers name the sharing and do not do it.

    Raises:
        CannotMask: it is neither, so nobody knows where a pixel lies.
    """
    if cells.photometric not in _SHARED_CHROMINANCE or cells.samples != 3:
        return False
    whole = cells.size * frames
    if length in (whole, whole + 1):
        return False
    shared = whole * 2 // 3
    if length in (shared, shared + 1) and cells.columns % 2 == 0:
        return True
    raise CannotMask("The pixel data of an image does not fit its size.")
