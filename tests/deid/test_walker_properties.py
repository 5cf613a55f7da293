"""What holds for any data set: the walker and pydicom see the same, and the engine keeps its word.

The trees are drawn, encoded without the engine, and read by three: the tree itself, the walker
and pydicom.
"""

import io
import sys
from collections.abc import Callable, Sequence

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset

from deid import Deidentifier, DeidError
from deid.encoding import IMPLICIT as IMPLICIT_ENC
from deid.encoding import Encoding, elements, encoding_of, items
from deid.profile import default_profile
from deid.rules import is_deleted
from tests.deid.build import BIG, IMPLICIT, LITTLE, MINIMUM, SYNTAXES, Form, data_set, part10
from tests.deid.engine import KEY, Output, run
from tests.deid.trees import TOKEN, VR_OF, WIDTH, Item, Node, data_sets, encode, walk

PLAIN = (IMPLICIT, LITTLE, BIG)
ROWS = default_profile().rows
BASE = [
    Node(tag, vr, value + b" " * (len(value) % 2))
    for tag, vr, value in MINIMUM
    if isinstance(value, bytes)
]
MANY = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))

Seen = list[tuple[int, str, "bytes | list[Seen]"]]


def expected(nodes: Sequence[Node], *, explicit: bool) -> Seen:
    """The tree as it must be seen; VRs only where they are written."""
    seen: Seen = []
    for node in nodes:
        as_un = explicit and node.as_un
        vr = ("UN" if as_un else node.vr) if explicit else ""
        if isinstance(node.value, bytes):
            seen.append((node.tag, vr, node.value))
        else:
            inside = [expected(item.nodes, explicit=explicit and not as_un) for item in node.value]
            seen.append((node.tag, vr, inside))
    return seen


def walked(buf: bytes, start: int, end: int, enc: Encoding, like: Seen) -> Seen:
    """The tree as the walker sees it; ``like`` tells what is a sequence where no VR does."""
    seen: Seen = []
    found = list(elements(buf, start, end, enc))
    assert [tag for tag, *_ in found] == [tag for tag, *_ in like]
    for (tag, _, a, b), (_, written, content) in zip(found, like, strict=True):
        if isinstance(content, bytes):
            seen.append((tag, written, buf[a:b]))
            continue
        inner = IMPLICIT_ENC if written == "UN" else enc
        ranges = list(items(buf, a, b, inner))
        assert len(ranges) == len(content)
        inside = [walked(buf, *r, inner, c) for r, c in zip(ranges, content, strict=True)]
        seen.append((tag, written, inside))
    return seen


def read(ds: Dataset, like: Seen, *, explicit: bool) -> Seen:
    """The tree as pydicom sees it, values as they are written."""
    seen: Seen = []
    assert [int(tag) for tag in ds._dict] == [tag for tag, *_ in like]
    for tag, written, content in like:
        raw = ds.get_item(tag)
        if isinstance(content, bytes):
            # pydicom may put the dictionary's VR in place of UN
            vr = str(raw.VR) if explicit and written != "UN" else written
            seen.append((tag, vr, raw.value or b""))
            continue
        inside = ds[tag].value
        assert len(inside) == len(content)
        below = explicit and written != "UN"
        found = [read(i, c, explicit=below) for i, c in zip(inside, content, strict=True)]
        seen.append((tag, written, found))
    return seen


def is_plain(node: Node) -> bool:
    """Whether pydicom reads it as a sequence without asking its own dictionaries."""
    return node.vr != "SQ" or (node.tag in VR_OF and not node.as_un)


@pytest.mark.filterwarnings("ignore")  # what pydicom says of drawn values
@MANY
@given(data_sets(strange=True), st.sampled_from(PLAIN))
def test_walker_and_pydicom_see_what_was_written(nodes: list[Node], syntax: str) -> None:
    nodes = [node for node in nodes if all(map(is_plain, walk([node])))]
    explicit = syntax != IMPLICIT
    buf = encode(nodes, syntax)
    tree = expected(nodes, explicit=explicit)

    assert walked(buf, 0, len(buf), encoding_of(syntax), tree) == tree
    ds = read_dataset(io.BytesIO(buf), not explicit, syntax != BIG)
    assert read(ds, tree, explicit=explicit) == tree


@MANY
@given(data_sets(strange=True), st.sampled_from((LITTLE, BIG)))
def test_the_walker_sees_into_unknown_and_private_sequences(nodes: list[Node], syntax: str) -> None:
    buf = encode(nodes, syntax)
    tree = expected(nodes, explicit=True)
    assert walked(buf, 0, len(buf), encoding_of(syntax), tree) == tree


@MANY
@given(data_sets(strange=True), st.sampled_from(PLAIN))
def test_vrs_are_those_that_are_written_or_those_of_the_dictionary(
    nodes: list[Node], syntax: str
) -> None:
    buf = encode(nodes, syntax)
    by_tag = {node.tag: node for node in nodes}
    for tag, vr, *_ in elements(buf, 0, len(buf), encoding_of(syntax)):
        node = by_tag[tag]
        known = vr_in_dictionary(tag)
        if syntax != IMPLICIT and not node.as_un:
            assert vr == node.vr
        elif " or " not in known and (syntax == IMPLICIT or known != "SQ"):
            assert vr == known


