"""Draws the tile that stands for an object of which there is no picture.

Invariants: it holds a sign and a word for the kind of object, nothing of what the object says. The
same kind is the same bytes.
Not here: choosing between an icon and a picture (`dicomweb.rendered`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from store.encoded import MediaType, encoded

__all__ = ["icon"]

SIZE: Final = 256
QUALITY: Final = 90
# Drawn larger and made smaller, since Pillow's lines have no smooth edges.
_SCALE: Final = 4
_PAPER: Final = (0x17, 0x1D, 0x23)
_INK: Final = (0xB6, 0xBF, 0xC8)
_WORD: Final = (0xE8, 0xEB, 0xEE)
_LINE: Final = 7

Draw = Callable[["_Pen"], None]


class _Pen:
    """Draws in the units of the finished tile."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)

    def line(self, *points: tuple[float, float]) -> None:
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        width = _LINE * _SCALE
        self._draw.line(scaled, fill=_INK, width=width, joint="curve")
        for x, y in (scaled[0], scaled[-1]):
            r = width / 2
            self._draw.ellipse((x - r, y - r, x + r, y + r), fill=_INK)

    def box(self, left: float, top: float, right: float, bottom: float, radius: int = 6) -> None:
        edges = tuple(n * _SCALE for n in (left, top, right, bottom))
        self._draw.rounded_rectangle(edges, radius * _SCALE, outline=_INK, width=_LINE * _SCALE)

    def circle(self, x: float, y: float, radius: float, *, filled: bool = False) -> None:
        edges = tuple(n * _SCALE for n in (x - radius, y - radius, x + radius, y + radius))
        fill = _INK if filled else None
        self._draw.ellipse(edges, fill=fill, outline=_INK, width=_LINE * _SCALE)

    def area(self, *points: tuple[float, float]) -> None:
        self._draw.polygon([(x * _SCALE, y * _SCALE) for x, y in points], fill=_INK)


def _sheet(pen: _Pen) -> None:
    pen.line((86, 44), (148, 44), (172, 68), (172, 164), (86, 164), (86, 44))
    pen.line((148, 44), (148, 68), (172, 68))


def _report(pen: _Pen) -> None:
    _sheet(pen)
    for y, end in ((92, 150), (114, 150), (136, 130)):
        pen.line((108, y), (end, y))


def _document(pen: _Pen) -> None:
    _sheet(pen)
    pen.box(108, 96, 150, 140, 2)


def _key(pen: _Pen) -> None:
    pen.circle(100, 106, 26)
    pen.line((126, 106), (190, 106), (190, 128))
    pen.line((164, 106), (164, 122))


def _film(pen: _Pen) -> None:
    pen.box(62, 56, 194, 156)
    pen.area((114, 84), (114, 128), (152, 106))


def _wave(pen: _Pen) -> None:
    pen.line(
        *((56, 112), (92, 112), (104, 96), (114, 112), (124, 112), (132, 50), (144, 156)),
        *((152, 112), (168, 112), (178, 98), (188, 112), (202, 112)),
    )


def _outline(pen: _Pen) -> None:
    pen.line((88, 60), (160, 52), (188, 100), (160, 152), (100, 158), (70, 110), (88, 60))
    for x, y in ((88, 60), (160, 52), (188, 100), (160, 152), (100, 158), (70, 110)):
        pen.circle(x, y, 9, filled=True)


def _beams(pen: _Pen) -> None:
    pen.circle(128, 106, 20)
    for start, end in (
        ((128, 40), (128, 70)),
        ((128, 142), (128, 172)),
        ((62, 106), (92, 106)),
        ((164, 106), (194, 106)),
    ):
        pen.line(start, end)


def _state(pen: _Pen) -> None:
    pen.box(66, 48, 190, 164)
    pen.line((92, 138), (128, 92), (150, 116), (166, 96))
    pen.circle(98, 80, 9, filled=True)


def _solid(pen: _Pen) -> None:
    pen.line((128, 44), (184, 74), (184, 138), (128, 168), (72, 138), (72, 74), (128, 44))
    pen.line((72, 74), (128, 104), (184, 74))
    pen.line((128, 104), (128, 168))


def _image(pen: _Pen) -> None:
    pen.box(66, 48, 190, 164)
    pen.line((82, 148), (114, 104), (136, 130), (152, 112), (176, 148))
    pen.circle(156, 80, 9, filled=True)


_SIGNS: Final[dict[str, Draw]] = {
    "SR": _report,
    "DOC": _document,
    "KO": _key,
    "VIDEO": _film,
    "ECG": _wave,
    "HD": _wave,
    "EPS": _wave,
    "EEG": _wave,
    "RESP": _wave,
    "AU": _wave,
    "RTSTRUCT": _outline,
    "SEG": _outline,
    "REG": _outline,
    "RTPLAN": _beams,
    "RTRECORD": _beams,
    "PLAN": _beams,
    "PR": _state,
    "M3D": _solid,
    "FID": _outline,
    "RWV": _document,
}


@lru_cache(maxsize=256)
def icon(kind: str, media_type: MediaType = "image/jpeg", side: int = SIZE) -> bytes:
    """Draw the tile.

    Args:
        kind: the word on the tile, such as the modality; a code string, not free text.
        media_type: of the file.
        side: its width and height.
    """
    word = "".join(c for c in kind.upper() if c.isascii() and c.isalnum())[:8] or "?"
    large = Image.new("RGB", (SIZE * _SCALE, SIZE * _SCALE), _PAPER)
    _SIGNS.get(word, _image)(_Pen(large))
    tile = large.resize((SIZE, SIZE), Image.Resampling.LANCZOS, reducing_gap=2.0)
    font = ImageFont.load_default(28)
    ImageDraw.Draw(tile).text((SIZE / 2, 208), word, fill=_WORD, font=font, anchor="mm")
    if side != SIZE:
        tile = tile.resize((side, side), Image.Resampling.LANCZOS)
    return encoded(np.asarray(tile), media_type, QUALITY)
