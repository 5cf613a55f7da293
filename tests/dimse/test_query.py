"""C-FIND: what is found, what is answered of it, and to whom."""

import errno
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pydicom
import pytest
from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelFind,
    PatientStudyOnlyQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from dimse import query
from store.errors import SearchTooBroad, StoreBusy
from tests.dimse import raw_peer
from tests.dimse.instances import encoded
from tests.dimse.raw_peer import RawPeer, pdu, pdv
from tests.dimse.served import HOME, OTHER, Served, association, serving
from tests.dimse.test_listener import tool
from tests.store import rows

pytestmark = pytest.mark.integration

PATIENT_ROOT = str(PatientRootQueryRetrieveInformationModelFind)
STUDY_ROOT = str(StudyRootQueryRetrieveInformationModelFind)
PATIENT_STUDY = str(PatientStudyOnlyQueryRetrieveInformationModelFind)
RELATIONAL = b"\x01"
SECRET = "Secretfamily"
CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"

STUDIES: dict[str, dict[str, Any]] = {
    "1.2.1": {
        "patient_name": "Müller^Anna",
        "patient_id": "P1",
        "patient_sex": "F",
        "study_date": "20200110",
        "study_time": "0800",
        "study_description": "Knie links",
        "timezone_offset_from_utc": "+0100",
    },
    "1.2.2": {
        "patient_name": "Meier^Bert",
        "patient_id": "P1",
        "study_date": "20200120",
        "study_time": "1200",
    },
    "1.2.3": {
        "patient_name": "山田^太郎=Yamada",
        "patient_id": "P2",
        "study_date": "20210301",
        "study_time": "0900",
    },
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Three studies of one owner, and one of another."""
    with serving(tmp_path_factory.mktemp("served")) as served:
        database = served.database
        for uid, columns in STUDIES.items():
            study = rows.add_study(database, study_instance_uid=uid, **columns)
            for number, modality in enumerate(("CT", "MR") if uid == "1.2.1" else ("CT",), 1):
                series = rows.add_series(
                    database,
                    study,
                    series_instance_uid=f"{uid}.{number}",
                    modality=modality,
                    series_number=number,
                    number_of_series_related_instances=2,
                )
                for instance in (1, 2):
                    rows.add_instance(
                        database,
                        series,
                        _metadata(modality, instance),
                        sop_instance_uid=f"{uid}.{number}.{instance}",
                        sop_class_uid=CT if modality == "CT" else MR,
                        instance_number=instance,
                        rows=512,
                    )
        rows.add_all(
            database, owner=OTHER, study_instance_uid="1.2.9", patient_id="P9", study_date="2020"
        )
        yield served


def _metadata(modality: str, number: int) -> dict[str, object]:
    code = {"00080100": {"vr": "SH", "Value": ["T-A0100" if modality == "MR" else "T-D1100"]}}
    code["00080104"] = {"vr": "LO", "Value": ["Brain" if modality == "MR" else "Head"]}
    return {
        "00080080": {"vr": "LO", "Value": ["Klinik"]},
        "00082218": {"vr": "SQ", "Value": [code]},
        "00180050": {"vr": "DS", "Value": [1.23456789012345678]},
        "00280106": {"vr": "US", "Value": [number]},
        "00280009": {"vr": "AT", "Value": ["00181063"]},
    }


def identifier(level: str, /, **keys: object) -> Dataset:
    """An identifier; keys are given by keyword."""
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        tag = Tag(keyword)
        ds.add(DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE))
    return ds


def find(
    served: Served,
    asked: Dataset,
    *,
    model: str = STUDY_ROOT,
    syntax: str = ExplicitVRLittleEndian,
    calling: str = "MINE",
    extended: bytes = b"",
) -> tuple[list[Dataset], list[Dataset]]:
    """Ask; returns the matches, and the statuses of all responses."""
    items = []
    if extended:
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = UID(model)
        item.service_class_application_information = extended
        items.append(item)
    with association(served, (model, [syntax]), calling=calling, ext_neg=items) as assoc:
        answers = list(assoc.send_c_find(asked, UID(model)))
    matches = [match for _, match in answers if match is not None]
    return matches, [status for status, _ in answers]


def uids(matches: Sequence[Dataset]) -> list[str]:
    """The studies that were found."""
    return [match.StudyInstanceUID for match in matches]


def codes(statuses: list[Dataset]) -> list[int]:
    """The codes of all responses."""
    return [status.Status for status in statuses]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ({}, ["1.2.3", "1.2.2", "1.2.1"]),
        ({"PatientName": "*"}, ["1.2.3", "1.2.2", "1.2.1"]),
        ({"PatientName": "Me?er*"}, ["1.2.2"]),
        ({"PatientName": "meier^bert"}, ["1.2.2"]),
        ({"StudyDate": "20200110"}, ["1.2.1"]),
        ({"StudyDate": "20200111-20210301"}, ["1.2.3", "1.2.2"]),
        ({"StudyDate": "-20200131"}, ["1.2.2", "1.2.1"]),
        ({"StudyDate": "20200115-"}, ["1.2.3", "1.2.2"]),
        ({"StudyTime": "0830-1230"}, ["1.2.3", "1.2.2"]),
        ({"StudyInstanceUID": ["1.2.1", "1.2.3", "1.2.77"]}, ["1.2.3", "1.2.1"]),
        ({"StudyInstanceUID": "1.2.2"}, ["1.2.2"]),
        ({"ModalitiesInStudy": "MR"}, ["1.2.1"]),
        ({"ModalitiesInStudy": ["MR", "CT"]}, ["1.2.3", "1.2.2", "1.2.1"]),
        ({"SOPClassesInStudy": MR}, ["1.2.1"]),
        ({"InstitutionName": "Kli*"}, ["1.2.3", "1.2.2", "1.2.1"]),
        ({"PatientID": "P2"}, ["1.2.3"]),
        ({"PatientID": "P9"}, []),
        ({"StudyInstanceUID": "1.2.9"}, []),
    ],
)
def test_studies_are_matched(served: Served, keys: dict[str, object], found: list[str]) -> None:
    matches, statuses = find(served, identifier("STUDY", **keys))
    assert uids(matches) == found
    assert codes(statuses)[-1] == 0x0000


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_identifiers_come_and_go_in_every_syntax(served: Served, syntax: str) -> None:
    asked = identifier(
        "IMAGE",
        StudyInstanceUID="1.2.1",
        SeriesInstanceUID="1.2.1.2",
        SOPInstanceUID="",
        InstanceNumber="",
        Rows=None,
        SliceThickness="",
        SmallestImagePixelValue=None,
        FrameIncrementPointer=None,
    )
    asked.add_new(0x00280106, "US", [])
    code = Dataset()
    code.CodeMeaning = ""
    asked.AnatomicRegionSequence = [code]
    matches, statuses = find(served, asked, syntax=syntax)
    assert codes(statuses) == [0xFF00, 0xFF00, 0x0000]
    assert [match.SOPInstanceUID for match in matches] == ["1.2.1.2.1", "1.2.1.2.2"]
    first = matches[0]
    assert (first.InstanceNumber, first.Rows, first[0x00280106].value) == (1, 512, 1)
    assert first.FrameIncrementPointer == 0x00181063
    assert float(first.SliceThickness) == pytest.approx(1.23456789012345678)
    assert [item.CodeMeaning for item in first.AnatomicRegionSequence] == ["Brain"]
    assert "CodeValue" not in first.AnatomicRegionSequence[0]


def test_a_result_has_what_was_asked_for_and_where_it_is(served: Served) -> None:
    asked = identifier(
        "STUDY",
        StudyInstanceUID="1.2.1",
        PatientName="",
        AccessionNumber="",
        ModalitiesInStudy="",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
        NumberOfPatientRelatedStudies="",
        TimezoneOffsetFromUTC="",
    )
    (match,), statuses = find(served, asked)
    assert codes(statuses) == [0xFF00, 0x0000]
    assert match.SpecificCharacterSet == "ISO_IR 192"
    assert match.QueryRetrieveLevel == "STUDY"
    assert match.RetrieveAETitle == HOME
    assert match.InstanceAvailability == "ONLINE"
    assert match.PatientName == "Müller^Anna"
    assert match.AccessionNumber == ""
    assert sorted(match.ModalitiesInStudy) == ["CT", "MR"]
    assert (match.NumberOfStudyRelatedSeries, match.NumberOfStudyRelatedInstances) == (2, 4)
    assert match.NumberOfPatientRelatedStudies == 2
    assert match.TimezoneOffsetFromUTC == "+0100"
    assert "StudyDate" not in match


@pytest.mark.parametrize(
    ("character_set", "name", "found"),
    [
        ("ISO_IR 192", "Müller^Anna", ["1.2.1"]),
        ("ISO_IR 100", "Müller^Anna", ["1.2.1"]),
        (["", "ISO 2022 IR 87"], "*=*太郎", []),
        ("ISO_IR 192", "山田^太郎*", ["1.2.3"]),
        (["", "ISO 2022 IR 87"], "山田^太郎*", ["1.2.3"]),
        ("GB18030", "山田*", ["1.2.3"]),
    ],
)
def test_keys_come_in_any_character_set(
    served: Served, character_set: object, name: str, found: list[str]
) -> None:
    asked = identifier("STUDY", SpecificCharacterSet=character_set, PatientName=name)
    matches, _ = find(served, asked)
    assert uids(matches) == found


def test_without_relational_queries_the_keys_above_are_asked_for(served: Served) -> None:
    asked = identifier("SERIES", Modality="CT", SeriesInstanceUID="")
    matches, (status,) = find(served, asked)
    assert matches == []
    assert status.Status == 0xA900
    assert status.ErrorComment == "A single unique key of each level above is required"
    assert status.OffendingElement == 0x0020000D
    asked.StudyInstanceUID = ["1.2.1", "1.2.2"]
    assert codes(find(served, asked)[1]) == [0xA900]
    asked.StudyInstanceUID = "1.2.1"
    matches, _ = find(served, asked)
    assert [match.SeriesInstanceUID for match in matches] == ["1.2.1.1"]


def test_relational_queries_look_across_studies(served: Served) -> None:
    asked = identifier("SERIES", Modality="CT", SeriesInstanceUID="", PatientID="P1")
    matches, _ = find(served, asked, extended=RELATIONAL)
    assert [match.SeriesInstanceUID for match in matches] == ["1.2.2.1", "1.2.1.1"]
    assert uids(matches) == ["1.2.2", "1.2.1"]
    asked = identifier("IMAGE", SOPInstanceUID=["1.2.3.1.2", "1.2.1.2.1"])
    matches, _ = find(served, asked, extended=RELATIONAL, model=PATIENT_ROOT)
    assert [match.SOPInstanceUID for match in matches] == ["1.2.3.1.2", "1.2.1.2.1"]
    assert [match.PatientID for match in matches] == ["P2", "P1"]


def test_dates_and_times_are_one_range_only_if_that_was_agreed_on(served: Served) -> None:
    asked = identifier("STUDY", StudyDate="20200110-20210301", StudyTime="0830-1230")
    assert uids(find(served, asked)[0]) == ["1.2.3", "1.2.2"]
    asked.StudyTime = "0730-0830"
    assert uids(find(served, asked)[0]) == ["1.2.1"]
    assert uids(find(served, asked, extended=b"\x00\x01")[0]) == ["1.2.2", "1.2.1"]


def test_fuzzy_names_are_found_if_that_was_agreed_on(served: Served) -> None:
    asked = identifier("STUDY", PatientName="Bert Mei")
    assert find(served, asked)[0] == []
    assert uids(find(served, asked, extended=b"\x00\x00\x01")[0]) == ["1.2.2"]


def test_patients_are_what_studies_say_and_are_merged(served: Served) -> None:
    asked = identifier(
        "PATIENT",
        PatientID="",
        PatientName="",
        NumberOfPatientRelatedStudies="",
        NumberOfPatientRelatedSeries="",
        NumberOfPatientRelatedInstances="",
    )
    matches, statuses = find(served, asked, model=PATIENT_ROOT)
    assert codes(statuses) == [0xFF00, 0xFF00, 0x0000]
    assert [match.PatientID for match in matches] == ["P2", "P1"]
    # Of several studies the newest says who the patient is.
    assert [str(match.PatientName) for match in matches] == ["山田^太郎=Yamada", "Meier^Bert"]
    assert [match.NumberOfPatientRelatedStudies for match in matches] == [1, 2]
    assert [match.NumberOfPatientRelatedSeries for match in matches] == [1, 3]
    assert [match.NumberOfPatientRelatedInstances for match in matches] == [2, 6]
    asked.PatientSex = "F"
    matches, _ = find(served, asked, model=PATIENT_STUDY)
    assert [str(match.PatientName) for match in matches] == ["Müller^Anna"]


def test_the_patient_root_leads_to_studies_of_one_patient(served: Served) -> None:
    asked = identifier("STUDY", StudyInstanceUID="")
    assert codes(find(served, asked, model=PATIENT_ROOT)[1]) == [0xA900]
    asked.PatientID = "P1"
    assert uids(find(served, asked, model=PATIENT_ROOT)[0]) == ["1.2.2", "1.2.1"]
    assert codes(find(served, identifier("PATIENT"), model=STUDY_ROOT)[1]) == [0xA900]
    assert codes(find(served, identifier("IMAGE"), model=PATIENT_STUDY)[1]) == [0xA900]


def test_keys_that_are_not_supported_are_told(served: Served) -> None:
    asked = identifier("STUDY", StudyInstanceUID="1.2.1", SeriesDescription="")
    matches, statuses = find(served, asked)
    assert codes(statuses) == [0xFF01, 0x0000]
    assert matches[0].SeriesDescription == ""
    asked = identifier("STUDY", StudyInstanceUID="1.2.1", NumberOfStudyRelatedSeries="7")
    assert codes(find(served, asked)[1]) == [0xFF01, 0x0000]
    asked = identifier("STUDY", StudyInstanceUID="1.2.1")
    asked.private_block(0x0011, "SOMEBODY", create=True).add_new(1, "LO", "x")
    assert codes(find(served, asked)[1]) == [0xFF01, 0x0000]


def test_a_key_of_a_sequence_matches(served: Served) -> None:
    code = Dataset()
    code.CodeValue = "T-A0100"
    asked = identifier("SERIES", StudyInstanceUID="1.2.1", SeriesInstanceUID="")
    asked.AnatomicRegionSequence = [code]
    matches, _ = find(served, asked)
    assert [match.SeriesInstanceUID for match in matches] == ["1.2.1.2"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (identifier("STUDY", StudyID=SECRET, PatientBirthDate="2020-"), 0xC000),
        (identifier("NONSENSE"), 0xA900),
        (Dataset(), 0xA900),
        (identifier("STUDY", StudyDescription=SECRET + "\x07"), 0xC000),
        (identifier("STUDY", RetrieveURL="a" * 70_000), 0xA900),
    ],
)
def test_what_cannot_be_asked_is_refused_without_repeating_it(
    served: Served, caplog: pytest.LogCaptureFixture, asked: Dataset, code: int
) -> None:
    if not len(asked):
        asked.PatientName = SECRET
    asked_as = ImplicitVRLittleEndian
    _, statuses = find(served, asked, syntax=asked_as)
    assert codes(statuses) == [code]
    assert statuses[0].ErrorComment

    assert SECRET not in str(statuses[0])
    assert SECRET not in caplog.text


def test_who_may_only_store_finds_nothing(served: Served) -> None:
    matches, (status,) = find(served, identifier("STUDY"), calling="STORES")
    assert (matches, status.Status) == ([], 0x0124)


def test_everybody_finds_their_own(served: Served) -> None:
    assert uids(find(served, identifier("STUDY"), calling="OTHER")[0]) == ["1.2.9"]


def test_results_beyond_a_page_are_found(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "PAGE", 2)
    assert uids(find(served, identifier("STUDY"))[0]) == ["1.2.3", "1.2.2", "1.2.1"]
    asked = identifier("IMAGE", SOPInstanceUID="")
    matches, _ = find(served, asked, extended=RELATIONAL)
    assert len({match.SOPInstanceUID for match in matches}) == len(matches) == 8


def test_a_cancelled_query_ends(served: Served) -> None:
    asked = encoded(identifier("STUDY"))
    with RawPeer(served.port) as peer:
        peer.send(raw_peer.associate([(STUDY_ROOT, [ExplicitVRLittleEndian])], calling="MINE"))
        assert peer.pdu()[0] == 0x02
        # In one go, so that the cancel has come before the first result is looked for.
        peer.send(raw_peer.message(find_rq(9), asked) + pdu(4, pdv(1, 3, cancel_rq(9))))
        assert peer.status() == 0xFE00
        # Of another request, or of none, it ends nothing; nor is it answered.
        peer.send(raw_peer.message(find_rq(10), asked) + pdu(4, pdv(1, 3, cancel_rq(9))))
        statuses = [response_status(peer) for _ in range(4)]
        assert statuses == [0xFF00, 0xFF00, 0xFF00, 0x0000]
        peer.send(pdu(4, pdv(1, 3, cancel_rq(10))) + raw_peer.message(find_rq(11), asked))
        assert response_status(peer) == 0xFF00


def test_a_request_before_the_answer_to_the_last_ends_the_association(served: Served) -> None:
    asked = encoded(identifier("STUDY"))
    with RawPeer(served.port) as peer:
        peer.send(raw_peer.associate([(STUDY_ROOT, [ExplicitVRLittleEndian])], calling="MINE"))
        assert peer.pdu()[0] == 0x02
        peer.send(raw_peer.message(find_rq(1), asked) + raw_peer.message(find_rq(2), asked))
        assert peer.pdu()[0] == 0x07


def find_rq(message: int) -> bytes:
    """A C-FIND-RQ command set."""
    return raw_peer.command(
        [
            (0x0002, STUDY_ROOT.encode() + b"\0" * (len(STUDY_ROOT) % 2)),
            (0x0100, b"\x20\0"),
            (0x0110, bytes((message, 0))),
            (0x0700, b"\0\0"),
            (0x0800, b"\1\0"),
        ]
    )


def cancel_rq(message: int) -> bytes:
    """A C-CANCEL-RQ command set."""
    return raw_peer.command(
        [(0x0100, b"\xff\x0f"), (0x0120, bytes((message, 0))), (0x0800, b"\1\1")]
    )


def response_status(peer: RawPeer) -> int:
    """Receive a response, and its identifier if it has one; its status."""
    answer = peer.answer()
    if answer[0x0800] != b"\1\1":
        control = 0
        while not control & 2:
            kind, value = peer.pdu()
            assert kind == 0x04
            control = value[5]
    return int.from_bytes(answer[0x0900], "little")


def test_findscu_finds(served: Served, tmp_path: Path) -> None:
    asked = ("-k", "QueryRetrieveLevel=STUDY", "-k", "PatientName=M*", "-k", "StudyInstanceUID")
    address = ("-aet", "MINE", "-aec", HOME, "127.0.0.1", served.port)
    tool("findscu", "-S", "-X", "-od", tmp_path, *asked, *address)
    found = [pydicom.dcmread(path, force=True) for path in sorted(tmp_path.glob("rsp*.dcm"))]
    assert uids(found) == ["1.2.2", "1.2.1"]
    assert [str(match.PatientName) for match in found] == ["Meier^Bert", "Müller^Anna"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SearchTooBroad("Too much."), 0xA700),
        (StoreBusy("Busy."), 0xA700),
        (OSError(errno.EMFILE, SECRET), 0xA700),
        (ValueError(SECRET), 0xC000),
    ],
)
def test_a_search_that_fails_is_told_and_quoted_nowhere(
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
    code: int,
) -> None:
    def fail(*_arguments: object) -> NoReturn:
        raise error

    monkeypatch.setattr(query, "search", fail)
    _, statuses = find(served, identifier("STUDY", PatientName=SECRET))
    assert codes(statuses) == [code]
    assert SECRET not in str(statuses[0])
    assert SECRET not in caplog.text
    assert ("failed with" in caplog.text) == isinstance(error, ValueError)
