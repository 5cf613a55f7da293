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

from deid import Streamed
from store.blobs import CHUNK_BYTES

__all__ = [
    "DEFLATED",
    "PIXEL_DATA_TAGS",
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
    rows = [(v.tag, v.vr, v.offset, v.end, v.encapsulated) for v in map(StreamedValue.of, values)]
    return json.dumps(rows, separators=(",", ":"))


def streamed_values(text: str) -> list[StreamedValue]:
    """What `dump_streamed` wrote."""
    return [StreamedValue(*row) for row in json.loads(text)]


def data_set_reader(read: Read, transfer_syntax: str) -> Read:
    """Reads by the offsets of this module, whatever the transfer syntax."""
    return _InflatingReader(read) if transfer_syntax == DEFLATED else read


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


class _InflatingReader:
    """Reads forward; a step back starts again from the beginning."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._restart()

    def __call__(self, offset: int, length: int) -> bytes:
        if offset < self._at:
            self._restart()
        while self._at + len(self._held) < offset + length:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._held += chunk
            skip = min(len(self._held), offset - self._at)
            del self._held[:skip]
            self._at += skip
        skip = min(len(self._held), offset - self._at)
        return bytes(self._held[skip : skip + length])

    def _restart(self) -> None:
        self._at = 0
        self._held = bytearray()
        self._chunks = inflated(self._stored())

    def _stored(self) -> Iterator[bytes]:
        offset = 0
        while chunk := self._read(offset, CHUNK_BYTES):
            offset += len(chunk)
            yield chunk


def data_set_start(head: bytes) -> int:
    """Where the data set begins in a file of which these are the first bytes (144 or more)."""
    length = head[META_GROUP_LENGTH_AT : META_GROUP_LENGTH_AT + 4]
    return META_GROUP_LENGTH_AT + 4 + int.from_bytes(length, "little")
