"""The colour spaces in which pictures are given, each with a profile that says which it is.

Standard: PS3.18 8.3.5.1.5 (iccprofile), ICC.1:2001-04 (profiles), Adobe RGB (1998), ISO 22028-2
(ROMM RGB), SMPTE EG 432-1 (Display P3).
Invariants: a profile is the same bytes each time; a picture is the same colours in each space, but
for those that a space does not have.
Not here: the profile that an image brings (`store.encoded`); who asks for which (`dicomweb`).
"""

import io
import struct
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from PIL import Image, ImageCms

from store.encoded import Picture, srgb

__all__ = ["SPACES", "in_space", "profile_named"]

_STEPS: Final = 1024
_WHITE: Final = (0.9642, 1.0, 0.8249)
_DATE: Final = bytes.fromhex("07d000010001000000000000")
_MADE_BY_NOBODY: Final = b"No rights are reserved.\0"


@dataclass(frozen=True)
class _Space:
    """A space of three primaries.

    Attributes:
        title: what it is called.
        primaries: X, Y and Z of red, green and blue, for the white of profiles, D50.
        gamma: of its curve; None for the curve of sRGB.
    """

    title: str
    primaries: tuple[tuple[float, float, float], ...]
    gamma: float | None


_MADE: Final = {
    "adobergb": _Space(
        "Compatible with Adobe RGB (1998)",
        ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
        563 / 256,
    ),
    "rommrgb": _Space(
        "ROMM RGB",
        ((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)),
        1.8,
    ),
    "displayp3": _Space(
        "Display P3",
        ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
        None,
    ),
}
SPACES: Final = frozenset({"srgb", *_MADE})
"""By the names that PS3.18 has for them."""


@cache
def profile_named(name: str) -> bytes:
    """Return the profile of one of the spaces."""
    return _written(_MADE[name]) if name in _MADE else srgb()


def in_space(picture: Picture, name: str) -> Picture:
    """Return a picture that is in sRGB, or grey, in one of the spaces."""
    if name not in _MADE:
        return picture
    source, target = (ImageCms.ImageCmsProfile(io.BytesIO(profile_named(n))) for n in ("", name))
    found = ImageCms.profileToProfile(Image.fromarray(picture).convert("RGB"), source, target)
    return picture if found is None else np.asarray(found)


def _written(space: _Space) -> bytes:
    title = space.title.encode() + b"\0"
    tags = [
        (b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(title)) + title + bytes(78)),
        (b"cprt", b"text\0\0\0\0" + _MADE_BY_NOBODY),
        (b"wtpt", _xyz(_WHITE)),
    ]
    tags += [(name + b"XYZ", _xyz(c)) for name, c in zip((b"r", b"g", b"b"), space.primaries)]  # noqa: B905
    tags += [(name + b"TRC", _curve(space.gamma)) for name in (b"r", b"g", b"b")]
    table, data = [struct.pack(">I", len(tags))], b""
    begin = 128 + 4 + 12 * len(tags)
    for name, value in tags:
        table.append(name + struct.pack(">II", begin + len(data), len(value)))
        data += value + bytes(-len(value) % 4)
    size = struct.pack(">I", begin + len(data))
    kind = b"\0\0\0\0\x02\x40\0\0mntrRGB XYZ " + _DATE + b"acsp"
    return b"".join([size, kind, bytes(28), _xyz(_WHITE)[8:], bytes(48), *table, data])


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def _curve(gamma: float | None) -> bytes:
    if gamma is not None:
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    at = np.linspace(0, 1, _STEPS)
    light = np.where(at <= 0.04045, at / 12.92, ((at + 0.055) / 1.055) ** 2.4)
    return (
        b"curv\0\0\0\0" + struct.pack(">I", _STEPS) + (light * 65535 + 0.5).astype(">u2").tobytes()
    )
