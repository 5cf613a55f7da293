"""Identifiers are read and written as pydicom would, and broken ones are refused quietly."""

import struct
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from dimse.identifiers import DEEPEST, LONGEST, Element, Unfit, Writer, decoded
from tests.dimse.instances import encoded

PLAIN = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
SYNTAXES = [*PLAIN, DeflatedExplicitVRLittleEndian]
SECRET = b"Secretfamily"


def as_data_set(data: bytes, syntax: str) -> Dataset:
    """What pydicom reads."""
    uid = UID(syntax)
    if uid.is_deflated:
        data = zlib.decompress(data, -zlib.MAX_WBITS)
    return read_dataset(BytesIO(data), uid.is_implicit_VR, uid.is_little_endian)


def nested() -> Dataset:
    """A data set with an element of each kind."""
    item = Dataset()
    item.CodeValue = "T-D1100"
    item.CodeMeaning = "Kopf und Hälse"
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.QueryRetrieveLevel = "STUDY"
    ds.PatientName = "Müller^Anna"
    ds.StudyInstanceUID = ["1.2.3", "1.2.4"]
    ds.NumberOfStudyRelatedSeries = ""
    ds.AnatomicRegionSequence = [item, Dataset()]
    ds.Rows = 512
    ds.add_new(0x00280106, "SS", -5)
    ds.FrameIncrementPointer = [0x00181063, 0x00540010]
    ds.RealWorldValueSlope = 0.5
    return ds


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", PLAIN)
def test_what_pydicom_writes_is_read(syntax: str, undefined: bool) -> None:
    ds = nested()
    ds["AnatomicRegionSequence"].is_undefined_length = undefined
    for item in ds.AnatomicRegionSequence:
        item.is_undefined_length_sequence_item = undefined
    found = decoded(encoded(ds, syntax), syntax)
    assert set(found) == {element.tag for element in ds}
    assert found[0x00080052].value == "STUDY"
    assert found[0x00100010].value == "Müller^Anna"
    assert found[0x0020000D].value == "1.2.3\\1.2.4"
    assert found[0x00201206].value == ""
    assert found[0x00280010].value == "512"
    assert found[0x00280009].value == "00181063\\00540010"
    assert found[0x00409225].value == "0.5"
    full, empty = found[0x00082218].items
    assert {tag: one.value for tag, one in full.items()} == {
        0x00080100: "T-D1100",
        0x00080104: "Kopf und Hälse",
    }
    assert empty == {}
    if syntax != ImplicitVRLittleEndian:
        assert found[0x00280106] == Element("SS", "-5")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_is_written_is_read_by_pydicom(syntax: str) -> None:
    data = Writer(syntax).data_set(
        {
            "00100010": {
                "vr": "PN",
                "Value": [{"Alphabetic": "Yamada^Tarou", "Phonetic": "やまだ^たろう"}],
            },
            "00080020": {"vr": "DA"},
            "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
            "00201208": {"vr": "IS", "Value": [17]},
            "00180050": {"vr": "DS", "Value": [-1.2345678901234567e-100, 2.5]},
            "00280010": {"vr": "US", "Value": [512]},
            "00280009": {"vr": "AT", "Value": ["00181063"]},
            "00082218": {"vr": "SQ", "Value": [{"00080100": {"vr": "SH", "Value": ["T"]}}]},
            "00409096": {"vr": "SQ", "Value": [{"00409224": {"vr": "FD", "Value": [0.25]}}]},
        }
    )
    assert len(data) % 2 == 0
    ds = as_data_set(data, syntax)
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert ds.PatientName == "Yamada^Tarou==やまだ^たろう"
    assert ds.StudyDate == ""
    assert ds.StudyInstanceUID == "1.2.3"
    assert ds.NumberOfStudyRelatedInstances == 17
    assert [float(value) for value in ds.SliceThickness] == pytest.approx([-1.23456789e-100, 2.5])
    assert ds.Rows == 512
    assert ds.FrameIncrementPointer == 0x00181063
    assert ds.AnatomicRegionSequence[0].CodeValue == "T"
    assert ds.RealWorldValueMappingSequence[0].RealWorldValueIntercept == 0.25
    assert [element.tag for element in ds] == sorted(element.tag for element in ds)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_is_written_is_read_again(syntax: str) -> None:
    written = Writer(syntax).data_set({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "Ä"}]}})
    found = decoded(written, syntax)
    assert found == {0x00080005: Element("CS", "ISO_IR 192"), 0x00100010: Element("PN", "Ä")}


