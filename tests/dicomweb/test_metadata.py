"""Metadata: JSON and XML of every level, compressed, kept, and never out of date."""

import gzip
import json
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import make_file, split_multipart

XML = 'multipart/related; type="application/dicom+xml"'
NATIVE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


@pytest.fixture
def paths(caller: Caller) -> list[str]:
    """Two series of two instances."""
    files = [make_file(number, series=series) for series in (1, 2) for number in (1, 2)]
    return caller.stored(files)


def _levels(paths: list[str]) -> list[tuple[str, int]]:
    study, series = paths[0].split("/series/")[0], paths[0].split("/instances/")[0]
    return [(study, 4), (series, 2), (paths[0], 1)]


def _values(document: bytes) -> dict[str, list[str]]:
    root = ElementTree.fromstring(document)
    assert root.tag == f"{NATIVE}NativeDicomModel"
    return {
        child.attrib["tag"]: [value.text or "" for value in child.findall(f"{NATIVE}Value")]
        for child in root
    }


@pytest.mark.parametrize("accept", [XML, "application/dicom+xml", XML.replace('"', "")])
def test_xml_is_a_part_for_each_instance(caller: Caller, paths: list[str], accept: str) -> None:
    for path, count in _levels(paths)[:2]:
        response = caller.get(f"{path}/metadata", Accept=accept)
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith(f"{XML}; boundary=")
        parts = split_multipart(response.headers["Content-Type"], response.data)
        assert len(parts) == count
        metadata = caller.get(f"{path}/metadata").get_json(force=True)
        for (headers, content), instance in zip(parts, metadata, strict=True):
            assert headers["Content-Type"] == "application/dicom+xml"
            assert int(headers["Content-Length"]) == len(content)
            uid = instance["00080018"]["Value"][0]
            assert headers["Content-Location"].endswith(f"/instances/{uid}/metadata")
            assert _values(content)["00080018"] == [uid]
            assert b"/dicomweb/studies/" in content
            assert b"\x01" not in content


def test_xml_of_one_instance_in_a_part_and_alone(caller: Caller, paths: list[str]) -> None:
    in_parts = caller.get(f"{paths[0]}/metadata", Accept=XML)
    ((_, content),) = split_multipart(in_parts.headers["Content-Type"], in_parts.data)
    alone = caller.get(f"{paths[0]}/metadata", Accept="application/dicom+xml")
    assert alone.headers["Content-Type"] == "application/dicom+xml"
    assert alone.data == content
    assert alone.headers["ETag"] != in_parts.headers["ETag"]


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ("*/*", "application/dicom+json"),
        ("application/json", "application/json"),
        ("application/dicom+json, application/json", "application/dicom+json"),
        # What builds of OHIF send, as its headers are joined (OHIF/Viewers#3990).
        (
            "application/dicom+json, multipart/related; type=application/octet-stream; "
            "transfer-syntax=*",
            "application/dicom+json",
        ),
        ("text/html, */*;q=0.1", "application/dicom+json"),
        (f"{XML};q=0.2, application/dicom+json;q=0.1", XML),
        ("text/html", None),
        ("application/dicom", None),
        ('multipart/related; type="application/dicom+json"', None),
    ],
)
def test_forms(caller: Caller, paths: list[str], accept: str, given: str | None) -> None:
    response = caller.get(f"{paths[0]}/metadata", Accept=accept)
    if given is None:
        assert response.status_code == 406
    else:
        assert response.headers["Content-Type"].startswith(given)


def test_accept_parameter(caller: Caller, paths: list[str]) -> None:
    named = caller.get(f"{paths[0]}/metadata?accept=application/dicom%2Bxml")
    assert named.headers["Content-Type"] == "application/dicom+xml"
    assert caller.get(f"{paths[0]}/metadata?accept=*/*").status_code == 400


@pytest.mark.parametrize(
    ("coding", "is_gzip"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("br;q=1.0, gzip;q=0.5, *;q=0", True),
        ("*", True),
        ("identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("br", False),
        ("", False),
    ],
)
def test_gzip(caller: Caller, paths: list[str], coding: str, is_gzip: bool) -> None:
    for accept in ("application/dicom+json", XML):
        plain = caller.get(f"{paths[0]}/metadata", Accept=accept)
        response = caller.get(f"{paths[0]}/metadata", Accept=accept, Accept_Encoding=coding)

        assert "Accept-Encoding" in response.headers["Vary"]
        assert response.headers.get("Content-Encoding") == ("gzip" if is_gzip else None)
        content = gzip.decompress(response.data) if is_gzip else response.data
        assert content == plain.data
        assert (response.headers["ETag"] != plain.headers["ETag"]) == is_gzip
        assert not is_gzip or len(response.data) < len(content) / 2
        tag = response.headers["ETag"]
        known = caller.get(
            f"{paths[0]}/metadata", Accept=accept, Accept_Encoding=coding, If_None_Match=tag
        )
        assert known.status_code == 304
        assert "Accept-Encoding" in known.headers["Vary"]


def test_pixel_data_are_not_compressed_again(caller: Caller, paths: list[str]) -> None:
    for resource in ("", "/frames/1", "/bulkdata", "/bulkdata/7FE00010"):
        response = caller.get(f"{paths[0]}{resource}", Accept_Encoding="gzip")
        assert "Content-Encoding" not in response.headers


def test_kept_answers_are_given_without_asking_for_the_texts(
    caller: Caller, paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    series = paths[0].split("/instances/")[0]
    first = caller.get(f"{series}/metadata").data

    def fail(*_: object) -> None:
        raise AssertionError("it was read again")

    with monkeypatch.context() as patched:
        patched.setattr("store.retrieve.Archive.metadata", fail)
        assert caller.get(f"{series}/metadata").data == first
    caller.stored([make_file(3)])
    assert len(caller.get(f"{series}/metadata").get_json(force=True)) == 3


def test_answers_are_kept_for_one_root(caller: Caller, paths: list[str]) -> None:
    for host in ("localhost", "pacs.example"):
        response = caller.get(f"{paths[0]}/metadata", Host=host)
        uri = response.get_json(force=True)[0]["7FE00010"]["BulkDataURI"]
        assert uri.startswith(f"http://{host}/dicomweb/")


@pytest.mark.parametrize("coding", ["", "gzip"])
def test_long_answers_are_sent_while_they_are_made(
    caller: Caller, paths: list[str], monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    series = paths[0].split("/instances/")[0]
    plain: Any = caller.get(f"{series}/metadata").get_json(force=True)
    monkeypatch.setattr("dicomweb.metadata.METADATA_GROUP", 1)
    monkeypatch.setattr("dicomweb.metadata.LARGEST_KEPT", 1)
    caller.stored([make_file(3)])

    response = caller.get(f"{series}/metadata", Accept_Encoding=coding)

    assert response.is_streamed
    content = gzip.decompress(response.data) if coding else response.data
    assert json.loads(content)[:2] == plain
