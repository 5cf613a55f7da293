"""Rewrites encoded data elements as little endian, explicit or implicit VR, undecoded.

Standard: PS3.5 7.1.2 (explicit VR), 7.1.3 (implicit VR), 6.2.2 (UN), 7.3 (byte order), 7.5
(sequences).

Invariants: values are copied as bytes, their words swapped where the byte order asks for it, so
text of any character set and values that break the rules come out as they were stored. `Forward`
holds one element at most.

Not here: walking encoded data sets (deid.encoding), pixel data (store.transcode).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pydicom.datadict import dictionary_VR

from deid.encoding import (
    EXPLICIT_LITTLE,
    ITEM,
    UNDEFINED,
    VRS,
    Encoding,
    elements,
    encode_header,
    encoding_of,
    header_reader,
    items,
    value_end,
)
from deid.errors import Truncated
from store.byteorder import WORD_BYTES, swap_words
from store.errors import CannotTranscode

__all__ = ["COPIED_BYTES", "EXPLICIT", "Forward", "Recoder"]

LONGEST_VALUE: Final = 64 << 20
COPIED_BYTES: Final = 1 << 20
EXPLICIT: Final = encoding_of(EXPLICIT_LITTLE)

_WIDTH: Final = {
    **WORD_BYTES,
    **dict.fromkeys(("AT", "SS", "US"), 2),
    **dict.fromkeys(("FL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "SV", "UV"), 8),
}


@dataclass
class Recoder:
    """Rewrites encoded elements.

    Attributes:
        encoding: of what comes in.
        is_signed: whether pixels are, which decides on VRs that implicit VR leaves open.
        written: the encoding of what goes out, a little-endian one.
    """

    encoding: Encoding
    is_signed: bool
    written: Encoding = EXPLICIT

    def recoded(self, data: bytes) -> bytes:
        """Rewrite whole elements, at any depth."""
        return data if self.encoding == self.written else self._data_set(data, 0, len(data))

    def header(self, tag: int, vr: str, length: int) -> bytes:
        """Encode the header of an element."""
        return encode_header(tag, *self.fitting(tag, vr, length), self.written)

    def little(self, vr: str, value: bytes) -> bytes:
        """Put a value, or whole words of it, in little-endian order."""
        return value if self.encoding.little else swap_words(value, _WIDTH.get(vr, 1))

    def fitting(self, tag: int, vr: str, length: int) -> tuple[str, int]:
        """Return the VR under which a value of this length can be written, and the length."""
        if not self.written.explicit:
            return vr, length
        if not self.encoding.explicit and self.is_signed and vr == "US" and _may_be_signed(tag):
            vr = "SS"
        # Two bytes of length do not suffice for every value of an implicit VR (PS3.5 6.2.2).
        _, is_long = VRS[vr.encode()]
        return (vr, length) if is_long or length <= 0xFFFF else ("UN", length)

    def _data_set(self, data: bytes, start: int, end: int) -> bytes:
        out = []
        for tag, vr, at, stop in elements(data, start, end, self.encoding):
            if vr == "SQ":
                value = b"".join(self._items(data, at, stop))
            else:
                value = self.little(vr, data[at:stop])
            out.append(self.header(tag, vr, len(value)) + value)
        return b"".join(out)

    def _items(self, data: bytes, start: int, end: int) -> Iterator[bytes]:
        for span in items(data, start, end, self.encoding):
            item = self._data_set(data, *span)
            yield encode_header(ITEM, "", len(item), self.written) + item


def _may_be_signed(tag: int) -> bool:
    try:
        return dictionary_VR(tag) == "US or SS"
    except KeyError:
        return False


class Forward:
    """Reads a stream of chunks forward, by bytes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._held = bytearray()

    def peek(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        while len(self._held) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._held += chunk
        return bytes(self._held[:size])

    def take(self, size: int) -> bytes:
        """The next bytes, all of them."""
        taken = self.peek(size)
        if len(taken) < size:
            raise CannotTranscode("The stored file ends too early.")
        del self._held[:size]
        return taken

    def skip(self, size: int) -> None:
        """Pass over bytes."""
        for _ in self.copied(size):
            pass

    def copied(self, size: int) -> Iterator[bytes]:
        """The next bytes in pieces; all but the last of a length that every word divides."""
        while size:
            piece = self.take(min(size, COPIED_BYTES))
            size -= len(piece)
            yield piece

    def rest(self) -> Iterator[bytes]:
        """All bytes that are left, in pieces."""
        if self._held:
            yield bytes(self._held)
        yield from self._chunks

    def header(self, encoding: Encoding) -> tuple[int, str, int, int]:
        """Look at the next element: tag, VR, bytes of its header, length of its value."""
        header = self.peek(12)
        return header_reader(encoding)(header, 0, len(header))

    def element(self, encoding: Encoding) -> bytes:
        """Take one whole element, looking for its end when its length is undefined."""
        tag, vr, start, length = self.header(encoding)
        if length != UNDEFINED:
            if length > LONGEST_VALUE:
                raise CannotTranscode("A sequence of this instance is too long.")
            return self.take(start + length)
        size = COPIED_BYTES
        while True:
            seen = self.peek(size)
            try:
                _, end = value_end(seen, start, len(seen), encoding, tag, vr)
            except Truncated:
                if len(seen) < size or size > LONGEST_VALUE:
                    raise
                size *= 2
            else:
                return self.take(end)
