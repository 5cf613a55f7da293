"""What must be looked at by a person is said, and what was done is counted, without any value."""

import json

import pytest

from deid import Reason, TooLarge
from deid.profile import default_profile
from tests.deid.build import (
    CT,
    IMPLICIT,
    LITTLE,
    MINIMUM,
    SYNTAXES,
    Element,
    Form,
    data_set,
    instance,
    part10,
)
from tests.deid.engine import run

US = "1.2.840.10008.5.1.4.1.1.6.1"
SC = "1.2.840.10008.5.1.4.1.1.7"
MPEG4 = "1.2.840.10008.1.2.4.102"


@pytest.mark.parametrize("syntax", SYNTAXES)
@pytest.mark.parametrize(
    ("extra", "sop_class", "expected"),
    [
        ([], CT, ()),
        ([(0x00280301, "CS", b"NO")], CT, ()),
        ([(0x00280301, "CS", b"YES")], CT, (Reason.BURNED_IN_ANNOTATION,)),
        ([(0x00280301, "CS", b" yes ")], CT, (Reason.BURNED_IN_ANNOTATION,)),
        ([(0x00080060, "CS", b"US")], US, (Reason.MODALITY,)),
        ([(0x00080060, "CS", b"US"), (0x00280301, "CS", b"NO")], US, (Reason.MODALITY,)),
        ([(0x00080060, "CS", b"ES")], CT, (Reason.MODALITY,)),
        ([(0x00080060, "CS", b"XC")], CT, (Reason.MODALITY,)),
        ([], SC, (Reason.SECONDARY_CAPTURE,)),
        ([], "1.2.840.10008.5.1.4.1.1.7.4", (Reason.SECONDARY_CAPTURE,)),
        ([(0x00080060, "CS", b"OT")], SC, (Reason.MODALITY, Reason.SECONDARY_CAPTURE)),
        ([(0x00186011, "SQ", [[(0x00186012, "US", b"\1\0")]])], CT, (Reason.ULTRASOUND_REGIONS,)),
        ([(0x60000102, "US", b"\x0c\x0c")], CT, (Reason.BURNED_IN_ANNOTATION,)),
        ([(0x601E0102, "US", b"\0\0")], CT, ()),
        ([(0x00080064, "CS", b"SD")], CT, (Reason.SCANNED_DOCUMENT,)),
        ([], "1.2.840.10008.5.1.4.1.1.104.3", (Reason.ENCAPSULATED_DOCUMENT,)),
        ([], "1.2.840.10008.5.1.4.1.1.77.1.1.1", (Reason.VIDEO,)),
    ],
)
@pytest.mark.promise("F8", "F57")
def test_reasons(
    extra: list[Element], sop_class: str, expected: tuple[Reason, ...], syntax: str
) -> None:
    output = run(instance(extra, syntax, sop_class=sop_class))
    assert output.result.review == expected
    assert output.result.receipt.review == expected


def test_video_is_held_whatever_the_sop_class() -> None:
    fragments = b"\xfe\xff\x00\xe0\0\0\0\0" + b"\xfe\xff\x00\xe0\4\0\0\0\1\2\3\4"
    pixels = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + fragments + b"\xfe\xff\xdd\xe0\0\0\0\0"
    body = data_set(MINIMUM, Form(LITTLE)) + pixels
    output = run(part10(body, MPEG4))
    assert output.result.review == (Reason.VIDEO,)
    assert output.data.endswith(fragments + b"\xfe\xff\xdd\xe0\0\0\0\0")


def test_cleaned_pixels_are_claimed_only_when_somebody_cleaned_them() -> None:
    data = instance([(0x00280301, "CS", b"YES"), (0x00080060, "CS", b"US")], sop_class=US)
    plain, masked = run(data), run(data, cleaned_pixels=True)
    assert plain.ds.BurnedInAnnotation == "YES"
    assert masked.ds.BurnedInAnnotation == "NO"
    assert masked.result.review == ()

    def codes(output: object) -> list[str]:
        return [c.CodeValue for c in output.ds.DeidentificationMethodCodeSequence]  # type: ignore[attr-defined]

    assert codes(plain) == ["113100", "113105", "113107"]
    assert codes(masked) == ["113100", "113101", "113105", "113107"]
    bare = run(instance([]), cleaned_pixels=True)
    assert bare.ds.BurnedInAnnotation == "NO"
    tags = [int(e.tag) for e in bare.ds]
    assert tags == sorted(tags)


