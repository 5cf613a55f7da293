"""WADO-RS: gives instances, metadata, frames and bulk data, from what is stored or made of it.

Standard: PS3.18 10.4 (Retrieve transaction), 8.6.1.2 and 8.7 (multipart, media types).
Invariants: every part says what it is and where; a body is streamed; the first bytes are made
before the status is sent, so what cannot be given is an error and not half an answer; the same
representation has the same bytes and the same ETag for ever.
Not here: images for people (`dicomweb.rendered`), searching (`dicomweb.qido`).
"""

import json
import re
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
    Header,
    is_known_to,
    not_modified,
    streamed,
)
from dicomweb.errors import BadRequest, NotAcceptable, NotFound
from dicomweb.links import instance_url, is_uid
from dicomweb.multipart import boundary_for, closing, opening
from dicomweb.negotiation import Offer, ranked
from dicomweb.syntaxes import (
    EXPLICIT_LITTLE_ENDIAN,
    OCTETS,
    frame_offers,
    instance_offers,
    is_native,
)
from store.access import Scope
from store.errors import CannotDecode, CannotTranscode, NoSuchFrame
from store.metadata import ROOT_MARK
from store.retrieve import Archive, StoredInstance

__all__ = [
    "Resource",
    "answer_bulkdata",
    "answer_frames",
    "answer_instances",
    "answer_metadata",
    "find",
    "frame_numbers",
]

SMALL_BYTES: Final = 1024 * 1024
METADATA_GROUP: Final = 200

_PIXEL_DATA: Final = re.compile(r"7[Ff][Ee]000(08|09|10)\Z")
_PATH: Final = re.compile(r"[0-9A-Fa-f]{8}(/[0-9]{1,9}/[0-9A-Fa-f]{8})*\Z")
_NUMBERS: Final = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*\Z")
_METADATA_OFFERS: Final = (Offer(DICOM_JSON), Offer("application/json"))
_BULK_OFFERS: Final = tuple(
    Offer(OCTETS, multipart, EXPLICIT_LITTLE_ENDIAN) for multipart in (True, False)
)


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


def frame_numbers(text: str) -> tuple[int, ...]:
    """Read the frame list of a path.

    Raises:
        BadRequest: it is no list of numbers from 1.
    """
    numbers = tuple(map(int, text.split(","))) if _NUMBERS.match(text) else (0,)
    if 0 in numbers:
        raise BadRequest("The frame list must be numbers from 1, with commas between them.")
    return numbers


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
        headers = _validators(etag, cache)
        headers.append(("Content-Type", _related("application/dicom", boundary)))
        return Answer(200, headers, _primed(_file_parts(files, boundary, asked.root)))
    ref, syntax, length, chunks = next(files)
    headers = [*_validators(etag, cache), ("Content-Location", instance_url(asked.root, ref))]
    headers.append(("Content-Type", f"application/dicom; transfer-syntax={syntax}"))
    if length is not None:
        headers.append(("Content-Length", str(length)))
    return Answer(200, headers, _primed(chunks))


