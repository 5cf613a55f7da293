"""WADO-RS: gives studies, series and instances as files, and their metadata.

Standard: PS3.18 10.4 (Retrieve transaction), 8.6.1.2 and 8.7 (multipart, media types).
Invariants: every part says what it is and where; a body is streamed; the first bytes are made
before the status is sent, so what cannot be given is an error and not half an answer; the same
representation has the same bytes and the same ETag for ever.
Not here: frames and bulk data (`dicomweb.frames`), images for people (`dicomweb.rendered`).
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from dicomweb.answers import (
    DICOM_JSON,
    IMMUTABLE,
    REVALIDATE,
    Answer,
    Asked,
    is_known_to,
    not_modified,
    primed,
    validators,
)
from dicomweb.errors import NotAcceptable, NotFound
from dicomweb.links import instance_url, is_uid
from dicomweb.multipart import boundary_for, closing, opening, related
from dicomweb.negotiation import Offer, ranked
from dicomweb.syntaxes import DICOM, EXPLICIT_LITTLE_ENDIAN, instance_offers
from store.access import Scope
from store.errors import CannotTranscode
from store.metadata import ROOT_MARK
from store.retrieve import Archive, StoredInstance
from store.transcode import to_explicit_little_endian

__all__ = ["Resource", "answer_instances", "answer_metadata", "find"]

METADATA_GROUP: Final = 200

_METADATA_OFFERS: Final = (Offer(DICOM_JSON), Offer("application/json"))


@dataclass(frozen=True, slots=True)
class Resource:
    """A study, or a series or an instance of it, as the path names it."""

    study: str
    series: str | None = None
    instance: str | None = None


def find(archive: Archive, scope: Scope, resource: Resource) -> list[StoredInstance]:
    """Return the instances of the resource that the caller may see; at least one.

    Raises:
        NotFound: there is none, or none for this caller.
    """
    uids = (resource.study, resource.series, resource.instance)
    if not all(uid is None or is_uid(uid) for uid in uids) or not (
        refs := archive.instances(scope, *uids)
    ):
        raise NotFound("There is no such study, series or instance here.")
    return refs[:1] if resource.instance is not None else refs


def answer_instances(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give a study, a series or an instance as DICOM files."""
    refs = find(archive, scope, resource)
    alone = resource.instance is not None
    plan = [(ref, _instance_choices(ref, asked, alone=alone)) for ref in refs]
    tags = [f"{ref.etag}.{choices[0].transfer_syntax}" for ref, choices in plan]
    boundary = boundary_for(*tags)
    multipart = plan[0][1][0].multipart
    etag = f'"{boundary}.{"m" if multipart else "s"}"'
    cache = IMMUTABLE if alone else REVALIDATE
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    files = (_file(archive, ref, choices) for ref, choices in plan)
    if multipart:
        headers = validators(etag, cache)
        headers.append(("Content-Type", related(DICOM, boundary)))
        return Answer(200, headers, primed(_file_parts(files, boundary, asked.root)))
    ref, syntax, length, chunks = next(files)
    headers = [*validators(etag, cache), ("Content-Location", instance_url(asked.root, ref))]
    headers.append(("Content-Type", f"{DICOM}; transfer-syntax={syntax}"))
    if length is not None:
        headers.append(("Content-Length", str(length)))
    return Answer(200, headers, primed(chunks))


def answer_metadata(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give the metadata of each instance of a study, series or instance, as JSON."""
    refs = find(archive, scope, resource)
    offers = ranked(asked.accept, asked.accept_parameter, _METADATA_OFFERS)
    if not offers:
        raise NotAcceptable("Metadata are given as application/dicom+json.")
    etag = f'"{boundary_for(asked.root, *(ref.etag for ref in refs))}.j"'
    if is_known_to(asked, etag):
        return not_modified(etag, REVALIDATE)
    headers = [*validators(etag, REVALIDATE), ("Content-Type", offers[0].media_type)]
    groups = _metadata_groups(archive, refs, asked.root)
    if len(refs) <= METADATA_GROUP:
        return Answer(200, headers, list(groups))
    return Answer(200, headers, primed(groups))


_File = tuple[StoredInstance, str, int | None, Iterator[bytes]]


def _instance_choices(ref: StoredInstance, asked: Asked, *, alone: bool) -> tuple[Offer, ...]:
    offers = instance_offers(ref.transfer_syntax, alone=alone)
    choices = ranked(asked.accept, asked.accept_parameter, offers)
    if not choices:
        raise NotAcceptable("The instances cannot be given in a form that Accept names.")
    return choices


def _file(archive: Archive, ref: StoredInstance, choices: Sequence[Offer]) -> _File:
    """Return the first representation that can be made, with its length if that is known."""
    for offer in choices:
        if offer.transfer_syntax == ref.transfer_syntax:
            return ref, ref.transfer_syntax, ref.size, archive.read(ref)
        try:
            chunks = iter(to_explicit_little_endian(archive, ref))
            first = next(chunks)
        except CannotTranscode:
            if offer is choices[-1]:
                raise
        else:
            return ref, EXPLICIT_LITTLE_ENDIAN, None, chain([first], chunks)
    raise AssertionError("unreachable")


def _file_parts(files: Iterator[_File], boundary: str, root: str) -> Iterator[bytes]:
    is_first = True
    for ref, syntax, length, chunks in files:
        content_type = f"{DICOM}; transfer-syntax={syntax}"
        location = instance_url(root, ref)
        yield opening(boundary, content_type, location, length, first=is_first)
        yield from chunks
        is_first = False
    yield closing(boundary)


def _metadata_groups(
    archive: Archive, refs: Sequence[StoredInstance], root: str
) -> Iterator[bytes]:
    mark = json.dumps(root)[1:-1].encode()
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
