"""Searching over the web: what OHIF asks for, and what a search must refuse."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.dicomweb.app import OTHER_TOKEN
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import STUDY, encode, make_file, make_slice

OHIF_STUDIES = (
    "/studies?limit=101&offset=0&fuzzymatching=false"
    "&includefield=00081030%2C00080060%2C00080090%2C00100030"
)


@pytest.fixture
def paths(caller: Caller) -> list[str]:
    """Two studies; the first has two series of two instances, the second one instance."""
    files = [make_file(number, series=series) for series in (1, 2) for number in (1, 2)]
    return caller.stored([*files, encode(make_slice(1, study=STUDY + ".5"))])


def _uids(path: str) -> tuple[str, str, str]:
    _, _, study, _, series, _, instance = path.split("/")
    return study, series, instance


def _results(caller: Caller, path: str, **headers: str) -> list[dict[str, Any]]:
    response = caller.get(path, **headers)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/dicom+json"
    results: list[dict[str, Any]] = response.get_json(force=True)
    for result in results:
        assert list(result) == sorted(result)
    return results


@pytest.mark.promise("F96")
def test_ohif_study_list(caller: Caller, paths: list[str]) -> None:
    results = _results(caller, OHIF_STUDIES, Accept="application/dicom+json")

    assert len(results) == 2
    first = next(
        result for result in results if result["0020000D"]["Value"] == [_uids(paths[0])[0]]
    )
    assert first["00080061"] == {"vr": "CS", "Value": ["CT"]}
    assert first["00201206"]["Value"] == [2]
    assert first["00201208"]["Value"] == [4]
    for tag in ("00080020", "00080030", "00080050", "00080090", "00100010", "00100020"):
        assert tag in first
    url = first["00081190"]["Value"][0]
    assert url == f"http://localhost/dicomweb/studies/{_uids(paths[0])[0]}"


def test_ohif_opens_a_study(caller: Caller, paths: list[str]) -> None:
    study, _, _ = _uids(paths[0])
    other = _uids(paths[4])[0]

    assert len(_results(caller, f"{OHIF_STUDIES}&StudyInstanceUID={study}")) == 1
    both = quote(f"{study}\\\\{other}", safe="")
    assert len(_results(caller, f"{OHIF_STUDIES}&StudyInstanceUID={both}")) == 2
    fields = "00080021%2C00080031%2C0008103E%2C00200011"
    series = _results(caller, f"/studies/{study}/series?includefield={fields}")
    assert [result["00200011"]["Value"] for result in series] == [[1], [2]]
    assert [result["00201209"]["Value"] for result in series] == [[2], [2]]
    assert all(result["0020000D"]["Value"] == [study] for result in series)
    assert len(_results(caller, "/studies?00100020=0&limit=101&offset=0")) == 2


def test_every_resource_gives_its_level(caller: Caller, paths: list[str]) -> None:
    study, series, instance = _uids(paths[0])
    expected = {
        "/studies": (2, "/studies/"),
        "/series": (3, "/series/"),
        "/instances": (5, "/instances/"),
        f"/studies/{study}/series": (2, "/series/"),
        f"/studies/{study}/instances": (4, "/instances/"),
        f"/studies/{study}/series/{series}/instances": (2, "/instances/"),
    }
    for path, (count, kind) in expected.items():
        for slash in ("", "/"):
            results = _results(caller, path + slash)
            assert len(results) == count, path
            for result in results:
                url = result["00081190"]["Value"][0]
                assert url.rsplit("/", 2)[1] == kind.strip("/")
                assert caller.get(url.partition("/dicomweb")[2]).status_code == 200
    (found,) = _results(caller, f"/instances?SOPInstanceUID={instance}")
    assert found["00081190"]["Value"] == [f"http://localhost/dicomweb{paths[0]}"]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("PatientName=Anon*", 2),
        ("PatientName=anonymized", 2),
        ("PatientName=%2Ano*", 2),
        ("00100010=Anonymized%5E%5E", 2),
        ("PatientName=nobody", 0),
        ("ModalitiesInStudy=CT", 2),
        ("ModalitiesInStudy=MR", 0),
        ("ModalitiesInStudy=MR,CT", 2),
        ("StudyDate=19700102-29991231", 2),
        ("StudyDate=29990101-", 0),
        ("PatientID=", 2),
        ("unknownparameter=1", 2),
        ("limit=0", 0),
        ("limit=1", 1),
        ("offset=1", 1),
        ("offset=2", 0),
        ("offset=99999999999999999999", 0),
        ("includefield=all", 2),
        ("includefield=nonsense&includefield=PatientName,00081030", 2),
        ("fuzzymatching=TRUE", 2),
    ],
)
def test_studies_are_found(caller: Caller, paths: list[str], query: str, count: int) -> None:
    response = caller.get(f"/studies?{query}")

    assert response.status_code == (200 if count else 204)
    if count:
        assert len(response.get_json(force=True)) == count
    else:
        assert response.data == b""
        assert "Content-Type" not in response.headers


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=1.5",
        "limit=%D9%A1",
        "offset=-1",
        "offset=x",
        "fuzzymatching=perhaps",
        "StudyDate=yesterday",
        "StudyInstanceUID=not-a-uid",
        "StudyDate=20200101-x",
        "StudyTime=noon",
        "PatientID=a%00b",
        "PatientID=a&PatientID=b",
        "PatientName=%FF",
        "PatientName=%C3",
        "PatientName=a%ED%A0%80b",
        "%FF=Quixote",
        "limit=1&limit=2",
        "limit=1&limit=1",
        "offset=1&limit=5&offset=2",
        "fuzzymatching=true&fuzzymatching=false",
    ],
)
def test_what_cannot_be_understood_is_refused(caller: Caller, query: str) -> None:
    response = caller.get(f"/studies?{query}")

    assert response.status_code == 400
    sentence = response.get_json()["error"]
    assert sentence.endswith(".")
    assert query.partition("=")[2] not in sentence or query.endswith("=")


@pytest.mark.parametrize("resource", ["", "/metadata", "/rendered", "/thumbnail", "/frames/1"])
def test_parameters_that_are_no_text_are_refused_everywhere(
    caller: Caller, paths: list[str], resource: str
) -> None:
    for query in ("accept=%FF", "nothing=%ff", "accept=a%C3&a=%A4"):
        response = caller.get(f"{paths[0]}{resource}?{query}")
        assert response.status_code == 400
        assert response.get_json()["error"].endswith("UTF-8.")
    assert caller.get(f"/wado?requestType=WADO&studyUID=%FF{paths[0]}").status_code == 400
    assert caller.get("/studies?PatientName=%C3%A4&nothing=%25FF").status_code == 204


@pytest.mark.parametrize("number", ["x", "99999999999999999999", "1_0", "-99999999999999999999"])
def test_number_that_no_column_holds_never_breaks(caller: Caller, number: str) -> None:
    assert caller.get(f"/instances?InstanceNumber={number}").status_code in (204, 400)


def test_more_results_are_announced(caller: Caller, paths: list[str]) -> None:
    first = caller.get("/instances?limit=2")
    last = caller.get("/instances?limit=2&offset=4")

    assert first.headers["Warning"] == (
        "299 http://localhost/dicomweb: There are 3 additional results that can be requested"
    )
    assert "Warning" not in last.headers
    uids = [
        result["00080018"]["Value"][0]
        for offset in (0, 2, 4)
        for result in _results(caller, f"/instances?limit=2&offset={offset}")
    ]
    assert len(uids) == len(set(uids)) == 5


def test_what_is_not_done_is_warned_of(caller: Caller, paths: list[str]) -> None:
    key = caller.get("/studies?NumberOfStudyRelatedSeries=1")

    assert "00201206" in key.headers["Warning"]


def test_results_that_are_known_are_not_sent_again(caller: Caller, paths: list[str]) -> None:
    first = caller.get("/studies")
    again = caller.get("/studies", If_None_Match=first.headers["ETag"])

    assert again.status_code == 304
    assert again.data == b""
    assert caller.get("/studies?limit=1", If_None_Match=first.headers["ETag"]).status_code == 200


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("*/*", "application/dicom+json"),
        ("application/dicom+json, multipart/related; type=x", "application/dicom+json"),
        ("application/json", "application/json"),
        ("text/html", None),
    ],
)
def test_form_of_the_results(
    caller: Caller, paths: list[str], accept: str, content_type: str | None
) -> None:
    response = caller.get("/studies", Accept=accept)

    assert response.status_code == (406 if content_type is None else 200)
    if content_type is not None:
        assert response.headers["Content-Type"] == content_type


def test_searches_see_what_the_caller_may_see(caller: Caller, paths: list[str]) -> None:
    study = _uids(paths[0])[0]
    for path in ("/studies", f"/studies/{study}/series", f"/studies?StudyInstanceUID={study}"):
        url = f"/dicomweb{path}"
        other = {"Authorization": f"Bearer {OTHER_TOKEN}"}
        assert caller.client.get(url, headers=other).status_code == 204
        assert caller.client.get(url).status_code == 204
        invalid = caller.client.get(url, headers={"Authorization": "Bearer no"})
        assert invalid.status_code == 401
        assert invalid.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "key",
    [
        "00400275.00400009",
        "RequestAttributesSequence.ScheduledProcedureStepID",
        "RequestAttributesSequence.00401001",
    ],
)
def test_request_attributes_match_nothing_as_they_are_never_stored(
    caller: Caller, key: str
) -> None:
    caller.store([make_file(1)])

    assert caller.get(f"/series?{key}=STEP1").status_code == 204
    assert caller.get(f"/instances?{key}=STEP1").status_code == 204
    assert caller.get(f"/series?{key}=").status_code == 200
