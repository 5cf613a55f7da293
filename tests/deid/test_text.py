"""Descriptions keep safe words and lose the rest; cleaning twice is cleaning once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deid.text import Identifiers, clean, words_of
from tests.deid.build import Element, instance
from tests.deid.engine import run

IDENTIFIERS = frozenset((b"doe", b"jane", b"4711a"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"CT CHEST W/O CONTRAST", b"CT CHEST W/O CONTRAST"),
        (b"T1_MPRAGE_SAG_1mm", b"T1_MPRAGE_SAG_1mm"),
        (b"T1_MPRAGE_Miller_SAG", b"T1_MPRAGE SAG"),
        (b"*CHEST 1mm B30f* ", b"*CHEST 1mm B30f* "),
        (b"J. R. Doe: HEAD", b"HEAD"),
        (b"HEAD l doe r", b"HEAD"),
        (b"ImagePosition", b"ImagePosition"),
        (b"HeadMiller MillerHead", b""),
        (b"X123456 B12345 Meier2", b""),
        (b"Zq09ja2az Q9u", b""),
        (b"HEAD 94y 94 yo", b"HEAD"),
        (b"AX FLAIR 5 mm", b"AX FLAIR 5 mm"),
        (b"AX FLAIR 5.5mm thick Dr. Miller", b"AX FLAIR 5.5mm thick"),
        (b"Doe, Jane: HEAD", b"HEAD"),
        (b"head jane 4711a", b"head"),
        (b"12345 mm", b"mm"),
        (b"2019 follow-up Boston", b"follow-up"),
        (b"brain\\Miller\\neck", b"brain\\\\neck"),
        (b"Miller\\Meier", b""),
        ("KOPF M\u00fcller HEAD".encode(), b"KOPF HEAD"),
        (b"\x1b$B;3ED\x1b(B HEAD", b"HEAD"),
        (b"", b""),
    ],
)
@pytest.mark.promise("F4", "F9")
def test_descriptions(text: bytes, expected: bytes) -> None:
    assert clean(text, IDENTIFIERS) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"*tfl3d1_16ns", b"*tfl3d1_16ns"),
        (b"left 11/5/31", b"left"),
        (b"liver 14-OCT-77", b"liver OCT"),
        (b"tumor Q U X L E Y", b"tumor"),
        (b"WINDOW1\\WINDOW2", b"WINDOW1\\WINDOW2"),
        (b"STANDARD\\1,1", b"STANDARD\\1,1"),
        (b"5551234", b""),
        (b"555 12 34", b""),
        (b"In-Stack Position Number", b"In-Stack Position Number"),
        (b"application/pdf", b"application/pdf"),
        (b"coil of Miller", b"coil of"),
    ],
)
def test_settings_of_a_device(text: bytes, expected: bytes) -> None:
    assert clean(text, IDENTIFIERS, technical=True) == expected


@pytest.mark.parametrize("name", [b"Miller", b"Johnson", b"Boston", b"Robert", b"Schmidt"])
def test_names_and_places_are_no_safe_words(name: bytes) -> None:
    assert clean(name, frozenset()) == b""


words = st.sampled_from(
    [
        b"head",
        b"DOE",
        b"5",
        b"mm",
        b"5mm",
        b"1.25",
        b"T2",
        b"w/o",
        b"Miller",
        b"\\",
        b"-",
        b"3T",
        b".",
    ]
)


@given(st.lists(words).flatmap(lambda ws: st.sampled_from([b" ".join(ws), b"".join(ws)])))
def test_cleaning_twice_is_cleaning_once(text: bytes) -> None:
    once = clean(text, IDENTIFIERS)
    assert clean(once, IDENTIFIERS) == once
    assert not IDENTIFIERS & set(words_of(once))


@given(st.binary(max_size=60))
def test_cleaning_any_bytes_is_stable(text: bytes) -> None:
    once = clean(text, IDENTIFIERS)
    assert clean(once, IDENTIFIERS) == once


@pytest.mark.parametrize("others", [0, 100])
def test_identifiers_in_text(others: int) -> None:
    many = frozenset(b"filler%d" % n for n in range(others))
    identifiers = Identifiers(IDENTIFIERS | many, (b"doe^jane", b"li^bo"))
    for text in (b"scan of DOE", b"Li^Bo", b"1.2.840.113619.2.55", b"x_doe_x"):
        assert not identifiers.is_harmless(text)
        assert not identifiers.is_harmless(text)
    for text in (b"version 1.2.3", b"doesnt", b"", b"l" * 100):
        assert identifiers.is_harmless(text)
        assert identifiers.is_harmless(text)


def test_a_defined_term_stays_even_if_a_patient_is_called_like_it() -> None:
    identifiers = Identifiers(frozenset((b"head", b"primary")), ())
    assert identifiers.is_harmless_code(b"ORIGINAL\\PRIMARY")
    assert identifiers.is_harmless_code(b"HEAD ")
    assert not identifiers.is_harmless_code(b"HEADXY PRIMARY")


def test_a_media_type_stays_whoever_is_called_like_it() -> None:
    identifiers = Identifiers(frozenset((b"pdf", b"head")), (b"pdf",))
    assert identifiers.clean(b"application/pdf ", technical=True) == b"application/pdf "
    assert b"pdf" not in identifiers.clean(b"application/pdf", technical=False)
    assert identifiers.clean(b"head pdf", technical=True) == b""


def described(*extra: Element) -> bytes:
    return instance(
        [
            (0x00081030, "LO", b"MR Brain with Contrast for Quxley"),
            (0x0008103E, "LO", b"Zebulon"),
            (0x00204000, "LT", b"AX T2 \r\n per Dr. Wobblethorpe"),
            (0x00181030, "LO", b"Prof. Wobblethorpe"),
            *extra,
        ]
    )


def test_descriptors_of_a_data_set() -> None:
    ds = run(described()).ds
    assert ds.StudyDescription == "MR Brain with Contrast for"
    assert "SeriesDescription" not in ds
    assert ds.ImageComments == "AX T2 \r\n per"
    assert "ProtocolName" not in ds


def test_where_a_description_is_type_1_a_dummy_stands() -> None:
    label: Element = (0x30060002, "SH", b"Wobblethorpe")
    ds = run(instance([label], sop_class="1.2.840.10008.5.1.4.1.1.481.3")).ds
    assert ds.StructureSetLabel == "Removed"


@pytest.mark.promise("F57")
def test_report_text_is_cleaned() -> None:
    item: list[Element] = [
        (0x0040A010, "CS", b"CONTAINS"),
        (0x0040A040, "CS", b"TEXT"),
        (0x0040A160, "UT", b"Quxley has a lesion in the left lung, says Wobblethorpe"),
    ]
    other: list[Element] = [(0x0040A040, "CS", b"TEXT"), (0x0040A160, "UT", b"Wobblethorpe")]
    data = instance([(0x0040A730, "SQ", [item, other])], sop_class="1.2.840.10008.5.1.4.1.1.88.11")
    found = run(data).ds.ContentSequence
    assert "lesion" in found[0].TextValue
    assert "Wobble" not in found[0].TextValue
    assert found[0].RelationshipType == "CONTAINS"
    assert found[1].TextValue == "Removed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"Cornerstone3DTools@^0.1.0:Length", b"Cornerstone3DTools@^0.1.0:Length"),
        (b"cornerstoneTools@^4.0.0:EllipticalRoi ", b"cornerstoneTools@^4.0.0:EllipticalRoi "),
        # Only whole, only tools that there are, and never somebody's name.
        (b"Cornerstone3DTools@^0.1.0:Mueller", b""),
        (b"Mueller Cornerstone3DTools@^0.1.0:Length", b"Length"),
        (b"Cornerstone3DTools@^0.1.0:Probe", b""),
    ],
)
def test_what_viewers_know_their_measurements_by(text: bytes, expected: bytes) -> None:
    assert clean(text, frozenset({b"mueller", b"probe"})) == expected
