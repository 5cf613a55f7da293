"""Draws an image as a presentation state says.

Standard: PS3.3 C.11.1, C.11.2, C.11.6, C.11.8 (grey transformations), C.7.6.11 (shutters), C.10.4
(displayed area), C.10.5 (graphic annotation), C.10.6 (spatial transformation).
Invariants: graphics are placed in the picture as it is seen, so letters stay upright; what cannot
be read of them is left out, never an error. The size of the picture is bounded as any other's.
Not here: overlays and blending, finding the image (`dicomweb.rendered_states`), colour.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from store.cells import Pixels, value_of
from store.encoded import Picture
from store.errors import CannotDecode
from store.grey import presented_levels
from store.headers import Attributes
from store.render import aspect_of, resized, size_in

__all__ = ["image_of", "presented"]

MOST_POINTS: Final = 10_000
MOST_OBJECTS: Final = 500
LONGEST_TEXT: Final = 200
_WHITE: Final = 255
_BLACK: Final = 0

Point = tuple[float, float]
Place = Callable[[float, float], Point]


def image_of(state: Attributes) -> Iterator[tuple[str, int]]:
    """Yield the images that the state is for: SOP Instance UID, and number of the frame."""
    for series in _items(state, "ReferencedSeriesSequence"):
        for image in _items(series, "ReferencedImageSequence"):
            frames = _numbers(image, "ReferencedFrameNumber")
            uid = value_of(image, "ReferencedSOPInstanceUID")
            if isinstance(uid, str):
                yield uid, int(frames[0]) if frames else 1


def presented(
    state: Attributes,
    ds: Attributes,
    values: Pixels,
    *,
    viewport: tuple[int, int] | None = None,
) -> Picture:
    """Draw one frame under a presentation state.

    Args:
        state: the presentation state.
        ds: the header of the image.
        values: stored values of the frame, as `store.pixels.decode` returned them.
        viewport: the box to fill, as width and height.

    Raises:
        CannotDecode: the image is not grey, or the displayed area is none.
    """
    if values.ndim != 2:
        raise CannotDecode("The presentation state is for grey images.")
    uid = value_of(ds, "SOPInstanceUID")
    voi = _meant(state, "SoftcopyVOILUTSequence", uid)
    grey = presented_levels(state, voi, ds, values)
    areas = _meant(state, "DisplayedAreaSelectionSequence", uid)
    view = _View.of(state, areas, grey.shape, viewport)
    picture = view.seen(_shuttered(state, grey))
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for annotation in _meant(state, "GraphicAnnotationSequence", uid):
        for graphic in _items(annotation, "GraphicObjectSequence")[:MOST_OBJECTS]:
            _draw_graphic(draw, graphic, view)
        for text in _items(annotation, "TextObjectSequence")[:MOST_OBJECTS]:
            _draw_text(draw, text, view)
    return np.asarray(image)


@dataclass(frozen=True)
class _View:
    """How the displayed area comes into the picture: its place, size, rotation and flip."""

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int
    quarters: int
    is_flipped: bool

    @classmethod
    def of(
        cls,
        state: Attributes,
        areas: Sequence[Attributes],
        shape: tuple[int, ...],
        viewport: tuple[int, int] | None,
    ) -> _View:
        rows, columns = shape
        area = areas[0] if areas else None
        first = _numbers(area, "DisplayedAreaTopLeftHandCorner") if area else []
        last = _numbers(area, "DisplayedAreaBottomRightHandCorner") if area else []
        corners = [*first, *last] if len(first) == len(last) == 2 else [1, 1, columns, rows]
        left, top, right, bottom = (int(n) for n in corners)
        left, top = left - 1, top - 1
        is_seen = left < min(columns, right) and top < min(rows, bottom) and right > 0 < bottom
        if not (is_seen and right - left <= 4 * columns and bottom - top <= 4 * rows):
            raise CannotDecode("The presentation state displays no area of the image.")
        quarters = int((_numbers(state, "ImageRotation") or [0])[0]) // 90 % 4
        aspect = (area and aspect_of([area], ("PresentationPixelAspectRatio",))) or 1.0
        box = viewport[::-1] if viewport and quarters % 2 else viewport
        size = size_in(right - left, bottom - top, aspect, box)
        is_flipped = value_of(state, "ImageHorizontalFlip") == "Y"
        return cls(left, top, right, bottom, *size, quarters, is_flipped)

    def seen(self, grey: Picture) -> Picture:
        """Return the displayed area as it is seen; what lies outside the image is black."""
        inside = grey[max(0, self.top) : self.bottom, max(0, self.left) : self.right]
        area = np.zeros((self.bottom - self.top, self.right - self.left), np.uint8)
        down, across = max(0, -self.top), max(0, -self.left)
        area[down : down + inside.shape[0], across : across + inside.shape[1]] = inside
        turned = np.rot90(resized(area, (self.width, self.height)), -self.quarters)
        return np.ascontiguousarray(turned[:, ::-1] if self.is_flipped else turned)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        return (self.height, self.width) if self.quarters % 2 else (self.width, self.height)

    def in_image(self, across: float, down: float) -> Point:
        """Return where a place in the image is in the picture; 0.5, 0.5 is its first pixel."""
        x = (across - self.left) / (self.right - self.left) * self.width
        y = (down - self.top) / (self.bottom - self.top) * self.height
        far_x, far_y = self.width - x, self.height - y
        x, y = [(x, y), (far_y, x), (far_x, far_y), (y, far_x)][self.quarters]
        return (self.size[0] - x if self.is_flipped else x), y

    def in_display(self, across: float, down: float) -> Point:
        """Return where a place in the displayed area, from 0 to 1, is in the picture."""
        return across * self.size[0], down * self.size[1]

    def place(self, units: object) -> Place:
        """Return what places points that are given in these units."""
        return self.in_display if units == "DISPLAY" else self.in_image


def _shuttered(state: Attributes, grey: Picture) -> Picture:
    shapes = value_of(state, "ShutterShape")
    shapes = [shapes] if isinstance(shapes, str) else shapes if isinstance(shapes, list) else []
    open_ = Image.new("1", grey.shape[::-1], 1)
    for shape in shapes:
        hole = Image.new("1", open_.size, 0)
        draw = ImageDraw.Draw(hole)
        if shape == "RECTANGULAR":
            edges = [
                (_numbers(state, f"Shutter{side}Edge") or [default])[0]
                for side, default in (
                    ("LeftVertical", 1),
                    ("UpperHorizontal", 1),
                    ("RightVertical", grey.shape[1]),
                    ("LowerHorizontal", grey.shape[0]),
                )
            ]
            if edges[0] <= edges[2] and edges[1] <= edges[3]:
                draw.rectangle([n - 1 for n in edges], fill=1)
        elif shape == "CIRCULAR":
            centre = _numbers(state, "CenterOfCircularShutter")
            radius = _numbers(state, "RadiusOfCircularShutter")
            if len(centre) == 2 and radius and radius[0] > 0:
                y, x = centre[0] - 1, centre[1] - 1
                r = min(radius[0], 1e5)
                draw.ellipse((x - r, y - r, x + r, y + r), fill=1)
        elif shape == "POLYGONAL":
            vertices = _numbers(state, "VerticesOfThePolygonalShutter")[: 2 * MOST_POINTS]
            if len(vertices) >= 6:
                pairs = zip(vertices[1::2], vertices[::2], strict=False)
                draw.polygon([(x - 1, y - 1) for x, y in pairs], fill=1)
        else:
            continue
        open_.paste(0, mask=Image.fromarray(~np.asarray(hole)))
    level = min(255, int((_numbers(state, "ShutterPresentationValue") or [0])[0]) // 257)
    return np.where(np.asarray(open_), grey, np.uint8(max(0, level)))


def _draw_graphic(draw: ImageDraw.ImageDraw, graphic: Attributes, view: _View) -> None:
    place = view.place(value_of(graphic, "GraphicAnnotationUnits"))
    data = _numbers(graphic, "GraphicData")[: 2 * MOST_POINTS]
    points = list(zip(data[::2], data[1::2], strict=False))
    kind = value_of(graphic, "GraphicType")
    is_filled = value_of(graphic, "GraphicFilled") == "Y"
    if kind == "POINT":
        for x, y in (place(*point) for point in points):
            draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=_WHITE, outline=_BLACK)
        return
    if kind == "CIRCLE" and len(points) == 2:
        (x, y), (to_x, to_y) = points
        radius = float(np.hypot(to_x - x, to_y - y))
        outline = _ellipse((x, y), (radius, 0.0), (0.0, radius))
    elif kind == "ELLIPSE" and len(points) == 4:
        a, b, c, d = points
        centre = ((a[0] + b[0]) / 2, (a[1] + b[1]) / 2)
        outline = _ellipse(
            centre,
            ((b[0] - a[0]) / 2, (b[1] - a[1]) / 2),
            ((d[0] - c[0]) / 2, (d[1] - c[1]) / 2),
        )
    elif kind in ("POLYLINE", "INTERPOLATED") and len(points) > 1:
        outline = points
    else:
        return
    seen = [place(*point) for point in outline]
    if is_filled and seen[0] == seen[-1] and len(seen) > 3:
        draw.polygon(seen, fill=_WHITE)
    width = max(1, max(view.size) // 400)
    draw.line(seen, fill=_BLACK, width=width + 2, joint="curve")
    draw.line(seen, fill=_WHITE, width=width, joint="curve")


def _draw_text(draw: ImageDraw.ImageDraw, text: Attributes, view: _View) -> None:
    said = value_of(text, "UnformattedTextValue")
    if not isinstance(said, str):
        return
    anchor = _numbers(text, "AnchorPoint")
    box = _numbers(text, "BoundingBoxTopLeftHandCorner")
    units = "BoundingBoxAnnotationUnits" if len(box) == 2 else "AnchorPointAnnotationUnits"
    corner = box if len(box) == 2 else anchor
    if len(corner) != 2:
        return
    shown = "".join(c for c in said.replace("\r\n", "\n") if c.isprintable() or c == "\n")
    draw.multiline_text(
        view.place(value_of(text, units))(*corner),
        shown[:LONGEST_TEXT],
        fill=_WHITE,
        font=ImageFont.load_default(max(10, max(view.size) // 40)),
        stroke_width=1,
        stroke_fill=_BLACK,
    )


def _ellipse(centre: Point, one: Point, other: Point) -> list[Point]:
    """Return points around an ellipse of two half axes."""
    turns = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    points = [
        (
            centre[0] + one[0] * np.cos(t) + other[0] * np.sin(t),
            centre[1] + one[1] * np.cos(t) + other[1] * np.sin(t),
        )
        for t in turns.tolist()
    ]
    return [*points, points[0]]


def _meant(state: Attributes, keyword: str, uid: object) -> list[Attributes]:
    """Return the items that are for an image: they name it, or none at all."""
    found = []
    for item in _items(state, keyword):
        images = _items(item, "ReferencedImageSequence")
        if not images or any(value_of(i, "ReferencedSOPInstanceUID") == uid for i in images):
            found.append(item)
    return found


def _items(ds: Attributes, keyword: str) -> list[Any]:
    found = value_of(ds, keyword)
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        return []
    return [item for item in found if hasattr(item, "get")]


def _numbers(ds: Attributes, keyword: str) -> list[float]:
    """Return the values as numbers; none if one of them is no number, or beyond any image."""
    found = value_of(ds, keyword)
    values = [found] if isinstance(found, int | float | str) else found
    if not isinstance(values, Sequence):
        return []
    try:
        numbers = [float(value) for value in values]
    except (TypeError, ValueError):
        return []
    return numbers if all(abs(number) < 1e6 for number in numbers) else []
