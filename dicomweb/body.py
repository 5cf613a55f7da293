"""Reads a request body in steps, no more than it may hold, and tells a cut one from a whole one.

Standard: RFC 9112 6 (message body), PS3.18 8.5 (413).
Invariants: never more than one step in memory; a body that is shorter than its Content-Length is a
`BrokenBody`, one that is longer than the limit a `BodyTooLarge` as soon as that is known.
Not here: what the bytes mean (`dicomweb.multipart`, `dicomweb.stow`).
"""

from collections.abc import Iterator
from typing import Final, Protocol

from dicomweb.errors import BadRequest, BodyTooLarge, BrokenBody

__all__ = ["STEP_BYTES", "Body", "Readable", "too_large"]

STEP_BYTES: Final = 128 * 1024


class Readable(Protocol):
    """`wsgi.input`."""

    def read(self, size: int, /) -> bytes:
        """Up to that many bytes; none at the end."""


class Body:
    """A request body, to be iterated once.

    Args:
        source: where the bytes come from.
        content_length: the header; None when the body comes in chunks.
        chunked: whether the server in front ends `source` where the chunks end.
        limit: the most bytes that are taken.

    Raises:
        BodyTooLarge: it says beforehand that it is longer than the limit.
        BadRequest: Content-Length is no number.
    """

    def __init__(
        self, source: Readable, content_length: str | None, *, chunked: bool, limit: int
    ) -> None:
        self._source = source
        self.limit: Final = limit
        self._length = None if chunked else _number(content_length)
        if self._length is not None and self._length > limit:
            raise too_large()

    @property
    def length(self) -> int | None:
        """How long it says to be; None when that is only known at its end."""
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        taken = 0
        while self._length is None or taken < self._length:
            wanted = STEP_BYTES
            if self._length is not None:
                wanted = min(STEP_BYTES, self._length - taken)
            step = self._source.read(wanted)
            if not step:
                break
            taken += len(step)
            if taken > self.limit:
                raise too_large()
            yield step
        if self._length is not None and taken < self._length:
            raise BrokenBody("The body is shorter than its Content-Length.")


def _number(content_length: str | None) -> int:
    if not content_length:
        return 0
    if not (content_length.isascii() and content_length.isdigit()):
        raise BadRequest("Content-Length is not a number.")
    return int(content_length)


def too_large() -> BodyTooLarge:
    """Return the error that ends a body which is longer than the limit."""
    return BodyTooLarge("The body is larger than this server takes in one request.")
