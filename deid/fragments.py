"""Passes encapsulated pixel data through and notes where its fragments lie.

Standard: PS3.5 A.4 (encapsulation, Basic Offset Table, fragments).

Invariants: fragments are not held in memory; what is no fragment is refused; the delimiter is
written anew, so nothing hides in its length field.

Not here: what is inside the codestreams (``deid.segments``).
"""

import struct
from collections.abc import Callable
from typing import Final

from deid.codestream import Codestream
from deid.encoding import ITEM, SEQUENCE_END, UNDEFINED
from deid.errors import Malformed, TooLarge

_HEADER: Final = struct.Struct("<HHL")
_MAX_TABLE: Final = 1 << 26


class Fragments:
    """Takes the value of one element of undefined length.

    Args:
        offset: where the value begins in what is written.
        limit: how many fragments there may be.
        codestream: what the fragments go through to the same ``write``; None: they pass unread.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        offset: int,
        limit: int,
        codestream: Codestream | None = None,
    ) -> None:
        self.fragments: list[tuple[int, int]] = []
        self.basic_offsets: tuple[int, ...] = ()
        self.done = False
        self.start = offset
        self._write = write
        self._codestream = codestream
        self._offset = offset
        self._limit = limit
        self._held = bytearray()
        self._left = 0
        self._table: bytearray | None = bytearray()

    def feed(self, data: memoryview) -> memoryview:
        """Take bytes; return those behind the end."""
        while data and not self.done:
            if self._left:
                piece = data[: self._left]
                data = data[len(piece) :]
                self._content(bytes(piece))
                continue
            need = 8 - len(self._held)
            self._held += data[:need]
            data = data[need:]
            if len(self._held) == 8:
                self._header(bytes(self._held))
                self._held.clear()
        return data

    @property
    def blanked(self) -> int:
        """How many segments and comments of the codestreams were overwritten."""
        return self._codestream.blanked if self._codestream else 0

    def _content(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._table is not None:
            self._table += piece
            if not self._left:
                self._close_table()
        elif self._codestream:
            self._offset += len(piece)
            self._codestream.feed(piece)
            return
        self._put(piece)

    def _header(self, header: bytes) -> None:
        group, element, length = _HEADER.unpack(header)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            if self._codestream:
                self._codestream.finish()
            self._put(_HEADER.pack(group, element, 0))
            self.done = True
            return
        if tag != ITEM or length == UNDEFINED:
            raise Malformed("Encapsulated pixel data holds something that is no fragment.")
        self._left = length
        if self._table is None:
            self._fragment(header, length)
            return
        self._put(header)
        if length > _MAX_TABLE or length % 4:
            raise Malformed("The Basic Offset Table of the pixel data is not valid.")
        elif not length:
            self._close_table()

    def _fragment(self, header: bytes, length: int) -> None:
        if len(self.fragments) >= self._limit:
            raise TooLarge("The pixel data has too many fragments.")
        self.fragments.append((self._offset + len(header), length))
        if self._codestream:
            self._offset += len(header)
            self._codestream.fragment(header, length)
        else:
            self._put(header)

    def _close_table(self) -> None:
        table, self._table = self._table or b"", None
        self.basic_offsets = struct.unpack(f"<{len(table) // 4}L", table)

    def _put(self, piece: bytes) -> None:
        self._offset += len(piece)
        self._write(piece)