def answer_metadata(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give the metadata of each instance of a study, series or instance, as JSON."""
    refs = find(archive, scope, resource)
    offers = ranked(asked.accept, asked.accept_parameter, _METADATA_OFFERS)
    if not offers:
        raise NotAcceptable("Metadata are given as application/dicom+json.")
    etag = f'"{boundary_for(asked.root, *(ref.etag for ref in refs))}.j"'
    if is_known_to(asked, etag):
        return not_modified(etag, REVALIDATE)
    headers = [*_validators(etag, REVALIDATE), ("Content-Type", offers[0].media_type)]
    groups = _metadata_groups(archive, refs, asked.root)
    if len(refs) <= METADATA_GROUP:
        return Answer(200, headers, list(groups))
    return Answer(200, headers, _primed(groups))


def answer_frames(
    archive: Archive, scope: Scope, resource: Resource, frames: str, asked: Asked
) -> Answer:
    """Give frames of an instance, a part for each."""
    ref = find(archive, scope, resource)[0]
    numbers = frame_numbers(frames)
    if max(numbers) > ref.frames:
        raise NoSuchFrame
    return _answer_frames(archive, ref, numbers, frames, asked)


def answer_bulkdata(
    archive: Archive, scope: Scope, resource: Resource, path: str, asked: Asked
) -> Answer:
    """Give one bulk value of an instance; compressed pixel data as their frames."""
    ref = find(archive, scope, resource)[0]
    path = path.strip("/")
    if not _PATH.match(path):
        raise NotFound("The instance has no bulk data of this name.")
    if _PIXEL_DATA.match(path) and ref.frames and not is_native(ref.transfer_syntax):
        return _answer_frames(archive, ref, range(1, ref.frames + 1), "all", asked)
    offers = ranked(asked.accept, asked.accept_parameter, _BULK_OFFERS)
    if not offers:
        raise NotAcceptable("This bulk data is given as application/octet-stream.")
    chunks = archive.bulkdata(ref, path)
    boundary = boundary_for(ref.etag, path.upper())
    etag = f'"{boundary}.{"m" if offers[0].multipart else "s"}"'
    if is_known_to(asked, etag):
        return not_modified(etag, IMMUTABLE)
    location = f"{instance_url(asked.root, ref)}/bulkdata/{path}"
    content_type = f"{OCTETS}; transfer-syntax={EXPLICIT_LITTLE_ENDIAN}"
    headers = _validators(etag, IMMUTABLE)
    if not offers[0].multipart:
        headers += [("Content-Type", content_type), ("Content-Location", location)]
        return Answer(200, headers, _primed(chunks))
    headers.append(("Content-Type", _related(OCTETS, boundary)))
    first = opening(boundary, content_type, location, None, first=True)
    return Answer(200, headers, _primed(chain([first], chunks, [closing(boundary)])))


def _answer_frames(
    archive: Archive, ref: StoredInstance, numbers: Sequence[int], label: str, asked: Asked
) -> Answer:
    offers = ranked(
        asked.accept,
        asked.accept_parameter,
        frame_offers(ref.transfer_syntax, alone=len(numbers) == 1),
    )
    if not offers:
        raise NotAcceptable("The frames cannot be given in a form that Accept names.")
    # A comma would end the tag for whoever reads a list of them.
    label = label.replace(",", "-") if len(label) <= 32 else boundary_for(label)
    for offer in offers:
        shape = "m" if offer.multipart else "s"
        etag = f'"{ref.etag}.{label}.{shape}{"" if _is_ready(ref, offer) else "d"}"'
        if is_known_to(asked, etag):
            return not_modified(etag, IMMUTABLE)
        try:
            return _given_frames(archive, ref, numbers, offer, etag, asked.root)
        except CannotDecode:
            if offer is offers[-1]:
                raise
    raise AssertionError("unreachable")


def _given_frames(
    archive: Archive,
    ref: StoredInstance,
    numbers: Sequence[int],
    offer: Offer,
    etag: str,
    root: str,
) -> Answer:
    headers = _validators(etag, IMMUTABLE)
    url = f"{instance_url(root, ref)}/frames/"
    content_type = f"{offer.media_type}; transfer-syntax={offer.transfer_syntax}"
    first = _frame(archive, ref, numbers[0], offer)
    if not offer.multipart:
        headers += [("Content-Type", content_type), ("Content-Location", f"{url}{numbers[0]}")]
        return Answer(200, headers, [first])
    boundary = boundary_for(ref.etag)
    headers.append(("Content-Type", _related(offer.media_type, boundary)))
    head = opening(boundary, content_type, f"{url}{numbers[0]}", len(first), first=True)
    if len(numbers) == 1:
        return Answer(200, headers, [head, first, closing(boundary)])

    def others() -> Iterator[bytes]:
        yield first
        for number in numbers[1:]:
            frame = _frame(archive, ref, number, offer)
            yield opening(boundary, content_type, f"{url}{number}", len(frame), first=False)
            yield frame
        yield closing(boundary)

    return Answer(200, headers, streamed(head, others()))


def _frame(archive: Archive, ref: StoredInstance, number: int, offer: Offer) -> bytes:
    if _is_ready(ref, offer):
        return archive.frame(ref, number)
    from store.transcode import frame_to_little_endian

    return frame_to_little_endian(archive, ref, number)


def _is_ready(ref: StoredInstance, offer: Offer) -> bool:
    """Tell whether the frames need no decoding: they are native, or asked for as they are."""
    return offer.transfer_syntax == ref.transfer_syntax or is_native(ref.transfer_syntax)


_File = tuple[StoredInstance, str, int | None, Iterator[bytes]]


def _instance_choices(ref: StoredInstance, asked: Asked, *, alone: bool) -> tuple[Offer, ...]:
    offers = instance_offers(ref.transfer_syntax, alone=alone)
    choices = ranked(asked.accept, asked.accept_parameter, offers)
    if not choices:
        raise NotAcceptable("The instances cannot be given in a form that Accept names.")
    return choices


def _file(archive: Archive, ref: StoredInstance, choices: Sequence[Offer]) -> _File:
    """Return the first representation that can be made, with its length if that is known."""
    from store.transcode import to_explicit_little_endian

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
        content_type = f"application/dicom; transfer-syntax={syntax}"
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


def _primed(pieces: Iterator[bytes]) -> list[bytes] | Iterator[bytes]:
    """Make the first pieces now, so that an error is an answer; a small body altogether."""
    ready: list[bytes] = []
    size = 0
    for piece in pieces:
        ready.append(piece)
        size += len(piece)
        if size >= SMALL_BYTES:
            return streamed(b"".join(ready), pieces)
    return ready


def _validators(etag: str, cache: str) -> list[Header]:
    return [("ETag", etag), ("Cache-Control", cache), ("Vary", "Accept")]


def _related(media_type: str, boundary: str) -> str:
    return f'multipart/related; type="{media_type}"; boundary={boundary}'
