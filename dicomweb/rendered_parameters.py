"""Reads the parameters that say how a rendered resource is to look.

Standard: PS3.18 8.3.5.1 (rendering query parameters), 8.3.3.2 (charset).
Invariants: a parameter that cannot be is refused with a sentence that does not repeat it; what can
be and is not followed is warned of. The same parameters give an equal look.
Not here: following them (`dicomweb.rendered_pictures`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from typing import Final, TypeVar, get_args

from dicomweb.answers import Asked
from dicomweb.errors import BadRequest, NotAcceptable
from store.colour_spaces import SPACES
from store.grey import Function, Window

__all__ = ["CAN_EMBED", "Look", "look_of", "thumbnail_look_of", "warnings_of"]

LARGEST_VIEWPORT: Final = 8192
LONGEST_VALUE: Final = 256
DEFAULT_QUALITY: Final = 90
THUMBNAIL_QUALITY: Final = 80
THUMBNAIL: Final = (256, 256)
CAN_EMBED: Final = frozenset({"image/jpeg", "image/png"})
"""The types in which a colour profile can stand."""

_WHOLE: Final = re.compile(r"[0-9]{1,5}\Z")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_PROFILES: Final = frozenset({"no", "yes", *SPACES})
_ANNOTATIONS: Final = ("patient", "technique")
_THUMBNAIL_REFUSES: Final = ("quality", "window", "annotation", "iccprofile")
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii", "*", "iso_ir 192"})

Region = tuple[float | None, ...]
Viewport = tuple[tuple[int, int] | None, Region]
Read = TypeVar("Read")

_NO_VIEWPORT: Final[Viewport] = (None, ())
_NO_NAMES: Final[tuple[str, ...]] = ()
_ANY_CHARSET: Final[tuple[str, ...]] = ("*",)


@dataclass(frozen=True, slots=True)
class Look:
    """How a picture is to look.

    Attributes:
        quality: of a JPEG.
        size: the box that the picture fills.
        region: left, top, width and height in the image; mirrored where the last are negative.
        window: in place of what the header recommends.
        annotations: what is written into its corners.
        profile: the colour profile that it holds.
    """

    quality: int = DEFAULT_QUALITY
    size: tuple[int, int] | None = None
    region: Region = ()
    window: Window | None = None
    annotations: tuple[str, ...] = ()
    profile: str = "no"


_AS_IT_IS: Final = Look()


def look_of(asked: Asked, media_type: str) -> Look:
    """Read the parameters of a rendered resource.

    Args:
        asked: the request.
        media_type: in which it will be answered.

    Raises:
        BadRequest: one of them has a value that it cannot have.
        NotAcceptable: text is asked for in characters other than UTF-8.
    """
    if not asked.query:
        return _AS_IT_IS
    size, region = _read(asked, "viewport", _viewport, _NO_VIEWPORT)
    wanted = _read(asked, "annotation", _names, _NO_NAMES)
    profile = _read(asked, "iccprofile", _profile, "no")
    if profile != "no" and media_type not in CAN_EMBED:
        raise BadRequest("A colour profile can stand in image/jpeg and image/png only.")
    charset = _read(asked, "charset", _names, _ANY_CHARSET)
    if media_type.startswith("text/") and not _UTF8.intersection(charset):
        raise NotAcceptable("Text is given in UTF-8.")
    return Look(
        _read(asked, "quality", _quality, DEFAULT_QUALITY),
        size,
        region,
        _read(asked, "window", _window, None),
        tuple(name for name in _ANNOTATIONS if name in wanted),
        profile,
    )


def thumbnail_look_of(asked: Asked) -> Look:
    """Read the parameters of a thumbnail, which has a size only.

    Raises:
        BadRequest: there are others, or it is none.
    """
    if any(asked.parameter(name) is not None for name in _THUMBNAIL_REFUSES):
        raise BadRequest("A thumbnail has no parameter but viewport.")
    size, region = _read(asked, "viewport", _viewport, _NO_VIEWPORT)
    if region:
        raise BadRequest("The viewport of a thumbnail is a width and a height.")
    return Look(THUMBNAIL_QUALITY, size or THUMBNAIL)


def warnings_of(asked: Asked) -> list[str]:
    """Return a sentence for each value that is understood and not followed."""
    warnings = []
    annotation = asked.parameter("annotation")
    if annotation and not set(_names(annotation)) <= set(_ANNOTATIONS):
        warnings.append("An annotation that is not known was left out.")
    return warnings


def _read(asked: Asked, name: str, read: Callable[[str], Read], default: Read) -> Read:
    values = [value for key, value in asked.query if key == name]
    if not values:
        return default
    if len(values) > 1 or len(values[0]) > LONGEST_VALUE:
        raise BadRequest(f"The parameter {name} may be given once, and not as long as that.")
    return read(values[0])


def _quality(text: str) -> int:
    if not _WHOLE.match(text) or not 1 <= int(text) <= 100:
        raise BadRequest("The parameter quality must be a whole number from 1 to 100.")
    return int(text)


def _viewport(text: str) -> Viewport:
    pieces = text.split(",")
    size = tuple(int(piece) for piece in pieces[:2] if _WHOLE.match(piece))
    rest = [_decimal(piece) if piece else None for piece in pieces[2:]]
    wrong = len(size) != 2 or not all(0 < side <= LARGEST_VIEWPORT for side in size)
    if wrong or len(rest) not in (0, 4) or any(n is not None and n < 0 for n in rest[:2]):
        raise BadRequest(
            "The parameter viewport must be a width and a height, from 1 to "
            f"{LARGEST_VIEWPORT}, and may go on with the left, top, width and height of a region."
        )
    if 0 in rest[2:]:
        raise BadRequest("The viewport names a region without extent.")
    return (size[0], size[1]), () if rest == [None] * 4 else tuple(rest)


def _window(text: str) -> Window:
    pieces = text.split(",")
    functions: tuple[Function, ...] = get_args(Function)
    function = next((f for f in functions if f == pieces[-1].lower()), None)
    if len(pieces) != 3 or function is None:
        raise BadRequest(
            "The parameter window must be a centre, a width and one of linear, linear-exact "
            "and sigmoid."
        )
    window = Window(_decimal(pieces[0]), _decimal(pieces[1]), function)
    if not window.is_possible():
        raise BadRequest("The width of the window is too small for its function.")
    return window


def _decimal(text: str) -> float:
    number = float(text) if len(text) <= 32 and _DECIMAL.match(text) else float("nan")
    if not isfinite(number):
        raise BadRequest("The parameters viewport and window hold numbers.")
    return number


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip().lower() for name in text.split(","))
    if not all(_TOKEN.match(name.replace(" ", "_")) for name in names):
        raise BadRequest("The parameters annotation and charset hold names, with commas between.")
    return names


def _profile(text: str) -> str:
    if text not in _PROFILES:
        raise BadRequest("The parameter iccprofile has a value that it cannot have.")
    return text
