"""Puts the metadata of an instance together from the text of elements that were met before.

The slices of a series, and the series of a device, share nearly all their elements. The JSON text
of an element depends on its bytes, its encoding, the character set and, in implicit VR, the sign of
the pixels; when these are the same, the text is, and is taken over instead of being made again.
Some elements are a slice's own (UID, position, time), and their text would never be used: what is
met for the first time is noted by a number, and what is met again is remembered.

Standard: PS3.18 Annex F (DICOM JSON model).
Invariants: the text is the same, byte for byte, as `store.metadata` makes of the whole; what is
remembered has a limit, and is de-identified.
Not here: what the text of an element is (`store.metadata`).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

from deid.encoding import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    UNDEFINED,
    Encoding,
    elements,
    encoding_of,
    header_reader,
    value_end,
)
from deid.errors import Truncated
from store.metadata import (
    NO_CHARSET,
    ROOT_MARK,
    SPECIFIC_CHARACTER_SET,
    Attributes,
    Builder,
    Streamed,
    charsets_of,
    dumps,
)

__all__ = ["Metadata", "Pieces"]

LONGEST_ELEMENT: Final = 16 * 1024
MOST_ELEMENTS: Final = 16 * 1024
MOST_BYTES: Final = 8 << 20
MOST_SHAPES: Final = 8192
MOST_NOTED: Final = 16 * 1024

_Shape = tuple[int, int, bool]
"""Where a value begins, its length (-1: the 4 bytes in front of it say), whether it is Specific
Character Set."""
Charsets = tuple[str, ...]
_Context = tuple[Encoding, Charsets, bool]
"""What the text of an element depends on besides its bytes."""


@dataclass(frozen=True)
class Metadata:
    """The metadata of an instance.

    Attributes:
        text: as `store.metadata.dumps` writes them.
        values: of the attributes that are asked for.
    """

    text: bytes
    values: Attributes


@dataclass(frozen=True, slots=True)
class _Piece:
    """An element: its name and text, none for a group length; its attribute if it is wanted."""

    name: str
    text: bytes
    attribute: dict[str, Any] | None


_Known = dict[bytes, _Piece]
_NOTHING: Final = _Piece("", b"", None)


class Pieces:
    """The elements of the last instances, for one process.

    Args:
        wanted: the names of the attributes whose values are asked for.
    """

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted
        self._lock = Lock()
        self._known: dict[_Context, _Known] = {}
        self._noted: set[int] = set()
        self._elements = 0
        self._bytes = 0

    def assemble(
        self,
        header: bytes,
        trailer: bytes,
        streamed: Sequence[Streamed],
        encoding: Encoding,
        instance_path: str,
    ) -> Metadata:
        """The metadata of an instance; the arguments are those of `store.metadata.build`."""
        builder = Builder(encoding, instance_path)
        found = self._data_set(builder, header)
        for element in streamed:
            piece = self._piece(builder.streamed(element))
            found[piece.name] = piece
        if trailer:
            found |= self._data_set(builder, trailer)
            # Elements may stand between two streamed values, too.
            found = dict(sorted(found.items()))
        found.pop("", None)
        text = b"{%b}" % b",".join([piece.text for piece in found.values()])
        wanted = self._wanted & found.keys()
        values = {name: found[name].attribute or {} for name in wanted}
        return Metadata(text, values)

    def _data_set(self, builder: Builder, buf: bytes) -> dict[str, _Piece]:
        encoding = builder.encoding
        shapes = _SHAPES[encoding]
        shape_of, u32 = shapes.known.get, shapes.u32
        charsets: Charsets = ()
        signed = builder.signed
        context = encoding, charsets, signed
        known = self._pieces_in(context)
        found: dict[str, _Piece] = {}
        pos, end = 0, len(buf)
        while pos < end:
            key = buf[pos : pos + 8]
            offset, length, is_charset = shape_of(key) or shapes.learn(buf, pos, key)
            if length < 0:
                length = u32(buf, pos + offset - 4)[0]
            if length == UNDEFINED:
                stop = _end_of_undefined(buf, pos, encoding)
            else:
                stop = pos + offset + length
            if stop > end:
                raise Truncated("The data set ends inside an element.")
            raw = buf[pos:stop]
            piece = known.get(raw)
            if piece is None:
                piece = self._piece(builder.data_set(buf, pos, stop, charsets))
                # One that changes the sign has to be met each time.
                if builder.signed == signed:
                    self._remember(context, raw, piece)
            found[piece.name] = piece
            if is_charset or builder.signed != signed:
                signed = builder.signed
                charsets = _charsets_behind(buf, pos, stop, encoding, charsets)
                context = encoding, charsets, signed
                known = self._pieces_in(context)
            pos = stop
        return found

    def _piece(self, attributes: Attributes) -> _Piece:
        for name, attribute in attributes.items():
            text = dumps(attributes)[1:-1]
            return _Piece(name, text, attribute if name in self._wanted else None)
        return _NOTHING

    def _pieces_in(self, context: _Context) -> _Known:
        with self._lock:
            return self._known.setdefault(context, {})

    def _remember(self, context: _Context, raw: bytes, piece: _Piece) -> None:
        # A BulkDataURI is another one for each instance.
        if len(raw) > LONGEST_ELEMENT or ROOT_MARK in piece.text:
            return
        # Another element may have the same: it is remembered too early, and that is all.
        number = hash(raw)
        with self._lock:
            if number not in self._noted:
                if len(self._noted) >= MOST_NOTED:
                    self._noted.clear()
                self._noted.add(number)
                return
            if self._elements >= MOST_ELEMENTS or self._bytes >= MOST_BYTES:
                self._known.clear()
                self._elements = self._bytes = 0
            self._elements += 1
            self._bytes += len(raw) + len(piece.text)
            # All may have been forgotten since this instance began.
            self._known.setdefault(context, {})[raw] = piece


class _Shapes:
    """What the first 8 bytes of the elements of one encoding say, as far as they were met."""

    def __init__(self, encoding: Encoding) -> None:
        order = "<" if encoding.little else ">"
        self.u32: Final = struct.Struct(order + "L").unpack_from
        self.known: Final[dict[bytes, _Shape]] = {}
        self._read = header_reader(encoding)

    def learn(self, buf: bytes, pos: int, key: bytes) -> _Shape:
        """The shape of the element at a place, which is noted."""
        tag, _, start, length = self._read(buf, pos, len(buf))
        offset = start - pos
        shape = offset, length if offset == 8 else -1, tag == SPECIFIC_CHARACTER_SET
        if len(self.known) < MOST_SHAPES:
            self.known[key] = shape
        return shape


_SHAPES: Final = {
    each: _Shapes(each)
    for each in map(encoding_of, (IMPLICIT_LITTLE, EXPLICIT_LITTLE, EXPLICIT_BIG))
}


def _end_of_undefined(buf: bytes, pos: int, encoding: Encoding) -> int:
    tag, vr, start, _ = header_reader(encoding)(buf, pos, len(buf))
    return value_end(buf, start, len(buf), encoding, tag, vr)[1]


def _charsets_behind(
    buf: bytes, pos: int, stop: int, encoding: Encoding, charsets: Charsets
) -> Charsets:
    """The character sets for what follows an element."""
    for tag, vr, start, end in elements(buf, pos, stop, encoding):
        if tag == SPECIFIC_CHARACTER_SET and start < end and vr not in NO_CHARSET:
            return tuple(charsets_of(buf[start:end]))
    return charsets
