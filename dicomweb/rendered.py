"""Gives what people look at: rendered studies, series, instances and frames, and thumbnails.

Standard: PS3.18 10.4.1.1.3 and 10.4.1.1.4 (rendered and thumbnail resources), 8.3.5.1 (parameters),
8.7.4 (media types).
Invariants: a parameter that cannot be is a 400 with a sentence; a thumbnail is there for everything
and holds no text about the patient: what has no picture gets an icon. Who may see it is asked
before a kept picture is looked up. The same picture has the same ETag for ever.
Not here: what is shown (`dicomweb.rendered_subjects`), drawing it (`dicomweb.rendered_pictures`),
texts (`dicomweb.rendered_texts`), films (`dicomweb.rendered_films`).
"""

from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from itertools import chain
from typing import Final, Literal, cast

from dicomweb.answers import (
    REVALIDATE,
    Answer,
    Asked,
    Header,
    cache_control,
    is_known_to,
    not_modified,
    streamed,
    validators,
)
from dicomweb.errors import NotAcceptable
from dicomweb.links import instance_url
from dicomweb.multipart import boundary_for, closing, opening, related
from dicomweb.negotiation import ranked
from dicomweb.rendered_films import animation_of, answer_film, pages_of
from dicomweb.rendered_parameters import Look, look_of, thumbnail_look_of, warnings_of
from dicomweb.rendered_pictures import draw, profile_of
from dicomweb.rendered_states import answer_state, image_under
from dicomweb.rendered_subjects import (
    THUMBNAIL_OFFERS,
    Subject,
    offers_of,
    subject_of,
)
from dicomweb.rendered_texts import answer_text
from dicomweb.resources import Resource, find
from store.access import Scope
from store.encoded import MediaType, encoded
from store.errors import CannotDecode, NoSuchFrame, StoreBusy
from store.icons import icon
from store.pictures import picture_name
from store.retrieve import Archive, StoredInstance

__all__ = ["Kind", "answer_rendered"]

Kind = Literal["rendered", "thumbnail"]

CACHE: Final = "private, max-age=86400"
_TEXT_CATEGORIES: Final = ("report", "pdf", "cda")
# To be raised when the same request gives another picture than before.
_MADE_BY: Final = 1


def answer_rendered(
    archive: Archive,
    scope: Scope,
    resource: Resource,
    frames: str | None,
    kind: Kind,
    asked: Asked,
) -> Answer:
    """Give a picture, a film or a text of a study, a series, an instance or frames of it.

    Raises:
        BadRequest: a parameter has a value that it cannot have.
        NotAcceptable: there is nothing to be seen of it, or not in an acceptable type.
    """
    subject = subject_of(find(archive, scope, resource), resource, frames)
    # Which image stands for a study or series changes when some arrive or are masked; and to
    # strangers it is shown for as long as it is published.
    is_fixed = resource.instance is not None and scope.owner_id is not None
    cache = CACHE if is_fixed else cache_control(scope, immutable=False)
    if kind == "thumbnail":
        return _answer_thumbnail(archive, subject, asked, cache, resource)
    offers = ranked(asked.accept, asked.accept_parameter, offers_of(subject))
    if not offers:
        raise NotAcceptable("It cannot be shown in a media type that Accept names.")
    offer = offers[0]
    look = look_of(asked, offer.media_type)
    if subject.category in _TEXT_CATEGORIES:
        return answer_text(archive, subject, offer.media_type, asked, cache)
    if offer.multipart:
        return _answer_parts(archive, subject, cast(MediaType, offer.media_type), look, asked)
    is_several = subject.count > 1
    if offer.media_type == "video/mp4":
        headers = _warnings(asked)
        return answer_film(archive, subject.film, look, asked, cache, headers)
    media_type = cast(MediaType, offer.media_type)
    if subject.category == "state":
        image = image_under(archive, scope, subject.ref)
        return answer_state(archive, subject.ref, image, media_type, look, asked, cache)
    if is_several and media_type in ("image/gif", "application/pdf"):
        return _answer_several(archive, subject.film, media_type, look, asked, cache)
    return _answer_one(archive, subject, media_type, look, asked, cache)


def _answer_one(
    archive: Archive,
    subject: Subject,
    media_type: MediaType,
    look: Look,
    asked: Asked,
    cache: str,
) -> Answer:
    tag = _tag("rendered", media_type, look, subject.number)
    etag = f'"{subject.ref.etag}.{subject.number}.{tag}"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    picture = _picture(archive, subject.ref, subject.number, media_type, look, tag)
    headers = [*validators(etag, cache), *_warnings(asked), ("Content-Type", media_type)]
    return Answer(200, headers, [picture])


