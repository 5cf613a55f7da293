"""Overwrites parts of compressed frames while they pass through, without changing any length.

Standard: PS3.5 A.4 (a frame is one fragment or several; no fragment holds two frames).

Invariants: what is written is as long as what came, so that offset tables stay true; how the bytes
are cut into chunks makes no difference; memory is one chunk and one header.

Not here: what is overwritten (``deid.segments`` for JPEG, ``deid.boxes`` for JPEG 2000 and XL).
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from deid.errors import Malformed

Buffer = bytes | bytearray
Measure = Callable[[Buffer, int], tuple[int, bool]]
"""Says where data that begin at an offset end, as far as they are here, and whether that is all."""

_NOT_ZERO: Final = re.compile(rb"[^\0]")
# The frames of an instance mostly have the same header, and it is short.
_REMEMBERED: Final = 2048


class Codestream:
    """Takes the fragments of pixel data and writes them with what may identify overwritten.

    A kind of codestream is a subclass that reads it in ``_images``: a generator that looks at
    ``_buf`` from ``_pos`` on, moves ``_pos`` over what is done, and yields when it needs more.

    Attributes:
        blanked: how many segments, comments, boxes and rests behind an image were overwritten.
    """

    _STARTS: ClassVar[tuple[bytes, ...]]
    """What a fragment that begins an image begins with."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self.blanked = 0
        self._write = write
        self._buf = bytearray()
        self._pos = 0
        self._reader = self._images()
        # An image may be cut short, but not where its rest could be taken for something to keep.
        self._may_end = True
        # Counted in bytes of fragments: what was written, and where the current fragment ends.
        self._given = 0
        self._border = 0
        self._headers: deque[tuple[int, bytes]] = deque()
        self._opening = b""
        self._awaited = 0
        self._longest = max(map(len, self._STARTS))
        self._measure: Measure | None = None
        self._left = 0
        self._draft = (b"", 0, 0)
        self._known = (b"", b"", 0)

    def fragment(self, header: bytes, length: int) -> None:
        """Begin a fragment: its item header is written between the bytes that it stands between."""
        if self._given == self._border:
            self._write(header)
        else:
            self._headers.append((self._border, header))
        self._border += length
        self._awaited = min(length, self._longest)

    def feed(self, piece: bytes) -> None:
        """Take bytes of the current fragment."""
        if self._awaited:
            piece = self._opening = self._opening + piece
            if len(piece) < self._awaited:
                return
            self._opening, self._awaited = b"", 0
            if piece.startswith(self._STARTS):
                self.finish()
                self._reader = self._images()
        if self._measure and not self._buf:
            end, done = self._measure(piece, 0)
            if end:
                self._given += end
                self._write(piece[:end])
            if end == len(piece) and not done:
                return
            piece = piece[end:]
        self._buf += piece
        next(self._reader)
        self._give()

    def finish(self) -> None:
        """Say that the last image is complete.

        Raises:
            Malformed: it ends inside of something that had to be read.
        """
        if not self._may_end:
            raise Malformed("A compressed frame ends before its header is complete.")
        if self._buf:
            # Of data, nothing but the first byte of a code can be left.
            if not self._measure:
                self._overwrite(0, len(self._buf))
            self._pos = len(self._buf)
            self._give()
        self._measure = None

    def _images(self) -> Iterator[None]:
        """Read image after image; never return."""
        raise NotImplementedError

    def _await(self, size: int) -> Iterator[None]:
        """Wait until so many bytes can be looked at."""
        while len(self._buf) - self._pos < size:
            yield

    def _keep(self, measure: Measure) -> Iterator[None]:
        """Keep data, large ones without a copy."""
        while True:
            self._pos, done = measure(self._buf, self._pos)
            if done:
                break
            self._measure = measure
            yield
        self._measure = None

    def _pass(self, size: int) -> Iterator[None]:
        """Keep so many bytes."""
        self._left = size
        return self._keep(self._counted)

    def _counted(self, data: Buffer, start: int) -> tuple[int, bool]:
        size = min(self._left, len(data) - start)
        self._left -= size
        return start + size, not self._left

    def _blank(self, size: int) -> Iterator[None]:
        """Overwrite so many bytes with zeros."""
        changed = False
        while True:
            end = min(len(self._buf), self._pos + size)
            size -= end - self._pos
            if self._overwrite(self._pos, end) and not changed:
                changed = True
                self.blanked += 1
            self._pos = end
            if not size:
                return
            yield

    def _skip_rest(self) -> Iterator[None]:
        """Overwrite what stands behind an image: to the end of its fragment, then only zeros."""
        self._may_end = True
        yield from self._blank(self._border - self._given - self._pos)
        while (found := _NOT_ZERO.search(self._buf, self._pos)) is None:
            self._pos = len(self._buf)
            yield
        self._pos = found.start()

    def _overwrite(self, start: int, end: int, byte: bytes = b"\0") -> bool:
        """Tell whether that changed anything."""
        if self._buf.count(byte, start, end) == end - start:
            return False
        self._buf[start:end] = byte * (end - start)
        return True

    def _recall(self) -> bool:
        """Pass a header that is the same as the one remembered, or begin to remember one."""
        before, after, blanked = self._known
        if before and self._buf.startswith(before, self._pos):
            end = self._pos + len(before)
            self._buf[self._pos : end] = after
            self._pos = end
            self.blanked += blanked
            return True
        self._known = b"", b"", 0
        draft = bytes(self._buf[self._pos : self._pos + _REMEMBERED])
        self._draft = draft, self._given + self._pos, self.blanked
        return False

    def _remember(self) -> None:
        """Remember the header that ends here, if none of it has been given on."""
        draft, start, blanked = self._draft
        if start >= self._given and (size := self._given + self._pos - start) <= len(draft):
            after = bytes(self._buf[start - self._given : self._pos])
            self._known = draft[:size], after, self.blanked - blanked

    def _give(self) -> None:
        """Write what is done, and the item headers that stand in it or at its end."""
        if not self._pos:
            return
        with memoryview(self._buf) as view:
            done = bytes(view[: self._pos])
        del self._buf[: self._pos]
        self._pos = 0
        start, base = 0, self._given
        self._given += len(done)
        while self._headers and self._headers[0][0] <= self._given:
            at, header = self._headers.popleft()
            if at - base > start:
                self._write(done[start : at - base])
                start = at - base
            self._write(header)
        if start < len(done):
            self._write(done[start:])
