"""Parts of single-part answers, and answers without a body."""

import pytest

from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import make_file

ALONE = {
    "": "application/dicom",
    "/frames/1": "application/octet-stream",
    "/bulkdata/7FE00010": "application/octet-stream",
}


@pytest.fixture
def path(caller: Caller) -> str:
    return caller.stored([make_file(1, frames=3, size=64)])[0]


@pytest.mark.parametrize("resource", ALONE)
def test_parts(caller: Caller, path: str, resource: str) -> None:
    accept = ALONE[resource]
    whole = caller.get(path + resource, Accept=accept)
    body, size = whole.data, len(whole.data)
    assert whole.headers["Accept-Ranges"] == "bytes"
    assert int(whole.headers["Content-Length"]) == size

    for asked, start, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-99", 10, 100),
        ("bytes=100-", 100, size),
        ("bytes=-7", size - 7, size),
        (f"bytes=-{size * 2}", 0, size),
        (f"bytes=5-{size * 2}", 5, size),
        ("BYTES = 1-2", 1, 3),
    ]:
        part = caller.get(path + resource, Accept=accept, Range=asked)
        assert part.status_code == 206, asked
        assert part.data == body[start:end]
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/{size}"
        assert int(part.headers["Content-Length"]) == end - start
        for name in ("ETag", "Content-Type", "Content-Location", "Cache-Control", "Vary"):
            assert part.headers[name] == whole.headers[name]


@pytest.mark.parametrize("resource", ALONE)
@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0", "bytes=99999999-999999999"])
def test_parts_that_are_not_there(caller: Caller, path: str, resource: str, asked: str) -> None:
    accept = ALONE[resource]
    size = len(caller.get(path + resource, Accept=accept).data)

    response = caller.get(path + resource, Accept=accept, Range=asked)

    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{size}"
    assert response.get_json()["error"].endswith(".")


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=x-y",
        "bytes=2-1",
        "bytes=0-1,4-5",
        "bytes=0-1, -5",
        "pages=1-2",
        "bytes=--1",
        "bytes=1-2-3",
        "bytes=+1-2",
        "bytes=0x1-2",
        f"bytes=0-{'9' * 400}",
        "bytes=\u0661-\u0662",
    ],
)
def test_what_is_no_single_range_is_passed_over(caller: Caller, path: str, asked: str) -> None:
    response = caller.get(path, Accept="application/dicom", Range=asked)

    assert response.status_code == 200
    assert response.data == caller.get(path, Accept="application/dicom").data


def test_part_of_what_the_caller_has_the_rest_of(caller: Caller, path: str) -> None:
    place = f"{path}/bulkdata/7FE00010"
    accept = "application/octet-stream"
    tag = caller.get(place, Accept=accept).headers["ETag"]

    for condition, status in [
        (tag, 206),
        (f"W/{tag}", 200),
        ('"another"', 200),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 200),
    ]:
        response = caller.get(place, Accept=accept, Range="bytes=0-9", If_Range=condition)
        assert response.status_code == status
    known = caller.get(place, Accept=accept, Range="bytes=0-9", If_None_Match=tag)
    assert known.status_code == 304


def test_answers_in_parts_have_no_ranges(caller: Caller, path: str) -> None:
    response = caller.get(path, Range="bytes=0-9")
    assert response.status_code == 200
    assert "Accept-Ranges" not in response.headers


@pytest.mark.parametrize("part", ["bytes=0-9", None])
@pytest.mark.parametrize(
    ("resource", "accept"),
    [
        *ALONE.items(),
        ("", "*/*"),
        ("/metadata", "*/*"),
        ("/frames/1", "*/*"),
        ("/frames/1,2", "*/*"),
        ("/bulkdata", "*/*"),
        ("/pixeldata", "*/*"),
        ("/bulkdata/7FE00010", "*/*"),
    ],
)
def test_head_is_the_headers(
    caller: Caller, path: str, resource: str, accept: str, part: str | None
) -> None:
    headers = {"Authorization": "Bearer the-token", "Accept": accept}
    headers |= {"Range": part} if part else {}
    given = caller.client.get(f"/dicomweb{path}{resource}", headers=headers)

    head = caller.client.head(f"/dicomweb{path}{resource}", headers=headers)

    assert head.status_code == given.status_code
    assert head.data == b""
    assert dict(head.headers) == dict(given.headers)


def test_head_of_a_file_does_not_read_it(
    caller: Caller, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr("store.blobs_folder.FolderBlobs.stream", fail)
    headers = {"Authorization": "Bearer the-token"}
    for resource, accept in [("", "application/dicom"), ("", "*/*"), ("", "application/zip")]:
        response = caller.client.head(
            f"/dicomweb{path}{resource}", headers=headers | {"Accept": accept}
        )
        assert response.status_code == 200
