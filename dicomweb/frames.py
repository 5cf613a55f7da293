"""WADO-RS: gives frames and bulk data.

Standard: PS3.18 10.4.1.1.6 and 10.4.1.1.7 (frame and bulk data resources), 8.7.3 (media types).
Invariants: every part names its transfer syntax; what is stored is given without being decoded
whenever that will do; a frame costs one look-up and one read, and a few headers around it.
Not here: where a frame lies (`store.frames`), decoding it (`store.codecs`).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Final

from dicomweb.answers import (
    IMMUTABLE,
    Answer,
    Asked,
    is_known_to,
    not_modified,
    primed,
    streamed,
    validators,
)
from dicomweb.errors import BadRequest, NotAcceptable, NotFound
from dicomweb.links import instance_url
from dicomweb.multipart import boundary_for, closing, opening, related
from dicomweb.negotiation import Offer, ranked
from dicomweb.syntaxes import EXPLICIT_LITTLE_ENDIAN, OCTETS, frame_offers, is_native
from dicomweb.wado import Resource, find
from store.access import Scope
from store.cells import Cells
from store.codecs import unpack
from store.errors import CannotDecode, NoSuchFrame
from store.retrieve import Archive, StoredInstance

__all__ = ["answer_bulkdata", "answer_frames", "frame_numbers"]

_PIXEL_DATA: Final = re.compile(r"7[Ff][Ee]000(08|09|10)\Z")
_PATH: Final = re.compile(r"[0-9A-Fa-f]{8}(/[0-9]{1,9}/[0-9A-Fa-f]{8})*\Z")
_NUMBERS: Final = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*\Z")
_BULK_OFFERS: Final = tuple(
    Offer(OCTETS, multipart, EXPLICIT_LITTLE_ENDIAN) for multipart in (True, False)
)


def frame_numbers(text: str) -> tuple[int, ...]:
    """Read the frame list of a path.

    Raises:
        BadRequest: it is no list of numbers from 1.
    """
    numbers = tuple(map(int, text.split(","))) if _NUMBERS.match(text) else (0,)
    if 0 in numbers:
        raise BadRequest("The frame list must be numbers from 1, with commas between them.")
    return numbers


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
    headers = validators(etag, IMMUTABLE)
    if not offers[0].multipart:
        headers += [("Content-Type", content_type), ("Content-Location", location)]
        return Answer(200, headers, primed(chunks))
    headers.append(("Content-Type", related(OCTETS, boundary)))
    first = opening(boundary, content_type, location, None, first=True)
    return Answer(200, headers, primed(chain([first], chunks, [closing(boundary)])))


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
    headers = validators(etag, IMMUTABLE)
    url = f"{instance_url(root, ref)}/frames/"
    content_type = f"{offer.media_type}; transfer-syntax={offer.transfer_syntax}"
    read = _reader(archive, ref, offer)
    first = read(numbers[0])
    if not offer.multipart:
        headers += [("Content-Type", content_type), ("Content-Location", f"{url}{numbers[0]}")]
        return Answer(200, headers, [first])
    boundary = boundary_for(ref.etag)
    headers.append(("Content-Type", related(offer.media_type, boundary)))
    head = opening(boundary, content_type, f"{url}{numbers[0]}", len(first), first=True)
    if len(numbers) == 1:
        return Answer(200, headers, [head, first, closing(boundary)])

    def others() -> Iterator[bytes]:
        yield first
        for number in numbers[1:]:
            frame = read(number)
            yield opening(boundary, content_type, f"{url}{number}", len(frame), first=False)
            yield frame
        yield closing(boundary)

    return Answer(200, headers, streamed(head, others()))


def _reader(archive: Archive, ref: StoredInstance, offer: Offer) -> Callable[[int], bytes]:
    """Return what gives a frame by its number, in the form of the offer."""
    if _is_ready(ref, offer):
        return partial(archive.frame, ref)
    cells = Cells.of(archive.dataset(ref))
    if cells.allocated == 1:
        raise CannotDecode("Frames of single bits are given as they are stored.")

    def decoded(number: int) -> bytes:
        frame = archive.frame(ref, number)
        return unpack(cells, frame, ref.transfer_syntax).cells.tobytes()

    return decoded


def _is_ready(ref: StoredInstance, offer: Offer) -> bool:
    """Tell whether the frames need no decoding: they are native, or asked for as they are."""
    return offer.transfer_syntax == ref.transfer_syntax or is_native(ref.transfer_syntax)
