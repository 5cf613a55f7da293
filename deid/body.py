"""Passes a data set through: buffers and rewrites elements, streams the large ones.

Standard: PS3.5 7 (data set), A.4 (encapsulated pixel data).

Invariants: how the input is cut makes no difference to the output; memory is the buffered header
and one chunk; the end of the data set is checked, so that no truncated object passes.

Not here: Part 10 framing and deflating (``deid.stream``), rewriting (``deid.session``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from deid.dictionary import keyword_of
from deid.encoding import Encoding
from deid.errors import Malformed, Truncated
from deid.fragments import Fragments
from deid.identity import Identity
from deid.repeats import Repeat
from deid.scan import PIXEL_DATA, Found, Kind, Scan
from deid.segments import codestream_of

_CHUNK: Final = 1 << 16
_PIXEL_DATA: Final = 0x7FE00010
_ROWS: Final = 0x00280010


@dataclass(frozen=True)
class Limits:
    """What one instance may ask for.

    Attributes:
        header: bytes of everything that is not streamed.
        fragments: fragments of encapsulated pixel data.
        inflated_free: inflated bytes up to which the ratio is not looked at.
        inflated_ratio: inflated bytes for each deflated one.
    """

    header: int = 64 << 20
    fragments: int = 1 << 20
    inflated_free: int = 64 << 20
    inflated_ratio: int = 200


@dataclass(frozen=True)
class Streamed:
    """An element at top level whose value passed through.

    Attributes:
        offset: where the value begins, counted from byte 0 of the written file (for the deflated
            syntax: of that file with its data set inflated).
        length: None when the value is encapsulated.
        fragments: offset and length of every fragment, the Basic Offset Table left out.
        basic_offsets: the Basic Offset Table as sent.
    """

    tag: int
    vr: str
    offset: int
    length: int | None
    fragments: tuple[tuple[int, int], ...] = ()
    basic_offsets: tuple[int, ...] = ()


class Body:
    """Takes the bytes of one data set.

    Args:
        rewrite: rewrites one run of buffered elements; the first call gets the header.
        write: takes what is written, in order; returns the offset of what comes next.
        wanted: bytes of the header to wait for before ``recognise`` is asked.
        recognise: tells whether a header repeats another one; None: nothing is known to repeat.
    """

    def __init__(
        self,
        enc: Encoding,
        *,
        encapsulated: bool,
        transfer_syntax: str,
        limits: Limits,
        rewrite: Callable[[bytes], bytes],
        write: Callable[[bytes | memoryview], int],
        wanted: int = 0,
        recognise: Callable[[bytes], Repeat | None] | None = None,
    ) -> None:
        self.repeat: Repeat | None = None
        self.behind = b""
        self.skipped = False
        self.identity = Identity()
        self.present: set[int] = set()
        self.parts: list[bytes] = []
        self.streamed: list[Streamed] = []
        self.blanked = 0
        self._transfer_syntax = transfer_syntax
        self._enc = enc
        self._encapsulated = encapsulated
        self._limits = limits
        self._rewrite = rewrite
        self._write = write
        self._scan = self._new_scan(-1)
        self._fragments: Fragments | None = None
        self._left = 0
        self._found: Found | None = None
        self._wanted = wanted
        self._recognise = recognise
        self._head = bytearray()
        self._stage = self._compare if recognise else self._buffer
        self._waiting: list[memoryview] = []

    def feed(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        self._waiting.append(memoryview(data))
        while self._waiting:
            view = self._waiting.pop()
            while view:
                view = self._stage(view)

    def finish(self) -> None:
        """Rewrite what is left.

        Raises:
            Truncated: the data set is not complete.
        """
        if self._stage == self._compare:
            self._settle(memoryview(b""))
            self.feed(b"")
        if self._stage == self._buffer:
            found = self._scan.finish()
            if found is not None:
                self._enter(found)
                self.feed(b"")
                self.finish()
                return
        elif self._stage != self._pad:
            raise Truncated("The data set ends inside an element.")
        self._close_part()
        if _ROWS in self.present and not any(s.tag in PIXEL_DATA for s in self.streamed):
            raise Truncated("The data set describes an image and has no pixel data.")

    def _new_scan(self, after: int) -> Scan:
        return Scan(self._enc, self._limits.header, self.identity, self.present, after)

    def _compare(self, view: memoryview) -> memoryview:
        """Collect a header that may repeat another one."""
        missing = self._wanted - len(self._head)
        self._head += view[:missing]
        if len(view) < missing:
            return memoryview(b"")
        self._settle(view[missing:])
        return memoryview(b"")

    def _settle(self, rest: memoryview) -> None:
        """Go on with the collected header as with a repeated one, or as with any."""
        head, self._head = bytes(self._head), bytearray()
        assert self._recognise is not None
        repeat = self.repeat = self._recognise(head)
        self._waiting.append(rest)
        self._stage = self._buffer
        if repeat is None:
            self._waiting.append(memoryview(head))
            return
        self.identity, self.present = repeat.identity, set(repeat.present)
        self._scan.buffer += repeat.header
        end = len(repeat.header) + len(repeat.behind)
        self._waiting.append(memoryview(head)[end:])
        self._found = self._scan.found(repeat.behind)
        self._enter_value(self._found)

    def _buffer(self, view: memoryview) -> memoryview:
        found = self._scan.feed(view[:_CHUNK])
        if found is None:
            return view[_CHUNK:]
        self._waiting.append(view[_CHUNK:])
        self._enter(found)
        return memoryview(b"")

    def _enter(self, found: Found) -> None:
        """Change the stage for what was found, and queue the bytes that came behind it."""
        self._waiting.append(memoryview(self._scan.take_rest(found)))
        self._found = found
        if found.kind is Kind.PADDING:
            self._stage = self._pad
        elif found.kind is Kind.SKIP:
            self.skipped = True
            self._left = found.length or 0
            self._stage = self._skip
        else:
            self._enter_value(found)

    def _enter_value(self, found: Found) -> None:
        if found.tag == _PIXEL_DATA and (found.length is None) != self._encapsulated:
            raise Malformed("The pixel data is not encoded as the transfer syntax says.")
        if found.length is None and not self._encapsulated:
            raise Malformed(f"{keyword_of(found.tag)} has an undefined length.")
        self.behind = found.header
        self._close_part()
        offset = self._write(found.header)
        if found.length is None:
            codestream = codestream_of(self._transfer_syntax, self._write)
            self._fragments = Fragments(self._write, offset, self._limits.fragments, codestream)
            self._stage = self._pass_fragments
            return
        self.streamed.append(Streamed(found.tag, found.vr, offset, found.length))
        self._left = found.length
        self._stage = self._pass_value
        if not found.length:
            self._leave(found)

    def _pass_value(self, view: memoryview) -> memoryview:
        size = min(len(view), self._left)
        # Nearly all bytes of an image come here, and are handed on without a copy.
        self._write(view[:size])
        return self._passed(view, size)

    def _skip(self, view: memoryview) -> memoryview:
        return self._passed(view, min(len(view), self._left))

    def _passed(self, view: memoryview, size: int) -> memoryview:
        self._left -= size
        if not self._left and self._found is not None:
            self._leave(self._found)
        return view[size:]

    def _pass_fragments(self, view: memoryview) -> memoryview:
        found, passing = self._found, self._fragments
        assert found is not None
        assert passing is not None
        rest = passing.feed(view)
        if passing.done:
            self.blanked += passing.blanked
            self.streamed.append(
                Streamed(
                    found.tag,
                    found.vr,
                    passing.start,
                    None,
                    tuple(passing.fragments),
                    passing.basic_offsets,
                )
            )
            self._leave(found)
        return rest

    def _pad(self, view: memoryview) -> memoryview:
        if bytes(view).strip(b"\0"):
            raise Malformed("Something that is no element follows the data set.")
        return memoryview(b"")

    def _leave(self, found: Found) -> None:
        """Go back to buffering behind a value."""
        self._stage = self._buffer
        if found.kind is Kind.SKIP:
            return
        self._scan = self._new_scan(found.tag)

    def _close_part(self) -> None:
        """Rewrite and write the elements buffered so far."""
        part = bytes(self._scan.buffer)
        if part or not self.parts:
            self.parts.append(self._rewrite(part))
            self._write(self.parts[-1])
        else:
            self.parts.append(b"")
        self._scan.buffer.clear()
