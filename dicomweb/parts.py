"""Writes answers in parts: each says what it is, where it is and, if that is known, how long.

Standard: PS3.18 8.6.1.2 (multipart payloads), RFC 2387.
Invariants: the first megabyte is made before the status is sent, so what cannot be given is an
error and not half an answer; the length of the whole is told when that of each part is known.
Not here: the delimiters (`dicomweb.multipart`), what the parts are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from dicomweb.answers import Answer, Asked, Header, primed
from dicomweb.multipart import closing, opening, related

__all__ = ["Piece", "answer_parts"]


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of an answer.

    Attributes:
        media_type: of the content, without parameters.
        location: URL of what the part holds.
        chunks: makes the content.
        transfer_syntax: of the content; None where that has no meaning.
        length: of the content, if it is known beforehand.
    """

    media_type: str
    location: str
    chunks: Callable[[], Iterable[bytes]]
    transfer_syntax: str | None = None
    length: int | None = None

    @property
    def content_type(self) -> str:
        """The media type with its parameters; unquoted, as some clients take it raw."""
        if self.transfer_syntax is None:
            return self.media_type
        return f"{self.media_type}; transfer-syntax={self.transfer_syntax}"


def answer_parts(
    pieces: Iterable[Piece], boundary: str, headers: Sequence[Header], asked: Asked
) -> Answer:
    """Give the pieces, of which there is at least one, as multipart/related.

    Args:
        pieces: in a list, if the length of the whole may be known.
        boundary: which must not occur in them.
        headers: of the answer.
        asked: the request.
    """
    given = list(headers)
    if isinstance(pieces, list):
        length = _length(pieces, boundary)
        if length is not None:
            given.append(("Content-Length", str(length)))
            if asked.is_head:
                given.append(("Content-Type", related(pieces[0].media_type, boundary)))
                return Answer(200, given, [])
    waiting = iter(pieces)
    first = next(waiting)
    given.append(("Content-Type", related(first.media_type, boundary)))
    return Answer(200, given, primed(_body(chain([first], waiting), boundary)))


def _length(pieces: Sequence[Piece], boundary: str) -> int | None:
    total = len(closing(boundary))
    for number, piece in enumerate(pieces):
        if piece.length is None:
            return None
        total += len(_opening(piece, boundary, number)) + piece.length
    return total


def _body(pieces: Iterable[Piece], boundary: str) -> Iterator[bytes]:
    for number, piece in enumerate(pieces):
        yield _opening(piece, boundary, number)
        yield from piece.chunks()
    yield closing(boundary)


def _opening(piece: Piece, boundary: str, number: int) -> bytes:
    return opening(boundary, piece.content_type, piece.location, piece.length, first=number == 0)