def vr_in_dictionary(tag: int) -> str:
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def whole(nodes: Sequence[Node], syntax: str) -> bytes:
    """A file with the least that is accepted and these elements."""
    tags = {node.tag for node in BASE}
    return part10(encode([*BASE, *(n for n in nodes if n.tag not in tags)], syntax), syntax)


def stays(node: Node) -> bool:
    """Whether an element is a measured value that no row names."""
    return (
        VR_OF.get(node.tag) == node.vr
        and not node.as_un
        and node.tag not in ROWS
        and node.tag != 0x00120064  # written anew
        and not is_deleted(node.tag)
        and (node.vr in WIDTH or node.vr == "SQ")
    )


def assert_kept(nodes: Sequence[Node], ds: Dataset) -> None:
    """Measured values stay byte for byte, and so do the items that they stand in."""
    for node in filter(stays, nodes):
        if isinstance(node.value, bytes):
            assert (ds.get_item(node.tag).value or b"") == node.value, hex(node.tag)
            continue
        assert len(ds[node.tag].value) == len(node.value)
        for item, found in zip(node.value, ds[node.tag].value, strict=True):
            assert_kept(item.nodes, found)


def tags(ds: Dataset) -> list[int]:
    """All tags at any depth."""
    found = []
    for tag in list(ds.keys()):
        found.append(int(tag))
        if ds[tag].VR == "SQ":
            found += [inner for item in ds[tag].value or () for inner in tags(item)]
    return found


@pytest.mark.filterwarnings("ignore")
@MANY
@given(data_sets(), st.sampled_from(SYNTAXES), st.integers(1, 5000))
def test_any_data_set_comes_out_clean_whole_and_stable(
    nodes: list[Node], syntax: str, chunk: int
) -> None:
    data = whole(nodes, syntax)
    output = run(data)
    assert_clean(output)
    assert_kept(nodes, output.ds)
    again = run(data, chunk=chunk)
    assert (again.data, again.result) == (output.data, output.result)
    assert run(output.data, chunk=chunk).data == output.data


@pytest.mark.filterwarnings("ignore")
@MANY
@given(data_sets(strange=True), st.sampled_from(SYNTAXES), st.integers(1, 5000))
def test_a_data_set_with_other_vrs_comes_out_clean(
    nodes: list[Node], syntax: str, chunk: int
) -> None:
    data = whole(nodes, syntax)
    output = run(data)
    assert_clean(output)
    assert_kept(nodes, output.ds)
    assert run(data, chunk=chunk).data == output.data
    assert run(output.data).data == output.data


def assert_clean(output: Output) -> None:
    assert TOKEN not in output.data
    assert TOKEN.upper() not in output.data
    assert output.ds.PatientName == "Anonymized^^"
    assert not [hex(tag) for tag in tags(output.ds) if is_deleted(tag)]


@pytest.mark.filterwarnings("ignore")
@MANY
@given(data_sets(), st.sampled_from(PLAIN))
def test_the_header_that_is_told_is_the_one_that_is_written(nodes: list[Node], syntax: str) -> None:
    output = run(whole(nodes, syntax))
    enc = encoding_of(syntax)
    told = output.result.header
    assert output.data.endswith(told)
    assert [tag for tag, *_ in elements(told, 0, len(told), enc)] == [
        int(tag) for tag in output.ds._dict
    ]


@MANY
@given(data_sets(), data_sets(4), st.sampled_from(PLAIN), st.binary(max_size=64), st.data())
def test_elements_around_streamed_ones_are_cleaned_too(
    before: list[Node], behind: list[Node], syntax: str, pixels: bytes, data: st.DataObject
) -> None:
    pixels += b"\0" * (len(pixels) % 2)
    later = [Node(0x7FE10000 | n.tag & 0xFFFF, n.vr, n.value, n.undefined, n.as_un) for n in behind]
    form = Form(syntax)
    body = encode([*BASE, *(n for n in before if n.tag < 0x7FE00000)], syntax)
    body += data_set([(0x7FE00010, "OW", pixels)], form) + encode(later, syntax)

    output = run(body, transfer_syntax=syntax)

    (streamed,) = output.result.streamed
    assert streamed.length == len(pixels)
    assert output.data[streamed.offset : streamed.offset + len(pixels)] == pixels
    assert output.data.endswith(pixels)
    assert TOKEN not in output.data.removesuffix(pixels)
    chunk = data.draw(st.integers(1, 300))
    assert run(body, transfer_syntax=syntax, chunk=chunk).data == output.data


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data_sets(strange=True),
    st.sampled_from(SYNTAXES[:2] + SYNTAXES[3:]),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.binary(min_size=1, max_size=4)), max_size=3),
    st.integers(1, 700),
)
def test_a_damaged_data_set_is_refused_or_clean_however_it_is_cut(
    nodes: list[Node], syntax: str, damage: list[tuple[int, bytes]], chunk: int
) -> None:
    head = encode(BASE, syntax)
    body = bytearray(encode([n for n in nodes if n.tag > 0x00200013], syntax))
    for at, junk in damage:
        if body:
            body[at % len(body) : at % len(body) + len(junk)] = junk
    data = head + bytes(body)
    outcomes = [outcome(data, syntax, size) for size in (1 << 16, chunk)]
    assert outcomes[0] == outcomes[1]
    if isinstance(outcomes[0], Output):
        data = outcomes[0].data
        assert run(data).data == data
        assert pydicom.dcmread(io.BytesIO(data)).PatientID == "0"


