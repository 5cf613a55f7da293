"""WADO-RS: gives frames.

Standard: PS3.18 10.4.1.1.6 (frame resources), 8.7.3 (media types).
Invariants: every part names its transfer syntax; what is stored is given without being decoded
whenever that will do; a frame costs one look-up and one read, and a few headers around it.
Not here: where a frame lies (`store.frames`), decoding it (`store.codecs`), bulk data
(`dicomweb.bulk`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

from dicomweb.answers import (
    Answer,
    Asked,
    cache_control,
    is_known_to,
    not_modified,
    validators,
)
from dicomweb.errors import BadRequest, NotAcceptable
from dicomweb.links import instance_url
from dicomweb.multipart import boundary_for, closing, opening, related
from dicomweb.negotiation import Offer, ranked
from dicomweb.parts import Piece, answer_parts
from dicomweb.ranges import answer_range
from dicomweb.resources import Resource, find
from dicomweb.syntaxes import frame_offers, is_native
from store.access import Scope
from store.errors import CannotDecode, CannotTranscode, NoSuchFrame
from store.retrieve import Archive, StoredInstance
from store.transcode import frames_in_syntax, is_given_as_stored

__all__ = ["answer_all_frames", "answer_frames", "frame_numbers", "frame_pieces"]

MOST_MEASURED: Final = 10_000

_NUMBERS: Final = re.compile(r"[0-9]{1,9}(,[0-9]{1,9})*\Z")


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
    # A comma would end the tag for whoever reads a list of them.
    label = frames.replace(",", "-") if len(frames) <= 32 else boundary_for(frames)
    return _answer(archive, scope, ref, numbers, label, asked)


def answer_all_frames(archive: Archive, scope: Scope, ref: StoredInstance, asked: Asked) -> Answer:
    """Give every frame of an instance, which has some, a part for each."""
    return _answer(archive, scope, ref, range(1, ref.frames + 1), "all", asked)


def frame_pieces(
    archive: Archive, ref: StoredInstance, numbers: Sequence[int], offer: Offer, root: str
) -> Iterable[Piece]:
    """Make the parts that hold frames; in a list, if the length of each is known.

    Raises:
        CannotDecode, CannotTranscode: the first frame cannot be given in the form of the offer.
    """
    read = frames_in_syntax(archive, ref, _syntax(ref, offer))
    url = f"{instance_url(root, ref)}/frames/"
    first = read(numbers[0])
    syntax = offer.transfer_syntax

    def piece(number: int, frame: bytes) -> Piece:
        return Piece(offer.media_type, f"{url}{number}", lambda: (frame,), syntax, len(frame))

    def later(number: int) -> Piece:
        # Uncompressed frames are all as long as the first, so they need not be made to be measured.
        place = f"{url}{number}"
        return Piece(offer.media_type, place, lambda: (read(number),), syntax, len(first))

    def pieces() -> Iterator[Piece]:
        yield piece(numbers[0], first)
        for number in numbers[1:]:
            yield piece(number, read(number))

    if syntax is not None and is_native(syntax) and len(numbers) <= MOST_MEASURED:
        return [piece(numbers[0], first), *map(later, numbers[1:])]
    return pieces()


def _answer(
    archive: Archive,
    scope: Scope,
    ref: StoredInstance,
    numbers: Sequence[int],
    label: str,
    asked: Asked,
) -> Answer:
    alone = len(numbers) == 1
    offers = _choices(ref.transfer_syntax, asked.accept, asked.accept_parameter, alone=alone)
    if not offers:
        raise NotAcceptable("The frames cannot be given in a form that Accept names.")
    cache = cache_control(scope, immutable=True)
    for offer in offers:
        shape = "m" if offer.multipart else "s"
        etag = f'"{ref.etag}.{label}.{shape}{_syntax(ref, offer)[16:]}"'
        if is_known_to(asked, etag):
            return not_modified(etag, cache)
        try:
            return _given(archive, ref, numbers, offer, etag, cache, asked)
        except (CannotDecode, CannotTranscode):
            if offer is offers[-1]:
                raise
    raise AssertionError("unreachable")


# By texts alone: to look up offers, all of them are hashed, which takes 20 us.
@lru_cache(maxsize=1024)
def _choices(
    transfer_syntax: str, accept: str | None, parameter: str | None, *, alone: bool
) -> tuple[Offer, ...]:
    """Return the forms in which the caller takes frames of a stored syntax, the best first."""
    return ranked(accept, parameter, frame_offers(transfer_syntax, alone=alone))


def _given(
    archive: Archive,
    ref: StoredInstance,
    numbers: Sequence[int],
    offer: Offer,
    etag: str,
    cache: str,
    asked: Asked,
) -> Answer:
    headers = validators(etag, cache)
    boundary = boundary_for(ref.etag)
    if len(numbers) > 1:
        pieces = frame_pieces(archive, ref, numbers, offer, asked.root)
        return answer_parts(pieces, boundary, headers, asked)
    # One frame is what most requests are for: nothing is done for it that it does not need.
    number = numbers[0]
    syntax = _syntax(ref, offer)
    location = f"{instance_url(asked.root, ref)}/frames/{number}"
    content_type = f"{offer.media_type}; transfer-syntax={offer.transfer_syntax}"
    tail = closing(boundary)

    def around(length: int) -> tuple[bytes, bytes]:
        return opening(boundary, content_type, location, length, first=True), tail

    if offer.multipart and is_given_as_stored(ref.transfer_syntax, syntax):
        body = [archive.frame_within(ref, number, around)]
    else:
        frame = frames_in_syntax(archive, ref, syntax)(number)
        if not offer.multipart:
            headers += [("Content-Type", content_type), ("Content-Location", location)]
            return answer_range(asked, headers, etag, len(frame), lambda a, b: iter([frame[a:b]]))
        body = [around(len(frame))[0], frame, tail]
    headers.append(("Content-Type", related(offer.media_type, boundary)))
    headers.append(("Content-Length", str(sum(map(len, body)))))
    return Answer(200, headers, body)


def _syntax(ref: StoredInstance, offer: Offer) -> str:
    return offer.transfer_syntax or ref.transfer_syntax
