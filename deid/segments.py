"""Strips application segments and comments of JPEG and JPEG-LS frames, in the stream.

Standard: ITU-T T.81 B.1 (markers, fill bytes), B.2 (order), T.871 10.1 (JFIF), T.872 6.5.3 (Adobe),
T.87 C (JPEG-LS); PS3.5 A.4.1 to A.4.3; rule 8 of the profile.

Invariants: of an application segment stays only what a decoder needs to know of colour and what
holds no text; marker and length of a segment stay and its content becomes zeros, because some
decoders know no fill bytes; entropy-coded data stay as they are.

Not here: JPEG 2000 and JPEG XL (``deid.boxes``), the fragments (``deid.fragments``).
"""

import re
from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from deid.boxes import Jpeg2000, JpegXl
from deid.codestream import Buffer, Codestream, Measure
from deid.errors import Malformed, TransferSyntaxUnsupported

_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_JPEG_LS: Final = 0xF7
_APPLICATION: Final = range(0xE0, 0xF0)
_WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xD9)))
# Frame and scan headers, tables, DNL, DRI, DHP, EXP; SOF and LSE of JPEG-LS.
_KEPT: Final = frozenset((*range(0xC0, 0xE0), _JPEG_LS, 0xF8)) - {0xC8}
# What else they may hold no decoder looks at: DNL, DRI, EXP.
_FIXED: Final = {0xDC: 4, 0xDD: 4, 0xDF: 3}
# How much stays, and how it begins: JFIF without its thumbnail, Adobe, colour transform of JPEG-LS.
_WELL_KNOWN: Final = {0xE0: (12, b"JFIF\0"), 0xEE: (12, b"Adobe\0"), 0xE8: (5, b"mrfx")}

_NEXT: Final = re.compile(rb"\xff[^\x00\xff]")
# Behind entropy-coded data: all but restarts, and in JPEG-LS only with a first bit of 1 (T.87 A.1).
_AFTER_DATA: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_AFTER_LS_DATA: Final = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")


def _until(marker: re.Pattern[bytes]) -> Measure:
    def measure(data: Buffer, start: int) -> tuple[int, bool]:
        found = marker.search(data, start)
        if found:
            return found.start(), True
        # The first byte of a marker may have come without the second.
        return len(data) - (len(data) > start and data[-1] == 0xFF), False

    return measure


_JPEG_DATA: Final = _until(_AFTER_DATA)
_JPEG_LS_DATA: Final = _until(_AFTER_LS_DATA)
_IN_FRONT: Final = _until(_NEXT)


class Jpeg(Codestream):
    """JPEG in all its processes, and JPEG-LS."""

    _STARTS: ClassVar = (b"\xff\xd8\xff",)
    _data: Measure

    def _images(self) -> Iterator[None]:
        while True:
            self._may_end = False
            yield from self._await(2)
            if self._buf[self._pos : self._pos + 2] != b"\xff\xd8":
                raise Malformed("A compressed frame is no JPEG image, as its transfer syntax says.")
            yield from self._image()
            yield from self._skip_rest()

    def _image(self) -> Iterator[None]:
        """Read from the first marker to behind the last one."""
        in_data = self._may_end = self._recall()
        if not in_data:
            self._pos += 2
            self._data = _JPEG_DATA
        while True:
            if in_data:
                yield from self._keep(self._data)
            else:
                yield from self._fill()
            code = self._buf[self._pos + 1]
            if code in _WITHOUT_LENGTH:
                self._pos += 2
                continue
            if code == _EOI:
                self._pos += 2
                return
            yield from self._segment(code)
            in_data = code == _SOS
            if in_data and not self._may_end:
                self._remember()
                self._may_end = True

    def _fill(self) -> Iterator[None]:
        """Go to the next marker; what stands in front of it is made what may stand there."""
        changed = found = False
        while not found:
            end, found = _IN_FRONT(self._buf, self._pos)
            changed |= self._overwrite(self._pos, end, b"\xff")
            self._pos = end
            if not found:
                yield
        self.blanked += changed

    def _segment(self, code: int) -> Iterator[None]:
        could_end, self._may_end = self._may_end, False
        yield from self._await(4)
        length = self._buf[self._pos + 2] << 8 | self._buf[self._pos + 3]
        if length < 2:
            raise Malformed("A segment of a JPEG image has an impossible length.")
        if code in _APPLICATION or code == _COM:
            yield from self._strip(code, length - 2)
        elif code not in _KEPT:
            raise Malformed("A JPEG image has a marker that its standard does not know.")
        elif _FIXED.get(code, length) != length:
            raise Malformed("A segment of a JPEG image does not have the length that it must.")
        else:
            yield from self._pass(length + 2)
        if code == _JPEG_LS:
            self._data = _JPEG_LS_DATA
        self._may_end = could_end

    def _strip(self, code: int, size: int) -> Iterator[None]:
        """Overwrite the content of a segment, but for what is well known."""
        stay, start = _WELL_KNOWN.get(code, (0, b""))
        stay = min(stay, size)
        yield from self._await(4 + stay)
        known = stay and self._buf.startswith(start, self._pos + 4)
        self._pos += 4 + stay if known else 4
        yield from self._blank(size - stay if known else size)


_JPEG: Final = "1.2.840.10008.1.2.4."
_BY_NUMBER: Final[dict[int, type[Codestream]]] = {
    **dict.fromkeys((*range(50, 67), 70, 80, 81), Jpeg),
    **dict.fromkeys((90, 91, 92, 93, 201, 202, 203), Jpeg2000),
    **dict.fromkeys((110, 111, 112), JpegXl),
}
# RLE, uncompressed and deflated frames have no room for comments; video is held for review.
_WITHOUT_COMMENTS: Final = re.compile(
    r"1\.2\.840\.10008\.1\.2\.(?:5|1\.98|8\.1|4\.10[0-8](?:\.1)?)"
)


def codestream_of(transfer_syntax: str, write: Callable[[bytes], object]) -> Codestream | None:
    """Return what the fragments of a transfer syntax go through; None: they pass as they are.

    Raises:
        TransferSyntaxUnsupported: nothing here knows what such frames may hold.
    """
    if _WITHOUT_COMMENTS.fullmatch(transfer_syntax):
        return None
    number = transfer_syntax.removeprefix(_JPEG)
    kind = _BY_NUMBER.get(int(number)) if number.isdigit() else None
    if kind is None:
        raise TransferSyntaxUnsupported("The transfer syntax is not supported.")
    return kind(write)