def outcome(data: bytes, syntax: str, chunk: int) -> object:
    try:
        return run(data, transfer_syntax=syntax, chunk=chunk)
    except DeidError as error:
        return type(error)


# --- how much work it is ---------------------------------------------------------------------

ITEM = Item((Node(0x00081155, "UI", b"1.2.3.4 "), Node(0x0040A160, "UT", b"HEAD")))
OPEN = Item(ITEM.nodes, undefined=True)


def repeated(count: int, step: Callable[[int], Node]) -> list[Node]:
    return [step(number) for number in range(count)]


def nest(depth: int, *, undefined: bool, as_un: bool = False) -> tuple[Item, ...]:
    inside: tuple[Item, ...] = (ITEM,)
    for _ in range(depth):
        inside = (Item((Node(0x00081115, "SQ", inside, undefined, as_un),), undefined),)
    return inside


def uid(number: int) -> Node:
    return Node(0x00081155, "UI", f"1.2.3.{number:06}".encode())


WORK: dict[str, Callable[[int], list[Node]]] = {
    "items": lambda n: [Node(0x00081115, "SQ", (ITEM,) * n)],
    "items without length": lambda n: [Node(0x00081115, "SQ", (OPEN,) * n, undefined=True)],
    "items as UN": lambda n: [Node(0x00081115, "SQ", (ITEM,) * n, as_un=True)],
    "items as UN without length": lambda n: [Node(0x00081115, "SQ", (OPEN,) * n, True, True)],
    "nesting": lambda n: [Node(0x00081115, "SQ", nest(20, undefined=False) * (n // 20))],
    "nesting without length": lambda n: [
        Node(0x00081115, "SQ", nest(20, undefined=True) * (n // 20), undefined=True)
    ],
    "nesting as UN": lambda n: [
        Node(0x00081115, "SQ", nest(20, undefined=True, as_un=True) * (n // 20), undefined=True)
    ],
    "private elements": lambda n: repeated(
        min(n, 0xF000), lambda i: Node(0x00291000 + i, "LO", b"Quxley")
    ),
    "private sequences": lambda n: [
        Node(0x00291000 + i, "SQ", (OPEN,) * 20, undefined=True) for i in range(n // 20)
    ],
    "values": lambda n: [
        Node(0x00081140, "SQ", (Item((Node(0x0018937B, "UT", b"HEAD 5\\" * n),)),))
    ],
    "UIDs": lambda n: [
        Node(0x00081140, "SQ", tuple(Item((uid(i),)) for i in range(n))),
    ],
}


def steps(data: bytes, syntax: str, chunk: int) -> int:
    """How many calls a run takes, in Python and into C."""
    count = 0

    def note(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    engine = Deidentifier(KEY, bytearray().extend, transfer_syntax=syntax)
    before = sys.getprofile()
    sys.setprofile(note)
    try:
        for start in range(0, len(data), chunk):
            engine.feed(data[start : start + chunk])
        engine.finish()
    finally:
        sys.setprofile(before)
    return count


@pytest.mark.parametrize("chunk", [40, 1 << 16])
@pytest.mark.parametrize("syntax", PLAIN)
@pytest.mark.parametrize("name", WORK)
def test_four_times_as_much_takes_four_times_the_steps(name: str, syntax: str, chunk: int) -> None:
    few, many = (encode([*BASE, *WORK[name](n)], syntax) for n in (400, 1600))
    assert len(many) > 3 * len(few)
    for data in (few, many):  # what is remembered for the process
        steps(data, syntax, chunk)
    assert steps(many, syntax, chunk) < 6 * steps(few, syntax, chunk) + 1000


BULK = Node(0x0018937B, "UT", b"HEAD 5 mm " * 200_000)
LARGE = {
    "value": [BULK],
    "in a sequence": [Node(0x00081140, "SQ", (Item((BULK,)),))],
    "in a sequence without length": [Node(0x00081140, "SQ", (Item((BULK,), True),), True)],
    "in a sequence as UN": [Node(0x00081140, "SQ", (Item((BULK,), True),), True, True)],
    "private": [Node(0x00291010, "UT", BULK.value)],
    "in a private sequence": [Node(0x00291010, "SQ", (Item((BULK,), True),), True)],
}


@pytest.mark.parametrize("name", LARGE)
def test_a_large_value_in_small_pieces(name: str) -> None:
    """Two megabytes in pieces of 16 bytes: copying what is buffered for each is 125 GB."""
    data = encode([*BASE, *LARGE[name]], LITTLE)
    assert run(data, transfer_syntax=LITTLE, chunk=16).result.header
