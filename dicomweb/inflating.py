"""Undoes the Content-Encoding of a request body as it comes in.

Standard: RFC 9110 8.4 (content codings), RFC 1952 (gzip), RFC 1950 and 1951 (deflate).
Invariants: never more than one step in memory, whatever the body claims; the limit on a body holds
for the bytes that come out; a body that ends before its compressed stream does is a `BrokenBody`.
Not here: what the bytes mean (`dicomweb.stow`).
"""

import zlib
from collections.abc import Generator, Iterable, Iterator
from typing import Final

from dicomweb.body import STEP_BYTES, too_large
from dicomweb.errors import BrokenBody, UnsupportedMediaType

__all__ = ["inflated", "is_plain"]

_GZIP: Final = 16 + zlib.MAX_WBITS
_ZLIB: Final = zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_PLAIN: Final = frozenset({"", "identity"})


def is_plain(content_encoding: str | None) -> bool:
    """Tell whether the bytes come as they are."""
    return (content_encoding or "").strip().lower() in _PLAIN


def inflated(chunks: Iterable[bytes], content_encoding: str | None, limit: int) -> Iterable[bytes]:
    """Return what was compressed.

    Args:
        chunks: the body as it comes in.
        content_encoding: the header; without one the chunks are given back.
        limit: the most bytes that may come out.

    Raises:
        UnsupportedMediaType: it is another coding, or several.
        BodyTooLarge, BrokenBody: while it is read.
    """
    if is_plain(content_encoding):
        return chunks
    coding = (content_encoding or "").strip().lower()
    if coding in ("gzip", "x-gzip"):
        return _limited(_gunzipped(chunks), limit)
    if coding == "deflate":
        return _limited(_inflated(chunks), limit)
    raise UnsupportedMediaType("A body may be encoded with gzip or deflate, and with one of them.")


def _limited(pieces: Iterable[bytes], limit: int) -> Iterator[bytes]:
    taken = 0
    for piece in pieces:
        taken += len(piece)
        if taken > limit:
            raise too_large()
        yield piece


def _gunzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """A gzip file may have several members, and zeros behind the last one."""
    source = iter(chunks)
    rest = next(source, b"")
    if not rest:
        raise BrokenBody("The body is empty.")
    while rest:
        rest = yield from _stream(_GZIP, rest, source)
        while not (rest := rest.lstrip(b"\0")) and (rest := next(source, b"")):
            pass


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    source = iter(chunks)
    start = next(source, b"")
    while 0 < len(start) < 2 and (more := next(source, b"")):
        start += more
    # Some clients send what the name says, and not what RFC 9110 8.4.1.2 means by it.
    is_zlib = len(start) > 1 and start[0] & 15 == 8 and not (start[0] << 8 | start[1]) % 31
    if (yield from _stream(_ZLIB if is_zlib else _RAW, start, source)) or any(source):
        raise BrokenBody("Something follows the end of the compressed body.")


def _stream(bits: int, data: bytes, source: Iterator[bytes]) -> Generator[bytes, None, bytes]:
    """Yield what one compressed stream holds; return the bytes behind it."""
    inflater = zlib.decompressobj(bits)
    while not inflater.eof:
        try:
            piece = inflater.decompress(data, STEP_BYTES)
        except zlib.error:
            raise BrokenBody("The body is not what its Content-Encoding says.") from None
        data = inflater.unconsumed_tail
        if piece:
            yield piece
        elif not data and not inflater.eof:
            data = next(source, b"")
            if not data:
                raise BrokenBody("The body ends before its compressed stream does.")
    return inflater.unused_data
