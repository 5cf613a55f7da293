"""Data sets as trees, which hypothesis draws, and their encoding, made without the engine.

In a tree every sequence and item says itself whether its length is defined, and any element may be
written as UN.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary

from tests.deid.build import BIG, IMPLICIT, LONG, MINIMUM

TOKEN = b"Quxley"
UNDEFINED = 0xFFFFFFFF
WIDTH = {
    **dict.fromkeys(("AT", "FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
    **dict.fromkeys(("OB", "OW", "SS", "US"), 2),
}
TEXT = ("CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
OTHER = ("AE", "AS", "DA", "DS", "DT", "IS", "TM", "UI")
SHORT_TEXT = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "SH", "TM"))

# What ends or begins something, or is streamed, is drawn on purpose and not by chance.
_LEFT_OUT = frozenset(
    (*(tag for tag, *_ in MINIMUM), 0x00280010, 0x00420011, 0x7FE00008, 0x7FE00009, 0x7FE00010)
)
KNOWN: dict[str, list[int]] = {}
for _tag, _entry in DicomDictionary.items():
    if _tag >> 16 > 2 and _tag >> 16 != 0xFFFE and _tag & 0xFFFF and _tag not in _LEFT_OUT:
        KNOWN.setdefault(_entry[0], []).append(_tag)
VR_OF = {tag: vr for vr, tags in KNOWN.items() for tag in tags}


@dataclass(frozen=True)
class Item:
    """An item of a sequence."""

    nodes: tuple["Node", ...]
    undefined: bool = False


@dataclass(frozen=True)
class Node:
    """An element; of a sequence ``value`` holds the items."""

    tag: int
    vr: str
    value: "bytes | tuple[Item, ...]"
    undefined: bool = False
    as_un: bool = False


def encode(nodes: Sequence[Node], syntax: str) -> bytes:
    """Encode elements in order of tags."""
    return b"".join(_element(node, syntax) for node in sorted(nodes, key=lambda n: n.tag))


def _element(node: Node, syntax: str) -> bytes:
    order = ">" if syntax == BIG else "<"
    explicit = syntax != IMPLICIT
    vr = "UN" if node.as_un and explicit else node.vr
    undefined = node.undefined and not isinstance(node.value, bytes)
    if isinstance(node.value, bytes):
        content = node.value
    else:
        content = items(node.value, IMPLICIT if vr == "UN" else syntax)
    if undefined:
        little = vr == "UN" or order == "<"
        content += struct.pack("<HHL" if little else ">HHL", 0xFFFE, 0xE0DD, 0)
    length = UNDEFINED if undefined else len(content)
    head = struct.pack(order + "HH", node.tag >> 16, node.tag & 0xFFFF)
    if not explicit:
        return head + struct.pack(order + "L", length) + content
    if vr in LONG:
        return head + vr.encode() + struct.pack(order + "HL", 0, length) + content
    return head + vr.encode() + struct.pack(order + "H", length) + content


def items(value: tuple[Item, ...], syntax: str) -> bytes:
    """Encode items, one by one with a length or without."""
    order = ">" if syntax == BIG else "<"
    out = b""
    for item in value:
        content = encode(item.nodes, syntax)
        length = UNDEFINED if item.undefined else len(content)
        out += struct.pack(order + "HHL", 0xFFFE, 0xE000, length) + content
        if item.undefined:
            out += struct.pack(order + "HHL", 0xFFFE, 0xE00D, 0)
    return out


def walk(nodes: Sequence[Node]) -> Iterator[Node]:
    """Yield all elements at any depth."""
    for node in nodes:
        yield node
        if not isinstance(node.value, bytes):
            for item in node.value:
                yield from walk(item.nodes)


TEXTS = st.sampled_from(
    (
        *(b"", b"Quxley^Zebulon", b"CT of Quxley, head", b"5 mm Quxley", b"QUXLEY"),
        *(b"\xd1\xf3Quxley\xff", b"Quxley\\Quxley", b"\x1b$)CQuxley", b"Quxley" * 40, b"CHEST"),
        *(b"19640229", b"1.2.3.4.5", b"12.5", b"045Y", b"120000.5", b"20200101120000+0100"),
    )
)


def values(vr: str) -> st.SearchStrategy[bytes]:
    """Values of a VR, those that do not fit it too; text that names somebody holds ``TOKEN``."""
    if vr in WIDTH:
        width = WIDTH[vr]
        return st.binary(max_size=40).map(lambda b: b[: len(b) // width * width])
    limit = 16 if vr in SHORT_TEXT else 1 << 10
    text = st.one_of(TEXTS, st.binary(max_size=12))
    return text.map(lambda value: _even(value[:limit]))


def _even(value: bytes) -> bytes:
    return value + b" " * (len(value) % 2)


@st.composite
def leaves(draw: st.DrawFn, *, strange: bool) -> Node:
    """Elements that are no sequence: of PS3.6, private, unknown, as UN, strange: of another VR."""
    kinds = ("known", "known", "known", "private", "unknown", *(("strange",) * strange))
    kind = draw(st.sampled_from(kinds))
    vr = draw(st.sampled_from((*TEXT, *OTHER, *WIDTH)))
    if kind == "known" and vr in KNOWN:
        tag = draw(st.sampled_from(KNOWN[vr]))
        return Node(tag, vr, draw(values(vr)), as_un=draw(st.integers(0, 7)) == 0)
    if kind == "strange":
        tag = draw(st.sampled_from(KNOWN[draw(st.sampled_from((*TEXT, *OTHER)))]))
        return Node(tag, vr, draw(values(vr)))
    group = draw(st.sampled_from((0x0009, 0x0029, 0x6001, 0x7FE1)))
    if kind == "private" and draw(st.booleans()):
        return Node(group << 16 | draw(st.integers(0x10, 0x14)), "LO", _even(TOKEN + b" creator"))
    if kind == "unknown":  # no tag of PS3.6 has these groups
        group = draw(st.sampled_from((0x0006, 0x0026, 0x7E00)))
    element = draw(st.integers(0x1000, 0x10FF))
    return Node(group << 16 | element, vr, draw(values(vr)), as_un=draw(st.booleans()))


def sequences(content: st.SearchStrategy[list[Node]]) -> st.SearchStrategy[Node]:
    """Sequences, known ones and private ones, with lengths and without, as UN too."""
    item = st.builds(lambda nodes, undefined: Item(tuple(nodes), undefined), content, st.booleans())
    return st.builds(
        lambda tag, value, undefined, un: Node(tag, "SQ", tuple(value), undefined, un == 0),
        st.one_of(st.sampled_from(KNOWN["SQ"]), st.sampled_from((0x00091020, 0x00291020))),
        st.lists(item, max_size=3),
        st.booleans(),
        st.integers(0, 5),
    )


def unique(nodes: list[Node]) -> list[Node]:
    """Leave one element of each tag, in order."""
    return [node for _, node in sorted({node.tag: node for node in nodes}.items())]


def data_sets(size: int = 10, *, strange: bool = False) -> st.SearchStrategy[list[Node]]:
    """Contents of a data set or an item, mostly four levels deep at most.

    Args:
        strange: some elements may have another VR than PS3.6 says.
    """
    leaf = leaves(strange=strange)
    nested = st.recursive(
        st.lists(leaf, max_size=size),
        lambda content: st.lists(st.one_of(leaf, sequences(content.map(unique))), max_size=5),
        max_leaves=6,
    )
    return nested.map(unique)
