"""Says where each frame of a stored instance lies: a frame is one read of a few byte ranges.

Standard: PS3.5 8.1.1 and 8.2 (native frames), A.4 (fragments, Basic and Extended Offset Table),
PS3.18 8.7.3.3.1 (frames of 1-bit pixel data follow each other without padding).

Invariants: an index names only bytes that exist, whatever NumberOfFrames, Rows or Columns claim;
its size follows the number of fragments in the file; looking a frame up costs the same for the
first and the hundred-thousandth.

Not here: reading the ranges (store.retrieve) and decoding what they hold (store.pixels).
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Protocol

from store.byteorder import WORD_BYTES, swap_words
from store.errors import NoSuchFrame

__all__ = [
    "HEAD_BYTES",
    "FrameIndex",
    "Marks",
    "PixelElement",
    "encapsulated_index",
    "index_frames",
    "is_video",
    "native_index",
]

Range = tuple[int, int]
"""Offset and length in the stored file."""

Peek = Callable[[int, int], bytes]
"""Reads `n` bytes at an offset of the stored file; fewer at its end."""

_NONE, _NATIVE, _FRAGMENTS, _GROUPS = range(4)
# kind, bytes of a word (native) or of a mark (encapsulated), frames, fragments, offset, frame bits
_HEAD: Final = struct.Struct("<BBQIQQ")
_ITEM_HEADER: Final = 8
HEAD_BYTES: Final = _HEAD.size

_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
_JPEG_FAMILY: Final = "1.2.840.10008.1.2.4."
_VIDEO: Final = frozenset(map(str, range(100, 109)))  # MPEG-2, MPEG-4 AVC, HEVC
_SHARED_CHROMINANCE: Final = ("YBR_FULL_422", "YBR_PARTIAL_422")
_START_OF_IMAGE: Final = (
    b"\xff\xd8\xff",  # JPEG and JPEG-LS: SOI and the first byte of the next marker
    b"\xff\x4f\xff\x51",  # JPEG 2000 and HTJ2K: SOC, SIZ
    b"\x00\x00\x00\x0cjP  ",  # a JP2 file where a bare codestream belongs
    b"\xff\x0a",  # JPEG XL codestream
    b"\x00\x00\x00\x0cJXL ",  # JPEG XL file
)


class Marks(Protocol):
    """Packed numbers of which only slices are looked at: bytes fit."""

    def __getitem__(self, part: slice, /) -> bytes:
        """Some of them."""


class Header(Protocol):
    """Gives values of the header by keyword: a pydicom data set fits."""

    def get(self, keyword: str, default: object = ..., /) -> Any:  # noqa: ANN401 - any VR's value
        """The value, or the default."""


class PixelElement(Protocol):
    """What is known of the pixel data element: deid's record of a streamed element fits."""

    @property
    def vr(self) -> str:
        """The value representation as stored."""

    @property
    def offset(self) -> int:
        """Where the value begins."""

    @property
    def length(self) -> int | None:
        """Bytes of a native value; None when encapsulated."""

    @property
    def fragments(self) -> tuple[Range, ...]:
        """Values of the fragments, Basic Offset Table excluded."""

    @property
    def basic_offsets(self) -> tuple[int, ...]:
        """The Basic Offset Table."""


