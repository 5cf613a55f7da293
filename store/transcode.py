"""Gives a stored instance in Explicit VR Little Endian, whatever it is stored in.

Standard: PS3.18 8.7.3.4 (the default transfer syntax), PS3.5 7.1.2 and A.2 (explicit VR), 7.3 (byte
order), 8.2 (compressed pixel data), PS3.3 C.7.6.1.1.5 (lossy compression), PS3.10 7.1 (meta).

Invariants: values are copied as bytes, never read and written again, so text of any character set
and values that break the rules come out as they were stored. Memory is one element or one frame,
whatever the instance holds. The first frame has been decoded before the first byte is given.

Not here: decompressing (store.codecs), choosing a syntax for a request (dicomweb).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol, TypeVar

import numpy as np
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset

from deid.encoding import (
    EXPLICIT_LITTLE,
    SEQUENCE_END,
    UNDEFINED,
    VRS,
    Encoding,
    elements,
    encode_element,
    encode_header,
    encoding_of,
    header_reader,
    is_encapsulated,
    items,
    value_end,
)
from deid.errors import DeidError, Truncated
from store.cells import Cells, Pixels, value_of
from store.codecs import unpack
from store.errors import CannotDecode, CannotTranscode, NoSuchFrame
from store.metadata import WORD_BYTES, swap_words
from store.streamed import DEFLATED, PIXEL_DATA_TAGS, inflated

__all__ = ["Source", "Stored", "to_explicit_little_endian"]

LONGEST_VALUE: Final = 64 << 20
COPIED_BYTES: Final = 1 << 20
_EXPLICIT: Final = Encoding(explicit=True, little=True)

_TRANSFER_SYNTAX: Final = 0x00020010
_PIXEL_DATA: Final = 0x7FE00010
_OFFSET_TABLES: Final = frozenset({0x7FE00001, 0x7FE00002})
_LOSSY: Final = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.53": "ISO_10918_1",
    "1.2.840.10008.1.2.4.55": "ISO_10918_1",
}
_WIDTH: Final = {
    **WORD_BYTES,
    **dict.fromkeys(("AT", "SS", "US"), 2),
    **dict.fromkeys(("FL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "SV", "UV"), 8),
}


class Stored(Protocol):
    """What must be known of the instance: `store.retrieve.StoredInstance` fits."""

    @property
    def transfer_syntax(self) -> str:
        """As stored."""

    @property
    def frames(self) -> int:
        """How many frames can be had one by one."""


Ref = TypeVar("Ref", bound=Stored, contravariant=True)


class Source(Protocol[Ref]):
    """Where instances are read from: `store.retrieve.Archive` fits."""

    def dataset(self, ref: Ref) -> Dataset:
        """The header, without pixel data."""

    def read(self, ref: Ref) -> Iterator[bytes]:
        """The stored Part 10 file."""

    def frame(self, ref: Ref, number: int) -> bytes:
        """One frame, in the stored transfer syntax."""


def to_explicit_little_endian(source: Source[Ref], ref: Ref) -> Iterator[bytes]:
    """Give an instance as a Part 10 file in Explicit VR Little Endian (1.2.840.10008.1.2.1).

    Args:
        source: where it is read from.
        ref: the instance.

    Raises:
        CannotTranscode: it is a video, is damaged, or needs a codec that is not here. Damage
            behind the first frame comes to light only while the file is being given.
    """
    syntax = ref.transfer_syntax
    if syntax == EXPLICIT_LITTLE:
        return source.read(ref)
    chunks = source.read(ref)
    data = _Forward(inflated(chunks) if syntax == DEFLATED else chunks)
    meta = _meta(data)
    if syntax == DEFLATED:
        return chain((meta,), data.rest())
    ds = source.dataset(ref)
    decoded = None
    if is_encapsulated(syntax) and "Rows" in ds:
        decoded = _Decoded.start(source, ref, ds)
    recoder = _Recoder(encoding_of(syntax), is_signed=value_of(ds, "PixelRepresentation") == 1)
    return chain((meta,), _told(_data_set(data, recoder, decoded)))


def _told(chunks: Iterator[bytes]) -> Iterator[bytes]:
    try:
        yield from chunks
    except (DeidError, CannotDecode, NoSuchFrame, RecursionError):
        raise CannotTranscode("The instance is damaged.") from None


def _meta(data: _Forward) -> bytes:
    """Copy preamble and file meta information, naming the new transfer syntax."""
    head = data.take(144)
    group = data.take(int.from_bytes(head[140:], "little"))
    kept = []
    for tag, vr, start, end in elements(group, 0, len(group), _EXPLICIT):
        value = EXPLICIT_LITTLE.encode() if tag == _TRANSFER_SYNTAX else group[start:end]
        kept.append(encode_element(tag, vr, value, _EXPLICIT))
    body = b"".join(kept)
    return head[:140] + struct.pack("<I", len(body)) + body


def _data_set(data: _Forward, recoder: _Recoder, decoded: _Decoded | None) -> Iterator[bytes]:
    """Recode a data set element by element, putting decoded pixel data in place."""
    changes = decoded.changes() if decoded else {}
    while data.peek(1):
        tag, vr, start, length = _header(data, recoder.encoding)
        if not vr:
            data.skip(start)  # some writers end pixel data twice
            continue
        for new in sorted(changes):
            if new < tag:
                yield encode_element(new, *changes.pop(new), _EXPLICIT)
        if tag in PIXEL_DATA_TAGS and length == UNDEFINED:
            if decoded is None:
                raise CannotTranscode("The pixel data cannot be decoded.")
            data.skip(start)
            yield from decoded.pixel_data()
            _skip_fragments(data)
        elif length == UNDEFINED or vr == "SQ" or length <= COPIED_BYTES:
            element = data.element(recoder.encoding)
            if tag in changes:
                yield encode_element(tag, *changes.pop(tag), _EXPLICIT)
            elif not (decoded and tag in _OFFSET_TABLES):
                yield recoder.recoded(element)
        else:
            data.skip(start)
            yield encode_header(tag, *recoder.fitting(tag, vr, length), _EXPLICIT)
            for chunk in data.copied(length):
                yield recoder.little(vr, chunk)


def _header(data: _Forward, encoding: Encoding) -> tuple[int, str, int, int]:
    """Look at the next element: tag, VR, bytes of its header, length of its value."""
    header = data.peek(12)
    return header_reader(encoding)(header, 0, len(header))


def _skip_fragments(data: _Forward) -> None:
    while True:
        group, element, length = struct.unpack("<HHI", data.take(8))
        if group << 16 | element == SEQUENCE_END:
            return
        data.skip(length)


@dataclass
class _Recoder:
    """Rewrites encoded elements as Explicit VR Little Endian."""

    encoding: Encoding
    is_signed: bool

    def recoded(self, data: bytes) -> bytes:
        return data if self.encoding == _EXPLICIT else self._data_set(data, 0, len(data))

    def little(self, vr: str, value: bytes) -> bytes:
        return value if self.encoding.little else swap_words(value, _WIDTH.get(vr, 1))

    def fitting(self, tag: int, vr: str, length: int) -> tuple[str, int]:
        """Return the VR under which a value of this length can be written, and the length."""
        if not self.encoding.explicit and self.is_signed and vr == "US" and _may_be_signed(tag):
            vr = "SS"
        # Two bytes of length do not suffice for every value of an implicit VR (PS3.5 6.2.2).
        _, is_long = VRS[vr.encode()]
        return (vr, length) if is_long or length <= 0xFFFF else ("UN", length)

    def _data_set(self, data: bytes, start: int, end: int) -> bytes:
        out = []
        for tag, vr, at, stop in elements(data, start, end, self.encoding):
            if vr == "SQ":
                value = b"".join(
                    struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
                    for item in (
                        self._data_set(data, *span) for span in items(data, at, stop, self.encoding)
                    )
                )
            else:
                value = self.little(vr, data[at:stop])
            out.append(encode_header(tag, *self.fitting(tag, vr, len(value)), _EXPLICIT) + value)
        return b"".join(out)


def _may_be_signed(tag: int) -> bool:
    try:
        return dictionary_VR(tag) == "US or SS"
    except KeyError:
        return False


@dataclass
class _Decoded:
    """The pixel data of a compressed instance, decoded frame by frame."""

    ds: Dataset
    cells: Cells
    syntax: str
    count: int
    photometric: str
    frames: Iterator[bytes]

    @classmethod
    def start(cls, source: Source[Ref], ref: Ref, ds: Dataset) -> _Decoded:
        if ref.frames == 0 or (value_of(ds, "NumberOfFrames") or 1) != ref.frames:
            raise CannotTranscode("The frames of this instance cannot be decoded one by one.")
        syntax = ref.transfer_syntax
        try:
            cells = Cells.of(ds)
            first = unpack(cells, source.frame(ref, 1), syntax)
        except (CannotDecode, NoSuchFrame) as error:
            raise CannotTranscode(str(error)) from None

        def rest() -> Iterator[bytes]:
            pack = _BitPacker() if cells.allocated == 1 else None
            values: Pixels = first.cells
            for number in range(1, ref.frames + 1):
                if number > 1:
                    unpacked = unpack(cells, source.frame(ref, number), syntax)
                    if unpacked.photometric != first.photometric:
                        raise CannotDecode("The frames do not agree on their colour.")
                    values = unpacked.cells
                yield pack(values) if pack else values.tobytes()
            if pack:
                yield pack.rest()

        return cls(ds, cells, syntax, ref.frames, first.photometric, rest())

    @property
    def size(self) -> int:
        """Bytes of all frames."""
        cells = self.cells
        bits = cells.rows * cells.columns * cells.samples * cells.allocated * self.count
        return (bits + 7) // 8

    def changes(self) -> dict[int, tuple[str, bytes]]:
        """Return the elements that read differently once the pixel data are decoded."""
        if self.size + 1 >= UNDEFINED:
            raise CannotTranscode("The decoded instance would be too large for its syntax.")
        found = {0x00280004: ("CS", self.photometric.encode())}
        if self.cells.samples > 1:
            found[0x00280006] = ("US", struct.pack("<H", 0))
        if self.syntax in _LOSSY:
            found[0x00282110] = ("CS", b"01")
            if "LossyImageCompressionMethod" not in self.ds:
                found[0x00282114] = ("CS", _LOSSY[self.syntax].encode())
        return found

    def pixel_data(self) -> Iterator[bytes]:
        """Give the element, frame after frame."""
        vr = "OB" if self.cells.allocated <= 8 else "OW"
        yield encode_header(_PIXEL_DATA, vr, self.size + self.size % 2, _EXPLICIT)
        yield from self.frames
        if self.size % 2:
            yield b"\0"


class _BitPacker:
    """Packs frames of single bits without a gap between them (PS3.5 8.1.1)."""

    def __init__(self) -> None:
        self._left = np.empty(0, np.uint8)

    def __call__(self, values: Pixels) -> bytes:
        bits = np.concatenate((self._left, values.ravel()))
        whole = len(bits) - len(bits) % 8
        self._left = bits[whole:]
        return np.packbits(bits[:whole], bitorder="little").tobytes()

    def rest(self) -> bytes:
        return np.packbits(self._left, bitorder="little").tobytes()


class _Forward:
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
        for _ in self.copied(size):
            pass

    def copied(self, size: int) -> Iterator[bytes]:
        """The next bytes in pieces; all but the last of a length that every word divides."""
        while size:
            piece = self.take(min(size, COPIED_BYTES))
            size -= len(piece)
            yield piece

    def rest(self) -> Iterator[bytes]:
        if self._held:
            yield bytes(self._held)
        yield from self._chunks

    def element(self, encoding: Encoding) -> bytes:
        """Take one whole element, looking for its end when its length is undefined."""
        tag, vr, start, length = _header(self, encoding)
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
