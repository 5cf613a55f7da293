"""Forms of search results, parameters of searches, and answers that are kept."""

import multiprocessing
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from dicomweb import kept
from dicomweb.answers import Asked
from dicomweb.multipart import read_parts
from dicomweb.negotiation import parse_media_type
from dicomweb.qido import Place, answer_search
from store.access import OwnerScope
from store.db import Database
from tests.dicomweb.app import OTHER_TOKEN, create_app
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import STUDY, encode, make_file, make_slice
from tests.store.rows import add_all

XML = 'multipart/related; type="application/dicom+xml"'
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


@pytest.fixture
def paths(caller: Caller) -> list[str]:
    """Two studies of two instances and one."""
    files = [make_file(1), make_file(2), encode(make_slice(1, study=STUDY + ".5"))]
    return caller.stored(files)


def _count(caller: Caller, path: str) -> int:
    response = caller.get(path)
    assert response.status_code in (200, 204), response.text
    return len(response.get_json(force=True)) if response.data else 0


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances"])
@pytest.mark.parametrize("accept", [XML, "multipart/related; type=application/dicom+xml"])
def test_results_as_xml(caller: Caller, paths: list[str], path: str, accept: str) -> None:
    response = caller.get(path, Accept=accept)

    media_type = parse_media_type(response.headers["Content-Type"])
    assert media_type is not None
    assert media_type.parameters["type"] == "application/dicom+xml"
    parts = list(_parts(response.data, media_type.parameters["boundary"]))
    in_json = caller.get(path).get_json(force=True)
    assert len(parts) == len(in_json)
    for (headers, document), result in zip(parts, in_json, strict=True):
        assert headers["content-type"] == "application/dicom+xml"
        assert headers["content-location"] == result["00081190"]["Value"][0]
        assert int(headers["content-length"]) == len(document)
        root = ElementTree.fromstring(document)
        tags = [attribute.get("tag") for attribute in root.findall(f"{NATIVE}DicomAttribute")]
        assert tags == list(result)
    assert response.data.endswith(f"--{media_type.parameters['boundary']}--\r\n".encode())


def _parts(body: bytes, boundary: str) -> Any:  # noqa: ANN401
    for part in read_parts([body], boundary):
        yield part.headers, b"".join(part.content)


def test_the_accept_parameter_chooses_the_form(caller: Caller, paths: list[str]) -> None:
    url = "/studies?accept=multipart/related%3Btype%3D%22application/dicom%2Bxml%22"
    assert caller.get(url).headers["Content-Type"].startswith(XML)
    assert caller.get("/studies?accept=text/html").status_code == 406
    found = caller.get("/studies?accept=application/json", Accept="*/*")
    assert found.headers["Content-Type"] == "application/json"


def test_nothing_as_xml_is_nothing(caller: Caller) -> None:
    response = caller.get("/studies", Accept=XML)
    assert (response.status_code, response.data) == (204, b"")


def test_an_xml_answer_has_an_etag_of_its_own(caller: Caller, paths: list[str]) -> None:
    first = caller.get("/studies", Accept=XML)
    assert first.headers["ETag"] != caller.get("/studies").headers["ETag"]
    again = caller.get("/studies", Accept=XML, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.data) == (304, b"")


def test_head_is_answered_without_a_body(caller: Caller, paths: list[str]) -> None:
    response = caller.client.head(
        "/dicomweb/studies", headers={"Authorization": "Bearer the-token"}
    )
    assert (response.status_code, response.data) == (200, b"")


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("emptyvaluematching=1", "emptyvaluematching"),
        ("multiplevaluematching=yes", "multiplevaluematching"),
        ("fuzzymatching=", "fuzzymatching"),
        ("limit=1&limit=x", "limit"),
        ("StudyDate=20201399", "StudyDate"),
        ("StudyDate=-", "StudyDate"),
        ("StudyTime=99", "StudyTime"),
        ("SeriesNumber=two", "SeriesNumber"),
        ("KVP=high", "KVP"),
        ("AcquisitionDateTime=yesterday", "AcquisitionDateTime"),
        ("ReferencedStudySequence=x", "ReferencedStudySequence"),
        ("PixelData=x", "PixelData"),
        ("PatientID=a%0Ab", "PatientID"),
        ("PatientID=a&00100020=b", "PatientID"),
    ],
)
def test_a_wrong_value_is_refused_by_its_parameters_name(
    caller: Caller, query: str, named: str
) -> None:
    for path in ("/studies", "/instances"):
        response = caller.get(f"{path}?{query}")
        assert response.status_code == 400
        assert named in response.get_json()["error"]