@dataclass(frozen=True)
class FrameIndex:
    """Where the frames of one instance lie; a thin view over its own packed form."""

    frames: int
    kind: int
    width: int
    fragments: int
    offset: int
    bits: int
    marks: Marks

    def pack(self) -> bytes:
        """Return the bytes to keep in the index."""
        head = _HEAD.pack(
            self.kind, self.width, self.frames, self.fragments, self.offset, self.bits
        )
        return head + self.marks[:]

    @classmethod
    def unpack(cls, packed: bytes) -> FrameIndex:
        """Read what `pack` wrote; costs the same for any number of frames."""
        return cls.over(packed, packed[_HEAD.size :])

    @classmethod
    def over(cls, start: bytes, marks: Marks) -> FrameIndex:
        """Read the start of what `pack` wrote, and leave what follows `HEAD_BYTES` where it is."""
        kind, width, frames, fragments, offset, bits = _HEAD.unpack_from(start)
        return cls(frames, kind, width, fragments, offset, bits, marks)

    @property
    def is_encapsulated(self) -> bool:
        """Whether frames are made of fragments, in a compressed transfer syntax."""
        return self.kind in (_FRAGMENTS, _GROUPS)

    def ranges(self, number: int) -> tuple[Range, ...]:
        """Return what must be read, in order, to have frame `number` (from 1).

        Raises:
            NoSuchFrame: the file does not hold this frame wholly.
        """
        if not 1 <= number <= self.frames:
            raise NoSuchFrame("the instance does not have a frame of this number")
        if self.kind == _NATIVE:
            first, end = self._native_span(number)
            return ((self.offset + first, end - first),)
        if self.kind == _FRAGMENTS:
            return (self._fragment(number - 1),)
        table = 4 * (number - 1)
        first, end = struct.unpack("<II", self.marks[table : table + 8])
        return tuple(self._fragment(fragment) for fragment in range(first, end))

    def span(self, number: int) -> Range | None:
        """Return the one range that holds a frame as it is handed out; None if there is none such.

        Raises:
            NoSuchFrame: as `ranges`.
        """
        found = self.ranges(number)
        if len(found) != 1:
            return None
        is_as_stored = self.kind != _NATIVE or (self.width == 1 and self.bits % 8 == 0)
        return found[0] if is_as_stored else None

    def frame_bytes(self, number: int, stored: bytes) -> bytes:
        """Turn the bytes of `ranges(number)`, joined, into the frame as it is handed out.

        Native frames become little-endian and begin at bit 0 of the first byte; a compressed
        frame is what was stored.
        """
        if self.kind != _NATIVE:
            return stored
        data = swap_words(stored, self.width)
        first_bit = (number - 1) * self.bits
        skip = first_bit - 8 * self._native_span(number)[0]
        size = (self.bits + 7) // 8
        if skip % 8 == 0 and self.bits % 8 == 0:
            return data[skip // 8 : skip // 8 + size]
        value = (int.from_bytes(data, "little") >> skip) & ((1 << self.bits) - 1)
        return value.to_bytes(size, "little")

    def _native_span(self, number: int) -> tuple[int, int]:
        # Whole words, because a big-endian value can only be swapped by the word.
        word = 8 * self.width
        first = (number - 1) * self.bits // word
        end = -(-number * self.bits // word)
        return first * self.width, end * self.width

    def _fragment(self, number: int) -> Range:
        # Items touch each other (PS3.5 A.4): a fragment ends where the next item header begins.
        table = 4 * (self.frames + 1) if self.kind == _GROUPS else 0
        form = "<II" if self.width == 4 else "<QQ"
        at = table + self.width * number
        start, following = struct.unpack(form, self.marks[at : at + 2 * self.width])
        return self.offset + start, following - start - _ITEM_HEADER


def index_frames(ds: Header, element: PixelElement, transfer_syntax: str, peek: Peek) -> FrameIndex:
    """Build the index of an instance from its header and its pixel data element.

    Args:
        ds: the header; pixel data are not needed.
        element: where the pixel data lie.
        transfer_syntax: as stored.
        peek: reads from the stored file, for compressed frames of which nothing says where
            they begin.
    """
    declared = _integer(ds, "NumberOfFrames", 1)
    if element.length is None:
        return encapsulated_index(
            element.fragments,
            transfer_syntax=transfer_syntax,
            number_of_frames=declared,
            offsets=_extended_offsets(ds) or element.basic_offsets,
            peek=peek,
        )
    word = WORD_BYTES.get(element.vr, 1) if transfer_syntax == _BIG_ENDIAN else 1
    return native_index(
        element.offset,
        element.length,
        bits=_frame_bits(ds, element.length // max(1, declared)),
        number_of_frames=declared,
        word=word,
    )


def native_index(
    offset: int, length: int, *, bits: int, number_of_frames: int, word: int = 1
) -> FrameIndex:
    """Index uncompressed frames of `bits` each in a value of `length` bytes.

    Args:
        offset: where the value begins.
        length: bytes in the value.
        bits: of one frame; frames follow each other without padding.
        number_of_frames: as declared; frames that are not wholly there are left out.
        word: bytes that must be swapped together (big endian), else 1.
    """
    whole = 8 * (length - length % word)
    frames = min(max(number_of_frames, 1), whole // bits) if bits > 0 else 0
    if frames == 0:
        return _no_frames()
    return FrameIndex(frames, _NATIVE, word, 0, offset, bits, b"")


def encapsulated_index(
    fragments: Sequence[Range],
    *,
    transfer_syntax: str,
    number_of_frames: int,
    offsets: Sequence[int] = (),
    peek: Peek,
) -> FrameIndex:
    """Index compressed frames.

    Args:
        fragments: the fragments' values, in order.
        transfer_syntax: as stored.
        number_of_frames: as declared; what the file does not hold is left out.
        offsets: the Extended or Basic Offset Table, empty if there is none.
        peek: reads from the stored file.
    """
    if not fragments or is_video(transfer_syntax):
        return _no_frames()
    declared = max(number_of_frames, 1)
    firsts = _first_fragments(fragments, transfer_syntax, declared, offsets, peek)
    frames = min(declared, len(firsts))
    base = fragments[0][0]
    if any(a + n + _ITEM_HEADER != b for (a, n), (b, _) in pairwise(fragments)):
        raise ValueError("fragments must follow each other")
    marks = [start - base for start, _ in fragments]
    marks.append(marks[-1] + fragments[-1][1] + _ITEM_HEADER)
    width = 4 if marks[-1] < 1 << 32 else 8
    packed = struct.pack(f"<{len(marks)}{'I' if width == 4 else 'Q'}", *marks)
    if list(firsts) == list(range(len(fragments))):
        return FrameIndex(frames, _FRAGMENTS, width, len(fragments), base, 0, packed)
    ends = [*firsts, len(fragments)][: frames + 1]
    groups = struct.pack(f"<{len(ends)}I", *ends)
    return FrameIndex(frames, _GROUPS, width, len(fragments), base, 0, groups + packed)


def _frame_bits(ds: Header, there: int) -> int:
    """Return the bits of one native frame, 0 when the header describes no image.

    Args:
        ds: the header.
        there: the bytes for each frame that there are.
    """
    samples = _integer(ds, "SamplesPerPixel", 1)
    bits = _integer(ds, "BitsAllocated", 0) * samples
    whole = max(0, _integer(ds, "Rows", 0) * _integer(ds, "Columns", 0) * bits)
    is_shared = ds.get("PhotometricInterpretation") in _SHARED_CHROMINANCE and samples == 3
    # Two pixels share one pair of chrominance samples (PS3.3 C.7.6.3.1.2), but some writers only
    # say so. The values that there are tell.
    return whole * 2 // 3 if is_shared and 8 * there < whole else whole


def is_video(transfer_syntax: str) -> bool:
    """Tell whether a transfer syntax holds a video, whose frames cannot be had one by one."""
    parts = transfer_syntax.removeprefix(_JPEG_FAMILY).split(".")
    return transfer_syntax.startswith(_JPEG_FAMILY) and parts[0] in _VIDEO


def _first_fragments(
    fragments: Sequence[Range],
    transfer_syntax: str,
    declared: int,
    offsets: Sequence[int],
    peek: Peek,
) -> Sequence[int]:
    """Return the number of the first fragment of each frame, counted from 0."""
    if declared == 1:
        return range(1)
    every = range(len(fragments))
    if len(fragments) == declared:
        return every
    # Only now the offset tables: they are wrong more often than one fragment a frame is.
    by_table = _by_table(fragments, offsets)
    if by_table:
        return by_table
    if transfer_syntax.startswith(_JPEG_FAMILY):
        by_start = _by_start_of_image(fragments, peek)
        if by_start:
            return by_start
    # RLE and uncompressed frames have one fragment each (PS3.5 A.4.2, A.4.11).
    return every


def _by_table(fragments: Sequence[Range], offsets: Sequence[int]) -> list[int]:
    """Follow an offset table; empty unless each of its entries points at an item."""
    starts = [start - fragments[0][0] for start, _ in fragments]
    firsts: list[int] = []
    for offset in offsets:
        place = bisect_left(starts, offset)
        if place == len(starts) or starts[place] != offset or (firsts and place <= firsts[-1]):
            return []
        firsts.append(place)
    return firsts if firsts and firsts[0] == 0 else []


def _by_start_of_image(fragments: Iterable[Range], peek: Peek) -> list[int]:
    """Find the fragments that begin an image; empty when the first does not."""
    longest = max(map(len, _START_OF_IMAGE))
    firsts = [
        number
        for number, (offset, length) in enumerate(fragments)
        if peek(offset, min(length, longest)).startswith(_START_OF_IMAGE)
    ]
    return firsts if firsts and firsts[0] == 0 else []


def _extended_offsets(ds: Header) -> tuple[int, ...]:
    value = ds.get("ExtendedOffsetTable")
    if not isinstance(value, bytes) or len(value) % 8:
        return ()
    return struct.unpack(f"<{len(value) // 8}Q", value)


def _integer(ds: Header, keyword: str, default: int) -> int:
    """Read a number that a sender may have left out, written twice or filled with text."""
    try:
        return int(ds.get(keyword, default))
    except Exception:  # pydicom raises what it likes for values that do not parse
        return default


def _no_frames() -> FrameIndex:
    return FrameIndex(0, _NONE, 1, 0, 0, 0, b"")
