"""Finds single values in a stored data set: where the bytes of each lie.

Standard: PS3.18 10.4.1.1.5 (bulk data), F.2.6 (BulkDataURI), PS3.5 7.5 and A.4 (items, fragments).
Invariants: every BulkDataURI that `store.metadata` writes leads to a value here, in front of the
long values of a file, between and behind them; a value is byte ranges, so that a part of it costs
no more than that part.
Not here: reading the ranges (`store.retrieve`), frames (`store.frames`).
"""

import re
import struct
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from deid.encoding import ITEM, SEQUENCE_END, Encoding, elements, items
from deid.errors import DeidError
from store.blobs import CHUNK_BYTES
from store.errors import NoSuchBulkdata
from store.streamed import Read, StreamedValue, data_set_start

__all__ = ["BulkValue", "DataSet", "Range", "bulk_paths", "fragments_of"]

Range = tuple[int, int]
"""Offset and length, counted as `store.streamed` counts them."""

_BULK: Final = re.compile(rb'"BulkDataURI":"\x01[^"]*/bulkdata/([^"]*)"')
_ITEM_HEADER: Final = 8


@dataclass(frozen=True, slots=True)
class BulkValue:
    """One value of a stored instance.

    Attributes:
        vr: its value representation as stored.
        spans: where its bytes lie, in order; of an encapsulated value the fragments'.
    """

    vr: str
    spans: tuple[Range, ...]

    @property
    def length(self) -> int:
        """Its bytes."""
        return sum(length for _, length in self.spans)

    def within(self, start: int, end: int) -> Iterator[Range]:
        """Where its bytes from `start` to `end` lie."""
        at = 0
        for offset, length in self.spans:
            first, last = max(start - at, 0), min(end - at, length)
            if first < last:
                yield offset + first, last - first
            at += length


class DataSet:
    """A stored data set, in the parts that lie between its long values.

    Args:
        read: reads the stored file.
        encoding: of the data set.
        streamed: its long values, in the order in which they stand.
        fragments: gives the fragments of an encapsulated one.
    """

    def __init__(
        self,
        read: Read,
        encoding: Encoding,
        streamed: Sequence[StreamedValue],
        fragments: Callable[[StreamedValue], tuple[Range, ...]],
    ) -> None:
        self._read = read
        self._encoding = encoding
        self._streamed = streamed
        self._fragments = fragments
        self._parts: dict[int, tuple[int, bytes]] = {}

    def header(self) -> bytes:
        """The encoded elements in front of the first long value."""
        return self._part(0)[1]

    def value(self, path: str) -> BulkValue:
        """Find a value.

        Args:
            path: tags and item numbers, `00281201` or `54000100/1/54001010`, as in the
                BulkDataURI behind `/bulkdata/`.

        Raises:
            NoSuchBulkdata: no such value.
        """
        steps = path.strip("/").split("/")
        try:
            first = int(steps[0], 16)
        except ValueError:
            raise NoSuchBulkdata("The instance has no value at this place.") from None
        place = bisect_left(self._streamed, first, key=lambda value: value.tag)
        if place < len(self._streamed) and self._streamed[place].tag == first and len(steps) == 1:
            return self._long(self._streamed[place])
        offset, part = self._part(place)
        vr, start, end = _find(part, steps, self._encoding)
        return BulkValue(vr, ((offset + start, end - start),))

    def _long(self, value: StreamedValue) -> BulkValue:
        if value.encapsulated:
            return BulkValue(value.vr, self._fragments(value))
        return BulkValue(value.vr, ((value.offset, value.end - value.offset),))

    def _part(self, number: int) -> tuple[int, bytes]:
        """The elements in front of a long value, or behind the last, and where they begin."""
        if number not in self._parts:
            self._parts[number] = self._read_part(number)
        return self._parts[number]

    def _read_part(self, number: int) -> tuple[int, bytes]:
        read = self._read
        start = self._behind(self._streamed[number - 1]) if number else data_set_start(read(0, 256))
        if number == len(self._streamed):
            return start, b"".join(_to_the_end(read, start))
        # Tag, VR and length of the long element end where its value begins.
        end = self._streamed[number].offset - (12 if self._encoding.explicit else 8)
        return start, read(start, end - start) if end > start else b""

    def _behind(self, value: StreamedValue) -> int:
        if not value.encapsulated:
            return value.end
        at = value.end
        # Without a fragment, the offset table is still to come; some writers end a value twice.
        while len(header := self._read(at, _ITEM_HEADER)) == _ITEM_HEADER:
            tag, length = _item_header(header)
            if tag not in (ITEM, SEQUENCE_END):
                break
            at += _ITEM_HEADER + length
        return at


def fragments_of(read: Read, value: StreamedValue) -> tuple[Range, ...]:
    """Where the fragments of an encapsulated value lie; one short read for each."""
    found = []
    at = value.offset
    while at < value.end:
        _, length = _item_header(read(at, _ITEM_HEADER))
        found.append((at + _ITEM_HEADER, length))
        at += _ITEM_HEADER + length
    # The first item is the offset table.
    return tuple(found[1:])


def bulk_paths(metadata: bytes) -> list[str]:
    """The paths of the bulk values that the metadata of an instance name, as they stand there."""
    return [path.decode("ascii") for path in _BULK.findall(metadata)]


def _item_header(header: bytes) -> tuple[int, int]:
    group, element, length = struct.unpack("<HHI", header)
    return group << 16 | element, length


def _to_the_end(read: Read, offset: int) -> Iterator[bytes]:
    while chunk := read(offset, CHUNK_BYTES):
        offset += len(chunk)
        yield chunk


def _find(part: bytes, steps: Sequence[str], encoding: Encoding) -> tuple[str, int, int]:
    start, end = 0, len(part)
    try:
        for depth in range(0, len(steps), 2):
            tag = int(steps[depth], 16)
            vr, start, end = next(
                (vr, a, b) for t, vr, a, b in elements(part, start, end, encoding) if t == tag
            )
            if depth + 1 < len(steps):
                spans = dict(enumerate(items(part, start, end, encoding), 1))
                start, end = spans[int(steps[depth + 1])]
    except (StopIteration, ValueError, KeyError, DeidError):
        raise NoSuchBulkdata("The instance has no value at this place.") from None
    if len(steps) % 2 == 0 or vr == "SQ":
        raise NoSuchBulkdata("The instance has no value at this place.")
    return vr, start, end
