"""Data sets and elements that know where they stand in their bytes, to be looked at by a person.

Standard: PS3.5 7.1 (data elements), 7.5 (sequences), 6.2.2 (UN), A.4 (fragments).

Invariants: values are cut out only when they are asked for; what hides in UN is read as the
sequence that it is.

Not here: walking fast (``deid.encoding``, ``deid.rewriter``).
"""

from collections.abc import Iterator
from typing import NamedTuple

from deid.dictionary import vr_of
from deid.encoding import (
    IMPLICIT,
    UNDEFINED,
    Encoding,
    elements,
    header_reader,
    items,
    value_end,
)
from deid.errors import DeidError
from deid.shown import shown

__all__ = ["Element", "Part"]


class Part(NamedTuple):
    """A data set or item: some bytes of a buffer."""

    buf: bytes
    start: int
    end: int
    enc: Encoding

    def elements(self) -> "list[Element]":
        """Return the elements; the bytes hold nothing else."""
        found = elements(self.buf, self.start, self.end, self.enc)
        return [Element(self, *element) for element in found]

    def top_level(self) -> "Iterator[Element]":
        """Yield the elements of a data set that may end in zeros or stray delimiters."""
        buf, read, pos = self.buf, header_reader(self.enc), self.start
        while self.end - pos >= 8 and any(buf[pos : pos + 8]):
            tag, vr, start, length = read(buf, pos, self.end)
            if not vr:
                pos = start
                continue
            end = pos = start + length
            if length == UNDEFINED:
                end, pos = value_end(buf, start, self.end, self.enc, tag, vr)
            elif vr == "UN" and vr_of(tag) != "SQ":
                vr = vr_of(tag)
            yield Element(self, tag, vr, start, end)


class Element(NamedTuple):
    """An element, and where it stands."""

    part: Part
    tag: int
    vr: str
    start: int
    end: int

    @property
    def number(self) -> str:
        """The tag in the usual notation."""
        return f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"

    @property
    def value(self) -> bytes:
        """The encoded value."""
        return self.part.buf[self.start : self.end]

    @property
    def view(self) -> memoryview:
        """The encoded value, not cut out."""
        return memoryview(self.part.buf)[self.start : self.end]

    def shown(self, charsets: list[str]) -> str:
        """Return the value as one short line."""
        inside = self.items()
        if inside is not None:
            return f"{len(inside)} item{'' if len(inside) == 1 else 's'}"
        return shown(self.value, self.vr, self.part.enc, charsets)

    def items(self) -> list[Part] | None:
        """Return the items of a sequence; None for what is none, or does not parse as one."""
        if self.vr != "SQ" and not (self.vr == "UN" and vr_of(self.tag) == "SQ"):
            return None
        # What hides in UN is in implicit VR (PS3.5 6.2.2).
        buf, enc = self.part.buf, self.part.enc if self.vr == "SQ" else IMPLICIT
        try:
            found = [Part(buf, *span, enc) for span in items(buf, self.start, self.end, enc)]
            for item in found:
                item.elements()
        except DeidError:
            return None
        return found

    def fragments(self) -> list[int]:
        """Return the sizes of the fragments of an encapsulated value, without its offset table."""
        found, pos, read = [], self.start, header_reader(self.part.enc)
        while pos < self.end:
            _, _, start, length = read(self.part.buf, pos, self.end)
            found.append(length)
            pos = start + length
        return found[1:]
