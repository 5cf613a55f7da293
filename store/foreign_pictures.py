"""Reads PNG and GIF files that somebody sends as the pixels of an instance.

Standard: PS3.18 10.5.2 (bulk data that is transformed), PS3.3 C.7.6.3 (Image Pixel module).
Invariants: the size that a file claims is looked at before anything of it is decoded; what Pillow
raises comes out as `CannotDecode` alone; frames are native, little-endian and by pixel.
Not here: making pictures (`store.render`), compressed frames of DICOM (`store.codecs`).
"""

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
from PIL import Image

from store.errors import CannotDecode

__all__ = ["ForeignPicture", "read_foreign"]

_FORMATS: Final = ("PNG", "GIF")
_DEEP: Final = ("I;16", "I;16B", "I;16L", "I")
_GREY: Final = ("1", "L")
_MOST_FRAMES: Final = 10_000


@dataclass(frozen=True)
class ForeignPicture:
    """A picture as native pixel data.

    Attributes:
        rows, columns, samples, bits, frames: its size; one sample is grey, three are RGB.
        pixels: the frames, one behind the other.
    """

    rows: int
    columns: int
    samples: int
    bits: int
    frames: int
    pixels: bytes


def read_foreign(data: bytes, most_bytes: int) -> ForeignPicture:
    """Decode a PNG or GIF file.

    Args:
        data: the file.
        most_bytes: of pixels that may come out.

    Raises:
        CannotDecode: it is damaged, of another kind, or larger.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(BytesIO(data), formats=_FORMATS) as image:
                return _decoded(image, most_bytes)
    except CannotDecode:
        raise
    except Exception:  # Pillow promises none, and its text may quote the file.
        raise CannotDecode("The picture cannot be decoded.") from None


def _decoded(image: Image.Image, most_bytes: int) -> ForeignPicture:
    frames = getattr(image, "n_frames", 1)
    deep = image.mode in _DEEP
    samples = 1 if deep or image.mode in _GREY else 3
    size = image.width * image.height * frames * (2 if deep else samples)
    if size > most_bytes or frames > _MOST_FRAMES or max(image.size) > 0xFFFF:
        raise CannotDecode("The picture is too large.")
    pieces = []
    for number in range(frames):
        image.seek(number)
        pieces.append(_cells(image, deep, samples).tobytes())
    return ForeignPicture(
        image.height, image.width, samples, 16 if deep else 8, frames, b"".join(pieces)
    )


def _cells(image: Image.Image, deep: bool, samples: int) -> "np.ndarray[Any, Any]":
    if deep:
        return np.asarray(image).astype("<u2")
    return np.asarray(image.convert("L" if samples == 1 else "RGB"), dtype=np.uint8)
