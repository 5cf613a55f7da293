"""Strips comments of JPEG 2000 codestreams, and boxes of JP2 and JPEG XL files, in the stream.

Standard: ITU-T T.800 A (codestream), I (boxes), T.801 A.3, T.814 A; ISO/IEC 18181-2 9 (JPEG XL
file format); PS3.5 A.4.4; rule 8 of the profile.

Invariants: comments, and boxes that no decoder needs, become zeros, and such boxes ``free`` ones;
tiles stay as they are and are stepped over by their stated length.

Not here: JPEG (``deid.segments``), the fragments (``deid.fragments``).
"""

import re
from collections.abc import Iterator
from typing import ClassVar, Final

from deid.codestream import Buffer, Codestream
from deid.errors import Malformed

_SOC, _SOT, _SOD, _EOC, _COM = 0xFF4F, 0xFF90, 0xFF93, 0xFFD9, 0xFF64
_SOT_SIZE: Final = 12
_END: Final = re.compile(rb"\xff\xd9")
_WITHOUT_LENGTH: Final = range(0xFF30, 0xFF40)
# The main and tile-part headers of T.800, T.814 (CAP, CPF) and T.801 (from FF70 on).
_KEPT: Final = frozenset(
    (
        *(*range(0xFF50, 0xFF54), 0xFF55, *range(0xFF56, 0xFF62), 0xFF63),
        *range(0xFF70, 0xFF7A),
    )
)
_NAKED_XL: Final = 0xFF0A
_WITHOUT_END: Final = 1 << 64
_FREE: Final = b"free"
# Boxes that hold boxes; these are read like those outside.
_OUTER: Final = frozenset((b"jp2h", b"jpch", b"jplh", b"cgrp"))
_LETTERS: Final = frozenset(range(0x20, 0x7F))


class _Boxed(Codestream):
    """What may come as a file of boxes."""

    _SIGNATURE: ClassVar[bytes]
    _NEEDED: ClassVar[frozenset[bytes]]
    _DATA: ClassVar[frozenset[bytes]]
    _SEVERAL: ClassVar[bool]
    """Whether an image may lie in several boxes."""

    def _file(self) -> Iterator[None]:
        """Read boxes until nothing more of the image can come."""
        yield from self._await(8)
        if self._buf[self._pos + 4 : self._pos + 8] != self._SIGNATURE:
            raise Malformed("A compressed frame is not encoded as its transfer syntax says.")
        more = True
        while more:
            yield from self._await(8)
            kind = bytes(self._buf[self._pos + 4 : self._pos + 8])
            if not _LETTERS.issuperset(kind):
                if self._may_end and not any(kind):  # padding
                    return
                raise Malformed("A compressed frame holds something that is no box.")
            header, size = 8, self._number(0, 4)
            more = size != 0 and (kind not in self._DATA or self._SEVERAL)
            if size == 1:
                yield from self._await(16)
                header, size = 16, self._number(8, 8)
            yield from self._box(kind, header, size - header if size else None)

    def _box(self, kind: bytes, header: int, size: int | None) -> Iterator[None]:
        """Read one box; a size of None is all that comes."""
        if size is not None and size < 0:
            raise Malformed("A box of a compressed frame has an impossible length.")
        start, self._pos = self._pos, self._pos + header
        if kind in self._DATA:
            yield from self._data(size)
        elif kind in _OUTER:
            pass
        elif kind not in self._NEEDED:
            self._buf[start + 4 : start + 8] = _FREE
            if size is not None:
                yield from self._blank(size)
        elif size is None:
            raise Malformed("A box of a compressed frame has an impossible length.")
        else:
            yield from self._pass(size)

    def _data(self, size: int | None) -> Iterator[None]:
        """Read the content of a box that holds an image."""
        raise NotImplementedError

    def _number(self, offset: int, size: int) -> int:
        start = self._pos + offset
        return int.from_bytes(self._buf[start : start + size], "big")


def _to_end(data: Buffer, start: int) -> tuple[int, bool]:
    """Go to EOC, which no packet can hold."""
    found = _END.search(data, start)
    if found:
        return found.start(), True
    return len(data) - (len(data) > start and data[-1] == 0xFF), False


