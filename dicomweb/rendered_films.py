"""Gives films: animated GIF, PDF of many pages, and MP4.

Standard: PS3.18 8.7.4 (rendered media types), PS3.3 C.7.6.5 (Cine module).
Invariants: a film is written once and read from the place of kept pictures, a piece at a time.
Not here: writing the files (`store.encoded`, `store.moving`).
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import IO, Final

from dicomweb.answers import Answer, Asked, Header, is_known_to, not_modified, validators
from dicomweb.ranges import answer_range
from dicomweb.rendered_parameters import Look
from dicomweb.rendered_pictures import draw_all
from dicomweb.rendered_subjects import Subject
from store.encoded import album, animation, evenly
from store.moving import LONGEST_SIDE, film_of_pictures, film_of_video, milliseconds_of
from store.pictures import picture_name
from store.retrieve import Archive
from store.stills import PIXEL_DATA

__all__ = ["animation_of", "answer_film", "pages_of"]

CHUNK_BYTES: Final = 256 * 1024
_MADE_BY: Final = 1


def animation_of(archive: Archive, subject: Subject, look: Look) -> bytes:
    """Make an animated GIF; of too many pictures, some are passed over."""
    pictures = subject.pictures()
    chosen = [pictures[n] for n in evenly(len(pictures))]
    pace = milliseconds_of(archive.header(subject.ref)) * len(pictures) / len(chosen)
    return animation(draw_all(archive, chosen, look), len(chosen), round(pace))


def pages_of(archive: Archive, subject: Subject, look: Look) -> bytes:
    """Make a PDF with a page for each picture; of too many, some are passed over."""
    pictures = subject.pictures()
    chosen = [pictures[n] for n in evenly(len(pictures))]
    return album(draw_all(archive, chosen, look), len(chosen))


def answer_film(
    archive: Archive,
    subject: Subject,
    look: Look,
    asked: Asked,
    cache: str,
    headers: list[Header],
) -> Answer:
    """Give an MP4 of stored video, or of the frames of images."""
    seen = (subject.frames, look.size, look.region, look.window, look.annotations)
    sources = tuple(ref.etag for ref in subject.refs)
    tag = blake2b(repr((_MADE_BY, "mp4", seen, sources)).encode(), digest_size=12).hexdigest()
    etag = f'"{subject.ref.etag}.v.{tag}"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    write = partial(_write, archive, subject, look)
    film = archive.pictures.open_or_write(picture_name([r.blob for r in subject.refs], tag), write)
    headers = [*validators(etag, cache), *headers, ("Content-Type", "video/mp4")]
    return answer_range(asked, headers, etag, film.seek(0, 2), partial(_pieces, film))


def _write(archive: Archive, subject: Subject, look: Look, path: Path) -> None:
    if subject.category == "video":
        ref = subject.ref
        film_of_video(archive.bulkdata(ref, PIXEL_DATA), ref.transfer_syntax, path)
        return
    pictures = subject.pictures()
    header = archive.header(subject.ref)
    sides = (header.get("Columns"), header.get("Rows"))
    is_large = any(isinstance(side, int) and side > LONGEST_SIDE for side in sides)
    if is_large or (look.size and max(look.size) > LONGEST_SIDE):
        look = replace(look, size=(LONGEST_SIDE, LONGEST_SIDE))
    film_of_pictures(draw_all(archive, pictures, look), milliseconds_of(header), path)


def _pieces(film: IO[bytes], start: int, end: int) -> Iterator[bytes]:
    with film:
        film.seek(start)
        while start < end and (piece := film.read(min(CHUNK_BYTES, end - start))):
            start += len(piece)
            yield piece
