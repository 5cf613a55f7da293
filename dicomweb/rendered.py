"""Gives images for people: rendered instances and frames, and thumbnails of everything.

Standard: PS3.18 10.4.1.1.3 and 10.4.1.1.4 (rendered and thumbnail resources), 8.3.5.1 (parameters),
8.7.4 (media types).
Invariants: a parameter that cannot be is a 400 with a sentence; a study or series is shown by its
middle image; a thumbnail holds no text about the patient: what has no pixels gets an icon.
Not here: grey levels, colour and scaling (`store.render`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import isfinite
from typing import Final, Literal, get_args

from dicomweb.answers import REVALIDATE, Answer, Asked, is_known_to, not_modified, validators
from dicomweb.errors import BadRequest, NotAcceptable
from dicomweb.frames import frame_numbers
from dicomweb.negotiation import Offer, ranked
from dicomweb.wado import Resource, find
from store.access import Scope
from store.cells import Pixels
from store.errors import CannotDecode, NoSuchFrame
from store.grey import Function, Window
from store.pixels import decode
from store.render import MediaType, icon, render
from store.retrieve import Archive, StoredInstance

__all__ = ["Kind", "answer_rendered"]

Kind = Literal["rendered", "thumbnail"]

CACHE: Final = "private, max-age=86400"
LARGEST_VIEWPORT: Final = 8192
DEFAULT_QUALITY: Final = 90
THUMBNAIL_QUALITY: Final = 80
THUMBNAIL: Final = (256, 256)

_MEDIA_TYPES: Final[tuple[MediaType, ...]] = ("image/jpeg", "image/png")
_OFFERS: Final = tuple(Offer(media_type) for media_type in _MEDIA_TYPES)
_WHOLE: Final = re.compile(r"[0-9]{1,5}\Z")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_COLOUR_PROFILES: Final = frozenset({"no", "yes", "srgb", "adobergb", "rommrgb", "displayp3"})


@dataclass(frozen=True, slots=True)
class _Look:
    """How a picture is to look; `region` is left, top, width, height, and mirrored if negative."""

    media_type: MediaType
    quality: int = DEFAULT_QUALITY
    size: tuple[int, int] | None = None
    region: tuple[float | None, ...] = ()
    window: Window | None = None


def answer_rendered(
    archive: Archive,
    scope: Scope,
    resource: Resource,
    frames: str | None,
    kind: Kind,
    asked: Asked,
) -> Answer:
    """Give a picture of a study, a series, an instance or a frame.

    Raises:
        BadRequest: a parameter has a value that it cannot have.
        NotAcceptable: there is no picture of it, or none of an acceptable type.
    """
    refs = find(archive, scope, resource)
    offers = ranked(asked.accept, asked.accept_parameter, _OFFERS)
    if not offers:
        raise NotAcceptable("Pictures are given as image/jpeg and image/png.")
    media_type = _MEDIA_TYPES[_OFFERS.index(offers[0])]
    look = _thumbnail_look(asked, media_type) if kind == "thumbnail" else _look(asked, media_type)
    ref, number = _representative(refs, resource, frames, kind)
    look_tag = blake2b(repr((kind, look)).encode(), digest_size=8).hexdigest()
    etag = f'"{ref.etag}.{number}.{look_tag}"'
    # Which image stands for a study or series changes when some arrive or are masked.
    cache = CACHE if resource.instance is not None else REVALIDATE
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    headers = validators(etag, cache)
    headers += [("Warning", f"299 {asked.root}: {text}") for text in _ignored(asked, kind)]
    headers.append(("Content-Type", media_type))
    return Answer(200, headers, [_picture(archive, ref, number, kind, look)])


def _representative(
    refs: Sequence[StoredInstance], resource: Resource, frames: str | None, kind: Kind
) -> tuple[StoredInstance, int]:
    """Return the instance that stands for the resource, and the number of its frame or 0."""
    if frames is not None:
        numbers = frame_numbers(frames)
        if len(numbers) > 1:
            raise NotAcceptable("A picture is made of one frame.")
        if numbers[0] > refs[0].frames:
            raise NoSuchFrame
        return refs[0], numbers[0]
    images = [ref for ref in refs if ref.frames]
    if not images:
        if kind == "rendered":
            raise NotAcceptable("It has no image of which a picture could be made.")
        return refs[0], 0
    ref = images[len(images) // 2]
    is_first = kind == "rendered" and resource.instance is not None
    return ref, 1 if is_first else (ref.frames + 1) // 2


def _picture(archive: Archive, ref: StoredInstance, number: int, kind: Kind, look: _Look) -> bytes:
    if number == 0:
        return icon(ref.modality, look.media_type)
    try:
        ds = archive.header(ref)
        values = decode(ds, archive.frame(ref, number), ref.transfer_syntax)
        return render(
            ds,
            _cut(values, look.region),
            number=number,
            media_type=look.media_type,
            window=look.window,
            quality=look.quality,
            viewport=look.size,
        )
    except CannotDecode:
        if kind == "rendered":
            raise
        return icon(ref.modality, look.media_type)


def _cut(values: Pixels, region: tuple[float | None, ...]) -> Pixels:
    """Return the part of the image that a viewport names, mirrored where it says so."""
    if not region:
        return values
    rows, columns = values.shape[:2]
    left, top, width, height = (
        default if given is None else given
        for given, default in zip(region, (0, 0, columns, rows), strict=True)
    )
    across, down = _span(left, width, columns), _span(top, height, rows)
    cut = values[down, across]
    if 0 in cut.shape:
        raise BadRequest("The viewport names a region outside the image.")
    return cut[:: -1 if height < 0 else 1, :: -1 if width < 0 else 1]


def _span(start: float, length: float, end: int) -> slice:
    first = max(0, min(round(start), end))
    return slice(first, max(first, min(round(start + abs(length)), end)))


def _look(asked: Asked, media_type: MediaType) -> _Look:
    size, region = _viewport(asked.parameter("viewport"))
    window = _window(asked.parameter("window"))
    profile = asked.parameter("iccprofile")
    if profile is not None and profile not in _COLOUR_PROFILES:
        raise BadRequest("The parameter iccprofile has a value that it cannot have.")
    return _Look(media_type, _quality(asked.parameter("quality")), size, region, window)


def _thumbnail_look(asked: Asked, media_type: MediaType) -> _Look:
    size, region = _viewport(asked.parameter("viewport"))
    if region:
        raise BadRequest("The viewport of a thumbnail is a width and a height.")
    return _Look(media_type, THUMBNAIL_QUALITY, size or THUMBNAIL)


def _quality(text: str | None) -> int:
    if text is None:
        return DEFAULT_QUALITY
    if not _WHOLE.match(text) or not 1 <= int(text) <= 100:
        raise BadRequest("The parameter quality must be a whole number from 1 to 100.")
    return int(text)


def _viewport(text: str | None) -> tuple[tuple[int, int] | None, tuple[float | None, ...]]:
    if text is None:
        return None, ()
    pieces = text.split(",")
    size = tuple(int(piece) for piece in pieces[:2] if _WHOLE.match(piece))
    rest = [_decimal(piece) if piece else None for piece in pieces[2:]]
    wrong = len(size) != 2 or not all(0 < side <= LARGEST_VIEWPORT for side in size)
    if wrong or len(rest) not in (0, 4) or any(n is not None and n < 0 for n in rest[:2]):
        raise BadRequest(
            "The parameter viewport must be a width and a height, from 1 to "
            f"{LARGEST_VIEWPORT}, and may go on with the left, top, width and height of a region."
        )
    return (size[0], size[1]), () if rest == [None] * 4 else tuple(rest)


def _window(text: str | None) -> Window | None:
    if text is None:
        return None
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


def _ignored(asked: Asked, kind: Kind) -> list[str]:
    """Return a warning for each parameter that is understood and not followed."""
    if kind == "thumbnail":
        return []
    profile = asked.parameter("iccprofile")
    warnings = []
    if asked.parameter("annotation"):
        warnings.append("The annotation parameter is not supported.")
    if profile is not None and profile != "no":
        warnings.append("The iccprofile parameter is not supported.")
    return warnings