def test_what_was_applied_to_graphics_and_reports_is_claimed() -> None:
    text: list[Element] = [(0x00700006, "ST", b"lesion of Quxley")]
    graphics: Element = (0x00700001, "SQ", [[(0x00700008, "SQ", [text])]])
    report: Element = (0x0040A730, "SQ", [[(0x0040A160, "UT", b"lesion of Quxley")]])
    for element, code in ((graphics, "113103"), (report, "113104")):
        ds = run(instance([element])).ds
        found = [c.CodeValue for c in ds.DeidentificationMethodCodeSequence]
        assert found == sorted(["113100", "113105", "113107", code])


def test_a_document_is_not_cleaned_by_masking() -> None:
    data = instance([(0x00420011, "OB", b"%PDF")], sop_class="1.2.840.10008.5.1.4.1.1.104.1")
    assert run(data, cleaned_pixels=True).result.review == (Reason.ENCAPSULATED_DOCUMENT,)


@pytest.mark.parametrize("size", [4, 3_000_001])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_document_passes_as_it_came(size: int, syntax: str) -> None:
    pdf = (b"%PDF Quxley^Zebulon " * (size // 20 + 1))[:size]
    document = "1.2.840.10008.5.1.4.1.1.104.1"
    title: Element = (0x00420010, "ST", b"Report of Quxley")
    output = run(instance([title, (0x00420011, "OB", pdf)], syntax, sop_class=document))
    assert bytes(output.ds.EncapsulatedDocument)[:size] == pdf
    assert "Quxley" not in str(output.ds.get("DocumentTitle", ""))
    assert b"Quxley" not in output.result.header + output.result.trailer


@pytest.mark.promise("F99")
def test_a_receipt_counts_and_names_no_value() -> None:
    data = instance(
        [
            (0x00080020, "DA", b"20200102"),
            (0x00081030, "LO", b"CHEST Quxley"),
            (0x00080080, "LO", b"Clinic of Wobble"),
            (0x00091001, "LO", b"private"),
            (0x00091002, "LO", b"private"),
            (0x00200052, "UI", b"1.2.3.4.5"),
        ]
    )
    receipt = run(data).result.receipt
    profile = default_profile()
    assert (receipt.profile, receipt.version, receipt.sha256) == (
        profile.name,
        profile.version,
        profile.sha256,
    )
    assert receipt.actions == {
        "cleaned": 1,
        "emptied": 1,
        "literal": 2,
        "mapped": 4,
        "removed": 2,
        "shifted": 1,
    }
    assert receipt.rules == {"2": 2, "3": 2, "4": 1, "5": 5, "6": 1}
    assert sum(receipt.actions.values()) == sum(receipt.rules.values())
    text = receipt.to_json()
    assert json.loads(text)["actions"] == receipt.actions
    for value in ("Quxley", "Wobble", "QX-771204", "1.2.3.4.5", "20200102"):
        assert value not in text


def test_a_receipt_counts_what_was_written_as_un() -> None:
    data = instance([(0x00100010, "UN", b"Quxley"), (0x00080080, "UN", b"Clinic")])
    actions = run(data).result.receipt.actions
    assert (actions["literal"], actions["emptied"]) == (2, 1)


def test_its_own_output_gives_an_empty_receipt() -> None:
    first = run(instance([(0x00081030, "LO", b"CHEST Quxley")]))
    assert run(first.data).result.receipt.actions == {}


def test_too_many_kinds_of_elements_are_refused() -> None:
    # every header is another one, so that nothing that was learnt before helps
    strange: list[Element] = [
        ((0x0009 + 2 * (n >> 16)) << 16 | (n & 0xFFFF) | 0x1000_0 * 0, "LO", b"")
        for n in range(1, 130_000)
    ]
    body = data_set([*MINIMUM, *strange], Form(IMPLICIT))
    with pytest.raises(TooLarge, match="kinds"):
        run(body, transfer_syntax=IMPLICIT)
