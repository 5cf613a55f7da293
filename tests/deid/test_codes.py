"""Codes: value, scheme and meaning are judged together (rule 6); concepts say who a value is of."""

import pytest
from pydicom.dataset import Dataset

from tests.deid.build import SYNTAXES, Element, instance
from tests.deid.engine import run

SR = "1.2.840.10008.5.1.4.1.1.88.33"
ANATOMY = 0x00082218  # AnatomicRegionSequence
CONTENT = 0x0040A730
THORAX = "Thoracic structure (body structure)"


def code(value: bytes, scheme: bytes, meaning: bytes, *more: Element) -> list[Element]:
    return [
        (0x00080100, "SH", value),
        (0x00080102, "SH", scheme),
        (0x00080104, "LO", meaning),
        *more,
    ]


def cleaned(item: list[Element], syntax: str = SYNTAXES[1], *, undefined: bool = False) -> Dataset:
    output = run(instance([(ANATOMY, "SQ", [item])], syntax, undefined=undefined))
    again = run(output.data)
    assert again.data == output.data
    found: Dataset = output.ds.AnatomicRegionSequence[0]
    return found


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        # known: the meaning becomes the standard's, and stays when it is made of safe words
        ((b"51185008", b"SCT", b"Chest"), ("51185008", "SCT", "Chest")),
        ((b"51185008", b"SCT", b"Dr Wobble's chest"), ("51185008", "SCT", THORAX)),
        ((b"121071", b"DCM", b"Finding"), ("121071", "DCM", "Finding")),
        ((b"121071", b"DCM", b"Quxley"), ("121071", "DCM", "Finding")),
        ((b"T-D3000", b"SRT", b"Quxley"), ("T-D3000", "SRT", THORAX)),
        ((b"mm", b"UCUM", b"mm"), ("mm", "UCUM", "mm")),
        # unknown in a known scheme: the meaning is cleaned
        ((b"999999990", b"SCT", b"liver of Wobble"), ("999999990", "SCT", "liver of")),
        ((b"999999990", b"SCT", b"Wobble"), ("999999990", "SCT", "Removed")),
        ((b"mm6", b"UCUM", b"Wobble"), ("mm6", "UCUM", "mm6")),
        ((b"QX-771204", b"SCT", b"liver"), ("0", "SCT", "liver")),
        # private: nothing that could be read
        ((b"A12", b"99SMS_RAD", b"Wobble"), ("A12", "99SMS_RAD", "Removed")),
        ((b"WOBBLE", b"99SMS_RAD", b"chest"), ("0", "99SMS_RAD", "Removed")),
        ((b"A12", b"99WOBBLE", b"chest"), ("A12", "99REMOVED", "Removed")),
        ((b"QX-771204", b"L", b"chest"), ("0", "99REMOVED", "Removed")),
    ],
)
def test_a_code(
    sent: tuple[bytes, bytes, bytes], expected: tuple[str, ...], syntax: str, undefined: bool
) -> None:
    item = cleaned(code(*sent), syntax, undefined=undefined)
    assert (item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning) == expected


def test_a_meaning_without_a_scheme_is_nobodys() -> None:
    item = cleaned([(0x00080104, "LO", b"chest")])
    assert item.CodeMeaning == "Removed"
    assert "CodeValue" not in item


def test_a_long_code_keeps_its_scheme_and_meaning() -> None:
    item = cleaned(
        [
            (0x00080102, "SH", b"SCT"),
            (0x00080104, "LO", b"Chest"),
            (0x00080119, "UC", b"QX-771204"),
        ]
    )
    assert item.CodingSchemeDesignator == "SCT"
    assert item.CodeMeaning == "Chest"
    assert b"771204" not in str(item.LongCodeValue).encode()


def test_a_code_written_as_un_becomes_a_plain_one() -> None:
    item = cleaned(
        [
            (0x00080100, "UN", b"51185008"),
            (0x00080102, "UN", b"SCT "),
            (0x00080104, "UN", b"Quxley"),
        ]
    )
    assert item.CodeMeaning == THORAX


def content(kind: bytes, concept: list[Element], *value: Element) -> list[Element]:
    return [(0x0040A040, "CS", kind), (0x0040A043, "SQ", [concept]), *value]


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_values_of_identifying_concepts_are_dummies(syntax: str, undefined: bool) -> None:
    birth = code(b"121031", b"DCM", b"Subject Birth Date")
    number = code(b"121030", b"DCM", b"Subject ID")
    finding = code(b"121071", b"DCM", b"Finding")
    items = [
        content(b"DATE", birth, (0x0040A121, "DA", b"19630417")),
        content(b"TEXT", number, (0x0040A160, "UT", b"head")),
        content(b"DATE", finding, (0x0040A121, "DA", b"20200102")),
        content(b"TEXT", finding, (0x0040A160, "UT", b"head")),
    ]
    ds = run(
        instance([(CONTENT, "SQ", items)], syntax, sop_class=SR, undefined=undefined)
    ).ds.ContentSequence
    assert ds[0].Date == "19000101"
    assert ds[1].TextValue == "Removed"
    assert ds[2].Date not in ("20200102", "19000101", "")
    assert ds[3].TextValue == "head"


@pytest.mark.parametrize(("age", "expected"), [(b"93", 90), (b"44", 44), (b"89", 89)])
def test_an_age_in_a_report_ends_at_ninety(age: bytes, expected: int) -> None:
    concept = code(b"121033", b"DCM", b"Subject Age")
    measured: list[Element] = [(0x0040A30A, "DS", age)]
    other = code(b"121071", b"DCM", b"Finding")
    items = [
        content(b"NUM", concept, (0x0040A300, "SQ", [measured])),
        content(b"NUM", other, (0x0040A300, "SQ", [[(0x0040A30A, "DS", b"93")]])),
    ]
    ds = run(instance([(CONTENT, "SQ", items)], sop_class=SR)).ds.ContentSequence
    assert ds[0].MeasuredValueSequence[0].NumericValue == expected
    assert ds[1].MeasuredValueSequence[0].NumericValue == 93
