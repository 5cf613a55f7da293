"""WADO-RS: gives bulk data: one value, or all of a study, a series or an instance.

Standard: PS3.18 10.4.1.1.5 and 10.4.1.1.6 (bulk data and pixel data resources), 8.7.3 (media
types), 8.7.3.3 (uncompressed values are little-endian, compressed ones come frame by frame).
Invariants: every BulkDataURI in our metadata leads to a value; every value can be had as
application/octet-stream. A document is given under its own type only if that is one of a few, and
never so that it could act in the name of this server.
Not here: where a value lies (`store.bulk`), frames (`dicomweb.frames`).
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Final

from dicomweb.answers import (
    Answer,
    Asked,
    Header,
    cache_control,
    is_known_to,
    not_modified,
    validators,
)
from dicomweb.errors import NotAcceptable, NotFound
from dicomweb.frames import answer_all_frames, frame_pieces
from dicomweb.links import instance_url
from dicomweb.multipart import boundary_for
from dicomweb.negotiation import Offer, ranked
from dicomweb.parts import Piece, answer_parts
from dicomweb.ranges import answer_range
from dicomweb.resources import Resource, find
from dicomweb.syntaxes import (
    EXPLICIT_LITTLE_ENDIAN,
    OCTETS,
    frame_offers,
    is_native,
    video_type,
)
from store.access import Scope
from store.bulk import BulkValue
from store.errors import CannotDecode, CannotTranscode
from store.metadata import ROOT_MARK
from store.retrieve import Archive, StoredInstance

__all__ = ["answer_bulkdata", "answer_bulkdata_of", "answer_pixeldata", "bulk_answer"]

_PATH: Final = re.compile(r"[0-9A-Fa-f]{8}(/[0-9]{1,9}/[0-9A-Fa-f]{8})*\Z")
_PIXEL_DATA: Final = re.compile(r"7[Ff][Ee]000(08|09|10)\Z")
_DOCUMENT: Final = "00420011"
# What a document may be given as. HTML is not here, nor is any picture that may hold scripts.
_DOCUMENT_TYPES: Final = {
    "application/pdf": "pdf",
    "text/xml": "xml",
    "model/stl": "stl",
    "model/obj": "obj",
    "model/mtl": "mtl",
}
_HARMLESS: Final[tuple[Header, ...]] = (
    ("X-Content-Type-Options", "nosniff"),
    ("Content-Security-Policy", "sandbox; default-src 'none'"),
)


def answer_bulkdata(
    archive: Archive, scope: Scope, resource: Resource, path: str, asked: Asked
) -> Answer:
    """Give one bulk value of an instance; compressed pixel data as their frames."""
    ref = find(archive, scope, resource)[0]
    path = path.strip("/").upper()
    if not _PATH.match(path):
        raise NotFound("The instance has no bulk data of this name.")
    if _has_frames(ref, path):
        return answer_all_frames(archive, scope, ref, asked)
    value = archive.data_set(ref).value(path)
    offers = ranked(asked.accept, asked.accept_parameter, _value_offers(archive, ref, path))
    if not offers:
        raise NotAcceptable("This bulk data cannot be given in a form that Accept names.")
    offer = offers[0]
    piece = _value_piece(archive, ref, path, value, offer, asked.root)
    boundary = boundary_for(ref.etag, path, offer.media_type)
    etag = f'"{boundary}.{"m" if offer.multipart else "s"}"'
    cache = cache_control(scope, immutable=True)
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    headers = validators(etag, cache)
    if offer.multipart:
        return answer_parts([piece], boundary, headers, asked)
    headers += [("Content-Type", piece.content_type), ("Content-Location", piece.location)]
    headers += [*_HARMLESS, ("Content-Disposition", _disposition(ref, path, offer.media_type))]
    read = partial(archive.bulk_bytes, ref, value)
    return answer_range(asked, headers, etag, value.length, read)


def answer_bulkdata_of(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give all bulk values of a study, a series or an instance, a part for each.

    Compressed pixel data are a part for each frame.
    """
    return bulk_answer(archive, scope, resource, asked, find(archive, scope, resource))


def answer_pixeldata(archive: Archive, scope: Scope, resource: Resource, asked: Asked) -> Answer:
    """Give the pixel data of each instance of a study or series, or of an instance."""
    refs = find(archive, scope, resource)
    return bulk_answer(archive, scope, resource, asked, refs, only_pixels=True)


