"""WADO-RS: gives studies, series and instances as files.

Standard: PS3.18 10.4 (Retrieve transaction), 8.6.1.2 and 8.7 (multipart, media types).
Invariants: every part says what it is and where; a body is streamed; the first bytes are made
before the status is sent, so what cannot be given is an error and not half an answer; the same
representation has the same bytes and the same ETag for ever.
Not here: metadata (`dicomweb.metadata`), frames (`dicomweb.frames`), bulk data (`dicomweb.bulk`),
archives (`dicomweb.archives`), images for people (`dicomweb.rendered`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache, partial
from itertools import chain

from dicomweb.answers import (
    Answer,
    Asked,
    cache_control,
    is_known_to,
    not_modified,
    primed,
    validators,
)
from dicomweb.archives import ZIP, answer_zip, zip_offers
from dicomweb.bulk import bulk_answer
from dicomweb.errors import NotAcceptable
from dicomweb.links import instance_url
from dicomweb.multipart import boundary_for
from dicomweb.negotiation import Offer, ranked
from dicomweb.parts import Piece, answer_parts
from dicomweb.ranges import answer_range
from dicomweb.resources import Resource, find
from dicomweb.syntaxes import DICOM, EXPLICIT_LITTLE_ENDIAN, OCTETS, instance_offers
from store.access import Scope
from store.errors import CannotTranscode
from store.retrieve import Archive, StoredInstance
from store.transcode import in_syntax

__all__ = ["answer_instances", "answer_one"]


def answer_instances(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give a study, a series or an instance as DICOM files, as its bulk data, or in an archive."""
    refs = find(archive, scope, resource)
    alone = resource.instance is not None
    best = _choices(refs[0], asked, alone=alone)[0]
    if best.media_type == ZIP:
        return answer_zip(archive, scope, resource, refs, best, asked)
    if best.media_type == OCTETS:
        return bulk_answer(archive, scope, resource, asked, refs)
    plan = [(ref, _files(_choices(ref, asked, alone=alone), best)) for ref in refs]
    cache_for = cache_control(scope, immutable=alone)
    if not best.multipart:
        return answer_one(archive, refs[0], plan[0][1], cache_for, asked)
    tags = [f"{ref.etag}.{choices[0].transfer_syntax}" for ref, choices in plan]
    boundary = boundary_for(*tags)
    etag = f'"{boundary}.m"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache_for)
    headers = validators(etag, cache_for)
    pieces: Iterable[Piece] = (_piece(archive, ref, choices, asked.root) for ref, choices in plan)
    if all(choices[0].transfer_syntax == ref.transfer_syntax for ref, choices in plan):
        pieces = list(pieces)
    return answer_parts(pieces, boundary, headers, asked)


def answer_one(
    archive: Archive, ref: StoredInstance, choices: Sequence[Offer], cache_for: str, asked: Asked
) -> Answer:
    """Give one instance as a file, in the first of these forms that can be made."""
    etag = f'"{boundary_for(f"{ref.etag}.{choices[0].transfer_syntax}")}.s"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache_for)
    piece = _piece(archive, ref, choices, asked.root)
    headers = [*validators(etag, cache_for), ("Content-Location", piece.location)]
    headers.append(("Content-Type", piece.content_type))
    if piece.length is None:
        return Answer(200, headers, primed(iter(piece.chunks())))
    return answer_range(asked, headers, etag, piece.length, partial(archive.read, ref))


@cache
def _offers(transfer_syntax: str, *, alone: bool) -> tuple[Offer, ...]:
    bulk = Offer(OCTETS, True, EXPLICIT_LITTLE_ENDIAN, default=False)
    return (*instance_offers(transfer_syntax, alone=alone), bulk, *zip_offers())


def _choices(ref: StoredInstance, asked: Asked, *, alone: bool) -> tuple[Offer, ...]:
    offers = _offers(ref.transfer_syntax, alone=alone)
    choices = ranked(asked.accept, asked.accept_parameter, offers)
    if not choices:
        raise NotAcceptable("The instances cannot be given in a form that Accept names.")
    return choices


def _files(choices: Sequence[Offer], best: Offer) -> tuple[Offer, ...]:
    """Return the choices that have the shape of the answer."""
    fitting = tuple(
        o for o in choices if (o.media_type, o.multipart) == (best.media_type, best.multipart)
    )
    if not fitting:
        raise NotAcceptable("Not all instances can be given in a form that Accept names.")
    return fitting


def _piece(archive: Archive, ref: StoredInstance, choices: Sequence[Offer], root: str) -> Piece:
    """Return the first representation that can be made, with its length if that is known."""
    location = instance_url(root, ref)
    for offer in choices:
        syntax = offer.transfer_syntax or ref.transfer_syntax
        if syntax == ref.transfer_syntax:
            return Piece(DICOM, location, partial(archive.read, ref), syntax, ref.size)
        try:
            return Piece(DICOM, location, _begun(in_syntax(archive, ref, syntax)), syntax)
        except CannotTranscode:
            if offer is choices[-1]:
                raise
    raise AssertionError("unreachable")


def _begun(chunks: Iterable[bytes]) -> Callable[[], Iterator[bytes]]:
    """Make the first bytes now, so that what cannot be made is known now."""
    rest = iter(chunks)
    first = next(rest)
    return lambda: chain([first], rest)
