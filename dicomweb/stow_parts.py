"""Takes a Store request apart into its instances, each still to be read.

Standard: PS3.18 10.5.1 and 10.5.2 (media types of the request), 8.7.1 (multipart).
Invariants: nothing is read ahead; instances come in the order of the request and are numbered in
that order; what kind of body it is says the `type` of its Content-Type, and without one its first
part. Storing single values for later is left to `dicomweb.stow_metadata`, which bounds it.
Not here: what becomes of the instances (`dicomweb.stow`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from dicomweb.answers import DICOM_JSON, DICOM_XML
from dicomweb.arriving import Arriving, refused
from dicomweb.body import Body
from dicomweb.errors import BrokenBody, LengthRequired, Outcome, UnsupportedMediaType
from dicomweb.inflating import inflated, is_plain
from dicomweb.metadata_parts import METADATA_TYPES
from dicomweb.multipart import Part, read_parts
from dicomweb.negotiation import MULTIPART, parse_media_type
from dicomweb.stow_metadata import described
from dicomweb.stow_report import Report

__all__ = ["Upload", "arriving"]

_DICOM: Final = "application/dicom"
_TAKEN: Final = frozenset({_DICOM, "application/octet-stream"})
_NO_DICOM_PART: Final = Outcome(409, "It is not application/dicom.", 0xC000)


@dataclass(frozen=True, slots=True)
class Upload:
    """A Store request.

    Attributes:
        content_type, content_encoding: the headers.
        body: not read yet.
        study: the study that the URL names, as the sender knows it or as we do.
    """

    content_type: str | None
    content_encoding: str | None
    body: Body
    study: str | None = None


def arriving(upload: Upload, base: str, report: Report) -> Iterator[Arriving]:
    """Return the instances of a request, each to be read before the next.

    Args:
        upload: the request.
        base: its URL, which relative URIs in it start from.
        report: where parts that are of no use are counted.

    Raises:
        UnsupportedMediaType, LengthRequired, BrokenBody, BodyTooLarge: at once, or under way.
    """
    media_type = parse_media_type(upload.content_type or "")
    if media_type is None:
        raise UnsupportedMediaType("Content-Type must say what the body is.")
    chunks = inflated(upload.body, upload.content_encoding, upload.body.limit)
    if media_type.name == MULTIPART:
        boundary = media_type.parameters.get("boundary")
        if not boundary:
            raise BrokenBody("Content-Type has no boundary.")
        parts = read_parts(chunks, boundary)
        return _of_parts(parts, media_type.content, base, upload.body.limit, report)
    if media_type.name in METADATA_TYPES:
        part = Part({"content-type": media_type.name}, iter(chunks))
        return described([part], media_type.name, base, upload.body.limit, report)
    if media_type.name != _DICOM:
        raise UnsupportedMediaType(
            "A store takes multipart/related with parts of application/dicom, or with metadata as "
            "application/dicom+json or application/dicom+xml and their bulk data; or one of the "
            "three alone."
        )
    if upload.body.length is None and is_plain(upload.content_encoding):
        # The server in front shows a broken connection as an end: only a length, a closing
        # boundary or the end of a compressed stream tells that an instance is whole.
        raise LengthRequired("A single instance must come with a Content-Length.")
    return _single(chunks)


def _of_parts(
    parts: Iterator[Part], content: str, base: str, limit: int, report: Report
) -> Iterator[Arriving]:
    if content == "*/*":
        first = next(parts, None)
        if first is None:
            return iter(())
        content = _type_of(first, _DICOM) or _DICOM
        parts = chain([first], parts)
        if content not in METADATA_TYPES:
            content = _DICOM
    if content in METADATA_TYPES:
        return described(parts, content, base, limit, report)
    if content != _DICOM:
        raise UnsupportedMediaType(
            f"Parts must be {_DICOM}, or {DICOM_JSON} or {DICOM_XML} with bulk data."
        )
    return _dicom(parts)


def _dicom(parts: Iterable[Part]) -> Iterator[Arriving]:
    for number, part in enumerate(parts):
        if _type_of(part, _DICOM) in _TAKEN:
            yield Arriving(number, part.content)
        else:
            yield refused(number, _NO_DICOM_PART)


def _single(chunks: Iterable[bytes]) -> Iterator[Arriving]:
    pieces = iter(chunks)
    first = next(pieces, b"")
    if first:
        yield Arriving(0, chain([first], pieces))


def _type_of(part: Part, default: str) -> str | None:
    declared = parse_media_type(part.headers.get("content-type") or default)
    return None if declared is None else declared.name