@pytest.mark.parametrize(
    ("path", "query", "count"),
    [
        ("/studies", "Modality=CT", 2),
        ("/studies", "Modality=MR", 0),
        ("/studies", "InstanceNumber=2", 1),
        ("/studies", "SOPClassUID=1.2.840.10008.5.1.4.1.1.2", 2),
        ("/studies", "00281053=1", 2),
        ("/studies", "RescaleIntercept=-1024.0", 2),
        ("/series", "WindowWidth=400", 2),
        ("/instances", "WindowWidth=401", 0),
        ("/instances", "WindowWidth=400&InstanceNumber=1", 2),
        ("/studies", "RequestAttributesSequence.ScheduledProcedureStepID=X", 0),
        ("/studies", "00081140.00081155=1.2.3", 0),
        ("/studies", "ReferencedImageSequence.00081155=", 2),
        ("/studies", "emptyvaluematching=true&AccessionNumber=%22%22", 2),
        ("/studies", "emptyvaluematching=true&PatientName=", 0),
        ("/studies", "multiplevaluematching=true&PatientID=1,0,2", 2),
        ("/studies", "multiplevaluematching=true&PatientID=1&PatientID=0", 2),
        ("/studies", "fuzzymatching=true&PatientName=anon", 2),
        ("/studies", "fuzzymatching=true&PatientName=nonym", 0),
        ("/studies", "InstanceAvailability=ONLINE", 2),
        ("/studies", "nonsense.PatientName=x", 2),
        ("/studies", "PatientName.nonsense=x", 2),
        ("/studies", "00020010=1.2", 2),
        ("/studies", "12_45678=x", 2),
    ],
)
def test_keys(caller: Caller, paths: list[str], path: str, query: str, count: int) -> None:
    assert _count(caller, f"{path}?{query}") == count
    assert "Warning" not in caller.get(f"{path}?{query}").headers


def test_fields_are_included(caller: Caller, paths: list[str]) -> None:
    def first(path: str) -> Any:  # noqa: ANN401
        return caller.get(path).get_json(force=True)[0]

    fields = "includefield=WindowWidth&includefield=00281052,RescaleSlope&includefield=nonsense"
    found = first(f"/instances?{fields}")
    assert found["00281051"]["Value"] == [400]
    assert {"00281052", "00281053"} <= found.keys()
    assert not {"00281051", "00281052"} & first(f"/studies?{fields}").keys()
    assert "Warning" not in caller.get(f"/studies?{fields}").headers
    everything = first("/instances?includefield=all")
    assert "00281051" in everything
    assert "7FE00010" not in everything
    study = paths[0].split("/")[2]
    assert "00100010" in first(f"/studies/{study}/series?includefield=PatientName")
    assert "00100010" not in first(f"/studies/{study}/series")


def test_many_more_results_are_announced_as_at_least_so_many(app: Flask, caller: Caller) -> None:
    with app.extensions["database"].write() as connection:
        connection.exec_driver_sql(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 410) "
            "INSERT INTO study (owner_id, study_instance_uid, created_at) "
            "SELECT 1, '2.25.' || x, '2024-01-01' FROM n"
        )
    text = "additional results that can be requested"
    few = caller.get("/studies?limit=110").headers["Warning"]
    many = caller.get("/studies?limit=109").headers["Warning"]
    assert few.endswith(f": There are 300 {text}")
    assert many.endswith(f": There are at least 300 {text}")


def test_an_answer_is_kept_until_something_is_stored(app: Flask, caller: Caller) -> None:
    caller.stored([make_file(1)])
    statements: list[str] = []

    def note(*arguments: Any) -> None:  # noqa: ANN401
        statements.append(arguments[2])

    first = caller.get("/instances").data
    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert caller.get("/instances").data == first
        # The number of changes is asked for past what is listened to here.
        assert not statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    caller.stored([make_file(2)])
    assert _count(caller, "/instances") == 2


