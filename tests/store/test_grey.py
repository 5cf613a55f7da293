"""Grey levels: what is kept from one frame to the next does not show."""

import numpy as np
import pytest

from store.cells import Pixels
from store.grey import CELLS_AT_ONCE, KEPT_TABLES, STEP, Window, grey_levels
from store.headers import Header

WINDOWS = (
    Window(40, 400),
    Window(40, 1),
    Window(-0.5, 1e5, "linear-exact"),
    Window(-600, 1200, "sigmoid"),
)


def header(**values: object) -> Header:
    tags = {"slope": "00281053", "intercept": "00281052", "photometric": "00280004"}
    model = {tags[name]: {"vr": "LO", "Value": [value]} for name, value in values.items()}
    return Header(model, lambda path: b"")


HEADERS = (
    header(),
    header(slope=0.37, intercept=-1024),
    header(slope=-2, intercept=7.5, photometric="MONOCHROME1"),
)


def one_by_one(values: Pixels) -> Pixels:
    """The same numbers in cells for which no table is kept."""
    return values.astype(np.float64)


@pytest.mark.parametrize("ds", HEADERS)
@pytest.mark.parametrize("kind", ["u1", "i1", "<u2", "<i2"])
def test_a_kept_table_shows_what_each_value_shows_by_itself(ds: Header, kind: str) -> None:
    possible = np.iinfo(kind)
    middle = (possible.min + possible.max) // 2
    spans = (
        (middle, middle),
        (middle - 60, middle + 60),
        (max(possible.min, -STEP), min(possible.max, STEP)),
        (possible.min, possible.max),
        (middle - 50, middle + 70),
    )
    for low, high in spans:
        values = np.linspace(low, high, 600).round().astype(kind).reshape(20, 30)
        for window in WINDOWS:
            seen = grey_levels(ds, values, 1, window)
            assert np.array_equal(seen, grey_levels(ds, one_by_one(values), 1, window))


@pytest.mark.parametrize("shape", [(1, 2 * CELLS_AT_ONCE + 1), (CELLS_AT_ONCE + 1, 1), (257, 300)])
def test_what_is_looked_up_in_parts_is_all_there(shape: tuple[int, int]) -> None:
    values = np.resize(np.arange(-3000, 3000, 7, dtype="<i2"), shape)
    for seen in (values, values[::-1, ::-1]):
        levels = grey_levels(HEADERS[1], seen, 1, WINDOWS[0])
        assert np.array_equal(levels, grey_levels(HEADERS[1], one_by_one(seen), 1, WINDOWS[0]))


def test_more_windows_than_are_kept_show_what_they_should() -> None:
    values = np.arange(4096, dtype="<u2").reshape(64, 64)
    for _ in range(2):
        for centre in range(KEPT_TABLES + 3):
            seen = grey_levels(HEADERS[0], values, 1, Window(centre, 50))
            one = grey_levels(HEADERS[0], one_by_one(values), 1, Window(centre, 50))
            assert np.array_equal(seen, one)