def test_a_value_too_long_for_its_vr_is_left_out() -> None:
    long = {"00081030": {"vr": "LO", "Value": ["x" * 70_000]}}
    assert (
        as_data_set(
            Writer(ExplicitVRLittleEndian).data_set(long), ExplicitVRLittleEndian
        ).StudyDescription
        == ""
    )


@pytest.mark.parametrize("syntax", PLAIN)
def test_a_list_of_uids_is_as_long_as_it_can_be(syntax: str) -> None:
    uids = [f"2.25.{10**38 + number}" for number in range(3000)]
    ds = as_data_set(Writer(syntax).uids(0x00080058, uids), syntax)
    found = list(ds.FailedSOPInstanceUIDList)
    assert found == uids[: len(found)]
    assert len(found) > 1400
    assert len(ds) == 1


def refusal_of(data: bytes, syntax: str) -> int:
    """The status with which bytes are refused, 0 if they are read."""
    try:
        decoded(data, syntax)
    except Unfit as unfit:
        return unfit.status.code
    return 0


# pydicom warns of odd escape sequences, without quoting them; servers silence it anyway.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", SYNTAXES)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(syntax: str, data: bytes) -> None:
    assert refusal_of(data, syntax) in (0, 0xA900, 0xC000)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("syntax", PLAIN)
@given(at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_damaged_identifier_is_read_or_refused(syntax: str, at: int, flip: int) -> None:
    data = bytearray(encoded(nested(), syntax))
    data[at % len(data)] ^= flip
    assert refusal_of(bytes(data), syntax) in (0, 0xC000)


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_truncated_identifier_is_refused_and_not_repeated(cut: int) -> None:
    ds = Dataset()
    ds.PatientName = SECRET.decode()
    with pytest.raises(Unfit) as raised:
        decoded(encoded(ds)[:-cut], ExplicitVRLittleEndian)
    assert SECRET.decode()[:4] not in repr(raised.value)
    assert raised.value.__suppress_context__


def test_deep_nesting_is_refused() -> None:
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    level = struct.pack("<HH2sHL", 0x0008, 0x2218, b"SQ", 0, 0xFFFFFFFF) + item
    decoded(level * DEEPEST, ExplicitVRLittleEndian)
    with pytest.raises(Unfit):
        decoded(level * (LONGEST // len(level)), ExplicitVRLittleEndian)


def test_little_that_inflates_to_much_is_refused() -> None:
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = deflate.compress(bytes(100 * LONGEST)) + deflate.flush()
    with pytest.raises(Unfit) as raised:
        decoded(bomb, DeflatedExplicitVRLittleEndian)
    assert raised.value.status.code == 0xA900


@pytest.mark.parametrize(
    ("character_set", "value", "text"),
    [
        (b"ISO_IR 100", b"M\xfcller", "Müller"),
        (b"ISO_IR 192", "Müller".encode(), "Müller"),
        (b"ISO_IR 144", "Иванов".encode("iso8859_5"), "Иванов"),
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B",
            "Yamada^Tarou=山田^太郎",
        ),
        (b"GB18030", "王小东".encode("gb18030"), "王小东"),
        (b"", b"M\xfcller", "Müller"),
        (b"NO SUCH SET", "Müller".encode(), "Müller"),
    ],
)
def test_text_is_read_in_its_character_set(character_set: bytes, value: bytes, text: str) -> None:
    data = b""
    for tag, vr, content in ((0x0005, b"CS", character_set), (0x0090, b"PN", value)):
        content += b" " * (len(content) % 2)
        data += struct.pack("<HH2sH", 8, tag, vr, len(content)) + content
    assert decoded(data, ExplicitVRLittleEndian)[0x00080090].value == text
