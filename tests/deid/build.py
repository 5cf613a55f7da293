"""Builds encoded data sets from a few lines, independently of the code under test.

An element is ``(tag, vr, value)``: bytes, or for SQ a list of items, which are lists of elements.
"""

import struct
import zlib
from dataclasses import dataclass

Element = tuple[int, str, "bytes | list[list[Element]]"]

IMPLICIT = "1.2.840.10008.1.2"
LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
SYNTAXES = (IMPLICIT, LITTLE, DEFLATED, BIG)

CT = "1.2.840.10008.5.1.4.1.1.2"
BASIC = "1.2.840.10008.5.1.4.1.1.88.11"
LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")


@dataclass(frozen=True)
class Form:
    """How to encode."""

    syntax: str
    undefined: bool = False

    @property
    def order(self) -> str:
        """The byte order, as struct calls it."""
        return ">" if self.syntax == BIG else "<"

    @property
    def explicit(self) -> bool:
        """Whether VRs are written."""
        return self.syntax != IMPLICIT


def element(tag: int, vr: str, value: "bytes | list[list[Element]]", form: Form) -> bytes:
    """Encode one element."""
    undefined = isinstance(value, list) and form.undefined
    content = items(value, form) if isinstance(value, list) else padded(value, vr)
    length = 0xFFFFFFFF if undefined else len(content)
    head = struct.pack(form.order + "HH", tag >> 16, tag & 0xFFFF)
    if form.explicit:
        head += vr.encode() + (b"\0\0" if vr in LONG else b"")
    head += struct.pack(form.order + ("L" if vr in LONG or not form.explicit else "H"), length)
    return head + content


def items(value: "list[list[Element]]", form: Form) -> bytes:
    """Encode the value of a sequence."""
    out = b""
    for item in value:
        content = data_set(item, form)
        length = 0xFFFFFFFF if form.undefined else len(content)
        out += struct.pack(form.order + "HHL", 0xFFFE, 0xE000, length) + content
        if form.undefined:
            out += struct.pack(form.order + "HHL", 0xFFFE, 0xE00D, 0)
    if form.undefined:
        out += struct.pack(form.order + "HHL", 0xFFFE, 0xE0DD, 0)
    return out


def padded(value: bytes, vr: str) -> bytes:
    """Pad to even length."""
    return value + (b"\0" if vr in ("UI", "OB", "UN") else b" ") * (len(value) % 2)


def data_set(elements: "list[Element]", form: Form) -> bytes:
    """Encode elements in order of tags."""
    ordered = sorted(elements, key=lambda e: e[0])
    return b"".join(element(tag, vr, value, form) for tag, vr, value in ordered)


def part10(body: bytes, syntax: str) -> bytes:
    """Put preamble and file meta information in front of a data set."""
    if syntax == DEFLATED:
        stream = zlib.compressobj(wbits=-15)
        body = stream.compress(body) + stream.flush()
    meta = element(0x00020010, "UI", syntax.encode(), Form(LITTLE))
    length = element(0x00020000, "UL", struct.pack("<L", len(meta)), Form(LITTLE))
    return bytes(128) + b"DICM" + length + meta + body


def instance(
    extra: "list[Element]",
    syntax: str = LITTLE,
    *,
    sop_class: str = CT,
    undefined: bool = False,
    base: "list[Element] | None" = None,
) -> bytes:
    """Build a file with the least that is accepted and ``extra``, which wins."""
    elements = {e[0]: e for e in (MINIMUM if base is None else base)}
    elements[0x00080016] = (0x00080016, "UI", sop_class.encode())
    elements.update({e[0]: e for e in extra})
    return part10(data_set(list(elements.values()), Form(syntax, undefined)), syntax)


MINIMUM: "list[Element]" = [
    (0x00080016, "UI", CT.encode()),
    (0x00080018, "UI", b"1.2.826.0.1.3680043.99.3"),
    (0x00080060, "CS", b"CT"),
    (0x00100010, "PN", b"Quxley^Zebulon"),
    (0x00100020, "LO", b"QX-771204"),
    (0x0020000D, "UI", b"1.2.826.0.1.3680043.99.1"),
    (0x0020000E, "UI", b"1.2.826.0.1.3680043.99.2"),
]
