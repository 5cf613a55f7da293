"""Makes the data set of a new instance that shows what a stored one does, but for some areas.

Standard: PS3.5 8.2 and A.4 (native and encapsulated pixel data), PS3.3 C.7.6.1.1.2 (Image Type),
C.7.6.3 (Image Pixel), C.7.6.16.2 (functional groups).

Invariants: of the header only what describes the pixel data is changed, and the SOP Instance UID.
Native pixel data outside of the areas stays byte for byte. Memory is one element, one block of
native pixel data or one frame.

Not here: which areas (store.masks), what is black and where native pixels lie
(store.masked_pixels), compressed frames (store.masked_frames).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from pydicom.dataset import Dataset

from deid.encoding import (
    SEQUENCE_END,
    UNDEFINED,
    Encoding,
    elements,
    encode_element,
    encoding_of,
    is_encapsulated,
    items,
)
from deid.errors import DeidError
from store.byteorder import WORD_BYTES
from store.cells import Cells, value_of
from store.errors import CannotDecode, CannotMask, CannotTranscode, NoSuchFrame
from store.masked_frames import MaskedFrames
from store.masked_pixels import Area, Darkest, NativeLines, black, needs_darkest
from store.recode import COPIED_BYTES, Forward
from store.streamed import DEFLATED, PIXEL_DATA_TAGS, deflated, inflated
from store.transcode import Source, Stored

__all__ = ["MaskedFile", "masked"]

_IMAGE_TYPE: Final = 0x00080008
_SOP_INSTANCE_UID: Final = 0x00080018
_FRAME_TYPE: Final = 0x00089007
_FUNCTIONAL_GROUPS: Final = frozenset({0x52009229, 0x52009230})
# Smallest and Largest Pixel Value, of image, series and plane.
_EXTREMES: Final = range(0x00280106, 0x00280112)
_DERIVED: Final = b"DERIVED"

Instance = TypeVar("Instance", bound=Stored)
Changes = Mapping[int, bytes | None]
"""Elements to write in place of those of the same tag; None leaves it out."""


@dataclass(frozen=True)
class MaskedFile:
    """A new instance.

    Attributes:
        transfer_syntax: of its data set.
        data_set: its bytes, without preamble and file meta information.
    """

    transfer_syntax: str
    data_set: Iterator[bytes]


def masked(
    source: Source[Instance], ref: Instance, areas: Sequence[Area], sop_instance_uid: str
) -> MaskedFile:
    """Make an instance in which areas of all frames are black.

    Args:
        source: where instances are read from.
        ref: the stored instance.
        areas: inside of its image; when there are none, its pixel data is copied.
        sop_instance_uid: of the new instance.

    Raises:
        CannotMask: its pixel data cannot be decoded. What is wrong behind the first frame comes
            to light only while the data set is read.
    """
    syntax = ref.transfer_syntax
    with _told():
        enc = encoding_of(syntax)
        uid = encode_element(_SOP_INSTANCE_UID, "UI", sop_instance_uid.encode(), enc)
        changes: dict[int, bytes | None] = {_SOP_INSTANCE_UID: uid}
        pixels: _PixelData = _Copied()
        if areas:
            ds = source.dataset(ref)
            changes |= dict.fromkeys(_EXTREMES)
            if is_encapsulated(syntax):
                frames = MaskedFrames.start(source, ref, ds, areas)
                changes |= frames.changes()
                syntax, pixels = frames.encoder.transfer_syntax, frames
            else:
                pixels = _Native(source, ref, ds, areas)
        data = _opened(source, ref)
    written = _written(data, enc, changes, pixels)
    return MaskedFile(syntax, deflated(written) if syntax == DEFLATED else written)


class _PixelData(Protocol):
    def element(self, data: Forward, start: int, length: int) -> Iterator[bytes]:
        """Give the new element, and pass over the stored one in `data`."""


@contextmanager
def _told() -> Iterator[None]:
    """Let whatever is wrong with an instance come out as the one error of this module."""
    try:
        yield
    except (CannotDecode, CannotTranscode, NoSuchFrame) as error:
        raise CannotMask(str(error)) from None
    except (DeidError, struct.error):
        raise CannotMask("An instance is damaged.") from None


def _opened(source: Source[Instance], ref: Instance) -> Forward:
    """Open the stored file at its data set."""
    chunks = source.read(ref)
    data = Forward(inflated(chunks) if ref.transfer_syntax == DEFLATED else chunks)
    head = data.take(144)
    data.skip(int.from_bytes(head[140:], "little"))
    return data


def _written(data: Forward, enc: Encoding, changes: Changes, pixels: _PixelData) -> Iterator[bytes]:
    with _told():
        yield from _rewritten(data, enc, changes, pixels)


def _rewritten(
    data: Forward, enc: Encoding, changes: Changes, pixels: _PixelData
) -> Iterator[bytes]:
    derives = not isinstance(pixels, _Copied)
    waiting = {tag: element for tag, element in sorted(changes.items()) if element is not None}
    while data.peek(1):
        tag, vr, start, length = data.header(enc)
        if not vr:
            data.skip(start)  # some writers end pixel data twice
            continue
        for new in [other for other in waiting if other < tag]:
            yield waiting.pop(new)
        if tag in PIXEL_DATA_TAGS:
            yield from pixels.element(data, start, length)
        elif tag in changes:
            data.element(enc)
            yield waiting.pop(tag, b"")
        elif length != UNDEFINED and length > COPIED_BYTES and vr != "SQ":
            yield from data.copied(start + length)
        else:
            element = data.element(enc)
            yield _derived(tag, element, enc) if derives else element
    yield from waiting.values()


def _derived(tag: int, element: bytes, enc: Encoding) -> bytes:
    """Say of an image, or of the frames in its functional groups, that it is derived."""
    if tag == _IMAGE_TYPE:
        [(_, vr, start, end)] = elements(element, 0, len(element), enc)
        value = element[start:end].strip(b" \0")
        if value:
            _, *rest = value.split(b"\\")
            return encode_element(tag, vr, b"\\".join((_DERIVED, *rest)), enc)
    elif tag in _FUNCTIONAL_GROUPS:
        found = bytearray(element)
        for start, end in _frame_types(element, enc):
            value = _DERIVED + b"".join(element[start:end].partition(b"\\")[1:])
            if len(value) <= end - start:
                found[start:end] = value.ljust(end - start)
        return bytes(found)
    return element


def _frame_types(element: bytes, enc: Encoding) -> Iterator[tuple[int, int]]:
    """Find the values of Frame Type, each in a sequence of a functional group."""
    for _, _, groups, end in elements(element, 0, len(element), enc):
        for group in items(element, groups, end, enc):
            for _, vr, at, stop in elements(element, *group, enc):
                for item in items(element, at, stop, enc) if vr == "SQ" else ():
                    for tag, _, first, behind in elements(element, *item, enc):
                        if tag == _FRAME_TYPE:
                            yield first, behind


class _Copied:
    """Pixel data in which nothing is blacked out."""

    def element(self, data: Forward, start: int, length: int) -> Iterator[bytes]:
        if length != UNDEFINED:
            yield from data.copied(start + length)
            return
        yield data.take(start)
        while True:
            header = data.take(8)
            yield header
            group, element, size = struct.unpack("<HHI", header)
            if group << 16 | element == SEQUENCE_END:
                return
            yield from data.copied(size)


@dataclass
class _Native(Generic[Instance]):
    """Native pixel data, of which the stored bytes are passed on in blocks."""

    source: Source[Instance]
    ref: Instance
    ds: Dataset
    areas: Sequence[Area]

    def element(self, data: Forward, start: int, length: int) -> Iterator[bytes]:
        cells = Cells.of(self.ds)
        enc = encoding_of(self.ref.transfer_syntax)
        tag, vr, _, _ = data.header(enc)
        frames = value_of(self.ds, "NumberOfFrames")
        lines = NativeLines(
            cells,
            length,
            frames if isinstance(frames, int) else 1,
            1 if enc.little else WORD_BYTES.get(vr, 1),
            self.areas,
        )
        darkest = Darkest(cells)
        if needs_darkest(cells):
            for raw in lines.staying(_blocks(self._pixel_data(tag, enc), length, lines)):
                darkest.see(raw)
        cell = black(self.ds, cells, cells.photometric, darkest.value)
        yield data.take(start)
        yield from lines.blacked(_blocks(data, length, lines), cell)

    def _pixel_data(self, wanted: int, enc: Encoding) -> Forward:
        """Open the file a second time, at the value of its pixel data."""
        data = _opened(self.source, self.ref)
        while True:
            tag, _, start, length = data.header(enc)
            if tag == wanted:
                data.skip(start)
                return data
            if length == UNDEFINED:
                data.element(enc)
            else:
                data.skip(start + length)


def _blocks(data: Forward, length: int, lines: NativeLines) -> Iterator[bytes]:
    while length:
        block = data.take(min(length, lines.block_bytes))
        length -= len(block)
        yield block
