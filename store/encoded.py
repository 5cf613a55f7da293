"""Writes pictures that are drawn as JPEG, PNG, GIF or PDF, one or several in one.

Standard: PS3.18 8.7.4 (rendered media types).
Invariants: what is written holds pixels, and a colour profile where one is asked for: no text, no
date, no name. The same pictures give the same bytes. What is of several pictures is bounded in
their number and their pixels, whatever was asked for.
Not here: drawing (`store.render`), films (`store.moving`).
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Final, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

__all__ = [
    "MediaType",
    "Picture",
    "album",
    "animation",
    "encoded",
    "evenly",
    "in_srgb",
    "srgb",
]

MediaType = Literal["image/jpeg", "image/png", "image/gif", "application/pdf"]
Picture = NDArray[np.uint8]
"""Rows and columns of grey levels, or of red, green and blue."""

PNG_EFFORT: Final = 1
MOST_PICTURES: Final = 256
MOST_PIXELS: Final = 32 * 1024 * 1024
PAGE_QUALITY: Final = 90
LARGEST_PROFILE: Final = 4 * 1024 * 1024


def encoded(
    picture: Picture, media_type: MediaType, quality: int, profile: bytes | None = None
) -> bytes:
    """Return one picture as a file.

    Args:
        picture: what is to be seen.
        media_type: of the file.
        quality: of a JPEG, 1 to 100.
        profile: that describes its colours, in a JPEG or PNG.
    """
    whole = np.ascontiguousarray(picture)
    if profile is not None:
        return _with_profile(whole, media_type, quality, profile)
    if media_type == "image/png":
        return bytes(imagecodecs.png_encode(whole, level=PNG_EFFORT))
    if media_type == "image/gif":
        return animation(iter([whole]), 1, 0)
    if media_type == "application/pdf":
        return album(iter([whole]), 1)
    return bytes(imagecodecs.jpeg8_encode(whole, level=quality))


def animation(pictures: Iterator[Picture], count: int, milliseconds: int) -> bytes:
    """Return pictures as one GIF that shows them in turn, over and over.

    Args:
        pictures: in order; each is laid onto the size of the first.
        count: how many there are.
        milliseconds: for which each is shown.
    """
    first, others = _images(pictures, count)
    out = io.BytesIO()
    moving = {"duration": max(milliseconds, 20), "loop": 0} if milliseconds else {}
    first.save(out, "GIF", save_all=True, append_images=others, optimize=False, **moving)
    return out.getvalue()


def album(pictures: Iterator[Picture], count: int) -> bytes:
    """Return pictures as one PDF, each on its own page."""
    first, others = _images(pictures, count)
    out = io.BytesIO()
    first.save(
        out,
        "PDF",
        save_all=True,
        append_images=others,
        quality=PAGE_QUALITY,
        creationDate=None,
        modDate=None,
        producer=None,
        title=None,
    )
    return out.getvalue()


def evenly(count: int) -> Sequence[int]:
    """Return which of so many pictures are shown when there is no room for all."""
    if count <= MOST_PICTURES:
        return range(count)
    return [n * (count - 1) // (MOST_PICTURES - 1) for n in range(MOST_PICTURES)]


def srgb() -> bytes:
    """Return a profile of the sRGB colour space."""
    return _srgb()


def in_srgb(picture: Picture, profile: bytes) -> Picture:
    """Return a colour picture whose colours a profile describes, in sRGB; as it is if it cannot."""
    if picture.ndim != 3 or len(profile) > LARGEST_PROFILE:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.ImageCmsProfile(io.BytesIO(srgb()))
        found = ImageCms.profileToProfile(Image.fromarray(picture), source, target)
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture
    return picture if found is None else np.asarray(found)


@cache
def _srgb() -> bytes:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    # Its date would make the same picture other bytes in every process.
    profile[24:36] = bytes.fromhex("07d000010001000000000000")
    return bytes(profile)


def _with_profile(whole: Picture, media_type: str, quality: int, profile: bytes) -> bytes:
    # A profile of colours cannot describe a grey picture.
    image = Image.fromarray(whole).convert("RGB")
    out = io.BytesIO()
    if media_type == "image/png":
        image.save(out, "PNG", icc_profile=profile, compress_level=PNG_EFFORT)
    else:
        image.save(out, "JPEG", icc_profile=profile, quality=quality)
    return out.getvalue()


def _images(pictures: Iterator[Picture], count: int) -> tuple[Image.Image, Iterator[Image.Image]]:
    """Return the pictures as Pillow takes them, all of one size and not too large together."""
    first = Image.fromarray(np.ascontiguousarray(next(pictures)))
    excess = first.width * first.height * count / MOST_PIXELS
    if excess > 1:
        first.thumbnail((first.width / excess**0.5, first.height / excess**0.5))
    return first, (_laid_on(first.size, Image.fromarray(np.ascontiguousarray(p))) for p in pictures)


def _laid_on(size: tuple[int, int], image: Image.Image) -> Image.Image:
    if image.size == size:
        return image
    image.thumbnail(size)
    ground = Image.new(image.mode, size)
    ground.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return ground
