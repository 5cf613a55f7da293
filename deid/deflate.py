"""Inflates and deflates data sets as streams.

Standard: PS3.5 A.5 (Deflated Explicit VR Little Endian), RFC 1951.

Invariants: memory does not depend on how far a stream inflates; a stream that inflates beyond all
reason is refused early; the same data set gives the same bytes however it was cut.

Not here: what is in the stream (``deid.stream``).
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Final

from deid.errors import Malformed, TooLarge, Truncated

_STEP: Final = 1 << 16
# Some writers leave the trailer of zlib or gzip, or padding; none of it is kept.
_TRAILER: Final = 64


class Inflater:
    """Inflates a raw deflate stream.

    Args:
        free: inflated bytes up to which the ratio is not looked at.
        ratio: inflated bytes allowed for each byte that came.
    """

    def __init__(self, free: int, ratio: int) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._free = free
        self._ratio = ratio
        self._came = 0
        self._made = 0
        self._behind = 0

    def inflate(self, data: bytes | memoryview) -> Iterator[bytes]:
        """Yield what ``data`` adds, in pieces of bounded size."""
        self._came += len(data)
        rest: bytes | memoryview = data
        while rest or not self._stream.eof:
            if self._stream.eof:
                self._behind += len(rest)
                if self._behind > _TRAILER:
                    raise Malformed("Something follows the deflated data set.")
                return
            try:
                piece = self._stream.decompress(rest, _STEP)
            except zlib.error:
                raise Malformed("The deflated data set is damaged.") from None
            self._made += len(piece)
            if self._made > self._free and self._made > self._ratio * self._came:
                raise TooLarge("The deflated data set inflates too far.")
            if piece:
                yield piece
            elif not self._stream.eof:
                return
            rest = self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def finish(self) -> None:
        """Check that the stream is complete."""
        if not self._stream.eof:
            raise Truncated("The deflated data set is not complete.")


class Deflater:
    """Deflates what it is given, and pads to an even number of bytes in the end."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._stream = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._write = write
        self.size = 0

    def deflate(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._put(self._stream.compress(data))

    def finish(self) -> None:
        """Write the rest."""
        self._put(self._stream.flush())
        if self.size & 1:
            self._put(b"\0")

    def _put(self, piece: bytes) -> None:
        if piece:
            self.size += len(piece)
            self._write(piece)
