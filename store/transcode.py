"""Gives a stored instance in Explicit VR Little Endian, whatever it is stored in.

Standard: PS3.18 8.7.3.4 (the default transfer syntax), PS3.5 7.1.2 and A.2 (explicit VR), 7.3 (byte
order), 8.2 (compressed pixel data), PS3.3 C.7.6.1.1.5 (lossy compression), PS3.10 7.1 (meta).

Invariants: only what describes the pixel data is changed, and only when they are decoded. Memory is
one element or one frame, whatever the instance holds. The first frame has been decoded before the
first byte is given.

Not here: decompressing (store.codecs), rewriting elements (store.recode), choosing a syntax for a
request (dicomweb).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, Protocol, TypeVar

import numpy as np
from pydicom.dataset import Dataset

from deid.encoding import (
    EXPLICIT_LITTLE,
    SEQUENCE_END,
    UNDEFINED,
    elements,
    encode_element,
    encode_header,
    encoding_of,
    is_encapsulated,
)
from deid.errors import DeidError
from store.cells import Cells, Pixels, value_of
from store.codecs import unpack
from store.errors import CannotDecode, CannotTranscode, NoSuchFrame
from store.recode import COPIED_BYTES, EXPLICIT, Forward, Recoder
from store.streamed import DEFLATED, PIXEL_DATA_TAGS, inflated

__all__ = [
    "Source",
    "Stored",
    "frames_in_syntax",
    "in_syntax",
    "to_explicit_little_endian",
]

_TRANSFER_SYNTAX: Final = 0x00020010
_PIXEL_DATA: Final = 0x7FE00010
_OFFSET_TABLES: Final = frozenset({0x7FE00001, 0x7FE00002})
_LOSSY: Final = {
    "1.2.840.10008.1.2.4.50": "ISO_10918_1",
    "1.2.840.10008.1.2.4.51": "ISO_10918_1",
    "1.2.840.10008.1.2.4.53": "ISO_10918_1",
    "1.2.840.10008.1.2.4.55": "ISO_10918_1",
}


Changes = dict[int, tuple[str, bytes]]
"""Elements that read differently in the new syntax: tag to VR and value."""


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


def in_syntax(source: Source[Ref], ref: Ref, transfer_syntax: str) -> Iterator[bytes]:
    """Give an instance as a Part 10 file in the transfer syntax.

    Raises:
        CannotTranscode: it cannot be given so. Damage behind the first frame comes to light only
            while the file is being given.
    """
    if transfer_syntax == ref.transfer_syntax:
        return source.read(ref)
    if transfer_syntax == EXPLICIT_LITTLE:
        return to_explicit_little_endian(source, ref)
    raise CannotTranscode("There is no codec for this transfer syntax.")


def frames_in_syntax(source: Source[Ref], ref: Ref, transfer_syntax: str) -> Callable[[int], bytes]:
    """Return what gives a frame, counted from 1, in the transfer syntax.

    Raises:
        CannotDecode, CannotTranscode: the frames cannot be given so; also by what is returned.
    """
    if transfer_syntax == ref.transfer_syntax or not is_encapsulated(ref.transfer_syntax):
        return partial(source.frame, ref)
    cells = Cells.of(source.dataset(ref))
    if cells.allocated == 1:
        raise CannotDecode("Frames of single bits are given as they are stored.")

    def decoded(number: int) -> bytes:
        return unpack(cells, source.frame(ref, number), ref.transfer_syntax).cells.tobytes()

    return decoded


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
    data = Forward(inflated(chunks) if syntax == DEFLATED else chunks)
    with _told():
        meta = _meta(data)
        if syntax == DEFLATED:
            return chain((meta,), data.rest())
        ds = source.dataset(ref)
        has_frames = is_encapsulated(syntax) and "Rows" in ds
        decoded = _Decoded.start(source, ref, ds) if has_frames else None
        changes = decoded.changes() if decoded else {}
        recoder = Recoder(encoding_of(syntax), is_signed=value_of(ds, "PixelRepresentation") == 1)
    return chain((meta,), _data_set(data, recoder, decoded, changes))


@contextmanager
def _told() -> Iterator[None]:
    """Let whatever is wrong with an instance come out as the one error of this module."""
    try:
        yield
    except (CannotDecode, NoSuchFrame) as error:
        raise CannotTranscode(str(error)) from None
    except (DeidError, RecursionError):
        raise CannotTranscode("The instance is damaged.") from None


def _meta(data: Forward) -> bytes:
    """Copy preamble and file meta information, naming the new transfer syntax."""
    head = data.take(144)
    group = data.take(int.from_bytes(head[140:], "little"))
    kept = []
    for tag, vr, start, end in elements(group, 0, len(group), EXPLICIT):
        value = EXPLICIT_LITTLE.encode() if tag == _TRANSFER_SYNTAX else group[start:end]
        kept.append(encode_element(tag, vr, value, EXPLICIT))
    body = b"".join(kept)
    return head[:140] + struct.pack("<I", len(body)) + body


def _data_set(
    data: Forward, recoder: Recoder, decoded: _Decoded | None, changes: Changes
) -> Iterator[bytes]:
    """Recode a data set element by element, putting decoded pixel data in place."""
    with _told():
        yield from _recoded(data, recoder, decoded, changes)


def _recoded(
    data: Forward, recoder: Recoder, decoded: _Decoded | None, changes: Changes
) -> Iterator[bytes]:
    while data.peek(1):
        tag, vr, start, length = data.header(recoder.encoding)
        if not vr:
            data.skip(start)  # some writers end pixel data twice
            continue
        for new in sorted(changes):
            if new < tag:
                yield encode_element(new, *changes.pop(new), EXPLICIT)
        if decoded and tag in _OFFSET_TABLES:
            data.skip(start + length)
        elif tag in PIXEL_DATA_TAGS and length == UNDEFINED:
            if decoded is None:
                raise CannotTranscode("The pixel data cannot be decoded.")
            data.skip(start)
            yield from decoded.pixel_data()
            _skip_fragments(data)
        elif length == UNDEFINED or vr == "SQ" or length <= COPIED_BYTES:
            element = data.element(recoder.encoding)
            if tag in changes:
                yield encode_element(tag, *changes.pop(tag), EXPLICIT)
            else:
                yield recoder.recoded(element)
        else:
            data.skip(start)
            yield encode_header(tag, *recoder.fitting(tag, vr, length), EXPLICIT)
            for chunk in data.copied(length):
                yield recoder.little(vr, chunk)


def _skip_fragments(data: Forward) -> None:
    while True:
        group, element, length = struct.unpack("<HHI", data.take(8))
        if group << 16 | element == SEQUENCE_END:
            return
        data.skip(length)


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
        cells = Cells.of(ds)
        first = unpack(cells, source.frame(ref, 1), syntax)

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

    def changes(self) -> Changes:
        """Return the elements that read differently once the pixel data are decoded."""
        if self.size + 1 >= UNDEFINED:
            raise CannotTranscode("The decoded instance would be too large for its syntax.")
        found: Changes = {0x00280004: ("CS", self.photometric.encode())}
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
        yield encode_header(_PIXEL_DATA, vr, self.size + self.size % 2, EXPLICIT)
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
