"""Checks of what PS3.18 does not have: deleting, and archives.

Standard: none; DELETE as other servers offer it, application/zip as dcm4chee does.
"""

import io
import zipfile

from conformance.encoding import decode, encode
from conformance.errors import Fault, NotApplicable
from conformance.reading import DICOM, JSON, content_type, expect_status
from conformance.sample import SLICES, main
from conformance.search import count
from conformance.server import Server, Stored
from conformance.suite import check

LEVELS = [("instance", "path"), ("series", "series_path"), ("study", "study_path")]
DELETED = (200, 202, 204)


def a_study(server: Server) -> Stored:
    """Store a study to delete."""
    return server.keep(main())


def delete(server: Server, stored: Stored, place: str) -> None:
    """Delete a level of it.

    Raises:
        NotApplicable: the server does not delete.
    """
    status = server.request("DELETE", getattr(stored.first, place)).status_code
    if status in (403, 404, 405, 501):
        raise NotApplicable(f"the server does not delete (status {status})")
    if status not in DELETED:
        raise Fault(f"status {status}")


@check("beyond PS3.18", "beyond", rows=LEVELS)
def deletes(server: Server, name: str, place: str) -> None:
    """DELETE of {0} is answered with success"""
    status = server.request("DELETE", getattr(a_study(server).first, place)).status_code
    if status not in DELETED:
        raise Fault(f"status {status}")


@check("beyond PS3.18", "beyond", rows=LEVELS)
def is_gone(server: Server, name: str, place: str) -> None:
    """What was deleted is not there any more: {0}"""
    stored = a_study(server)
    delete(server, stored, place)
    expect_status(server.get(stored.first.path, DICOM), 404, 410)
    expect_status(server.get(f"{stored.first.path}/metadata", JSON), 404, 410)


@check("beyond PS3.18", "beyond", rows=[("instance", "path", SLICES), ("series", "series_path", 1)])
def leaves_the_rest(server: Server, name: str, place: str, left: int) -> None:
    """DELETE of {0} leaves the rest of the study"""
    stored = a_study(server)
    delete(server, stored, place)
    found = count(server, f"{stored.first.study_path}/instances")
    if found != left:
        raise Fault(f"{found} instances, not {left}")


@check("beyond PS3.18", "beyond")
def not_found_by_search(server: Server) -> None:
    """A deleted study is not found any more"""
    stored = a_study(server)
    delete(server, stored, "study_path")
    if count(server, f"/studies?StudyInstanceUID={stored.first.study}"):
        raise Fault("it is")


@check("beyond PS3.18", "beyond")
def counts_follow(server: Server) -> None:
    """Counts of a study follow a deleted series"""
    stored = a_study(server)
    delete(server, stored, "series_path")
    [found] = server.json(f"/studies?StudyInstanceUID={stored.first.study}")
    if (found["00201206"]["Value"], found["00201208"]["Value"]) != ([1], [1]):
        raise Fault("they do not")
    if found["00080061"].get("Value") != ["MR"]:
        raise Fault("its modalities do not")


@check("beyond PS3.18", "beyond")
def nothing_to_delete(server: Server) -> None:
    """DELETE of what is not there is answered with 404"""
    delete(server, a_study(server), "study_path")
    expect_status(server.request("DELETE", "/studies/1.2.3.4.5"), 404)


@check("beyond PS3.18", "beyond")
def stored_again(server: Server) -> None:
    """What was deleted can be stored again"""
    stored = a_study(server)
    delete(server, stored, "study_path")
    answer = server.store(*(encode(instance.sent) for instance in stored.instances))
    expect_status(answer, 200, 202)


@check("beyond PS3.18", "beyond", rows=[("study", "study_path", SLICES + 1),
                                        ("series", "series_path", SLICES),
                                        ("instance", "path", 1)])  # fmt: skip
def archive(server: Server, name: str, place: str, files: int) -> None:
    """Accept: application/zip gives the {0} as an archive of DICOM files"""
    answer = server.get(getattr(server.main, place), "application/zip")
    expect_status(answer, 200)
    if content_type(answer) != "application/zip":
        raise Fault(content_type(answer))
    with zipfile.ZipFile(io.BytesIO(answer.content)) as opened:
        dicom = [each for each in opened.namelist() if opened.read(each)[128:132] == b"DICM"]
        if len(dicom) != files:
            raise Fault(f"{len(dicom)} DICOM files, not {files}")
        decode(opened.read(dicom[0]))
