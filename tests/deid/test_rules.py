"""Actions follow the type of the attribute in the SOP class, at its place."""

import pytest

from deid import Reason
from deid.profile import default_profile
from tests.deid.build import CT, IMPLICIT, LITTLE, SYNTAXES, Element, instance
from tests.deid.engine import run

CR = "1.2.840.10008.5.1.4.1.1.1"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
UNKNOWN = "1.2.840.10008.5.1.4.1.1.999"


@pytest.mark.parametrize(
    ("sop_class", "expected"),
    [(CT, ""), (ENHANCED_MR, "Removed"), (UNKNOWN, "")],
)
@pytest.mark.promise("F69")
def test_an_emptied_row_is_a_dummy_where_it_is_type_1(sop_class: str, expected: str) -> None:
    ds = run(instance([(0x00080070, "LO", b"Acme")], sop_class=sop_class)).ds
    assert ds.Manufacturer == expected


def test_absent_type_2_rows_of_the_library_table_are_inserted_empty_in_order() -> None:
    ds = run(instance([])).ds
    for keyword in ("AccessionNumber", "ReferringPhysicianName", "Manufacturer"):
        assert ds[keyword].value in ("", None)
    assert ds.PatientBirthDate == ""
    tags = [int(e.tag) for e in ds]
    assert tags == sorted(tags)
    assert "OperatorsName" not in ds
    assert "InstitutionName" not in ds


def test_an_absent_type_1_row_is_not_inserted() -> None:
    assert "DeviceSerialNumber" not in run(instance([], sop_class=ENHANCED_MR)).ds


@pytest.mark.parametrize(
    ("code", "sop_class", "expected"),
    [
        ("X/Z AcquisitionTime stays", CT, "101112"),
        ("X DeviceUID maps", CT, None),
    ],
)
def test_times_stay(code: str, sop_class: str, expected: str | None) -> None:
    del code
    ds = run(instance([(0x00080032, "TM", b"101112")], sop_class=sop_class)).ds
    assert expected in (None, ds.AcquisitionTime)


def test_slashed_codes_take_the_strongest_form_in_an_unknown_class() -> None:
    extra: list[Element] = [
        (0x00180010, "LO", b"Wobble"),  # Z/D
        (0x00321060, "LO", b"Wobble"),  # emptied by the library table
        (0x0018700A, "SH", b"Wobble"),  # X/D
        (0x00102203, "CS", b"ALTERED"),
        (0x30080105, "LO", b"Wobble"),  # X/Z
    ]
    ds = run(instance(extra, sop_class=UNKNOWN)).ds
    assert ds.ContrastBolusAgent == "Removed"
    assert ds.RequestedProcedureDescription == ""
    assert ds.DetectorID == "Removed"
    assert ds.SourceSerialNumber == ""


def test_weak_forms_in_a_known_class() -> None:
    extra: list[Element] = [
        (0x00180010, "LO", b"Wobble"),  # Z/D, Type 2 in Contrast/Bolus
        (0x0018700A, "SH", b"Wobble"),  # X/D, Type 3
        (0x00104000, "LT", b"Wobble"),  # X
        (0x00100040, "CS", b"F"),  # Z
        (0x00101010, "AS", b"044Y"),  # X
        (0x00402016, "LO", b"A17"),  # Z
        (0x00120010, "LO", b"Sponsor"),  # D
    ]
    ds = run(instance(extra)).ds
    assert ds.ContrastBolusAgent == ""
    assert "DetectorID" not in ds
    assert "PatientComments" not in ds
    assert ds.PatientSex == ""
    assert "PatientAge" not in ds
    assert ds.PlacerOrderNumberImagingServiceRequest == ""
    assert ds.ClinicalTrialSponsorName == "Removed"


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_sequences(syntax: str) -> None:
    code: list[Element] = [(0x00080100, "SH", b"EMP-77"), (0x00080104, "LO", b"Jane Roe")]
    person: list[Element] = [(0x00401101, "SQ", [code]), (0x00080080, "LO", b"Clinic")]
    image: list[Element] = [
        (0x00081150, "UI", CT.encode()),
        (0x00081155, "UI", b"1.2.826.0.1.3680043.99.3"),
    ]
    extra: list[Element] = [
        (0x00081140, "SQ", [image]),  # X/Z/U*
        (0x00081110, "SQ", [image]),  # X/Z, Type 3
        (0x00081120, "SQ", [image]),  # X
        (0x00100101, "SQ", [code]),  # removed
        (0x00400555, "SQ", [code]),  # X/Z, Type 3 here
        (0x0040A730, "SQ", [person]),  # D: walked
        (0x00081115, "SQ", [person]),  # unlisted
    ]
    output = run(instance(extra, syntax))
    ds = output.ds
    assert ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID == ds.SOPInstanceUID
    assert ds.ReferencedImageSequence[0].ReferencedSOPClassUID == CT
    for keyword in (
        "ReferencedStudySequence",
        "ReferencedPatientSequence",
        "PatientPrimaryLanguageCodeSequence",
        "AcquisitionContextSequence",
    ):
        assert keyword not in ds
    for parent in (ds.ContentSequence, ds.ReferencedSeriesSequence):
        found = parent[0].PersonIdentificationCodeSequence
        assert len(found) == 1
        assert found[0].CodeMeaning == "Removed"
        assert parent[0].InstitutionName == ""
    assert b"EMP-77" not in output.result.header


