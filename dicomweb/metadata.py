"""WADO-RS: gives the metadata of studies, series and instances, as JSON or XML.

Standard: PS3.18 10.4.1.1.2 (metadata resources), Annex F (JSON), PS3.19 A.1 (XML).
Invariants: no DICOM is parsed; the JSON of an instance is what was written at ingest. What is small
is kept finished, under the ETags of all instances in it, so it can never be out of date. Memory is
a few megabytes for what is not.
Not here: making the JSON (`store.metadata`), the XML of one instance (`dicomweb.native_xml`).
"""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from dicomweb.answers import (
    DICOM_JSON,
    DICOM_XML,
    Answer,
    Asked,
    Header,
    cache_control,
    is_known_to,
    not_modified,
    streamed,
    validators,
)
from dicomweb.compression import GZIPPED, gzipped, takes_gzip
from dicomweb.errors import NotAcceptable
from dicomweb.links import instance_url, resource_url
from dicomweb.multipart import boundary_for, closing, opening, related
from dicomweb.native_xml import to_xml
from dicomweb.negotiation import Offer, ranked
from dicomweb.resources import Resource, find
from store.access import Scope
from store.metadata import ROOT_MARK
from store.retrieve import Archive, StoredInstance

__all__ = ["answer_metadata"]

METADATA_GROUP: Final = 50
LARGEST_KEPT: Final = 8 * 1024 * 1024

_SEVERAL: Final = (
    Offer(DICOM_JSON),
    Offer("application/json"),
    Offer(DICOM_XML, True),
    # Not of the standard for more than one instance, and still asked for: given in parts.
    Offer(DICOM_XML),
)


def answer_metadata(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give the metadata of each instance of a study, series or instance."""
    refs = find(archive, scope, resource)
    offers = ranked(asked.accept, asked.accept_parameter, _SEVERAL)
    if not offers:
        raise NotAcceptable(
            "Metadata are given as application/dicom+json and as parts of application/dicom+xml."
        )
    offer = offers[0]
    in_parts = offer.media_type == DICOM_XML and (offer.multipart or len(refs) > 1)
    boundary = boundary_for(asked.root, offer.media_type, *(ref.etag for ref in refs))
    zipped = takes_gzip(asked)
    name = f"{boundary}.{'m' if in_parts else 's'}{'g' if zipped else ''}"
    etag = f'"{name}"'
    cache = cache_control(scope, immutable=False)
    if is_known_to(asked, etag):
        return not_modified(etag, cache, "Accept, Accept-Encoding")
    headers = validators(etag, cache, "Accept, Accept-Encoding")
    headers += _content_headers(resource, offer, boundary, asked, in_parts=in_parts)
    headers += GZIPPED if zipped else ()
    body = archive.kept.get(name)
    if body is not None:
        return Answer(200, headers, [body])
    if offer.media_type == DICOM_XML:
        pieces = _xml(archive, refs, asked.root, boundary if in_parts else None)
    else:
        pieces = _json(archive, refs, asked.root)
    return Answer(200, headers, _finished(archive, name, gzipped(pieces) if zipped else pieces))


def _content_headers(
    resource: Resource, offer: Offer, boundary: str, asked: Asked, *, in_parts: bool
) -> list[Header]:
    if in_parts:
        return [("Content-Type", related(DICOM_XML, boundary))]
    url = resource_url(asked.root, resource.study, resource.series, resource.instance)
    return [("Content-Type", offer.media_type), ("Content-Location", f"{url}/metadata")]


def _finished(
    archive: Archive, name: str, pieces: Iterator[bytes]
) -> list[bytes] | Iterator[bytes]:
    """Make the body and keep it; a large one is sent while it is being made."""
    ready: list[bytes] = []
    size = 0
    for piece in pieces:
        ready.append(piece)
        size += len(piece)
        if size > LARGEST_KEPT:
            return streamed(b"".join(ready), pieces)
    body = b"".join(ready)
    archive.kept.put(name, body, len(body))
    return [body]


def _json(archive: Archive, refs: Sequence[StoredInstance], root: str) -> Iterator[bytes]:
    mark = _mark(root)
    before = b"["
    group: list[bytes] = []
    for text in archive.metadata(refs):
        group.append(text)
        if len(group) == METADATA_GROUP:
            yield before + b",".join(group).replace(ROOT_MARK, mark)
            before, group = b",", []
    if group or before == b"[":
        yield before + b",".join(group).replace(ROOT_MARK, mark)
    yield b"]"


def _xml(
    archive: Archive, refs: Sequence[StoredInstance], root: str, boundary: str | None
) -> Iterator[bytes]:
    """Make a document for each instance, in parts if there is a boundary."""
    mark = _mark(root)
    is_first = True
    # One by one: of an instance that was deleted meanwhile there is no text, and no part.
    for ref in refs:
        for text in archive.metadata([ref]):
            document = to_xml(json.loads(text.replace(ROOT_MARK, mark)))
            if boundary is not None:
                location = f"{instance_url(root, ref)}/metadata"
                yield opening(boundary, DICOM_XML, location, len(document), first=is_first)
            yield document
            is_first = False
    if boundary is not None:
        yield closing(boundary)


def _mark(root: str) -> bytes:
    return json.dumps(root)[1:-1].encode()