def bulk_answer(
    archive: Archive,
    scope: Scope,
    resource: Resource,
    asked: Asked,
    refs: Sequence[StoredInstance],
    *,
    only_pixels: bool = False,
) -> Answer:
    """Give the bulk values of the instances; those that Accept does not fit are left out.

    Raises:
        NotFound: there are none.
        NotAcceptable: there are some, and Accept fits none of them.
    """
    form = f"{only_pixels} {asked.accept} {asked.accept_parameter}"
    boundary = boundary_for(form, asked.root, *(ref.etag for ref in refs))
    cache = cache_control(scope, immutable=resource.instance is not None)
    etag = f'"{boundary}.b"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    has_any = False

    def pieces() -> Iterator[Piece]:
        nonlocal has_any
        for ref in refs:
            paths = [p for p in archive.bulk_paths(ref) if _PIXEL_DATA.match(p) or not only_pixels]
            has_any = has_any or bool(paths)
            if paths:
                yield from _pieces(archive, ref, paths, asked)

    waiting = pieces()
    first = next(waiting, None)
    if first is None and has_any:
        raise NotAcceptable("The bulk data cannot be given in a form that Accept names.")
    if first is None:
        raise NotFound("There are no such bulk data.")
    return answer_parts(_again(first, waiting), boundary, validators(etag, cache), asked)


def _again(first: Piece, waiting: Iterable[Piece]) -> Iterator[Piece]:
    yield first
    yield from waiting


def _pieces(
    archive: Archive, ref: StoredInstance, paths: Sequence[str], asked: Asked
) -> Iterator[Piece]:
    values = archive.data_set(ref)
    for path in paths:
        if _has_frames(ref, path):
            yield from _frames(archive, ref, asked)
            continue
        offers = _in_parts(_value_offers(archive, ref, path), asked)
        if offers:
            value = values.value(path)
            yield _value_piece(archive, ref, path, value, offers[0], asked.root)


def _frames(archive: Archive, ref: StoredInstance, asked: Asked) -> Iterable[Piece]:
    """Make the parts of compressed pixel data, in the first form that can be made."""
    stored = Offer(OCTETS, True, ref.transfer_syntax, answers=("",), default=False)
    offers = _in_parts((*frame_offers(ref.transfer_syntax, alone=False), stored), asked)
    numbers = range(1, ref.frames + 1)
    for offer in offers:
        try:
            return frame_pieces(archive, ref, numbers, offer, asked.root)
        except (CannotDecode, CannotTranscode):
            continue
    return ()


def _in_parts(offers: Iterable[Offer], asked: Asked) -> tuple[Offer, ...]:
    parts = tuple(offer for offer in offers if offer.multipart)
    return ranked(asked.accept, asked.accept_parameter, parts)


def _has_frames(ref: StoredInstance, path: str) -> bool:
    """Tell whether these are compressed pixel data, which are given frame by frame."""
    return bool(_PIXEL_DATA.match(path) and ref.frames and not is_native(ref.transfer_syntax))


def _value_offers(archive: Archive, ref: StoredInstance, path: str) -> tuple[Offer, ...]:
    """Return the forms that a value has which is given as it is."""
    if _PIXEL_DATA.match(path) and not is_native(ref.transfer_syntax):
        syntax = ref.transfer_syntax
        kinds = [Offer(OCTETS, transfer_syntax=syntax)]
        media_type = video_type(syntax)
        if media_type is not None:
            kinds.insert(0, Offer(media_type, transfer_syntax=syntax, also=OCTETS))
    else:
        kinds = [Offer(OCTETS, transfer_syntax=EXPLICIT_LITTLE_ENDIAN)]
        if path == _DOCUMENT and (media_type := _document_type(archive, ref)) is not None:
            kinds.append(Offer(media_type, default=False))
    return tuple(
        Offer(o.media_type, shape, o.transfer_syntax, o.answers, o.also, o.default)
        for shape in (True, False)
        for o in kinds
    )


def _document_type(archive: Archive, ref: StoredInstance) -> str | None:
    """Return the media type of the encapsulated document, if it is one that may be named."""
    for text in archive.metadata([ref]):
        attribute = json.loads(text.replace(ROOT_MARK, b"")).get("00420012", {})
        media_type = str((attribute.get("Value") or [""])[0]).strip().lower()
        return media_type if media_type in _DOCUMENT_TYPES else None
    return None


def _value_piece(
    archive: Archive,
    ref: StoredInstance,
    path: str,
    value: BulkValue,
    offer: Offer,
    root: str,
) -> Piece:
    return Piece(
        offer.media_type,
        f"{instance_url(root, ref)}/bulkdata/{path}",
        partial(archive.bulk_bytes, ref, value),
        offer.transfer_syntax,
        value.length,
    )


def _disposition(ref: StoredInstance, path: str, media_type: str) -> str:
    if media_type.startswith("video/"):
        return "inline"
    ending = _DOCUMENT_TYPES.get(media_type, "bin")
    shown = "inline" if media_type == "application/pdf" else "attachment"
    name = f"{ref.sop_instance_uid}-{path.replace('/', '-')}"
    return f'{shown}; filename="{name}.{ending}"'