def test_a_removed_sequence_of_type_2_is_empty() -> None:
    code: list[Element] = [(0x00080104, "LO", b"Jane Roe")]
    ds = run(instance([(0x00102293, "SQ", [code])])).ds
    assert list(ds.PatientBreedCodeSequence) == []


def test_literals_in_items_only_where_present() -> None:
    item: list[Element] = [(0x00100020, "LO", b"77-A"), (0x00081150, "UI", CT.encode())]
    bare: list[Element] = [(0x00081150, "UI", CT.encode())]
    ds = run(instance([(0x00081115, "SQ", [item, bare])])).ds
    assert ds.ReferencedSeriesSequence[0].PatientID == "0"
    assert "PatientID" not in ds.ReferencedSeriesSequence[1]
    assert "PatientName" not in ds.ReferencedSeriesSequence[1]


@pytest.mark.promise("F10")
def test_what_another_deidentifier_wrote_is_replaced() -> None:
    extra: list[Element] = [
        (0x00120062, "CS", b"NO"),
        (0x00120063, "LO", b"by Jane Roe\\2019"),
        (0x00120064, "SQ", [[(0x00080100, "SH", b"113109")]]),
        (0x00280303, "CS", b"UNMODIFIED"),
    ]
    ds = run(instance(extra)).ds
    profile = default_profile()
    assert ds.PatientIdentityRemoved == "YES"
    assert list(ds.DeidentificationMethod) == [
        "Readingroom",
        f"{profile.name} {profile.version}",
        profile.sha256,
    ]
    codes = [code.CodeValue for code in ds.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113105", "113107"]
    assert ds.LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.promise("F61", "F69")
def test_uids_map_everywhere_and_structure_stays() -> None:
    extra: list[Element] = [
        (0x00200052, "UI", b"1.2.826.0.1.77"),
        (0x00081110, "UI", b"1.2.826.0.1.77"),
        (0x0008001A, "UI", b"1.2.840.10008.5.1.4.1.1.2\\1.2.826.0.1.77"),
        (0x00041511, "UI", b"../../etc/passwd"),
        (0x0020000E, "UI", b"1.2.840.10008.7.7"),
        (0x00083010, "UI", b"1" * 64 + b".5"),
    ]
    output = run(instance(extra))
    ds = output.ds
    related = list(ds[0x0008001A].value)
    assert related == ["1.2.840.10008.5.1.4.1.1.2", ds.FrameOfReferenceUID]
    assert ds.SeriesInstanceUID.startswith("2.25.")
    assert ds.IrradiationEventUID.startswith("2.25.")
    assert b"passwd" not in output.data


def test_encapsulated_documents_are_kept_and_held() -> None:
    pdf = b"%PDF-1.4 Quxley "
    output = run(instance([(0x00420011, "OB", pdf)], sop_class="1.2.840.10008.5.1.4.1.1.104.1"))
    assert output.ds.EncapsulatedDocument == pdf
    assert output.result.review == (Reason.ENCAPSULATED_DOCUMENT,)
    # In an item it is no document of the instance, but a value that nobody looked at.
    output = run(instance([(0x00081115, "SQ", [[(0x00420011, "OB", b"%PDF")]])]))
    assert b"PDF" not in output.data


def test_group_lengths_go(ct: bytes) -> None:
    extra: list[Element] = [(0x00080000, "UL", b"\x10\0\0\0"), (0x00280000, "UL", b"\x10\0\0\0")]
    ds = run(instance([*extra, (0x00081115, "SQ", [extra])])).ds
    assert not [e for e in ds.iterall() if int(e.tag) & 0xFFFF == 0]


@pytest.mark.parametrize("syntax", [LITTLE, IMPLICIT])
def test_numbers_and_codes_stay_byte_for_byte(syntax: str) -> None:
    extra: list[Element] = [
        (0x00280030, "DS", b"0.48828125\\0.48828125"),
        (0x00200032, "DS", b" -1.5e-1\\+2\\3 "),
        (0x00280008, "IS", b"12"),
        (0x00280004, "CS", b"MONOCHROME2"),
        (0x00080008, "CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
        (0x00181210, "SH", b"B30f"),
        (0x00180015, "CS", b"HEAD"),
        (0x00281050, "DS", b"Zorblatt"),
    ]
    output = run(instance(extra, syntax))
    for _, _, value in extra[:-1]:
        assert isinstance(value, bytes)
        assert value in output.data
    assert b"Zorblatt" not in output.data
