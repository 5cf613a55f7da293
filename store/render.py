"""Draws frames as a browser shows them: grey levels or colour, square pixels, the size asked for.

Standard: PS3.18 8.3.5.1 (rendering parameters), PS3.3 C.7.6.3.1.2 (photometric interpretation),
C.7.6.3.1.7 (Pixel Aspect Ratio), C.7.9 (palettes).

Invariants: pure functions of header and frame. A picture holds pixels only: no text and no value of
the data set travels in it. Its pixels are square, its size is bounded whatever the header claims.

Not here: decoding (store.pixels), grey scale transformations (store.grey), files (store.encoded),
what has no pixels (store.icons, store.waveforms).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRLittleEndian

from store.cells import Pixels, value_of
from store.encoded import MediaType, Picture, encoded
from store.errors import CannotDecode
from store.grey import Function, Window, grey_levels, scopes
from store.headers import Attributes

__all__ = [
    "Function",
    "Window",
    "aspect_of",
    "drawn",
    "fitted",
    "render",
    "resized",
    "size_in",
    "thumbnail",
]

DEFAULT_QUALITY: Final = 90
THUMBNAIL_SIZE: Final = (256, 256)
THUMBNAIL_QUALITY: Final = 80
# A viewport or an aspect ratio of the sender's choice must not decide on our memory.
LONGEST_SIDE: Final = 8192
LARGEST_ASPECT: Final = 32.0
ASPECTS: Final = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing")


def drawn(
    ds: Attributes,
    values: Pixels,
    *,
    number: int = 1,
    window: Window | None = None,
    viewport: tuple[int, int] | None = None,
) -> Picture:
    """Draw one frame.

    Args:
        ds: the header.
        values: what `store.pixels.decode` returned.
        number: of the frame, from 1.
        window: in place of what the header recommends; colour has none.
        viewport: the box to fill, as width and height; the picture keeps its shape.

    Raises:
        CannotDecode: a palette that cannot be applied.
    """
    height, width = values.shape[:2]
    size = size_in(width, height, aspect_of(scopes(ds, number)), viewport)
    # What is made much smaller need not be shown whole first.
    step = max(1, min(width // size[0], height // size[1]) // 2)
    return resized(_shown(ds, values[::step, ::step], number, window), size)


def resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return a picture in another size, as width and height."""
    if size == picture.shape[1::-1]:
        return picture
    image = Image.fromarray(np.ascontiguousarray(picture))
    return np.asarray(image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0))


def fitted(picture: Picture, viewport: tuple[int, int] | None) -> Picture:
    """Return a picture in the size that fills a box, given as width and height."""
    height, width = picture.shape[:2]
    return resized(picture, size_in(width, height, 1.0, viewport))


def render(
    ds: Attributes,
    values: Pixels,
    *,
    number: int = 1,
    media_type: MediaType = "image/jpeg",
    window: Window | None = None,
    quality: int = DEFAULT_QUALITY,
    viewport: tuple[int, int] | None = None,
) -> bytes:
    """Draw one frame, as `drawn`, and write it as a file of a media type and quality."""
    picture = drawn(ds, values, number=number, window=window, viewport=viewport)
    return encoded(picture, media_type, quality)


def thumbnail(ds: Attributes, values: Pixels, *, number: int = 1) -> bytes:
    """Make a small JPEG of one frame.

    Args:
        ds: the header.
        values: what `store.pixels.decode` returned.
        number: of the frame, from 1.

    Raises:
        CannotDecode: as `render`.
    """
    return render(ds, values, number=number, quality=THUMBNAIL_QUALITY, viewport=THUMBNAIL_SIZE)


def _shown(ds: Attributes, values: Pixels, number: int, window: Window | None) -> Picture:
    if values.ndim == 3:
        return _eight_bits(values, _integer(value_of(ds, "BitsStored"), 8))
    if value_of(ds, "PhotometricInterpretation") == "PALETTE COLOR":
        return _coloured(ds, values)
    return grey_levels(ds, values, number, window)


def _coloured(ds: Attributes, indices: Pixels) -> Picture:
    try:
        colours: Pixels = apply_color_lut(indices, _palette(ds))
    except Exception:
        raise CannotDecode("The palette of this image is damaged.") from None
    # Some devices declare 16 bits and fill in 8.
    wide = colours.dtype.itemsize > 1 and colours.size > 0 and colours.max() > 255
    return _eight_bits(colours[..., :3], 16 if wide else 8)


def _palette(ds: Attributes) -> Dataset:
    """Return the palette in the form in which pydicom applies it."""
    if isinstance(ds, Dataset):
        return ds
    palette = Dataset()
    palette.file_meta = FileMetaDataset()
    palette.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for colour in ("Red", "Green", "Blue"):
        for name in (
            f"{colour}PaletteColorLookupTableDescriptor",
            f"{colour}PaletteColorLookupTableData",
            f"Segmented{colour}PaletteColorLookupTableData",
        ):
            if name in ds:
                setattr(palette, name, ds.get(name))
    return palette


def _eight_bits(values: Pixels, stored: int) -> Picture:
    return (values >> (stored - 8) if stored > 8 else values).astype(np.uint8)


def aspect_of(places: Iterable[Attributes], keywords: Sequence[str] = ASPECTS) -> float:
    """Return the height of a pixel over its width.

    Args:
        places: where it may be said, the nearest first.
        keywords: of the pairs that say it.
    """
    found = list(places)
    for keyword in keywords:
        for place in found:
            pair = value_of(place, keyword)
            if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
                continue
            try:
                ratio = float(pair[0]) / float(pair[1])
            except (TypeError, ValueError, ZeroDivisionError, OverflowError):
                continue
            if 1 / LARGEST_ASPECT <= ratio <= LARGEST_ASPECT:
                return ratio
    return 1.0


def size_in(
    width: int, height: int, aspect: float, viewport: tuple[int, int] | None
) -> tuple[int, int]:
    """Return the size of the picture: square pixels, none lost, or filling the viewport."""
    wide, high = (width / aspect, float(height)) if aspect < 1 else (float(width), height * aspect)
    box = viewport or (math.inf, math.inf)
    scale = min(box[0] / wide, box[1] / high) if viewport else 1.0
    scale = min(scale, LONGEST_SIDE / max(wide, high))
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _integer(value: object, default: int) -> int:
    return value if isinstance(value, int) else default
