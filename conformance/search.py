"""Checks of the Search transaction.

Standard: PS3.18 8.3.4 and 10.6 (Search), Annex F (DICOM JSON model).
"""

from typing import Any

from conformance.suite import Server, check

JSON = "application/dicom+json"
STUDY = [
    "00080020",
    "00080030",
    "00080050",
    "00080061",
    "00080090",
    "00081190",
    "00100010",
    "00100020",
    "00100030",
    "00100040",
    "0020000D",
    "00200010",
    "00201206",
    "00201208",
]
SERIES = ["00080060", "00081190", "0020000E", "00200011", "00201209"]
INSTANCE = ["00080016", "00080018", "00081190", "00200013"]


def found(server: Server, path: str) -> list[dict[str, Any]]:
    """The results of a search that must find something."""
    answer = server.get(path, JSON)
    assert answer.status_code == 200, f"status {answer.status_code}"
    assert answer.headers["Content-Type"] == JSON, answer.headers["Content-Type"]
    results: list[dict[str, Any]] = answer.json()
    return results


@check("10.6.3.3.1")
def study_attributes(server: Server) -> None:
    """A study has the required attributes, also the empty ones"""
    [study] = found(server, f"/studies?StudyInstanceUID={server.study}")
    missing = [tag for tag in STUDY if tag not in study]
    assert not missing, f"missing: {', '.join(missing)}"
    assert study["00201208"]["Value"] == [3], "it does not have three instances"


@check("10.6.3.3.2")
def series_attributes(server: Server) -> None:
    """A series has the required attributes"""
    [one] = found(server, f"/studies/{server.study}/series")
    missing = [tag for tag in SERIES if tag not in one]
    assert not missing, f"missing: {', '.join(missing)}"


@check("10.6.3.3.3")
def instance_attributes(server: Server) -> None:
    """Instances have the required attributes"""
    instances = found(server, f"{server.series_path}/instances")
    assert len(instances) == 3, f"{len(instances)} instances"
    missing = [tag for tag in INSTANCE if tag not in instances[0]]
    assert not missing, f"missing: {', '.join(missing)}"


@check("8.3.4.1")
def keys(server: Server) -> None:
    """Keys are understood as tag and as keyword, percent-encoded or not"""
    for key in ("StudyInstanceUID", "0020000D"):
        [study] = found(server, f"/studies?{key}={server.study}&ModalitiesInStudy=CT")
        assert study["0020000D"]["Value"] == [server.study], key


@check("8.3.4.1")
def nothing_found(server: Server) -> None:
    """A search without results is answered with 204 and no body"""
    answer = server.get("/studies?StudyInstanceUID=1.2.3.4.5.6.7.8", JSON)
    assert (answer.status_code, answer.content) == (204, b""), f"status {answer.status_code}"


@check("8.3.4.4")
def paging(server: Server) -> None:
    """limit and offset page through the results, and a Warning counts the rest"""
    path = f"{server.series_path}/instances"
    answer = server.get(f"{path}?limit=2", JSON)
    assert len(answer.json()) == 2, "limit is ignored"
    assert answer.headers.get("Warning", "").startswith("299"), "no Warning of the rest"
    rest = found(server, f"{path}?limit=2&offset=2")
    seen = {item["00080018"]["Value"][0] for item in answer.json() + rest}
    assert seen == set(server.instances), "the pages do not cover the results"


@check("8.3.4")
def wrong_values(server: Server) -> None:
    """Values that cannot be understood are answered with 400"""
    for query in ("limit=many", "offset=-1", "StudyDate=yesterday"):
        status = server.get(f"/studies?{query}", JSON).status_code
        assert status == 400, f"{query}: status {status}"


@check("8.3.1")
def unknown_parameters(server: Server) -> None:
    """Unknown parameters are ignored"""
    found(server, f"/studies?StudyInstanceUID={server.study}&colour=blue")


@check("F.2.5")
def empty_attributes(server: Server) -> None:
    """An empty attribute has its vr only"""
    [study] = found(server, f"/studies?StudyInstanceUID={server.study}")
    for tag, attribute in study.items():
        values = attribute.get("Value", ["something"])
        assert values not in ([], [""], [None]), f"{tag} has an empty Value"
