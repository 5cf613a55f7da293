"""The walker sees what pydicom sees, and refuses what does not parse."""

import io
import struct
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from deid import DeidError, Malformed, TransferSyntaxUnsupported, Truncated
from deid.encoding import (
    IMPLICIT,
    Encoding,
    elements,
    encode_element,
    encoding_of,
    is_encapsulated,
    items,
)
from tests.deid.build import BIG, LITTLE, MINIMUM, SYNTAXES, Element, Form, data_set
from tests.deid.conftest import real_files
from tests.deid.engine import run

LITTLE_ENC = encoding_of(LITTLE)


def walk(buf: bytes, pos: int, end: int, enc: Encoding) -> list[object]:
    """The whole tree: tags and items."""
    tree: list[object] = []
    for tag, vr, start, stop in elements(buf, pos, end, enc):
        inside = (
            [walk(buf, a, b, enc) for a, b in items(buf, start, stop, enc)] if vr == "SQ" else []
        )
        tree.append((tag, vr, inside))
    return tree


def tree_of(ds: Dataset) -> list[object]:
    """The same from pydicom."""
    return [
        (int(e.tag), e.VR, [tree_of(item) for item in e.value or ()] if e.VR == "SQ" else [])
        for e in ds
    ]


@pytest.mark.filterwarnings("ignore")  # what pydicom says of the values of real files
@pytest.mark.parametrize("path", real_files()[::7], ids=lambda p: p.name)
def test_the_tree_is_pydicoms(path: Path) -> None:
    try:
        output = run(path.read_bytes())
    except DeidError as error:
        pytest.skip(f"refused: {type(error).__name__}")
    result = output.result
    enc = encoding_of(result.transfer_syntax)
    ds = pydicom.dcmread(io.BytesIO(output.data))
    for streamed in result.streamed:
        del ds[streamed.tag]
    whole = result.header + result.trailer
    found = walk(whole, 0, len(whole), enc)
    if enc.explicit:
        assert found == tree_of(ds)
    else:
        assert [entry[0] for entry in found] == [int(e.tag) for e in ds]  # type: ignore[index]


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize("undefined", [False, True])
def test_undefined_lengths_are_resolved(syntax: str, undefined: bool) -> None:
    inner: list[Element] = [(0x00081150, "UI", b"1.2"), (0x00081115, "SQ", [[]])]
    extra: list[Element] = [(0x00081115, "SQ", [inner, [], inner]), (0x00400275, "SQ", [])]
    form = Form(syntax, undefined)
    enc = encoding_of(syntax)
    buf = data_set([*MINIMUM, *extra], form)
    found = {tag: (vr, a, b) for tag, vr, a, b in elements(buf, 0, len(buf), enc)}
    vr, start, end = found[0x00081115]
    assert vr == "SQ"
    ranges = list(items(buf, start, end, enc))
    assert len(ranges) == 3
    assert [t for t, *_ in elements(buf, *ranges[0], enc)] == [0x00081115, 0x00081150]
    assert list(found)[-1] == 0x00400275
    assert found[0x00400275][1] == found[0x00400275][2]


def test_un_takes_the_vr_of_the_dictionary_but_for_sequences() -> None:
    buf = data_set([(0x00100010, "UN", b"A^B"), (0x00081115, "UN", b"")], Form(LITTLE))
    assert [vr for _, vr, *_ in elements(buf, 0, len(buf), LITTLE_ENC)] == ["UN", "PN"]


@pytest.mark.parametrize(
    ("syntax", "encapsulated"),
    [
        ("1.2.840.10008.1.2.4.50", True),
        ("1.2.840.10008.1.2.4.201", True),
        ("1.2.840.10008.1.2.5", True),
        ("1.2.840.10008.1.2.1.98", True),
        (LITTLE, False),
        (BIG, False),
    ],
)
def test_transfer_syntaxes(syntax: str, encapsulated: bool) -> None:
    assert is_encapsulated(syntax) is encapsulated
    assert encoding_of(syntax).explicit
    assert encoding_of(syntax).little is (syntax != BIG)


@pytest.mark.parametrize(
    "syntax", ["", "1.2.3", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.7712041"]
)
def test_other_transfer_syntaxes_are_refused(syntax: str) -> None:
    with pytest.raises(TransferSyntaxUnsupported):
        encoding_of(syntax)


@pytest.mark.parametrize(
    "buf",
    [
        b"\x08\x00\x16\x00UI\x10\x001.2",
        b"\x08\x00\x16\x00OB\0\0\x10\0",
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff",
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff",
    ],
)
def test_what_ends_too_soon_is_truncated(buf: bytes) -> None:
    with pytest.raises(Truncated):
        list(elements(buf, 0, len(buf), LITTLE_ENC))


@pytest.mark.parametrize(
    "buf",
    [
        b"\x08\x00\x16\x00XX\x00\x00",
        b"\x08\x00\x16\x00UT\0\0\xff\xff\xff\xff" + bytes(8),
        b"\xfe\xff\x0d\xe0\0\0\0\0",
        b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\x08\x00\x16\x00UI\x00\x00",
    ],
)
def test_what_breaks_the_rules_is_malformed(buf: bytes) -> None:
    with pytest.raises(Malformed):
        list(elements(buf, 0, len(buf), LITTLE_ENC))


@given(st.binary(max_size=200), st.sampled_from([IMPLICIT, LITTLE_ENC, encoding_of(BIG)]))
def test_any_bytes_parse_or_raise_a_deid_error(data: bytes, enc: Encoding) -> None:
    try:
        walk(data, 0, len(data), enc)
    except DeidError as error:
        assert str(error)  # noqa: PT017


@given(st.binary(max_size=300), st.sampled_from(SYNTAXES))
def test_any_data_set_is_refused_or_clean(data: bytes, syntax: str) -> None:
    head = data_set(MINIMUM, Form(syntax))
    try:
        output = run(head + data, transfer_syntax=syntax)
    except DeidError as error:
        assert str(error)  # noqa: PT017
    else:
        assert b"Quxley" not in output.data


@given(
    st.integers(0, 1400),
    st.binary(min_size=1, max_size=4),
    st.sampled_from(SYNTAXES),
    st.booleans(),
)
def test_a_damaged_data_set_is_refused_or_clean(
    where: int, damage: bytes, syntax: str, undefined: bool
) -> None:
    inner: list[Element] = [(0x0040A123, "PN", b"Zorblatt^P"), (0x00081155, "UI", b"1.2.77.88")]
    extra: list[Element] = [
        (0x00081115, "SQ", [inner, [(0x0040A730, "SQ", [inner, inner])]]),
        (0x00081140, "SQ", [inner]),
        (0x00291010, "UN", b"private"),
    ]
    form = Form(syntax, undefined)
    body = bytearray(data_set([*MINIMUM, *extra], form))
    where %= len(body)
    body[where : where + len(damage)] = damage
    try:
        output = run(bytes(body), transfer_syntax=syntax)
    except DeidError as error:
        assert str(error)  # noqa: PT017
    else:
        assert output.ds.PatientName == "Anonymized^^"


def test_elements_are_padded_as_their_vr_asks() -> None:
    assert encode_element(0x00080016, "UI", b"1.2", LITTLE_ENC).endswith(b"1.2\0")
    assert encode_element(0x00080060, "CS", b"CT1", LITTLE_ENC).endswith(b"CT1 ")
    assert encode_element(0x00420011, "OB", b"x", IMPLICIT)[4:8] == struct.pack("<L", 2)
