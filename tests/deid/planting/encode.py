"""Puts made data sets into files, with file meta information and preamble as asked for.

Not here: encoding elements (``tests.deid.build``).
"""

import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.deid.build import BIG, CT, DEFLATED, LITTLE, Element, Form, data_set, element
from tests.deid.planting.key import Path, Plant, Planted, Safe
from tests.deid.planting.people import Person

ROOT = "1.2.826.0.1.9999."
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
Rows = list[Element]


class Marks:
    """Words and UIDs that stand nowhere else in the corpus."""

    def __init__(self, start: int) -> None:
        self._numbers = itertools.count(10_000_000 + start * 1_000_000)

    def number(self) -> int:
        """Return the next number."""
        return next(self._numbers)

    def word(self) -> bytes:
        """Return the next word, which no vocabulary has."""
        rest, text = self.number(), ""
        for _ in range(6):
            rest, digit = divmod(rest, 36)
            text = _DIGITS[digit] + text
        return f"Zq{text}z".encode()

    def uid(self) -> bytes:
        """Return the next UID."""
        return f"{ROOT}{self.number()}".encode()


@dataclass
class Draft:
    """A file in the making.

    Attributes:
        meta: further elements of the file meta information.
        tail: bytes behind the data set.
    """

    name: str
    marks: Marks
    syntax: str = LITTLE
    sop_class: str = CT
    undefined: bool = False
    elements: Rows = field(default_factory=list)
    plants: list[Plant] = field(default_factory=list)
    safe: list[Safe] = field(default_factory=list)
    meta: Rows = field(default_factory=list)
    preamble: bytes = bytes(128)
    tail: bytes = b""

    def add(self, elements: Sequence[Element], plants: Sequence[Plant] = ()) -> None:
        """Add elements at top level, and what is planted in them."""
        self.elements += elements
        self.plants += plants

    def finish(self, *, may_be_refused: bool = False, held: bool = False) -> Planted:
        """Encode; of elements with one tag the last one counts."""
        form = Form(self.syntax, self.undefined)
        instance = self.marks.uid()
        base = [
            (0x00080016, "UI", self.sop_class.encode()),
            (0x00080018, "UI", instance),
            (0x0020000D, "UI", self.marks.uid()),
            (0x0020000E, "UI", self.marks.uid()),
        ]
        merged = {e[0]: e for e in (*base, *self.elements)}
        body = data_set(list(merged.values()), form) + self.tail
        if self.syntax == DEFLATED:
            stream = zlib.compressobj(wbits=-15)
            body = stream.compress(body) + stream.flush()
        meta = [
            (0x00020001, "OB", b"\0\1"),
            (0x00020002, "UI", self.sop_class.encode()),
            (0x00020003, "UI", instance),
            (0x00020010, "UI", self.syntax.encode()),
            (0x00020012, "UI", b"1.2.826.0.1.3680043.99.7"),
        ]
        head = data_set(list({e[0]: e for e in (*meta, *self.meta)}.values()), Form(LITTLE))
        length = element(0x00020000, "UL", struct.pack("<L", len(head)), Form(LITTLE))
        data = self.preamble + b"DICM" + length + head + body
        key = tuple(self.plants), tuple(self.safe)
        return Planted(self.name, data, *key, may_be_refused=may_be_refused, held=held)


def image(order: str = "<") -> Rows:
    """Return the elements of a very small image."""

    def us(tag: int, value: int) -> Element:
        return tag, "US", struct.pack(order + "H", value)

    return [
        us(0x00280002, 1),
        (0x00280004, "CS", b"MONOCHROME2"),
        us(0x00280010, 4),
        us(0x00280011, 4),
        us(0x00280100, 16),
        us(0x00280101, 16),
        us(0x00280102, 15),
        us(0x00280103, 0),
        (0x7FE00010, "OW", bytes(range(32))),
    ]


def order_of(syntax: str) -> str:
    """Return the byte order, as struct calls it."""
    return ">" if syntax == BIG else "<"


def header(who: Person) -> Rows:
    """Return what a header says of a patient and a study."""
    study = f"{who.study:%Y%m%d}".encode()
    return [
        (0x00080020, "DA", study),
        (0x00080030, "TM", b"101112"),
        (0x00080050, "SH", who.accession.encode()),
        (0x00080060, "CS", b"CT"),
        (0x00080070, "LO", b"ACME"),
        (0x00080090, "PN", who.physician.encode()),
        (0x00100010, "PN", who.pn.encode()),
        (0x00100020, "LO", who.patient_id.encode()),
        (0x00100030, "DA", f"{who.birth:%Y%m%d}".encode()),
        (0x00100040, "CS", b"O"),
        (0x00101040, "LO", who.street.encode()),
        (0x00102154, "SH", who.phone.encode()),
        (0x00200010, "SH", b"1"),
        (0x00200011, "IS", b"1"),
        (0x00200013, "IS", b"1"),
    ]


def inside(path: Path, *sequences: int) -> Path:
    """Return the path of the first item of nested sequences."""
    return path + tuple(part for tag in sequences for part in (tag, 0))


def chunks(values: Sequence[Element], size: int) -> Iterator[Sequence[Element]]:
    """Cut into pieces."""
    for start in range(0, len(values), size):
        yield values[start : start + size]
