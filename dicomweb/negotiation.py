"""Chooses what a caller is given, from what it accepts and what there is.

Standard: PS3.18 8.7.5 to 8.7.8 (selection), 8.3.3.1 (accept parameter), 8.7.3 (transfer syntaxes).
Invariants: what a client got wrong in one member of Accept never spoils the others; the same header
and the same offers give the same choice, so results are remembered. Quoted and unquoted
parameters, retired media types and a second transfer-syntax parameter are understood.
Not here: which representations exist (`dicomweb.syntaxes`, `dicomweb.rendered_subjects`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Final

from dicomweb.errors import BadRequest

__all__ = ["MULTIPART", "MediaType", "Offer", "choose", "parse_media_type", "ranked"]

MULTIPART: Final = "multipart/related"
ANY_PARTS: Final = "multipart/*"
ANY: Final = "*"
# A request may ask as often as it likes; what comes after these is not looked at.
MOST_MEMBERS: Final = 200

_ALIASES: Final = {
    "image/dicom+jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/dicom+jpeg-ls": "image/jls",
    "image/x-jls": "image/jls",
    "image/dicom+jp2": "image/jp2",
    "image/dicom+jpx": "image/jpx",
    "image/dicom+rle": "image/dicom-rle",
    "image/x-dicom-rle": "image/dicom-rle",
    "image/jhc": "image/jphc",
    "image/x-jphc": "image/jphc",
}
_MEMBERS: Final = re.compile(r'(?:"(?:\\.|[^"\\])*"?|[^",])+')
_PARAMETERS: Final = re.compile(r'(?:"(?:\\.|[^"\\])*"?|[^";])+')
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+\Z")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range as written in a header.

    Attributes:
        name: `type/subtype` in lower case.
        parameters: values without quotes by lower-case name; of a repeated one the first.
    """

    name: str
    parameters: dict[str, str]

    @property
    def content(self) -> str:
        """What it is about: of a multipart/related, the type of its parts."""
        if self.name == ANY_PARTS:
            return "*/*"
        if self.name != MULTIPART:
            return self.name
        inner = self.parameters.get("type", "*/*").lower()
        return _ALIASES.get(inner, inner)


@dataclass(frozen=True, slots=True)
class Offer:
    """A representation that could be given.

    Of two offers that fit equally well the earlier one wins.

    Attributes:
        media_type: of the content, or of each part.
        multipart: in parts, or alone.
        transfer_syntax: in which a caller can ask for it; None where that has no meaning.
        answers: transfer-syntax values it satisfies besides its own: `""` stands for none given,
            `*` for any.
        also: a media type under which clients ask for it, with some transfer syntax, though it
            is not its own.
        default: it is given to those who name neither a type nor a syntax before others are.
    """

    media_type: str
    multipart: bool = False
    transfer_syntax: str | None = None
    answers: tuple[str, ...] = ("", ANY)
    also: str | None = None
    default: bool = True


@dataclass(frozen=True, slots=True)
class _Range:
    content: str
    multipart: bool | None
    transfer_syntax: str
    quality: float

    def specificity(self, offer: Offer) -> tuple[int, int]:
        """How closely the range names the type and the syntax of the offer; (0, 0): not at all."""
        closeness = self._closeness(offer)
        syntax = len(self.transfer_syntax) > 1
        return (closeness, int(syntax)) if closeness else (0, 0)

    def _closeness(self, offer: Offer) -> int:
        if self.multipart is not None and self.multipart != offer.multipart:
            return 0
        syntax = self.transfer_syntax
        if syntax != offer.transfer_syntax and syntax not in offer.answers:
            return 0
        if self.content == offer.media_type or (syntax and self.content == offer.also):
            return 4
        if self.content == offer.media_type.partition("/")[0] + "/*":
            return 3
        if self.content == "*/*":
            return 2 if offer.default or syntax else 1
        return 0


def parse_media_type(text: str) -> MediaType | None:
    """Read one media type with its parameters; None when it is none."""
    pieces = [piece.strip() for piece in _PARAMETERS.findall(text)]
    name = pieces[0].lower() if pieces else ""
    if not _NAME.match(name):
        return None
    parameters: dict[str, str] = {}
    for piece in pieces[1:]:
        key, _, value = piece.partition("=")
        parameters.setdefault(key.strip().lower(), _unquoted(value.strip()))
    return MediaType(_ALIASES.get(name, name), parameters)


def choose(accept: str | None, parameter: str | None, offers: Sequence[Offer]) -> Offer | None:
    """Return the offer that fits best; None when none does."""
    found = ranked(accept, parameter, tuple(offers))
    return found[0] if found else None


@lru_cache(maxsize=2048)
def ranked(
    accept: str | None, parameter: str | None, offers: tuple[Offer, ...]
) -> tuple[Offer, ...]:
    """Return the offers that fit, best first.

    Args:
        accept: the Accept header; without one, everything is acceptable.
        parameter: the `accept` query parameter, which goes before the header. A browser that
            follows a link cannot choose its header, so what the header says of it is not asked.
        offers: in the order in which the server likes to give them.

    Raises:
        BadRequest: the parameter holds no media type, or a wildcard.
    """
    if parameter is not None:
        ranges = _ranges(parameter)
        if not ranges or any("*" in found.content for found in ranges):
            raise BadRequest("The accept parameter must name media types, without wildcards.")
    else:
        # A header of which no member can be read says as little as none.
        ranges = _ranges(accept or "") or _ranges("*/*")
    weighed = [
        (weight, offer) for offer in offers if (weight := _weight(offer, ranges)) is not None
    ]
    weighed.sort(key=lambda pair: pair[0], reverse=True)
    return tuple(offer for _, offer in weighed)


def _weight(offer: Offer, ranges: Iterable[_Range]) -> tuple[float, int] | None:
    # RFC 9110 12.5.1: the most specific range that matches decides the quality. Which offer comes
    # first among equals does not depend on a named syntax, or what is stored would come last.
    fitting = [(found.specificity(offer), found.quality) for found in ranges]
    (closeness, _), quality = max(fitting, default=((0, 0), 0.0))
    return (quality, closeness) if closeness and quality else None


def _ranges(text: str) -> list[_Range]:
    ranges = []
    for member in islice(_MEMBERS.finditer(text), MOST_MEMBERS):
        media_type = parse_media_type(member[0])
        if media_type is None:
            continue
        syntax = media_type.parameters.get("transfer-syntax", "")
        multipart = None if media_type.name == "*/*" else media_type.name in (MULTIPART, ANY_PARTS)
        quality = _quality(media_type.parameters.get("q"))
        ranges.append(_Range(media_type.content, multipart, syntax, quality))
    return ranges


def _quality(text: str | None) -> float:
    try:
        value = 1.0 if text is None else float(text)
    except ValueError:
        return 1.0
    return min(max(value, 0.0), 1.0) if value == value else 1.0


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    end = len(value) - 1 if len(value) > 1 and value.endswith('"') else len(value)
    return re.sub(r"\\(.)", r"\1", value[1:end])
