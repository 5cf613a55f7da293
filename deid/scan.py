"""Finds where the header of a data set ends, while its bytes arrive.

Standard: PS3.5 7 (elements, undefined lengths), PS3.3 C.7.6.3 (pixel data).

Invariants: every byte is looked at a bounded number of times, whatever the chunk size; what is to
be deleted and large is never buffered; the buffer has a limit.

Not here: rewriting what was found (``deid.rewriter``), the bytes behind (``deid.stream``).
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final, NamedTuple

from deid.dictionary import keyword_of, vr_of
from deid.encoding import (
    BINARY,
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT,
    IMPLICIT_LITTLE,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    VRS,
    Encoding,
    encoding_of,
    value_end,
)
from deid.errors import Malformed, TooLarge, Truncated
from deid.identity import CONTEXT, NUMBERS, PLACES, Identity, is_overlay_bit_position
from deid.rules import ENCAPSULATED_DOCUMENT, is_deleted

PIXEL_DATA: Final = frozenset((0x7FE00008, 0x7FE00009, 0x7FE00010))
# Elements from here on never name anybody; a large binary one need not be in memory.
_BULK_FROM: Final = 0x54000000
_BULK_SIZE: Final = 1 << 20
_SKIP_SIZE: Final = 1 << 16
_RETRY: Final = 1 << 16
_MEMO_LIMIT: Final = 16384
# Headers that nothing like them was seen before, which cost most; no real data set comes near.
MOST_STRANGE: Final = 100_000

_Unpack = Callable[..., tuple[int, ...]]


def _numbers(order: str) -> tuple[_Unpack, _Unpack, _Unpack]:
    """What reads a tag, a short and a long number."""
    tag, short, long = (struct.Struct(order + form) for form in ("HH", "H", "L"))
    return tag.unpack_from, short.unpack_from, long.unpack_from


_NUMBERS_OF: Final = {
    each: _numbers("<" if each.little else ">")
    for each in map(encoding_of, (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG))
}


class Kind(Enum):
    """What was found at the end of the buffered elements."""

    STREAM = "an element whose value streams through"
    SKIP = "an element to delete whose value has not come yet"
    PADDING = "zero bytes behind the last element"


@dataclass(frozen=True)
class Found:
    """Something that ends the buffering; the buffer is cut in front of ``header``."""

    kind: Kind
    tag: int = 0
    vr: str = ""
    header: bytes = b""
    length: int | None = 0


class Role(IntEnum):
    """What an element is to a scan."""

    PLAIN = 0
    COLLECT = 1
    SEQUENCE = 2
    DROP = 3
    PIXELS = 4
    DELIMITER = 5
    DOCUMENT = 6


class _Entry(NamedTuple):
    """What the first 8 bytes of a header say (length -1: the next 4 bytes tell)."""

    tag: int
    vr: str
    role: Role
    offset: int
    length: int


class Scan:
    """Buffers elements at top level and steps over them.

    Args:
        enc: the encoding of the data set.
        limit: bytes that may be buffered.
        identity: takes note of names, numbers and UIDs.
        present: the tags that the data set has, added to.
        after: the tag behind which the elements must stand (the last one streamed).
    """

    def __init__(
        self, enc: Encoding, limit: int, identity: Identity, present: set[int], after: int
    ) -> None:
        self.buffer = bytearray()
        self._present = present
        self._enc = enc
        self._limit = limit
        self._identity = identity
        self._after = after
        self._pos = 0
        self._retry = 0
        self._strange = 0
        self._tag, self._u16, self._u32 = _NUMBERS_OF[enc]
        self._memo = _MEMOS.setdefault(enc, {})

    def feed(self, data: bytes | memoryview) -> Found | None:
        """Take more bytes; what is behind a found element can be had with ``take_rest``."""
        self.buffer += data
        if len(self.buffer) > self._limit:
            raise TooLarge("The header of the data set is too large.")
        return self._advance()

    def finish(self) -> Found | None:
        """Look a last time, and check that the buffer ends between two elements."""
        self._retry = 0
        found = self._advance()
        if found is None:
            if any(self.buffer[self._pos :]):
                raise Truncated("The data set ends inside an element.")
            del self.buffer[self._pos :]
        return found

    def found(self, header: bytes) -> Found:
        """Return what the header of an element that streams says."""
        entry = self._entry(header[:8])
        length = entry.length if entry.length >= 0 else self._u32(header, len(header) - 4)[0]
        return Found(
            Kind.STREAM, entry.tag, entry.vr, header, None if length == UNDEFINED else length
        )

    def take_rest(self, found: Found) -> bytes:
        """Cut the buffer in front of what was found; return what came behind its header."""
        rest = bytes(self.buffer[self._pos + len(found.header) :])
        del self.buffer[self._pos :]
        return rest

    def _advance(self) -> Found | None:
        buf, size = self.buffer, len(self.buffer)
        known, u32, present = self._memo.get, self._u32, self._present
        pos = self._pos
        while size - pos >= 8:
            self._pos = pos
            key = bytes(buf[pos : pos + 8])
            entry = known(key) or self._entry(key)
            tag, _, role, offset, length = entry
            start = pos + offset
            if length < 0:
                if size < start:
                    return None
                length = u32(buf, start - 4)[0]
            stop = start + length
            if role or length == UNDEFINED or stop > size:
                stop_or_found = self._special(entry, start, length)
                if not isinstance(stop_or_found, int):
                    return stop_or_found
                stop = stop_or_found
            if tag <= self._after:
                raise Malformed(f"{keyword_of(tag)} is out of order.")
            if role is not Role.DROP:
                if tag in present:
                    raise Malformed(f"{keyword_of(tag)} stands twice in the data set.")
                present.add(tag)
            pos = stop
        self._pos = pos
        return None

    def _special(self, entry: _Entry, start: int, length: int) -> int | Found | None:
        """Handle what is not simply stepped over; return where it ends, a finding, or None."""
        tag, role, size = entry.tag, entry.role, len(self.buffer)
        header = bytes(self.buffer[self._pos : start])
        if tag == 0 and not any(header):
            return Found(Kind.PADDING)
        if role is Role.DELIMITER:
            if tag not in (ITEM_END, SEQUENCE_END) or length:
                raise Malformed("An item stands outside of a sequence.")
            return start
        if self._streams(entry, length):
            return Found(
                Kind.STREAM, tag, entry.vr, header, None if length == UNDEFINED else length
            )
        if length == UNDEFINED:
            return self._undefined(entry, start)
        stop = start + length
        if stop > size:
            if role is Role.DROP and length > _SKIP_SIZE:
                return Found(Kind.SKIP, tag, entry.vr, header, length)
            if stop > self._limit:
                raise TooLarge(f"{keyword_of(tag)} is too large.")
            return None
        if role is Role.COLLECT:
            self._identity.collect(tag, entry.vr, bytes(self.buffer[start:stop]))
        elif role is Role.SEQUENCE:
            self._collect_sequence(entry.vr, start, stop)
        return stop

    def _streams(self, entry: _Entry, length: int) -> bool:
        if entry.role is Role.PIXELS:
            if entry.vr not in ("OB", "OW", "OF", "OD", "UN"):
                raise Malformed("Pixel data has a value representation that cannot hold it.")
            return True
        if entry.role is Role.DOCUMENT:
            # A document is not looked into, so it must not be part of what is checked.
            if length == UNDEFINED or entry.vr not in ("OB", "OW", "UN"):
                raise Malformed("The encapsulated document is not encoded as one.")
            return True
        return (
            length > _BULK_SIZE
            and length != UNDEFINED
            and entry.tag >= _BULK_FROM
            and entry.role is Role.PLAIN
            and entry.vr in BINARY
            and vr_of(entry.tag) in BINARY
        )

    def _undefined(self, entry: _Entry, start: int) -> int | None:
        size = len(self.buffer)
        if size < self._retry:
            return None
        tail = bytes(self.buffer[start:])
        try:
            stop, behind = value_end(tail, 0, len(tail), self._enc, entry.tag, entry.vr)
        except Truncated:
            # Trying again at twice the size keeps the whole linear.
            self._retry = start + max(_RETRY, 2 * len(tail))
            return None
        self._retry = 0
        if entry.role is Role.SEQUENCE:
            self._collect_sequence(entry.vr, start, start + stop)
        return start + behind

    def _collect_sequence(self, vr: str, start: int, stop: int) -> None:
        content = bytes(self.buffer[start:stop])
        if vr == "SQ":
            self._identity.collect_sequence(content, self._enc)
        else:
            self._identity.collect_unknown(content)

    def _entry(self, key: bytes) -> _Entry:
        self._strange += 1
        if self._strange > MOST_STRANGE:
            raise TooLarge("The data set has too many elements of different kinds.")
        entry = self._new_entry(key)
        if len(self._memo) >= _MEMO_LIMIT:
            self._memo.clear()
        self._memo[key] = entry
        return entry

    def _new_entry(self, key: bytes) -> _Entry:
        group, element = self._tag(key)
        tag = group << 16 | element
        length = self._u32(key, 4)[0]
        if group == 0xFFFE:
            return _Entry(tag, "", Role.DELIMITER, 8, length)
        if not any(key):
            return _Entry(0, "UN", Role.DROP, 8, 0)
        known = vr_of(tag)
        if not self._enc.explicit:
            return _Entry(tag, known, _role(tag, known, known), 8, length)
        found = VRS.get(key[4:6])
        if found is None:
            raise Malformed(f"{keyword_of(tag)} has a value representation that does not exist.")
        vr, long = found
        offset, length = (12, -1) if long else (8, self._u16(key, 6)[0])
        return _Entry(tag, vr, _role(tag, vr, known), offset, length)


_MEMOS: Final[dict[Encoding, dict[bytes, _Entry]]] = {IMPLICIT: {}}


def role_of(tag: int, vr: str) -> Role:
    """Return what an element of this tag and written VR is to a scan."""
    return _role(tag, vr, vr_of(tag))


def _role(tag: int, vr: str, known: str) -> Role:
    if tag in PIXEL_DATA:
        return Role.PIXELS
    if tag == ENCAPSULATED_DOCUMENT:
        return Role.DOCUMENT
    if is_overlay_bit_position(tag):
        return Role.COLLECT
    if is_deleted(tag):
        return Role.DROP
    if vr == "SQ" or known == "SQ":
        return Role.SEQUENCE
    if "PN" in (vr, known) or tag in CONTEXT or tag in NUMBERS or tag in PLACES:
        return Role.COLLECT
    return Role.PLAIN
