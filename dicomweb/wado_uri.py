"""WADO-URI: gives one instance, or a picture of it, by the parameters of a query.

Standard: PS3.18 9 (URI service), 9.1.2 (parameters), 9.4 (Retrieve transaction).
Invariants: a parameter that is missing or cannot be is a 400 with a sentence that names it; those
that mean nothing to what is given are checked and passed over. What is given is de-identified, so
`anonymize=yes` always holds.
Not here: making pictures (`dicomweb.rendered`), files (`dicomweb.wado`).
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from typing import Final, cast

from dicomweb.answers import Answer, Asked, cache_control
from dicomweb.errors import BadRequest, NotAcceptable
from dicomweb.links import is_uid
from dicomweb.negotiation import parse_media_type, ranked
from dicomweb.rendered import answer_rendered
from dicomweb.rendered_parameters import look_of
from dicomweb.rendered_states import answer_state, image_named
from dicomweb.rendered_subjects import THUMBNAIL_OFFERS
from dicomweb.resources import Resource, find
from dicomweb.syntaxes import DICOM, instance_offers
from dicomweb.wado import answer_one
from store.access import Scope
from store.encoded import MediaType
from store.errors import CannotDecode, NoSuchFrame
from store.retrieve import Archive, StoredInstance

__all__ = ["answer_wado_uri"]

LARGEST_SIDE: Final = 8192
LONGEST_VALUE: Final = 1024

_WHOLE: Final = re.compile(r"[0-9]{1,9}\Z")
_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+\Z")
_REPORT: Final = "1.2.840.10008.5.1.4.1.1.88."
_UIDS: Final = ("studyUID", "seriesUID", "objectUID")
_ANNOTATIONS: Final = frozenset({"patient", "technique"})


def answer_wado_uri(archive: Archive, scope: Scope, asked: Asked) -> Answer:
    """Give an instance as a DICOM file, or as something to look at.

    Raises:
        BadRequest: a parameter is missing, or has a value that it cannot have.
        NotFound, NoSuchFrame: there is no such instance or frame.
        NotAcceptable: it cannot be given as any media type that is named.
    """
    given = _Parameters(asked)
    if given.one("requestType") != "WADO":
        raise BadRequest("The parameter requestType must be WADO.")
    study, series, instance = (given.uid(name) for name in _UIDS)
    given.check()
    types = given.media_types()
    resource = Resource(study, series, instance)
    (ref,) = find(archive, scope, resource)
    frame = given.whole("frameNumber")
    if frame is not None and ref.frames and frame > ref.frames:
        raise NoSuchFrame
    for media_type in types or _default_types(ref, frame):
        if media_type.partition(";")[0].strip().lower() == DICOM:
            return _file(archive, scope, ref, given, asked)
        try:
            return _shown(archive, scope, resource, ref, given, media_type, asked)
        except (NotAcceptable, CannotDecode):
            continue
    raise NotAcceptable("The instance cannot be given as a media type that contentType names.")


class _Parameters:
    """The parameters of the query, each given once at most."""

    def __init__(self, asked: Asked) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in asked.query:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str) -> str | None:
        values = self._values.get(name)
        if values is None:
            return None
        if len(values) > 1 or len(values[0]) > LONGEST_VALUE:
            raise BadRequest(f"The parameter {name} may be given once, and not as long as that.")
        return values[0].strip()

    def uid(self, name: str) -> str:
        value = self.one(name)
        if not value:
            raise BadRequest(f"The parameter {name} is missing.")
        if not is_uid(value):
            raise BadRequest(f"The parameter {name} must be one UID.")
        return value

    def whole(self, name: str, most: int = 999_999_999) -> int | None:
        value = self.one(name)
        if value is None:
            return None
        if not _WHOLE.match(value) or not 1 <= int(value) <= most:
            raise BadRequest(f"The parameter {name} must be a whole number from 1 to {most}.")
        return int(value)

    def decimals(self, name: str, count: int) -> list[float] | None:
        value = self.one(name)
        if value is None:
            return None
        pieces = value.split(",")
        if not all(len(piece) <= 32 and _DECIMAL.match(piece) for piece in pieces):
            raise BadRequest(f"The parameter {name} must be made of decimal numbers.")
        numbers = [float(piece) for piece in pieces]
        if len(numbers) != count or not all(map(isfinite, numbers)):
            raise BadRequest(f"The parameter {name} must be made of {count} decimal numbers.")
        return numbers

    def names(self, name: str) -> list[str]:
        value = self.one(name)
        return [] if value is None else [piece.strip() for piece in value.split(",")]

    def presentation(self) -> tuple[str, str]:
        """Series and instance of the presentation state."""
        return self.uid("presentationSeriesUID"), self.uid("presentationUID")

    def region(self) -> list[float] | None:
        """Left, top, right and bottom, as fractions of the image."""
        region = self.decimals("region", 4)
        if region is None:
            return None
        left, top, right, bottom = region
        if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
            raise BadRequest(
                "The parameter region must be the left, top, right and bottom of a part of the "
                "image, from 0.0 to 1.0."
            )
        return region

    def media_types(self) -> list[str]:
        """What contentType names, the most wanted first."""
        members = self.names("contentType")
        if not all(parse_media_type(member) for member in members):
            raise BadRequest("The parameter contentType must name media types.")
        return members

    def check(self) -> None:
        """Read what is not always used, so that what cannot be is never passed over."""
        if self.one("anonymize") not in (None, "yes"):
            raise BadRequest("The parameter anonymize must be yes.")
        if not _ANNOTATIONS.issuperset(name.lower() for name in self.names("annotation")):
            raise BadRequest("The parameter annotation must be made of patient and technique.")
        if not all(map(_NAME.match, self.names("charset"))):
            raise BadRequest("The parameter charset must name character sets.")
        syntax = self.one("transferSyntax")
        if syntax is not None and syntax != "*" and not is_uid(syntax):
            raise BadRequest("The parameter transferSyntax must be one UID.")
        if (self.one("windowCenter") is None) != (self.one("windowWidth") is None):
            raise BadRequest("The parameters windowCenter and windowWidth go together.")
        if (self.one("presentationUID") is None) != (self.one("presentationSeriesUID") is None):
            raise BadRequest(
                "The parameters presentationUID and presentationSeriesUID go together."
            )
        if self.one("presentationUID") is not None:
            self.presentation()
        self.decimals("windowCenter", 1)
        width = self.decimals("windowWidth", 1)
        if width is not None and width[0] < 1:
            raise BadRequest("The parameter windowWidth must be 1 or more.")
        self.whole("frameNumber")
        self.whole("imageQuality", 100)
        for side in ("rows", "columns"):
            self.whole(side, LARGEST_SIDE)
        self.region()


def _default_types(ref: StoredInstance, frame: int | None) -> tuple[str, ...]:
    """Return what is given to who names no type: 9.1.2.2.1 and the categories of 8.7.2."""
    if ref.frames == 1 or (ref.frames and frame is not None):
        return ("image/jpeg", DICOM)
    if ref.sop_class_uid.startswith(_REPORT):
        return ("text/html", DICOM)
    return (DICOM,)


def _file(
    archive: Archive, scope: Scope, ref: StoredInstance, given: _Parameters, asked: Asked
) -> Answer:
    syntax = given.one("transferSyntax")
    accept = DICOM if syntax is None else f"{DICOM}; transfer-syntax={syntax}"
    choices = ranked(accept, None, instance_offers(ref.transfer_syntax, alone=True))
    if not choices:
        raise NotAcceptable("The instance cannot be given in this transfer syntax.")
    cache_for = cache_control(scope, immutable=True)
    return answer_one(archive, ref, choices, cache_for, asked)


def _shown(
    archive: Archive,
    scope: Scope,
    resource: Resource,
    ref: StoredInstance,
    given: _Parameters,
    media_type: str,
    asked: Asked,
) -> Answer:
    query = tuple(_rendering(archive, ref, given))
    frame = given.one("frameNumber") if ref.frames else None
    rendering = replace(asked, accept=media_type, query=query)
    if given.one("presentationUID") is not None:
        return _presented(archive, scope, resource, ref, given, rendering)
    return answer_rendered(archive, scope, resource, frame, "rendered", rendering)


def _presented(
    archive: Archive,
    scope: Scope,
    resource: Resource,
    ref: StoredInstance,
    given: _Parameters,
    rendering: Asked,
) -> Answer:
    """Give the image as a presentation state presents it (9.1.2.3.7)."""
    (state,) = find(archive, scope, Resource(resource.study, *given.presentation()))
    shown = image_named(archive, state, ref, given.whole("frameNumber") or 1)
    offers = ranked(rendering.accept, None, THUMBNAIL_OFFERS)
    if not offers:
        raise NotAcceptable("A presentation state is shown as image/jpeg, image/png or image/gif.")
    media_type = cast(MediaType, offers[0].media_type)
    look = look_of(rendering, media_type)
    cache = cache_control(scope, immutable=True)
    return answer_state(archive, state, shown, media_type, look, rendering, cache)


def _rendering(
    archive: Archive, ref: StoredInstance, given: _Parameters
) -> Iterator[tuple[str, str]]:
    """Say the same in the parameters of a rendered resource (8.3.5.1)."""
    for name, theirs in (("imageQuality", "quality"), ("annotation", "annotation")):
        value = given.one(name)
        if value:
            yield theirs, value
    if (charset := given.one("charset")) is not None:
        yield "charset", charset
    centre, width = given.one("windowCenter"), given.one("windowWidth")
    if centre is not None:
        yield "window", f"{centre},{width},linear"
    if ref.frames:
        yield from _viewport(archive, ref, given)


def _viewport(
    archive: Archive, ref: StoredInstance, given: _Parameters
) -> Iterator[tuple[str, str]]:
    rows, columns = given.whole("rows", LARGEST_SIDE), given.whole("columns", LARGEST_SIDE)
    region = given.region()
    if (rows, columns, region) == (None, None, None):
        return
    header = archive.header(ref)
    high, wide = int(header.get("Rows", 1)), int(header.get("Columns", 1))
    left, top, right, bottom = region or (0.0, 0.0, 1.0, 1.0)
    x, y, w, h = left * wide, top * high, (right - left) * wide, (bottom - top) * high
    if rows is None and columns is None:
        rows, columns = round(h), round(w)
    # The proportions are kept, so a side that is not named is as long as it may be.
    box = f"{_side(columns)},{_side(rows)}"
    yield "viewport", box if region is None else f"{box},{x:.3f},{y:.3f},{w:.3f},{h:.3f}"


def _side(asked_for: int | None) -> int:
    return LARGEST_SIDE if asked_for is None else min(max(asked_for, 1), LARGEST_SIDE)
