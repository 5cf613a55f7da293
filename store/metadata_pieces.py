"""Puts the metadata of an instance together from the text of elements that were met before.

The slices of a series, and the series of a device, share nearly all their elements. The JSON text
of an element depends on its bytes, its encoding, the character set and, in implicit VR, the sign of
the pixels; when these are the same, the text is, and is taken over instead of being made again.
Some elements are a slice's own (UID, position, time), and their text would never be used: what is
met for the first time is noted by a number, and what is met again is remembered. The next header of
a series is compared with the last one in runs, so that only what differs is looked up at all.

Standard: PS3.18 Annex F (DICOM JSON model).
Invariants: the text is the same, byte for byte, as `store.metadata` makes of the whole; what is
remembered has a limit, and is de-identified.
Not here: what the text of an element is (`store.metadata`).
"""

import struct
from collections import OrderedDict
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
from deid.runs import Runs
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
MOST_SERIES: Final = 16
LONGEST_HEADER: Final = 1 << 18

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


@dataclass(frozen=True, slots=True)
class _Header:
    """A header, for the next one of its series.

    Attributes:
        runs: its bytes, by elements.
        contexts: from which element on which context holds.
        found: the pieces of its elements, by name.
        names: of the elements, in order.
    """

    runs: Runs
    contexts: list[tuple[int, _Context]]
    found: dict[str, _Piece]
    names: list[str]

    def context_of(self, index: int) -> _Context | None:
        """The context of an element; None for one that the context of the next depends on."""
        last = self.contexts[0][1]
        for first, context in self.contexts:
            if first == index + 1:
                return None
            if first <= index:
                last = context
        return last


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
        self._headers: OrderedDict[tuple[Encoding, str], _Header] = OrderedDict()

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
        found = self._header(builder, header, instance_path.rpartition("/instances/")[0])
        for element in streamed:
            piece = self._piece(builder.streamed(element))
            found[piece.name] = piece
        if trailer:
            found |= self._data_set(builder, trailer).found
            # Elements may stand between two streamed values, too.
            found = dict(sorted(found.items()))
        found.pop("", None)
        text = b"{%b}" % b",".join([piece.text for piece in found.values()])
        wanted = self._wanted & found.keys()
        values = {name: found[name].attribute or {} for name in wanted}
        return Metadata(text, values)

    def _header(self, builder: Builder, buf: bytes, series: str) -> dict[str, _Piece]:
        name = builder.encoding, series
        with self._lock:
            last = self._headers.get(name)
            if last is not None:
                self._headers.move_to_end(name)
        signed = builder.signed
        found = None if last is None else self._repeated(builder, buf, last)
        if found is not None:
            return found
        builder.signed = signed
        header = self._data_set(builder, buf)
        if _can_repeat(header):
            with self._lock:
                self._headers[name] = header
                if len(self._headers) > MOST_SERIES:
                    self._headers.popitem(last=False)
        return header.found.copy()

    def _repeated(self, builder: Builder, buf: bytes, last: _Header) -> dict[str, _Piece] | None:
        """The pieces of a header that has the same elements as another; None when it has not."""
        found, starts = last.found.copy(), last.runs.starts
        shapes = _SHAPES[builder.encoding]
        index = pos = 0
        while True:
            equal = last.runs.equal_until(buf, pos, index)
            pos += starts[equal] - starts[index]
            if equal == len(last.names):
                break
            context = last.context_of(equal)
            if context is None or not last.runs.is_same_element(equal, buf, pos, builder.encoding):
                return None
            stop, _ = shapes.end(buf, pos)
            builder.signed = context[-1]
            piece = self._looked_up(builder, context, buf, pos, stop)
            if builder.signed != context[-1] or piece.name != last.names[equal]:
                return None
            found[piece.name] = piece
            index, pos = equal + 1, stop
        builder.signed = last.contexts[-1][1][-1]
        return found if pos == len(buf) else None

    def _data_set(self, builder: Builder, buf: bytes) -> _Header:
        encoding = builder.encoding
        shapes = _SHAPES[encoding]
        charsets: Charsets = ()
        signed = builder.signed
        context = encoding, charsets, signed
        contexts = [(0, context)]
        known = self._pieces_in(context)
        found: dict[str, _Piece] = {}
        starts, names = [0], []
        pos, end = 0, len(buf)
        while pos < end:
            stop, is_charset = shapes.end(buf, pos)
            piece = known.get(buf[pos:stop]) or self._looked_up(builder, context, buf, pos, stop)
            found[piece.name] = piece
            names.append(piece.name)
            if is_charset or builder.signed != signed:
                signed = builder.signed
                charsets = _charsets_behind(buf, pos, stop, encoding, charsets)
                context = encoding, charsets, signed
                contexts.append((len(names), context))
                known = self._pieces_in(context)
            pos = stop
            starts.append(pos)
        return _Header(Runs(buf, tuple(starts)), contexts, found, names)

    def _looked_up(
        self, builder: Builder, context: _Context, buf: bytes, pos: int, stop: int
    ) -> _Piece:
        """The piece of an element, made if it is not remembered."""
        raw = buf[pos:stop]
        piece = self._pieces_in(context).get(raw)
        if piece is None:
            piece = self._piece(builder.data_set(buf, pos, stop, context[1]))
            # One that changes the sign has to be met each time.
            if builder.signed == context[2]:
                self._remember(context, raw, piece)
        return piece

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
        self._encoding = encoding
        self._u32 = struct.Struct(order + "L").unpack_from
        self.known: Final[dict[bytes, _Shape]] = {}
        self._read = header_reader(encoding)

    def end(self, buf: bytes, pos: int) -> tuple[int, bool]:
        """Where the element at a place ends, and whether it is Specific Character Set.

        Raises:
            Truncated: behind the end of the data set.
        """
        key = buf[pos : pos + 8]
        offset, length, is_charset = self.known.get(key) or self.learn(buf, pos, key)
        if length < 0:
            length = self._u32(buf, pos + offset - 4)[0]
        if length == UNDEFINED:
            stop = _end_of_undefined(buf, pos, self._encoding)
        else:
            stop = pos + offset + length
        if stop > len(buf):
            raise Truncated("The data set ends inside an element.")
        return stop, is_charset

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


def _can_repeat(header: _Header) -> bool:
    """Whether another instance may take over what is equal; a BulkDataURI is each one's own."""
    return (
        len(header.runs.source) <= LONGEST_HEADER
        and len(header.found) == len(header.names)
        and not any(ROOT_MARK in piece.text for piece in header.found.values())
    )


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