class Jpeg2000(_Boxed):
    """JPEG 2000 and high-throughput JPEG 2000, bare or as a JP2 file."""

    _STARTS: ClassVar = (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  \r\n\x87\n")
    _SIGNATURE: ClassVar = b"jP  "
    _NEEDED: ClassVar = frozenset(
        (b"jP  ", b"ftyp", b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"opct")
    )
    _DATA: ClassVar = frozenset((b"jp2c",))
    _SEVERAL: ClassVar = False

    def _images(self) -> Iterator[None]:
        while True:
            self._may_end = False
            yield from self._await(2)
            if self._number(0, 2) == _SOC:
                yield from self._codestream()
            else:
                yield from self._file()
                # What follows in further fragments is the rest of the file.
                yield from self._blank(_WITHOUT_END)
            yield from self._skip_rest()

    def _data(self, size: int | None) -> Iterator[None]:
        start = self._given + self._pos
        yield from self._await(2)
        if self._number(0, 2) != _SOC:
            raise Malformed("A JP2 file in a compressed frame has no JPEG 2000 codestream.")
        yield from self._codestream()
        self._may_end = True
        if size is not None:
            rest = start + size - self._given - self._pos
            if rest < 0:
                raise Malformed("A box of a compressed frame has an impossible length.")
            yield from self._blank(rest)

    def _codestream(self) -> Iterator[None]:
        """Read from SOC to behind EOC, or to where tile-parts are followed by padding."""
        self._may_end = False
        known = self._recall()
        if not known:
            self._pos += 2
        while True:
            yield from self._await(2)
            if (code := self._number(0, 2)) == _SOT:
                break
            yield from self._segment(code)
        if not known:
            self._remember()
        while code == _SOT:
            self._may_end = False
            yield from self._tile_part()
            self._may_end = True
            yield from self._await(2)
            code = self._number(0, 2)
        if code == _EOC:
            self._pos += 2
        elif code >> 8:
            raise Malformed("A tile of a JPEG 2000 image does not end where it says.")

    def _tile_part(self) -> Iterator[None]:
        yield from self._await(_SOT_SIZE)
        if self._number(2, 2) != _SOT_SIZE - 2:
            raise Malformed("A tile of a JPEG 2000 image has a header of impossible length.")
        size = self._number(6, 4)
        end = self._given + self._pos + size
        self._pos += _SOT_SIZE
        if size == _SOT_SIZE:  # written by an encoder that had nothing to say
            return
        while True:
            yield from self._await(2)
            code = self._number(0, 2)
            if code == _SOD:
                break
            yield from self._segment(code)
        self._pos += 2
        self._may_end = True
        rest = end - self._given - self._pos
        if not size:
            yield from self._keep(_to_end)
        elif rest >= 0:
            yield from self._pass(rest)
        else:
            raise Malformed("A tile of a JPEG 2000 image has an impossible length.")

    def _segment(self, code: int) -> Iterator[None]:
        """Read a marker segment of a header."""
        if code in _WITHOUT_LENGTH:
            self._pos += 2
            return
        yield from self._await(4)
        length = self._number(2, 2)
        if length < 2:
            raise Malformed("A segment of a JPEG 2000 image has an impossible length.")
        if code == _COM:
            self._pos += 4
            yield from self._blank(length - 2)
        elif code in _KEPT:
            yield from self._pass(length + 2)
        else:
            raise Malformed("A JPEG 2000 image has a marker that its standard does not know.")


def _everything(data: Buffer, _: int) -> tuple[int, bool]:
    return len(data), False


class JpegXl(_Boxed):
    """JPEG XL, bare or in its file format."""

    # A bare codestream begins with two bytes only; nothing is looked for in it anyway.
    _STARTS: ClassVar = (b"\0\0\0\x0cJXL \r\n\x87\n",)
    _SIGNATURE: ClassVar = b"JXL "
    _NEEDED: ClassVar = frozenset((b"JXL ", b"ftyp", b"jxll", b"jxli"))
    _DATA: ClassVar = frozenset((b"jxlc", b"jxlp"))
    _SEVERAL: ClassVar = True

    def _images(self) -> Iterator[None]:
        while True:
            self._may_end = False
            yield from self._await(2)
            if self._number(0, 2) == _NAKED_XL:
                yield from self._data(None)
            yield from self._file()
            yield from self._blank(_WITHOUT_END)

    def _data(self, size: int | None) -> Iterator[None]:
        self._may_end = True
        if size is not None:
            yield from self._pass(size)
            return
        yield from self._keep(_everything)
