"""The DICOM JSON model as PS3.18 Annex F has it, from encoded data sets."""

import json
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from deid.body import Streamed
from deid.encoding import encode_element, encoding_of
from store.bulk import bulk_paths
from store.metadata import ROOT_MARK, build, dumps

ELE = ExplicitVRLittleEndian
EXPLICIT = encoding_of(ELE)
SYNTAXES = [ELE, ImplicitVRLittleEndian, ExplicitVRBigEndian]


def one(tag: int, vr: str, value: bytes) -> dict[str, Any]:
    """The JSON of an explicit little-endian data set with one attribute."""
    found: dict[str, Any] = read(encode_element(tag, vr, value, EXPLICIT))[f"{tag:08X}"]
    return found


def read(header: bytes, trailer: bytes = b"", *streamed: Streamed) -> dict[str, Any]:
    text = dumps(build(header, trailer, streamed, encoding_of(ELE), "/studies/1"))
    found: dict[str, Any] = json.loads(text.replace(ROOT_MARK, b"ROOT"), parse_constant=_refuse)
    return found


def _refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize(
    ("vr", "value", "expected"),
    [
        # numbers as text: padding, signs, exponents, what is none
        ("DS", b"1.0e3 ", [1000.0]),
        ("DS", b" 1.5\\+2\\-3.25E-1", [1.5, 2, -0.325]),
        ("DS", b"1\\\\3 ", [1, None, 3]),
        ("DS", b"NaN ", None),
        ("DS", b"inf\\2", [None, 2]),
        ("DS", b"1e999 ", None),
        ("DS", b"1_0\\x ", ["1_0", "x"]),
        ("DS", b"12\0\0", [12]),
        ("IS", b"+5", [5]),
        ("IS", b"-07 ", [-7]),
        ("IS", b"1.5 ", ["1.5"]),
        ("IS", b"1_0 ", ["1_0"]),
        ("IS", b"\\", None),
        # text: null padding, empty members, nothing at all
        ("LO", b"a\0", ["a"]),
        ("LO", b"a\\\\ b ", ["a", None, "b"]),
        ("LO", b"  ", None),
        ("LO", b"\0\0", None),
        ("CS", b"A\\ ", ["A", None]),
        ("LT", b" a\\b ", [" a\\b"]),
        ("UI", b"1.2\0", ["1.2"]),
        ("UR", b"http://a/b\\c ", ["http://a/b\\c"]),
        ("DA", b"20200101\\", ["20200101", None]),
        # names
        ("PN", b"A^B", [{"Alphabetic": "A^B"}]),
        ("PN", b"A^B==X^Y", [{"Alphabetic": "A^B", "Phonetic": "X^Y"}]),
        ("PN", b"=B", [{"Ideographic": "B"}]),
        ("PN", b"A\\\\B", [{"Alphabetic": "A"}, None, {"Alphabetic": "B"}]),
        ("PN", b"== ", None),
        ("PN", b"A=B=C=D=E", [{"Alphabetic": "A", "Ideographic": "B", "Phonetic": "C"}]),
        # binary numbers: not whole, not finite
        ("US", b"\1\0\2\0", [1, 2]),
        ("SS", b"\xff\xff", [-1]),
        ("UL", b"\1\0", None),
        ("UL", b"\xff\xff\xff\xff", [0xFFFFFFFF]),
        ("UV", b"\xff" * 8, [2**64 - 1]),
        ("FL", b"\0\0\xc0\x7f\0\0\x80\x3f", [None, 1.0]),
        ("FD", b"\0\0\0\0\0\0\xf0\x7f", None),
        ("AT", b"\x28\0\x10\0\xe0\x7f\x10\0", ["00280010", "7FE00010"]),
        ("AT", b"\x28\0", None),
    ],
)
def test_values(vr: str, value: bytes, expected: list[Any] | None) -> None:
    # A private attribute takes every VR.
    found = one(0x00091001, vr, value)
    assert found == ({"vr": vr} if expected is None else {"vr": vr, "Value": expected})


@pytest.mark.parametrize("vr", ["OB", "OD", "OF", "OL", "OV", "OW", "UN"])
def test_bytes_are_inline_or_by_reference(vr: str) -> None:
    assert one(0x00091001, vr, b"\1\2\3\4\5\6\7\x08") == {"vr": vr, "InlineBinary": "AQIDBAUGBwg="}
    assert one(0x00091001, vr, bytes(264)) == {
        "vr": vr,
        "BulkDataURI": "ROOT/studies/1/bulkdata/00091001",
    }
    assert one(0x00091001, vr, b"") == {"vr": vr}


def test_references_are_for_binary_values_only() -> None:
    for vr in ("LO", "SH", "CS", "UC", "UT", "DS", "IS"):
        found = one(0x00091001, vr, b"1\\" * 400 + b"1 ")
        assert found.keys() == {"vr", "Value"}


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_sequences(syntax: str) -> None:
    inner = Dataset()
    inner.LUTDescriptor = [3, 0, 16]
    inner.add_new(0x00283006, "OW", bytes(300))
    ds = Dataset()
    ds.ModalityLUTSequence = [Dataset(), inner]
    ds.ReferencedImageSequence = []
    ds.Rows = 5

    buffer = DicomBytesIO()
    encoding = encoding_of(syntax)
    buffer.is_little_endian, buffer.is_implicit_VR = encoding.little, not encoding.explicit
    write_dataset(buffer, ds)
    text = dumps(build(buffer.getvalue(), b"", (), encoding, "/studies/1"))
    found = json.loads(text.replace(ROOT_MARK, b""))

    assert list(found) == ["00081140", "00280010", "00283000"]
    assert found["00081140"] == {"vr": "SQ"}
    empty, full = found["00283000"]["Value"]
    assert empty == {}
    assert full["00283002"]["Value"] == [3, 0, 16]
    assert full["00283006"]["BulkDataURI"].endswith("/bulkdata/00283000/2/00283006")
    assert bulk_paths(text) == ["00283000/2/00283006"]


def test_group_lengths_are_left_out_and_tags_ascend() -> None:
    header = encode_element(0x00080000, "UL", b"\x0a\0\0\0", EXPLICIT)
    header += encode_element(0x00080060, "CS", b"CT", EXPLICIT)
    trailer = encode_element(0x00420012, "LO", b"application/pdf ", EXPLICIT)
    streamed = [Streamed(0x00420011, "OB", 500, 10), Streamed(0x7FE00010, "OW", 900, 4)]

    found = read(header, trailer, *streamed)

    assert list(found) == ["00080060", "00420011", "00420012", "7FE00010"]


def test_text_is_unicode_and_says_so() -> None:
    header = encode_element(0x00080005, "CS", b"ISO_IR 100", EXPLICIT)
    header += encode_element(0x00081030, "LO", "Schädel".encode("latin-1") + b" ", EXPLICIT)
    found = read(header)
    assert found["00080005"]["Value"] == ["ISO_IR 192"]
    assert found["00081030"]["Value"] == ["Schädel"]


def test_text_cannot_pass_for_a_reference() -> None:
    nasty = b'\1"BulkDataURI":"\1/bulkdata/0'
    text = dumps(
        build(encode_element(0x00081030, "LO", nasty, EXPLICIT), b"", (), encoding_of(ELE), "/s")
    )
    assert ROOT_MARK not in text
    assert bulk_paths(text) == []