def test_a_kept_answer_is_for_its_scope_resource_root_and_form_only(
    caller: Caller, paths: list[str]
) -> None:
    assert _count(caller, "/studies") == 2
    other = {"Authorization": f"Bearer {OTHER_TOKEN}"}
    assert caller.client.get("/dicomweb/studies", headers=other).status_code == 204
    assert caller.client.get("/dicomweb/studies").status_code == 204
    assert _count(caller, "/series") == 2
    assert _count(caller, "/instances") == 3
    elsewhere = caller.get("/studies", Host="example.org").get_json(force=True)[0]
    assert "example.org" in elsewhere["00081190"]["Value"][0]
    assert caller.get("/studies", Accept="application/json").headers["Content-Type"] == (
        "application/json"
    )


def test_what_is_kept_is_bounded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_ANSWERS", 3)
    monkeypatch.setattr(kept, "MAX_BYTES", 100)
    answers = kept._Answers()
    for number in range(10):
        answers.put(number, kept.KeptAnswer("", b"x" * 40, "", ()))
    assert [answers.get(number) is not None for number in range(10)] == [False] * 8 + [True] * 2
    answers.put(8, kept.KeptAnswer("", b"x" * 10, "", ()))
    answers.put(10, kept.KeptAnswer("", b"x" * 40, "", ()))
    assert answers.get(9) is not None
    monkeypatch.setattr(kept, "MAX_ANSWER_BYTES", 20)
    answers.put(11, kept.KeptAnswer("", b"x" * 40, "", ()))
    assert answers.get(11) is None


def _search(database: Database) -> int:
    answer = answer_search(database, OwnerScope(1), Place("study"), Asked("http://x"))
    return b"".join(answer.body).count(b'"00081190"')


def _store_elsewhere(url: str) -> None:
    database = Database(url)
    add_all(database, owner=1)
    database.dispose()


def test_what_another_process_commits_is_seen_by_the_next_request(tmp_path: Path) -> None:
    app = create_app(tmp_path / "data")
    database = app.extensions["database"]
    url = database.engine.url.render_as_string(hide_password=False)
    add_all(database, owner=1)
    for known in range(1, 4):
        assert _search(database) == _search(database) == known
        process = multiprocessing.get_context("spawn").Process(target=_store_elsewhere, args=(url,))
        process.start()
        process.join(60)
        assert process.exitcode == 0
    assert _search(database) == 4
    database.dispose()


def test_a_commit_between_the_number_and_the_search_is_never_hidden(tmp_path: Path) -> None:
    database = create_app(tmp_path / "data").extensions["database"]
    other = Database(database.engine.url.render_as_string(hide_password=False))
    add_all(database, owner=1)

    def make(_number: int) -> kept.KeptAnswer:
        # The number has been read; another process commits before this one searches.
        add_all(other, owner=1)
        return kept.KeptAnswer("", str(_search(database)).encode(), "", ())

    def found() -> bytes:
        return kept.kept_or_made(database, OwnerScope(1), "asked", make).body

    assert found() == b"2"
    # Kept by the older number, which nobody reads any more.
    assert found() == b"3"
    database.dispose()
    other.dispose()


def test_a_study_is_written_anew_when_something_of_it_changes(caller: Caller) -> None:
    caller.stored([make_file(1)])
    [before] = caller.get("/studies").get_json()
    [again] = caller.get("/studies?limit=5").get_json()
    assert again == before
    caller.stored([make_file(2)])
    [after] = caller.get("/studies").get_json()
    assert after["00201208"]["Value"] == [2]
    assert {**after, "00201208": before["00201208"]} == before
    # Each root has its own addresses, and each resource its own attributes.
    elsewhere = caller.get("/studies", Host="other.example").get_json()
    assert elsewhere[0]["00081190"]["Value"][0].startswith("http://other.example/")
    [series] = caller.get("/series").get_json()
    [below] = caller.get(f"/studies/{after['0020000D']['Value'][0]}/series").get_json()
    assert "00100010" in series
    assert "00100010" not in below