def _answer_several(
    archive: Archive,
    subject: Subject,
    media_type: MediaType,
    look: Look,
    asked: Asked,
    cache: str,
) -> Answer:
    tag = _tag("several", media_type, look, _sources(subject))
    etag = f'"{subject.ref.etag}.s.{tag}"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    make = animation_of if media_type == "image/gif" else pages_of
    name = picture_name([ref.blob for ref in subject.refs], tag)
    whole = archive.pictures.get_or_make(name, lambda: make(archive, subject, look))
    headers = [*validators(etag, cache), *_warnings(asked), ("Content-Type", media_type)]
    return Answer(200, headers, [whole])


def _answer_parts(
    archive: Archive, subject: Subject, media_type: MediaType, look: Look, asked: Asked
) -> Answer:
    """Give each picture in a part of its own."""
    boundary = boundary_for(_tag("parts", media_type, look, _sources(subject)))
    etag = f'"{boundary}.p"'
    if is_known_to(asked, etag):
        return not_modified(etag, REVALIDATE)
    headers = [*validators(etag, REVALIDATE), *_warnings(asked)]
    headers.append(("Content-Type", related(media_type, boundary)))
    parts = _parts(archive, subject, media_type, look, asked.root, boundary)
    try:
        first = next(parts)
    except StopIteration:
        raise CannotDecode from None
    return Answer(200, headers, streamed(first, chain(parts, [closing(boundary)])))


def _parts(
    archive: Archive,
    subject: Subject,
    media_type: MediaType,
    look: Look,
    root: str,
    boundary: str,
) -> Iterator[bytes]:
    is_first = True
    for ref, number in subject.pictures():
        tag = _tag("rendered", media_type, look, number)
        with suppress(CannotDecode, NoSuchFrame):
            picture = _picture(archive, ref, number, media_type, look, tag)
            frame = f"/frames/{number}" if ref.frames > 1 else ""
            place = f"{instance_url(root, ref)}{frame}/rendered"
            head = opening(boundary, media_type, place, len(picture), first=is_first)
            is_first = False
            yield head + picture


def _answer_thumbnail(
    archive: Archive, subject: Subject, asked: Asked, cache: str, resource: Resource
) -> Answer:
    offers = ranked(asked.accept, asked.accept_parameter, THUMBNAIL_OFFERS)
    if not offers:
        raise NotAcceptable("Thumbnails are given as image/jpeg, image/png and image/gif.")
    media_type = cast(MediaType, offers[0].media_type)
    look = thumbnail_look_of(asked)
    ref, number = subject.ref, subject.number
    if subject.frames is None:
        number = (ref.frames + 1) // 2
    tag = _tag("thumbnail", media_type, look, number)
    etag = f'"{ref.etag}.{number}.{tag}"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    try:
        if subject.category not in ("image", "video", "waveform"):
            raise CannotDecode
        picture = _picture(archive, ref, number, media_type, look, tag)
    except (CannotDecode, NoSuchFrame, StoreBusy):
        word = {"video": "VIDEO", "pdf": "DOC", "cda": "DOC"}.get(subject.category, ref.modality)
        picture = icon(word, media_type, min(look.size or (256,)))
    headers = [*validators(etag, cache), ("Content-Type", media_type)]
    return Answer(200, headers, [picture])


def _picture(
    archive: Archive,
    ref: StoredInstance,
    number: int,
    media_type: MediaType,
    look: Look,
    tag: str,
) -> bytes:
    """Return one picture as a file, kept or made now."""

    def make() -> bytes:
        picture = draw(archive, ref, number, look)
        return encoded(picture, media_type, look.quality, profile_of(archive, ref, look))

    return archive.pictures.get_or_make(picture_name([ref.blob], tag), make)


def _sources(subject: Subject) -> tuple[object, ...]:
    return (subject.frames, *(ref.etag for ref in subject.refs))


def _warnings(asked: Asked) -> list[Header]:
    return [("Warning", f"299 {asked.root}: {text}") for text in warnings_of(asked)]


def _tag(*what: object) -> str:
    """Return what tells a picture apart from every other of its instances."""
    return blake2b(repr((_MADE_BY, *what)).encode(), digest_size=12).hexdigest()
