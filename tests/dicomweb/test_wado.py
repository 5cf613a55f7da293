"""Retrieving over the web: instances, metadata, frames and bulk data."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from werkzeug.test import TestResponse

from tests.dicomweb.app import OTHER_TOKEN
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import (
    encode,
    make_file,
    make_implicit_file,
    make_slice,
    split_multipart,
)

CORNERSTONE = "multipart/related; type=application/octet-stream; transfer-syntax=*"
ELE = "1.2.840.10008.1.2.1"
IMMUTABLE = "private, max-age=31536000, immutable"


@pytest.fixture
def path(caller: Caller) -> str:
    """An instance of three frames."""
    return caller.stored([make_file(1, frames=3)])[0]


def _parts(response: TestResponse) -> list[tuple[dict[str, str], bytes]]:
    assert response.status_code == 200, response.text
    parts = split_multipart(response.headers["Content-Type"], response.data)
    for headers, content in parts:
        assert int(headers.get("Content-Length", len(content))) == len(content)
    return parts


def _pixels(number: int, frames: int = 1, size: int = 16) -> np.ndarray[Any, np.dtype[np.uint16]]:
    return np.arange(frames * size * size, dtype="<u2") + 100 * number


def test_frame_for_cornerstone(caller: Caller, path: str) -> None:
    response = caller.get(f"{path}/frames/2", Accept=CORNERSTONE)

    ((headers, content),) = _parts(response)
    assert headers == {
        "Content-Type": f"application/octet-stream; transfer-syntax={ELE}",
        "Content-Location": f"http://localhost/dicomweb{path}/frames/2",
        "Content-Length": "512",
    }
    assert content == _pixels(1, 3)[256:512].tobytes()
    assert int(response.headers["Content-Length"]) == len(response.data)
    assert response.headers["Cache-Control"] == IMMUTABLE
    assert "Accept" in response.headers["Vary"]


def test_frames_come_in_the_order_asked_for(caller: Caller, path: str) -> None:
    parts = _parts(caller.get(f"{path}/frames/1,2,3", Accept=CORNERSTONE))
    assert b"".join(content for _, content in parts) == _pixels(1, 3).tobytes()

    parts = _parts(caller.get(f"{path}/frames/3,1", Accept=CORNERSTONE))
    assert [headers["Content-Location"][-1] for headers, _ in parts] == ["3", "1"]


def test_frame_alone_needs_no_parts(caller: Caller, path: str) -> None:
    response = caller.get(f"{path}/frames/1", Accept="application/octet-stream")

    assert response.headers["Content-Type"].startswith("application/octet-stream")
    assert response.headers["Content-Location"].endswith("/frames/1")
    assert response.data == _pixels(1, 3)[:256].tobytes()
    several = caller.get(f"{path}/frames/1,2", Accept="application/octet-stream")
    assert several.status_code == 406


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        ("0", 400),
        ("x", 400),
        ("1,", 400),
        ("-1", 400),
        ("1.5", 400),
        ("4", 404),
        ("1,9", 404),
        ("999999999999999", 400),
        ("%201", 400),
    ],
)
def test_frame_lists_that_cannot_be(caller: Caller, path: str, frames: str, status: int) -> None:
    response = caller.get(f"{path}/frames/{frames}", Accept=CORNERSTONE)

    assert response.status_code == status
    assert response.get_json()["error"].endswith(".")


@pytest.mark.parametrize("accept", ["text/html", f"{CORNERSTONE[:-1]}1.2.3", "image/jpx"])
def test_frame_in_a_form_that_is_not_there(caller: Caller, path: str, accept: str) -> None:
    assert caller.get(f"{path}/frames/1", Accept=accept).status_code == 406


def test_implicit_and_big_endian_frames_come_as_little_endian(caller: Caller) -> None:
    implicit, big_endian = caller.stored(
        [make_implicit_file(1), encode(_big_endian(make_slice(2)))]
    )
    for number, path in ((1, implicit), (2, big_endian)):
        ((headers, content),) = _parts(caller.get(f"{path}/frames/1", Accept=CORNERSTONE))
        assert headers["Content-Type"].endswith(f"transfer-syntax={ELE}")
        assert content == _pixels(number).tobytes()


def _big_endian(ds: pydicom.Dataset) -> pydicom.Dataset:
    ds.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    return ds


def test_metadata_of_every_level(caller: Caller) -> None:
    paths = caller.stored(
        [make_file(number, series=series) for series in (1, 2) for number in (2, 1)]
    )
    study, series = paths[0].split("/series/")[0], paths[0].split("/instances/")[0]

    for path, count in ((study, 4), (series, 2), (paths[0], 1)):
        response = caller.get(f"{path}/metadata", Accept="application/dicom+json")
        assert response.headers["Content-Type"] == "application/dicom+json"
        instances = response.get_json(force=True)
        assert len(instances) == count
        for instance in instances:
            uri = instance["7FE00010"]["BulkDataURI"]
            assert uri.startswith("http://localhost/dicomweb/studies/")
            assert caller.get(uri.partition("/dicomweb")[2]).status_code == 200
    numbers = [
        item["00200013"]["Value"][0]
        for item in caller.get(f"{series}/metadata").get_json(force=True)
    ]
    assert numbers == [1, 2]
    again = caller.get(f"{series}/metadata")
    known = caller.get(f"{series}/metadata", If_None_Match=again.headers["ETag"])
    assert known.status_code == 304
    caller.stored([make_file(3)])
    grown = caller.get(f"{series}/metadata", If_None_Match=again.headers["ETag"])
    assert len(grown.get_json(force=True)) == 3


@pytest.mark.parametrize("group", [1, 2, 3, 4])
def test_long_metadata_are_streamed(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr("dicomweb.metadata.METADATA_GROUP", group)
    monkeypatch.setattr("dicomweb.metadata.LARGEST_KEPT", 10)
    (path, *_) = caller.stored([make_file(number) for number in (1, 2, 3)])

    series = path.split("/instances/")[0]
    assert len(caller.get(f"{series}/metadata").get_json(force=True)) == 3


def test_instance_alone_and_in_parts(caller: Caller, path: str) -> None:
    alone = caller.get(path, Accept="application/dicom")
    ((headers, content),) = _parts(caller.get(path))

    assert alone.headers["Content-Type"] == f"application/dicom; transfer-syntax={ELE}"
    assert alone.headers["Content-Location"] == f"http://localhost/dicomweb{path}"
    assert alone.data == content
    assert headers["Content-Type"] == f"application/dicom; transfer-syntax={ELE}"
    assert headers["Content-Location"] == f"http://localhost/dicomweb{path}"
    ds = pydicom.dcmread(BytesIO(content))
    assert ds.SOPInstanceUID == path.rsplit("/", 1)[1]
    assert ds.PixelData == _pixels(1, 3).tobytes()


def test_study_and_series_come_whole(caller: Caller) -> None:
    paths = caller.stored(
        [make_file(number, series=series) for series in (1, 2) for number in (1, 2)]
    )
    study, series = paths[0].split("/series/")[0], paths[0].split("/instances/")[0]

    for path, expected in ((study, paths), (series, paths[:2])):
        response = caller.get(path, Accept='multipart/related; type="application/dicom"')
        parts = _parts(response)
        locations = [headers["Content-Location"].partition("/dicomweb")[2] for headers, _ in parts]
        assert locations == expected
        for headers, content in parts:
            uid = pydicom.dcmread(BytesIO(content)).SOPInstanceUID
            assert headers["Content-Location"].endswith(uid)
        assert response.headers["Cache-Control"] == "private, no-cache"
        known = caller.get(path, If_None_Match=response.headers["ETag"])
        assert known.status_code == 304
    assert caller.get(study, Accept="application/dicom").status_code == 406


def test_length_of_several_frames_is_known(
    caller: Caller, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicomweb.answers.SMALL_BYTES", 10)
    response = caller.get(f"{path}/frames/3,1,2", Accept=CORNERSTONE)

    assert response.is_streamed
    length = int(response.headers["Content-Length"])
    assert length == len(response.data)
    assert b"".join(content for _, content in _parts(response)) == b"".join(
        _pixels(1, 3).tobytes()[at * 512 : at * 512 + 512] for at in (2, 0, 1)
    )


def test_large_bodies_are_streamed(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomweb.answers.SMALL_BYTES", 1000)
    paths = caller.stored([make_file(number, size=300) for number in (1, 2, 3)])

    response = caller.get(paths[0].split("/series/")[0])

    assert response.is_streamed
    assert len(_parts(response)) == 3


def test_body_that_breaks_off_has_no_closing_boundary(
    caller: Caller, broken_study: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = caller.get(broken_study)

    assert response.status_code == 200
    assert not response.data.endswith(b"--\r\n")
    assert "OSError" in caplog.text
    assert "SECRETNAME" not in caplog.text


def test_implicit_instance_is_given_as_explicit(caller: Caller) -> None:
    (path,) = caller.stored([make_implicit_file(1)])
    for accept in ("application/dicom", "application/dicom; transfer-syntax=*"):
        response = caller.get(path, Accept=accept)
        ds = pydicom.dcmread(BytesIO(response.data))
        assert ds.file_meta.TransferSyntaxUID == ELE
        assert ds.PixelData == _pixels(1).tobytes()


def test_bulk_data(caller: Caller) -> None:
    ds = make_slice(1)
    lut = pydicom.Dataset()
    lut.LUTDescriptor = [300, 0, 16]
    lut.ModalityLUTType = "US"
    lut.add_new(0x00283006, "OW", bytes(range(200)) * 3)
    ds.ModalityLUTSequence = [lut]
    (path,) = caller.stored([encode(ds)])
    (metadata,) = caller.get(f"{path}/metadata").get_json(force=True)
    uri = metadata["00283000"]["Value"][0]["00283006"]["BulkDataURI"]

    assert uri == f"http://localhost/dicomweb{path}/bulkdata/00283000/1/00283006"
    below = uri.partition("/dicomweb")[2]
    ((headers, content),) = _parts(
        caller.get(below, Accept='multipart/related; type="application/octet-stream"')
    )
    assert content == bytes(range(200)) * 3
    assert headers["Content-Location"] == uri
    alone = caller.get(below, Accept="application/octet-stream")
    assert alone.data == content
    assert alone.headers["Content-Type"].startswith("application/octet-stream")
    assert caller.get(below, Accept="text/html").status_code == 406
    pixels = caller.get(f"{path}/bulkdata/7FE00010", Accept="application/octet-stream")
    assert pixels.data == _pixels(1).tobytes()


@pytest.mark.parametrize(
    "name",
    ["00281201", "00283000", "00283000/1", "x", "../../x", "7FE00010/1/00280010", "00100010x"],
)
def test_bulk_data_that_is_not_there(caller: Caller, path: str, name: str) -> None:
    assert caller.get(f"{path}/bulkdata/{name}").status_code == 404


def test_everything_has_a_validator(caller: Caller, path: str) -> None:
    study = path.split("/series/")[0]
    tags = set()
    for resource, accept in [
        (study, "*/*"),
        (f"{study}/metadata", "*/*"),
        (path, "*/*"),
        (path, "application/dicom"),
        (f"{path}/frames/1", "*/*"),
        (f"{path}/frames/1", "application/octet-stream"),
        (f"{path}/frames/1,2", "*/*"),
        (f"{path}/bulkdata/7FE00010", "*/*"),
    ]:
        response = caller.get(resource, Accept=accept)
        tag = response.headers["ETag"]
        assert tag.startswith('"')
        tags.add((tag, response.data))
        for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
            again = caller.get(resource, Accept=accept, If_None_Match=known)
            assert again.status_code == 304
            assert again.data == b""
            assert again.headers["ETag"] == tag
        assert caller.get(resource, Accept=accept, If_None_Match='"x"').data == response.data
    assert len({tag for tag, _ in tags}) == len(tags)


def test_unknown_and_invisible_are_answered_alike(caller: Caller, path: str) -> None:
    study, series = path.split("/series/")[0], path.split("/instances/")[0]
    own = [study, series, path, f"{path}/metadata", f"{path}/frames/1", f"{path}/bulkdata/7FE00010"]
    other = {"Authorization": f"Bearer {OTHER_TOKEN}"}
    unknown = caller.get("/studies/1.2.3")
    assert unknown.status_code == 404
    for resource in own:
        hidden = caller.client.get(f"/dicomweb{resource}", headers=other)
        stranger = caller.client.get(f"/dicomweb{resource}")
        assert hidden.status_code == stranger.status_code == 404
        assert hidden.get_json() == stranger.get_json()
        invalid = caller.client.get(f"/dicomweb{resource}", headers={"Authorization": "x"})
        assert invalid.status_code == 401
    assert hidden.get_json() == unknown.get_json()


@pytest.mark.parametrize("uid", ["x", "1.2.3%00", "%2e%2e", "1" * 65, "1.2'--", "1.2%0a"])
def test_path_that_holds_no_uid_names_nothing(caller: Caller, uid: str) -> None:
    assert caller.get(f"/studies/{uid}").status_code == 404
    assert caller.get(f"/studies/{uid}/metadata").status_code == 404
