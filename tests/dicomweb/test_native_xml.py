"""What is written as Native DICOM Model is read again, and hostile documents are refused."""

import math
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb.native_xml import to_xml
from dicomweb.native_xml_reader import NotNativeXml, from_xml

# What XML 1.0 can hold, but for what a whole value may not be: empty.
_CHARACTERS = st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff")
_TEXT = st.text(st.one_of(_CHARACTERS, st.sampled_from("\t\r\n<>&'\"]")), min_size=1, max_size=12)
_PART = st.text(st.sampled_from("abÄ &<'ß"), max_size=4)
_NAME = st.lists(_PART, min_size=1, max_size=5).map(lambda parts: "^".join(parts).rstrip("^"))
_PN = st.fixed_dictionaries(
    {}, optional={g: _NAME.filter(bool) for g in ("Alphabetic", "Ideographic", "Phonetic")}
).map(lambda groups: groups or None)
_FLOAT = st.floats(allow_nan=False, allow_infinity=False)
_DECIMAL = st.one_of(st.integers(-(10**9), 10**9), _FLOAT)
_TAGS = st.integers(0x00080000, 0xFFFCFFFF).map(lambda tag: f"{tag:08X}")


def _values(value: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.one_of(st.none(), value), min_size=1, max_size=4)


def _of(vr: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.just({"vr": vr}), _values(value).map(lambda values: {"vr": vr, "Value": values})
    )


_URI = _TEXT.map(lambda uri: {"vr": "OW", "BulkDataURI": uri})
_INLINE = st.binary(min_size=1).map(
    lambda value: {"vr": "OB", "InlineBinary": b64encode(value).decode()}
)
_LEAF = st.one_of(
    _of("LO", _TEXT),
    _of("UT", _TEXT),
    _of("PN", _PN),
    _of("US", st.integers(0, 65535)),
    _of("SV", st.integers(-(2**63), 2**63 - 1)),
    _of("DS", _DECIMAL),
    _of("FD", _FLOAT),
    _of("AT", _TAGS),
    _URI,
    _INLINE,
)
_DATA_SET = st.recursive(
    st.dictionaries(_TAGS, _LEAF, max_size=5),
    lambda inner: st.dictionaries(
        _TAGS,
        st.lists(inner, min_size=1, max_size=3).map(lambda items: {"vr": "SQ", "Value": items}),
        max_size=3,
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(_DATA_SET)
def test_what_is_written_is_read_again(attributes: dict[str, Any]) -> None:
    read = from_xml(to_xml(attributes))

    assert read == attributes
    assert list(read) == sorted(attributes)


def test_numbers_keep_their_kind() -> None:
    of: dict[str, Any] = {"00181130": {"vr": "DS", "Value": [1, -0.0, 1e300, "x"]}}

    (one, zero, large, text) = from_xml(to_xml(of))["00181130"]["Value"]

    assert isinstance(one, int)
    assert math.copysign(1, zero) == -1
    assert (large, text) == (1e300, "x")


@pytest.mark.parametrize(
    "content",
    [
        '<DicomAttribute tag="00080060" vr="CS"><Value number="2">B</Value>'
        '<Value number="1">A</Value></DicomAttribute>',
        '<DicomAttribute tag="00080060" vr="CS" keyword="Modality" privateCreator="x">\n'
        "<Value number='1'>A</Value> \n <Value number='2'><![CDATA[B]]></Value></DicomAttribute>",
        '<!-- c --><DicomAttribute vr="CS" tag="00080060"><Value>A</Value><Value>B</Value>'
        "</DicomAttribute>",
    ],
)
def test_other_ways_of_writing_are_read(content: str) -> None:
    expected = {"00080060": {"vr": "CS", "Value": ["A", "B"]}}
    for head in ("", '<?xml version="1.0" encoding="UTF-8"?>\n'):
        for name in ("NativeDicomModel", 'NativeDicomModel xmlns="urn:x" xml:space="preserve"'):
            text = f"{head}<{name}>{content}</NativeDicomModel>"
            assert from_xml(text.encode()) == expected
    encoded = f'<?xml version="1.0" encoding="UTF-16"?><NativeDicomModel>{content}'
    assert from_xml(f"{encoded}</NativeDicomModel>".encode("utf-16")) == expected


def test_missing_numbers_are_empty_values() -> None:
    text = (
        b'<NativeDicomModel><DicomAttribute tag="00080008" vr="CS"><Value number="3">A</Value>'
        b'</DicomAttribute><DicomAttribute tag="0020000D" vr="OB"><BulkData uuid="u"/>'
        b"</DicomAttribute></NativeDicomModel>"
    )
    assert from_xml(text) == {
        "00080008": {"vr": "CS", "Value": [None, None, "A"]},
        "0020000D": {"vr": "OB", "BulkDataURI": "u"},
    }


@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE NativeDicomModel SYSTEM "file:///etc/passwd"><NativeDicomModel/>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]><NativeDicomModel>&a;</NativeDicomModel>',
        "<NativeDicomModel>&unknown;</NativeDicomModel>",
        "<NativeDicomModel>" * 300 + "</NativeDicomModel>" * 300,
        "<NativeDicomModel><DicomAttribute vr='CS'/></NativeDicomModel>",
        "<NativeDicomModel><DicomAttribute tag='1'/><DicomAttribute tag='1'/></NativeDicomModel>",
        '<NativeDicomModel><DicomAttribute tag="1" vr="PN"><PersonName><Other/></PersonName>'
        "</DicomAttribute></NativeDicomModel>",
        '<NativeDicomModel><DicomAttribute tag="1" vr="CS"><Value number="0">x</Value>'
        "</DicomAttribute></NativeDicomModel>",
        '<NativeDicomModel><DicomAttribute tag="1" vr="CS"><Value number="1">x</Value>'
        '<Value number="1">y</Value></DicomAttribute></NativeDicomModel>',
        '<?xml version="1.0" encoding="no-such"?><NativeDicomModel/>',
        "<NativeDicomModel/>x",
    ],
)
def test_what_is_no_model_is_refused(text: str) -> None:
    with pytest.raises(NotNativeXml) as raised:
        from_xml(text.encode())
    assert str(raised.value) == ""


@settings(max_examples=60, deadline=None)
@given(_DATA_SET, st.data())
def test_damaged_documents_are_refused_or_read(
    attributes: dict[str, Any], data: st.DataObject
) -> None:
    document = bytearray(to_xml(attributes))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(document) - 1))
        document[at : at + 1] = data.draw(st.sampled_from([b"", b"<", b"&", b"\0", b'"', b"/>"]))
    with suppress(NotNativeXml):
        assert isinstance(from_xml(bytes(document)), dict)
