"""Writes what is known of an image into the corners of its picture.

Standard: PS3.18 8.3.5.1.1 (annotation), PS3.3 C.7.1 and C.7.3 (patient and series attributes).
Invariants: values are those of the de-identified header. A letter that the font lacks is a box.
Not here: who asks for them (`dicomweb.rendered_parameters`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from store.cells import value_of
from store.encoded import Picture
from store.headers import Attributes

__all__ = ["annotated", "lines_of"]

SMALLEST: Final = 10
LARGEST: Final = 24
LONGEST_LINE: Final = 64
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)


def annotated(picture: Picture, ds: Attributes, wanted: Iterable[str], number: int) -> Picture:
    """Return the picture with the lines that are wanted in its corners.

    Args:
        picture: as it will be seen.
        ds: the header.
        wanted: `patient` (above left) and `technique` (below left).
        number: of the frame, from 1.
    """
    image = Image.fromarray(np.ascontiguousarray(picture))
    draw = ImageDraw.Draw(image)
    white, black = (255, 0) if picture.ndim == 2 else (_WHITE, _BLACK)
    size = max(SMALLEST, min(LARGEST, image.width // 32))
    font = ImageFont.load_default(size)
    margin = size // 2
    for corner in wanted:
        text = "\n".join(lines_of(ds, corner, number))
        above = corner == "patient"
        place = (margin, margin if above else image.height - margin)
        draw.multiline_text(
            place,
            text,
            fill=white,
            font=font,
            anchor="la" if above else "ld",
            stroke_width=max(1, size // 10),
            stroke_fill=black,
        )
    return np.asarray(image)


def lines_of(ds: Attributes, corner: str, number: int) -> list[str]:
    """Return what is written into a corner, a line for each thing that is known."""
    if corner == "patient":
        born, sex = _date(ds, "PatientBirthDate"), _text(ds, "PatientSex")
        lines = [
            _text(ds, "PatientName").replace("^", " ").strip(),
            _text(ds, "PatientID"),
            "  ".join(filter(None, [born, sex])),
        ]
    else:
        places = [
            ("Series", _text(ds, "SeriesNumber")),
            ("Image", _text(ds, "InstanceNumber")),
            ("Frame", str(number) if value_of(ds, "NumberOfFrames") not in (None, 1, "1") else ""),
        ]
        lines = [
            " ".join(filter(None, [_text(ds, "Modality"), _date(ds, "StudyDate")])),
            "  ".join(f"{name} {value}" for name, value in places if value),
        ]
    return [line[:LONGEST_LINE] for line in lines if line]


def _text(ds: Attributes, keyword: str) -> str:
    value = value_of(ds, keyword)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[0] if value else None
    return "" if value is None else "".join(c for c in str(value) if c.isprintable())


def _date(ds: Attributes, keyword: str) -> str:
    text = _text(ds, keyword)
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdigit() else ""
