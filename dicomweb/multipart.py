"""Reads and writes multipart/related without ever holding a body, or a part, in memory.

Standard: RFC 2046 5.1 (framing), RFC 2387 (multipart/related), PS3.18 8.6.1.2 and 8.7.1.
Invariants: reading keeps one chunk and a delimiter's length; a body that does not end with its
closing delimiter, whatever came before, is a `BrokenBody`. Lenient otherwise: preamble, epilogue,
header names in any case, folded or absent headers, padding after a delimiter. Answers written
from the same bytes are the same bytes, so that their ETags may be strong.
Not here: what is in a part (`dicomweb.stow`, `dicomweb.wado`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from dicomweb.errors import BrokenBody

__all__ = ["Part", "boundary_for", "closing", "opening", "read_parts", "related"]

MAX_HEADER_BYTES: Final = 16 * 1024
MAX_PARTS: Final = 100_000
MAX_PADDING: Final = 1024


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a body that is being read; its content must be used before the next part."""

    headers: dict[str, str]
    content: Iterator[bytes]


def read_parts(chunks: Iterable[bytes], boundary: str) -> Iterator[Part]:
    """Read a multipart body as it comes in.

    What a caller leaves of a part's content is skipped.

    Raises:
        BrokenBody: the boundary never comes, the closing one does not, or a header is too long.
    """
    return _Reader(chunks, boundary).parts()


class _Reader:
    def __init__(self, chunks: Iterable[bytes], boundary: str) -> None:
        self._chunks = iter(chunks)
        self._delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
        # A delimiter begins with the CRLF that ends the line before it; the first may have none.
        self._buffer = b"\r\n"
        # Where in it what was not used begins; cutting it off each time would copy the rest.
        self._at = 0
        self._closed = False
        self._found_any = False

    def parts(self) -> Iterator[Part]:
        for _ in self._content():
            pass
        for _ in range(MAX_PARTS):
            if self._closed:
                break
            part = Part(self._headers(), self._content())
            yield part
            for _ in part.content:
                pass
        if not self._closed:
            raise BrokenBody(f"The body has more than {MAX_PARTS} parts.")
        self._buffer = b""
        for _ in self._chunks:
            pass

    def _content(self) -> Iterator[bytes]:
        """Yield what is between the CRLF here and the next delimiter, and step over both."""
        delimiter = self._delimiter
        start, search_from = self._at + 2, self._at
        while True:
            at = self._buffer.find(delimiter, search_from)
            if at < 0:
                # Only a CR near the end may begin a delimiter that the next chunk goes on with;
                # without one the whole buffer is content, and is handed on uncopied.
                near = max(self._at, len(self._buffer) - len(delimiter) + 1)
                ready = self._buffer.find(b"\r", near)
                if ready < 0:
                    ready = len(self._buffer)
                if ready > self._at:
                    if ready > start:
                        yield self._buffer[start:ready]
                    self._buffer, self._at, start = self._buffer[ready:], 0, 0
                search_from = self._at
                self._read_more()
                continue
            end = self._end_of_delimiter(at + len(delimiter))
            if end < 0:
                # Only the beginning of some longer line: content.
                search_from = at + 1
                continue
            if at > start:
                yield self._buffer[start:at]
            self._at = end
            self._found_any = True
            return

    def _end_of_delimiter(self, position: int) -> int:
        """Return where the next part's headers (CRLF first) or the epilogue begin; -1: neither."""
        while True:
            rest = self._buffer[position : position + MAX_PADDING]
            if rest.startswith(b"--"):
                self._closed = True
                return position + 2
            padding = len(rest) - len(rest.lstrip(b" \t"))
            line_end = rest[padding : padding + 2]
            if line_end == b"\r\n":
                return position + padding
            undecided = line_end in (b"", b"\r") or rest == b"-"
            if not undecided or len(rest) >= MAX_PADDING:
                return -1
            self._read_more()

    def _headers(self) -> dict[str, str]:
        # What is left begins with the CRLF of the delimiter's line, so a part without headers
        # begins with the CRLF CRLF that is searched for here.
        while (end := self._buffer.find(b"\r\n\r\n", self._at)) < 0:
            if len(self._buffer) - self._at > MAX_HEADER_BYTES:
                raise BrokenBody("The header of a part is too long.")
            self._read_more()
        text = self._buffer[self._at : end].decode("latin-1")
        # The CRLF that ends the headers stays: it may begin the next delimiter.
        self._at = end + 2
        lines = text.replace("\r\n ", " ").replace("\r\n\t", " ").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return {name.strip().lower(): value.strip() for name, _, value in pairs if name.strip()}

    def _read_more(self) -> None:
        chunk = next(self._chunks, b"")
        if not chunk:
            if self._found_any:
                raise BrokenBody("The body ends before its closing boundary.")
            raise BrokenBody("The boundary that Content-Type names does not occur in the body.")
        self._buffer += chunk


def boundary_for(*tags: str) -> str:
    """Return the boundary of an answer that is made of these ETags, always the same."""
    return blake2b("\0".join(tags).encode(), digest_size=16).hexdigest()


def related(media_type: str, boundary: str) -> str:
    """Return the Content-Type of an answer whose parts are of this type."""
    return f'multipart/related; type="{media_type}"; boundary={boundary}'


def opening(
    boundary: str, content_type: str, location: str, length: int | None, *, first: bool
) -> bytes:
    """Return the delimiter and the headers that precede a part's content.

    Args:
        boundary: as in the answer's Content-Type.
        content_type: of the part, with its transfer syntax.
        location: the URL of what the part holds.
        length: of the content, when it is known beforehand.
        first: whether this is the first part of the body.
    """
    size = "" if length is None else f"\r\nContent-Length: {length}"
    return (
        f"{'' if first else chr(13) + chr(10)}--{boundary}\r\nContent-Type: {content_type}"
        f"\r\nContent-Location: {location}{size}\r\n\r\n"
    ).encode("latin-1")


def closing(boundary: str) -> bytes:
    """Return the delimiter that ends a body."""
    return f"\r\n--{boundary}--\r\n".encode("latin-1")
