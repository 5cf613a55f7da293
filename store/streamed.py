"""The long values of a stored file, which are read from it by their place.

Standard: PS3.10 7.1 (file meta information), PS3.5 A.5 (deflated syntax).
Invariants: offsets count from the first byte of the file; in the deflated transfer syntax from the
first byte of the file as it would be with its data set inflated.
Not here: where single frames lie (`store.frames`).
"""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Lock
from typing import Any

from deid import Streamed
from store.blobs import CHUNK_BYTES

__all__ = [
    "DEFLATED",
    "PIXEL_DATA_TAGS",
    "Bookmarks",
    "Read",
    "StreamedValue",
    "data_set_reader",
    "data_set_start",
    "deflated",
    "dump_streamed",
    "inflated",
    "streamed_values",
]

DEFLATED = "1.2.840.10008.1.2.1.99"
PIXEL_DATA_TAGS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
META_GROUP_LENGTH_AT = 140
BOOKMARK_BYTES = 4 * 1024 * 1024
BOOKMARKS = 64
"""Of a file: so far apart at first, and so many at most, of about 50 KB each."""

Read = Callable[[int, int], bytes]


@dataclass(frozen=True)
class StreamedValue:
    """One long value.

    Attributes:
        tag, vr: its element.
        offset: where the value begins.
        end: where it ends; item headers of an encapsulated value lie between.
        encapsulated: it consists of fragments.
    """

    tag: int
    vr: str
    offset: int
    end: int
    encapsulated: bool

    @classmethod
    def of(cls, value: "StreamedValue | Streamed") -> "StreamedValue":
        """The same from the de-identifier's account of it."""
        if isinstance(value, StreamedValue):
            return value
        if value.length is not None:
            end = value.offset + value.length
        else:
            end = max((at + size for at, size in value.fragments), default=value.offset)
        return cls(value.tag, value.vr, value.offset, end, value.length is None)


def dump_streamed(values: Iterable[Streamed]) -> str:
    """The text that the index keeps."""
    # By hand, as a tenth of what an encoder takes: it is made for every instance.
    rows = [
        f'[{v.tag},"{v.vr}",{v.offset},{v.end},{"true" if v.encapsulated else "false"}]'
        for v in map(StreamedValue.of, values)
    ]
    return f"[{','.join(rows)}]"


def streamed_values(text: str) -> list[StreamedValue]:
    """What `dump_streamed` wrote."""
    return [StreamedValue(*row) for row in json.loads(text)]


def data_set_reader(read: Read, transfer_syntax: str, bookmarks: "Bookmarks | None" = None) -> Read:
    """Reads by the offsets of this module, whatever the transfer syntax.

    Args:
        read: gives bytes of the stored file.
        transfer_syntax: of that file.
        bookmarks: of that file, from earlier readers and for later ones.
    """
    return _InflatingReader(read, bookmarks or Bookmarks()) if transfer_syntax == DEFLATED else read


def inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of a deflated file with its data set inflated.

    Memory is one chunk in and one out, whatever it grows to.
    """
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    held = b""
    meta_end = None
    for chunk in chunks:
        if meta_end is None:
            held += chunk
            if len(held) < META_GROUP_LENGTH_AT + 4:
                continue
            meta_end = data_set_start(held)
            chunk, held = held, b""
        if meta_end > 0:
            yield chunk[:meta_end]
            chunk, meta_end = chunk[meta_end:], max(0, meta_end - len(chunk))
        while chunk:
            out = inflater.decompress(chunk, CHUNK_BYTES)
            chunk = inflater.unconsumed_tail
            if out:
                yield out
            elif inflater.eof:
                break
    yield inflater.flush()


def deflated(data_set: Iterable[bytes]) -> Iterator[bytes]:
    """An encoded data set as the deflated syntax holds it (PS3.5 A.5)."""
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    size = 0
    for piece in data_set:
        out = deflater.compress(piece)
        if out:
            size += len(out)
            yield out
    out = deflater.flush()
    yield out + b"\0" * ((size + len(out)) % 2)


class Bookmarks:
    """Where inflating one file can be taken up, so that what lies far behind is soon there.

    Bounded: when there are too many, every other one is given up. May be used by several threads.
    """

    def __init__(self) -> None:
        self._marks: list[_Mark] = []
        self._apart = BOOKMARK_BYTES
        self._lock = Lock()

    def before(self, offset: int) -> "_Mark | None":
        """The last one from which the offset is still to come."""
        with self._lock:
            return next((mark for mark in reversed(self._marks) if mark.at <= offset), None)

    def is_wanted(self, at: int) -> bool:
        """Whether one at this place would be worth its memory."""
        last = self._marks[-1].at if self._marks else 0
        return at - last >= self._apart

    def add(self, mark: "_Mark") -> None:
        """Keep one; they come in order, but from several readers."""
        with self._lock:
            if self.is_wanted(mark.at):
                self._marks.append(mark)
            if len(self._marks) > BOOKMARKS:
                self._marks = self._marks[1::2]
                self._apart *= 2


@dataclass(frozen=True)
class _Mark:
    """The state of inflating at one place.

    Attributes:
        at: the offset of the next byte that comes out.
        inflater: to be copied before it is used.
        unread: what it was given and has not taken yet.
        stored: where in the file the next bytes for it are.
    """

    at: int
    inflater: Any
    unread: bytes
    stored: int


class _InflatingReader:
    """Reads forward; a step back starts again from a bookmark or from the beginning."""

    def __init__(self, read: Read, bookmarks: Bookmarks) -> None:
        self._read = read
        self._bookmarks = bookmarks
        self._restart(0)

    def __call__(self, offset: int, length: int) -> bytes:
        if offset < self._at or (
            (mark := self._bookmarks.before(offset)) and mark.at > self._at + len(self._held)
        ):
            self._restart(offset)
        while self._at + len(self._held) < offset + length and self._more():
            skip = min(len(self._held), offset - self._at)
            del self._held[:skip]
            self._at += skip
        skip = min(len(self._held), offset - self._at)
        return bytes(self._held[skip : skip + length])

    def _restart(self, offset: int) -> None:
        mark = self._bookmarks.before(offset)
        if mark is None:
            head = self._read(0, META_GROUP_LENGTH_AT + 4)
            self._held = bytearray(self._read(0, data_set_start(head)))
            inflater = zlib.decompressobj(-zlib.MAX_WBITS)
            mark = _Mark(0, inflater, b"", len(self._held))
        else:
            self._held = bytearray()
        self._at, self._unread, self._stored = mark.at, mark.unread, mark.stored
        self._inflater = mark.inflater.copy()

    def _more(self) -> bool:
        """Inflate a little; False at the end."""
        at = self._at + len(self._held)
        if self._bookmarks.is_wanted(at):
            mark = _Mark(at, self._inflater.copy(), self._unread, self._stored)
            self._bookmarks.add(mark)
        while not self._inflater.eof:
            if not self._unread:
                self._unread = self._read(self._stored, CHUNK_BYTES)
                self._stored += len(self._unread)
            if not self._unread:
                break
            out = self._inflater.decompress(self._unread, CHUNK_BYTES)
            self._unread = self._inflater.unconsumed_tail
            if out:
                self._held += out
                return True
        rest = self._inflater.flush()
        self._held += rest
        return bool(rest)


def data_set_start(head: bytes) -> int:
    """Where the data set begins in a file of which these are the first bytes (144 or more)."""
    length = head[META_GROUP_LENGTH_AT : META_GROUP_LENGTH_AT + 4]
    return META_GROUP_LENGTH_AT + 4 + int.from_bytes(length, "little")
