"""Reads rectangles to be masked, from a form and from JSON.

Invariants: a rectangle that is returned has whole numbers, begins at or after 0 and has an area;
what was typed comes back with the fault, so that nothing has to be typed again.
Not here: masking (`store.masks`), and what lies outside a picture, which it knows best.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeGuard

from store.masks import MOST_RECTANGLES, Rectangle
from viewer.errors import BadRectangle

__all__ = ["SIDES", "RectangleForm", "read_form", "read_json"]

SIDES: Final = ("x", "y", "width", "height")
EMPTY_ROWS: Final = 3
LARGEST: Final = 65_535


@dataclass(frozen=True)
class RectangleForm:
    """A filled-in form.

    Attributes:
        filled: the four fields of each row that is not empty, as typed.
        faults: what is wrong, by the place of its row, from 0.
        usable: the rectangles that can be used, by the place of their row.
    """

    filled: tuple[tuple[str, ...], ...]
    faults: Mapping[int, str]
    usable: Mapping[int, Rectangle]

    @property
    def rectangles(self) -> tuple[Rectangle, ...]:
        """The rectangles that can be used."""
        return tuple(self.usable.values())

    @property
    def rows(self) -> tuple[tuple[str, ...], ...]:
        """The filled rows, and a few empty ones."""
        return self.filled + (("",) * len(SIDES),) * EMPTY_ROWS


def read_form(columns: Sequence[Sequence[str]], widest: int, highest: int) -> RectangleForm:
    """Read the fields of a form.

    Args:
        columns: the values of the fields x, y, width and height, each from the first row on.
        widest, highest: the largest sides of the pictures.
    """
    rows = (tuple(value.strip() for value in row) for row in zip(*columns, strict=False))
    filled = tuple(row for row in rows if any(row))[:MOST_RECTANGLES]
    faults: dict[int, str] = {}
    usable: dict[int, Rectangle] = {}
    for place, row in enumerate(filled):
        try:
            rectangle = _rectangle(dict(zip(SIDES, map(_number, row), strict=True)))
            _check_inside(rectangle, widest, highest)
            usable[place] = rectangle
        except BadRectangle as fault:
            faults[place] = str(fault)
    return RectangleForm(filled, faults, usable)


def read_json(document: object) -> tuple[Rectangle, ...]:
    """Read the document of a request: `{"rectangles": [{"x", "y", "width", "height"}, …]}`.

    Raises:
        BadRectangle: it is something else.
    """
    found = document.get("rectangles") if isinstance(document, dict) else None
    if not isinstance(found, list) or not 0 < len(found) <= MOST_RECTANGLES:
        raise BadRectangle(f"The request must hold 1 to {MOST_RECTANGLES} rectangles, as a list.")
    return tuple(_rectangle(values) for values in found)


def _rectangle(values: object) -> Rectangle:
    if not isinstance(values, Mapping) or set(values) != set(SIDES):
        raise BadRectangle("A rectangle has exactly x, y, width and height.")
    sides = [value for side in SIDES if _is_whole(value := values[side])]
    if len(sides) < len(SIDES):
        raise BadRectangle("All four must be whole numbers of pixels.")
    x, y, width, height = sides
    if x < 0 or y < 0:
        raise BadRectangle("It begins outside the picture: x and y count from 0.")
    if width < 1 or height < 1:
        raise BadRectangle("It has no area: width and height are 1 or more.")
    if max(sides) > LARGEST:
        raise BadRectangle("It lies outside the picture.")
    return Rectangle(x, y, width, height)


def _check_inside(rectangle: Rectangle, widest: int, highest: int) -> None:
    if rectangle.x >= widest or rectangle.y >= highest:
        raise BadRectangle(f"It lies outside the picture, which is {widest} × {highest} pixels.")


def _number(text: str) -> int | None:
    # Other numerals than these are letters to a form, whatever Python makes of them.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
