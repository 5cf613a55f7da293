"""Checks of the Retrieve transaction.

Standard: PS3.18 10.4 (Retrieve), 8.7 (media types), Annex F (DICOM JSON model).
"""

from io import BytesIO

import pydicom
import requests
from pydicom.uid import ExplicitVRLittleEndian

from conformance.suite import Server, check

OCTETS = 'multipart/related; type="application/octet-stream"'


def parts(answer: requests.Response) -> list[tuple[str, bytes]]:
    """Header text and bytes of each part."""
    assert answer.status_code == 200, f"status {answer.status_code}"
    content_type = answer.headers["Content-Type"]
    assert content_type.startswith("multipart/related"), content_type
    boundary = content_type.partition("boundary=")[2].split(";")[0].strip('"').encode()
    found = []
    for part in answer.content.split(b"--" + boundary)[1:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        found.append((head.decode(), data[:-2]))
    assert answer.content.rstrip().endswith(b"--" + boundary + b"--"), "no closing boundary"
    return found


@check("10.4.1.1.1")
def levels(server: Server) -> None:
    """A study, a series and an instance come as multipart application/dicom"""
    accept = 'multipart/related; type="application/dicom"'
    for path, count in (
        (f"/studies/{server.study}", 3),
        (server.series_path, 3),
        (server.instance_path, 1),
    ):
        found = parts(server.get(path, accept))
        assert len(found) == count, f"{len(found)} parts for {path.count('/') // 2} levels"
        ds = pydicom.dcmread(BytesIO(found[0][1]))
        assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian, "not in the default syntax"
        assert ds.StudyInstanceUID == server.study, "another study"


@check("10.4.1.1.2")
def metadata(server: Server) -> None:
    """Metadata of all levels come as DICOM JSON"""
    for path, count in (
        (f"/studies/{server.study}", 3),
        (server.series_path, 3),
        (server.instance_path, 1),
    ):
        answer = server.get(f"{path}/metadata", "application/dicom+json")
        assert answer.status_code == 200, f"status {answer.status_code}"
        found = answer.json()
        assert len(found) == count, f"{len(found)} instances"
        assert list(found[0]) == sorted(found[0]), "tags are not in ascending order"
        assert not [tag for tag in found[0] if tag.startswith("0002")], "has file meta information"


@check("10.4.1.1.3")
def frames(server: Server) -> None:
    """A frame is the pixel data that were sent, with its transfer syntax in the part"""
    for accept in (
        OCTETS,
        "multipart/related; type=application/octet-stream; transfer-syntax=*",
        'multipart/related; type="application/octet-stream"; transfer-syntax="*"',
        "*/*",
    ):
        [(head, data)] = parts(server.get(f"{server.instance_path}/frames/1", accept))
        assert data == server.slices[0], f"other bytes for {accept}"
        assert f"transfer-syntax={ExplicitVRLittleEndian}" in head.replace('"', ""), head


@check("10.4.1.1.4")
def bulkdata(server: Server) -> None:
    """The BulkDataURI of the metadata leads to the value"""
    answer = server.get(f"{server.instance_path}/metadata", "application/dicom+json")
    uri = answer.json()[0]["7FE00010"]["BulkDataURI"]
    if not uri.startswith("http"):
        uri = requests.compat.urljoin(answer.url, uri)
    found = parts(server.session.get(uri, headers={"Accept": OCTETS}, timeout=60))
    assert b"".join(data for _, data in found) == server.slices[0], "other bytes"


@check("8.7.4")
def rendered(server: Server) -> None:
    """An instance and a frame are rendered as JPEG"""
    for path in ("/rendered", "/frames/1/rendered"):
        answer = server.get(server.instance_path + path, "image/jpeg")
        assert answer.status_code == 200, f"status {answer.status_code}"
        assert answer.content.startswith(b"\xff\xd8\xff"), "no JPEG"


@check("8.5")
def not_found(server: Server) -> None:
    """What is not there is answered with 404"""
    for path in ("/studies/1.2.3/metadata", f"{server.instance_path}/frames/2"):
        answer = server.get(path)
        assert answer.status_code == 404, f"{path}: status {answer.status_code}"


@check("8.7.5")
def not_acceptable(server: Server) -> None:
    """A media type that cannot be given is answered with 406"""
    answer = server.get(f"{server.instance_path}/frames/1", "text/html")
    assert answer.status_code == 406, f"status {answer.status_code}"
