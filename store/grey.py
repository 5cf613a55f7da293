"""Turns stored values of grey images into 8-bit grey levels.

Standard: PS3.3 C.11.1 (Modality LUT), C.11.2 (VOI LUT: windows and tables), C.11.6 and C.11.8 (the
same in presentation states), C.7.6.16.2.9 and .10 (in functional groups), C.7.6.3.1.2
(MONOCHROME1), C.7.5.1.1.2 (Pixel Padding Value).

Invariants: a table or window that makes no sense is passed over, never an error; what an 8 or 16
bit image costs does not depend on the functions, because they are applied to a table.

Not here: colour, size and encoding of the picture (store.render).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from store.cells import Pixels, value_of
from store.headers import Attributes

__all__ = ["Function", "Window", "grey_levels", "items_of", "presented_levels", "scopes"]

Floats = NDArray[np.float64]
Grey = NDArray[np.uint8]
Transform = Callable[[Floats], Floats]
Function = Literal["linear", "linear-exact", "sigmoid"]

# Beyond this many different values a table costs more than it saves.
LARGEST_TABLE: Final = 1 << 17
# Tables of 64 KB, for the windows that slices of one series share; each holds steps of values, so
# that slices need not have the same least and greatest.
KEPT_TABLES: Final = 32
STEP: Final = 1024
CELLS_AT_ONCE: Final = 1 << 15
# Of the pixels at either end, this share does not take part in choosing a window.
OUTLIERS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Window:
    """A VOI window."""

    centre: float
    width: float
    function: Function = "linear"

    def is_possible(self) -> bool:
        """Whether the function is defined for this width."""
        least = 1.0 if self.function == "linear" else math.ulp(0.0)
        return math.isfinite(self.centre) and math.isfinite(self.width) and self.width >= least

    def __call__(self, values: Floats) -> Floats:
        """Return levels from 0, black, to 1, white."""
        centre, width, function = self.centre, self.width, self.function
        if function == "sigmoid":
            exponent = np.clip(-4 * (values - centre) / width, -700, 700)
            return np.asarray(1 / (1 + np.exp(exponent)))
        if function == "linear-exact":
            return np.clip((values - centre) / width + 0.5, 0, 1)
        if width == 1:
            return (values > centre - 0.5).astype(np.float64)
        return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


@dataclass(frozen=True, slots=True)
class Rescale:
    """Rescale Slope and Intercept."""

    slope: float
    intercept: float

    def __call__(self, values: Floats) -> Floats:
        """Return the output units."""
        return values * self.slope + self.intercept


@dataclass(frozen=True)
class Table:
    """A lookup table of the Modality LUT or VOI LUT Sequence."""

    first: int
    bits: int
    data: Floats

    def __call__(self, values: Floats) -> Floats:
        """Look values up; those outside take the nearest entry."""
        first = self.first
        if first >= 1 << 15 and values.size and values.min() < 0:
            first -= 1 << 16  # a signed number that was written or read as an unsigned one
        places = np.clip(np.nan_to_num(values) - first, 0, len(self.data) - 1)
        return self.data[places.astype(np.intp)]

    def scaled(self) -> Table:
        """Return the same table with its entries between 0 and 1."""
        return Table(self.first, self.bits, np.clip(self.data / ((1 << self.bits) - 1), 0, 1))


@dataclass(frozen=True, slots=True)
class _Windowed:
    """What is shown without any table: of a value alone, whatever others there are."""

    rescale: Rescale
    window: Window
    inverted: bool

    def __call__(self, inputs: Floats) -> Grey:
        return _levels(self.window(self.rescale(inputs)), self.inverted)


def grey_levels(ds: Attributes, values: Pixels, number: int, window: Window | None = None) -> Grey:
    """Return what a display would show of a frame, 0 black to 255 white.

    Args:
        ds: the header.
        values: stored values of the frame.
        number: of the frame, from 1, for functional groups.
        window: in place of what the header recommends.
    """
    groups = list(scopes(ds, number))
    modality = _modality(groups)
    voi = _voi(groups, window) or _spread(modality(_extremes(ds, values)))
    inverted = value_of(ds, "PhotometricInterpretation") == "MONOCHROME1"
    if isinstance(modality, Rescale) and isinstance(voi, Window):
        return _through(_Windowed(modality, voi, inverted), values)
    return _through(lambda inputs: _levels(voi(modality(inputs)), inverted), values)


def presented_levels(
    state: Attributes, voi_items: list[Attributes], ds: Attributes, values: Pixels
) -> Grey:
    """Return what a display would show of a frame under a presentation state.

    The state's transformations stand in place of the image's, which are not looked at.

    Args:
        state: the presentation state.
        voi_items: of its Softcopy VOI LUT Sequence, those that are for this image.
        ds: the header of the image.
        values: stored values of the frame.
    """
    modality = _modality([state])
    bits = _number(ds, "BitsStored") or 8 * values.dtype.itemsize
    low = -(2 ** (bits - 1)) if values.dtype.kind == "i" else 0.0
    voi = _voi(voi_items, None) or _spread(modality(np.array([low, low + 2**bits - 1])))
    table = _table(state, "PresentationLUTSequence")
    presented = table.scaled() if table else None
    inverted = value_of(state, "PresentationLUTShape") == "INVERSE"

    def shown(inputs: Floats) -> Grey:
        levels = np.nan_to_num(voi(modality(inputs)))
        if presented is not None:
            levels = presented(presented.first + levels * (len(presented.data) - 1))
        return np.rint(255 * (1 - levels if inverted else levels)).astype(np.uint8)

    return _through(shown, values)


def _levels(shares: Floats, inverted: bool) -> Grey:
    levels = np.nan_to_num(shares) * 255
    return np.rint(255 - levels if inverted else levels).astype(np.uint8)


def _through(shown: Callable[[Floats], Grey], values: Pixels) -> Grey:
    """Apply a function to each value, by a table where that is cheaper."""
    if values.dtype.kind in "iu":
        low, high = int(values.min()), int(values.max())
        if values.itemsize <= 2:
            # The cells themselves are places in a table of all that they could be.
            cells = values.view(f"u{values.itemsize}")
            if isinstance(shown, _Windowed):
                whole = _kept_table(shown, values.dtype, low // STEP, high // STEP)
            else:
                whole = _table_of_cells(shown, values.dtype, low, high)
            return _looked_up(whole, cells)
        if high - low < LARGEST_TABLE:
            table = shown(np.arange(low, high + 1, dtype=np.float64))
            return table[np.subtract(values, low, dtype=np.intp, casting="unsafe")]
    return shown(values.astype(np.float64))


def _looked_up(table: Grey, cells: Pixels) -> Grey:
    # Part by part: places are widened to eight bytes, which for a whole frame is a lot of memory.
    levels = np.empty(cells.shape, np.uint8)
    rows = max(1, CELLS_AT_ONCE // max(1, cells[0].size))
    for first in range(0, len(cells), rows):
        part = slice(first, first + rows)
        table.take(cells[part], mode="clip", out=levels[part])
    return levels


def _table_of_cells(
    shown: Callable[[Floats], Grey], dtype: np.dtype[Any], low: int, high: int
) -> Grey:
    whole = np.zeros(1 << 8 * dtype.itemsize, np.uint8)
    inputs = np.arange(low, high + 1)
    whole[inputs.astype(f"u{dtype.itemsize}")] = shown(inputs.astype(np.float64))
    return whole


@lru_cache(maxsize=KEPT_TABLES)
def _kept_table(shown: _Windowed, dtype: np.dtype[Any], low: int, high: int) -> Grey:
    """Return a table for the values of the steps from `low` to `high`, to be read only."""
    possible = np.iinfo(dtype)
    first, last = max(low * STEP, possible.min), min(high * STEP + STEP - 1, possible.max)
    return _table_of_cells(shown, dtype, first, last)


def scopes(ds: Attributes, number: int) -> Iterator[Attributes]:
    """Yield where attributes of a frame may stand: its own groups, the shared ones, the top."""
    for sequence, index in (
        ("PerFrameFunctionalGroupsSequence", number - 1),
        ("SharedFunctionalGroupsSequence", 0),
    ):
        for group in items_of(ds, sequence, index):
            for element in (
                "PixelValueTransformationSequence",
                "FrameVOILUTSequence",
                "PixelMeasuresSequence",
            ):
                yield from items_of(group, element)
    yield ds


def _modality(groups: list[Attributes]) -> Transform:
    for ds in groups:
        table = _table(ds, "ModalityLUTSequence")
        if table:
            return table
        slope, intercept = _number(ds, "RescaleSlope"), _number(ds, "RescaleIntercept")
        if slope is not None or intercept is not None:
            return Rescale(slope or 1.0, intercept or 0.0)
    return Rescale(1.0, 0.0)


def _voi(groups: list[Attributes], window: Window | None) -> Transform | None:
    """Return the window given, else the first of the header, else its first table."""
    if window is not None and window.is_possible():
        return window
    for ds in groups:
        centre, width = _number(ds, "WindowCenter"), _number(ds, "WindowWidth")
        if centre is not None and width is not None:
            recommended = Window(centre, width, _function(value_of(ds, "VOILUTFunction")))
            if recommended.is_possible():
                return recommended
        table = _table(ds, "VOILUTSequence")
        if table:
            return table.scaled()
    return None


def _spread(extremes: Floats) -> Transform:
    """Show the values between two extremes from black to white."""
    low, high = sorted(extremes.tolist())
    return Window((low + high) / 2, (high - low) or 1, "linear-exact")


def _extremes(ds: Attributes, values: Pixels) -> Floats:
    """Return the least and the greatest stored value that count."""
    # The values of segmentations mean the same in every frame (PS3.3 C.8.20.2).
    most = 1 if value_of(ds, "BitsStored") == 1 else _number(ds, "MaximumFractionalValue")
    if most:
        return np.array([0, most], np.float64)
    counted = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    padding = _number(ds, "PixelPaddingValue")
    if padding is not None:
        last = _number(ds, "PixelPaddingRangeLimit")
        limits = sorted((padding, padding if last is None else last))
        unpadded = counted[(counted < limits[0]) | (counted > limits[1])]
        counted = unpadded if unpadded.size else counted
    if not counted.size:
        return np.zeros(2)
    low, high = np.percentile(counted, (OUTLIERS, 100 - OUTLIERS))
    if low == high:
        low, high = counted.min(), counted.max()
    return np.array([low, high], np.float64)


def _table(ds: Attributes, sequence: str) -> Table | None:
    for item in items_of(ds, sequence):
        try:
            entries, first, bits = (int(n) for n in item.LUTDescriptor)
            data = _entries(ds, item.LUTData, entries or 1 << 16)
        except Exception:  # a table that does not parse, of whatever kind
            return None
        if data.size and 1 <= bits <= 16:
            return Table(first, bits, data.astype(np.float64))
    return None


def _entries(ds: Attributes, data: object, count: int) -> NDArray[Any]:
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data, np.int64))[:count] & 0xFFFF
    if len(data) in (count, count + 1):
        return np.frombuffer(data, np.uint8, count)
    # Words stay as they were stored when pydicom reads them; in a `Header` they are little-endian.
    little = getattr(ds, "original_encoding", (None, True))[1] is not False
    return np.frombuffer(data[: len(data) & ~1], "<u2" if little else ">u2")[:count]


def _function(name: object) -> Function:
    found = str(name).lower().replace("_", "-")
    for function in ("linear-exact", "sigmoid"):
        if found == function:
            return function
    return "linear"


def _number(ds: Attributes, keyword: str) -> float | None:
    """Return the first value as a finite number."""
    value = value_of(ds, keyword)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    if not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def items_of(ds: Attributes, sequence: str, index: int = 0) -> list[Attributes]:
    """Return the item of a sequence at an index in a list; an empty one if there is none."""
    found = value_of(ds, sequence)
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        return []
    return [item for item in found[index : index + 1] if hasattr(item, "get")]
