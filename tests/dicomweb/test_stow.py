"""Storing over the web: what is taken, what is answered, what is left behind."""

import gzip
import json
import pathlib
import zlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from werkzeug.test import TestResponse

from dicomweb.native_xml_reader import from_xml
from store.errors import StoreBusy
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import (
    MULTIPART,
    SECRETS,
    STUDY,
    encode,
    make_file,
    make_slice,
    multipart,
)

REFERENCED, FAILED, OTHER = "00081199", "00081198", "0008119A"


def _module(response: TestResponse) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/dicom+json"
    module: dict[str, Any] = json.loads(response.data)
    assert list(module) == sorted(module)
    return module


def _items(response: TestResponse, tag: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = _module(response).get(tag, {}).get("Value", [])
    return found


def _reasons(response: TestResponse, tag: str) -> list[int]:
    return [item["00081197"]["Value"][0] for item in _items(response, tag)]


def _is_empty(caller: Caller) -> bool:
    return caller.get("/instances").status_code == 204


@pytest.mark.promise("F95")
def test_instances_are_stored_and_reported_in_their_order(caller: Caller) -> None:
    response = caller.store([make_file(3), make_file(1), make_file(2)])

    assert response.status_code == 200
    numbers = []
    for item in _items(response, REFERENCED):
        assert item["00081196"] == {"vr": "US", "Value": [0xB000]}
        url = item["00081190"]["Value"][0]
        assert url.endswith("/instances/" + item["00081155"]["Value"][0])
        path = url.partition("/dicomweb")[2]
        (metadata,) = caller.get(f"{path}/metadata").get_json(force=True)
        numbers.append(metadata["00200013"]["Value"][0])
    assert numbers == [3, 1, 2]


def test_answer_names_the_study_when_it_is_one(caller: Caller) -> None:
    one = caller.store([make_file(1), make_file(2)])
    two = caller.store([make_file(3), encode(make_slice(4, study=STUDY + ".9"))])

    url = _module(one)["00081190"]["Value"][0]
    assert caller.get(url.partition("/dicomweb")[2]).status_code == 200
    assert _module(two)["00081190"] == {"vr": "UR"}


def test_answer_holds_no_identity(caller: Caller) -> None:
    for files in ([make_file(1)], [make_file(1), b"junk"], [make_file(1)[:-100]]):
        response = caller.store(files)
        for secret in SECRETS:
            assert secret not in response.data + str(response.headers).encode()


def test_same_instance_twice_is_stored_once(caller: Caller) -> None:
    first = caller.stored([make_file(1), make_file(1)])
    second = caller.stored([make_file(1)])

    assert {*first, *second} == {first[0]}
    assert len(caller.get("/instances").get_json(force=True)) == 1


def test_good_instances_are_stored_beside_bad_ones(caller: Caller) -> None:
    response = caller.store([make_file(1), b"no DICOM at all", make_file(2)])

    assert response.status_code == 202
    assert len(_items(response, REFERENCED)) == 2
    assert _reasons(response, OTHER) == [0xC000]
    assert "1 of 3 instances were not stored" in response.headers["Warning"]


@pytest.mark.parametrize("junk", [b"", b"x", b"\0" * 128 + b"DICM", b"\x89PNG" * 100])
def test_what_is_no_dicom_is_refused(caller: Caller, junk: bytes) -> None:
    response = caller.store([junk])

    assert response.status_code == 409
    assert _reasons(response, OTHER) == [0xC000]
    assert _is_empty(caller)


def test_truncated_instance_is_refused(caller: Caller) -> None:
    response = caller.store([make_file(1)[:-50]])

    assert response.status_code == 409
    # Its header came, so it is known which one it is.
    assert _reasons(response, FAILED) == [0xC000]
    assert _is_empty(caller)


def test_part_of_another_type_is_refused(caller: Caller) -> None:
    body = b"--b0undary\r\nContent-Type: image/png\r\n\r\nxx\r\n--b0undary--"
    response = caller.post(body, MULTIPART)

    assert response.status_code == 409
    assert _reasons(response, OTHER) == [0xC000]


def test_single_instance_needs_no_parts(caller: Caller) -> None:
    assert caller.post(make_file(1), "application/dicom").status_code == 200
    assert len(caller.get("/instances").get_json(force=True)) == 1


def test_instance_of_another_study_than_the_url_is_refused(caller: Caller) -> None:
    other = encode(make_slice(2, study=STUDY + ".7"))
    response = caller.store([make_file(1), other], f"/studies/{STUDY}")

    assert response.status_code == 202
    assert _reasons(response, FAILED) == [0xA901]
    assert len(caller.get("/instances").get_json(force=True)) == 1
    alone = caller.store([other], f"/studies/{STUDY}")
    assert alone.status_code == 409
    assert _reasons(alone, FAILED) == [0xA901]


def test_stored_instance_can_be_stored_back_into_the_study_it_is_in(caller: Caller) -> None:
    (path,) = caller.stored([make_file(1)])
    study = path.split("/series/")[0]
    file = caller.get(path, Accept="application/dicom").data

    response = caller.store([file], study)

    assert response.status_code == 200
    assert _items(response, REFERENCED)[0]["00081190"]["Value"][0].endswith(path)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 415),
        ("multipart/form-data; boundary=b0undary", 415),
        ('multipart/related; type="application/pdf"; boundary=b0undary', 415),
        ('multipart/related; type="application/dicom+json"; boundary=b0undary', 400),
        ("nonsense", 415),
        ('multipart/related; type="application/dicom"', 400),
        ('multipart/related; type="application/dicom"; boundary=wrong', 400),
        ("multipart/related; type=application/dicom; boundary=b0undary", 200),
        ('Multipart/Related; Boundary="b0undary"; Type="application/dicom"', 200),
        ("multipart/related; boundary=b0undary", 200),
    ],
)
def test_content_type_decides(caller: Caller, content_type: str, status: int) -> None:
    response = caller.post(multipart([make_file(1)]), content_type)

    assert response.status_code == status
    assert _is_empty(caller) == (status != 200)
    if status != 200:
        assert response.get_json()["error"].endswith(".")


def test_missing_closing_boundary_stores_nothing(caller: Caller) -> None:
    body = multipart([make_file(1), make_file(2)])
    for end in (b"--\r\n", b"\r\n--b0undary--\r\n"):
        response = caller.post(body.removesuffix(end), MULTIPART)
        assert response.status_code == 400
        assert "boundary" in response.get_json()["error"]
        assert _is_empty(caller)


@pytest.mark.parametrize("body", [b"", b"--b0undary--\r\n", b"no boundary in it"])
def test_empty_body_is_refused(caller: Caller, body: bytes) -> None:
    assert caller.post(body, MULTIPART).status_code == 400
    assert caller.post(b"", "application/dicom").status_code == 400


def test_body_above_the_limit_is_refused(caller: Caller) -> None:
    response = caller.store([make_file(1, size=1500)])

    assert response.status_code == 413
    assert _is_empty(caller)


def test_limit_holds_for_a_body_without_a_length(caller: Caller) -> None:
    response = caller.client.open(
        "/dicomweb/studies",
        method="POST",
        data=multipart([make_file(1, size=1500)]),
        content_type=MULTIPART,
        headers={"Authorization": "Bearer the-token", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 413
    assert _is_empty(caller)


def test_single_instance_without_a_length_is_refused(caller: Caller) -> None:
    response = caller.client.open(
        "/dicomweb/studies",
        method="POST",
        data=make_file(1),
        content_type="application/dicom",
        headers={"Authorization": "Bearer the-token", "Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )
    assert response.status_code == 411


def test_a_body_without_a_length_over_http_2_is_read_to_its_end(caller: Caller) -> None:
    """It names no coding either: there its frames say where it ends."""
    body = multipart([make_file(1), make_file(2)])
    for sent, status in ((body, 200), (body[:-40], 400), (b"", 400)):
        response = caller.client.open(
            "/dicomweb/studies",
            method="POST",
            input_stream=BytesIO(sent),
            content_type=MULTIPART,
            headers={"Authorization": "Bearer the-token"},
            environ_overrides={"SERVER_PROTOCOL": "HTTP/2", "wsgi.input_terminated": True},
        )
        assert response.status_code == status
    assert len(caller.get("/instances").get_json(force=True)) == 2


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic eDp5", ""])
def test_storing_needs_a_token(caller: Caller, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    body = multipart([make_file(1)])
    response = caller.client.post(
        "/dicomweb/studies", data=body, content_type=MULTIPART, headers=headers
    )
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "nonsense"])
def test_unknown_content_encoding_is_refused(caller: Caller, encoding: str) -> None:
    body = multipart([make_file(1)])
    assert caller.post(body, MULTIPART, Content_Encoding=encoding).status_code == 415


def _gzipped(body: bytes) -> bytes:
    return gzip.compress(body[:700]) + gzip.compress(body[700:])


def _raw_deflated(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("X-GZip", _gzipped),
        ("gzip", lambda body: gzip.compress(body) + bytes(100)),
        ("deflate", zlib.compress),
        ("deflate", _raw_deflated),
        ("identity", bytes),
    ],
)
def test_compressed_body_is_inflated(
    caller: Caller, encoding: str, pack: Callable[[bytes], bytes]
) -> None:
    body = multipart([make_file(1), make_file(2)])

    response = caller.post(pack(body), MULTIPART, Content_Encoding=encoding)

    assert response.status_code == 200, response.text
    assert len(_items(response, REFERENCED)) == 2


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("damage", ["cut", "junk", "empty", "plain", "more"])
def test_damaged_compressed_body_is_refused(caller: Caller, encoding: str, damage: str) -> None:
    body = multipart([make_file(1)])
    packed = gzip.compress(body) if encoding == "gzip" else zlib.compress(body)
    damaged = {
        "cut": packed[:-9],
        "junk": packed[:40] + b"junk" + packed[44:],
        "empty": b"",
        "plain": body,
        "more": packed + b"more",
    }[damage]

    response = caller.post(damaged, MULTIPART, Content_Encoding=encoding)

    assert response.status_code == 400
    assert response.get_json()["error"].endswith(".")
    assert _is_empty(caller)


def test_limit_holds_for_what_is_inflated(caller: Caller) -> None:
    """A bomb of 64 MB in 64 KB."""
    head = b"--b0undary\r\nContent-Type: application/dicom\r\n\r\n" + make_file(1)
    for plain in (head + bytes(64 << 20), bytes(64 << 20)):
        response = caller.post(gzip.compress(plain, 1), MULTIPART, Content_Encoding="gzip")
        assert response.status_code == 413
        assert _is_empty(caller)


def test_end_of_a_compressed_instance_needs_no_length(caller: Caller) -> None:
    for body, status in (
        (gzip.compress(make_file(1)), 200),
        (gzip.compress(make_file(2))[:-9], 400),
    ):
        response = caller.client.open(
            "/dicomweb/studies",
            method="POST",
            data=body,
            content_type="application/dicom",
            headers={
                "Authorization": "Bearer the-token",
                "Transfer-Encoding": "chunked",
                "Content-Encoding": "gzip",
            },
            environ_overrides={"wsgi.input_terminated": True},
        )
        assert response.status_code == status
    assert len(caller.get("/instances").get_json(force=True)) == 1


def test_answer_must_be_acceptable(caller: Caller) -> None:
    refused = caller.store([make_file(1)], Accept="text/html, application/dicom")

    assert refused.status_code == 406
    assert _is_empty(caller)
    assert caller.store([make_file(1)], Accept="application/json, */*;q=0.1").status_code == 200
    assert caller.store([make_file(1)], "/studies?accept=text/html").status_code == 406
    assert caller.store([make_file(1)], "/studies?accept=*/*").status_code == 400


@pytest.mark.parametrize(
    ("accept", "path", "media_type"),
    [
        ("application/dicom+xml", "/studies", "application/dicom+xml"),
        (
            "application/dicom+json;q=0.5, application/dicom+xml",
            "/studies",
            "application/dicom+xml",
        ),
        ("application/dicom+xml, application/dicom+json", "/studies", "application/dicom+json"),
        ("*/*", "/studies", "application/dicom+json"),
        (
            "application/dicom+json",
            "/studies?accept=application/dicom%2Bxml",
            "application/dicom+xml",
        ),
        (
            "application/dicom+xml",
            "/studies?accept=application/dicom%2Bjson",
            "application/dicom+json",
        ),
    ],
)
def test_answer_comes_as_asked_for(caller: Caller, accept: str, path: str, media_type: str) -> None:
    response = caller.store([make_file(1)], path, Accept=accept)

    assert response.status_code == 200
    assert response.headers["Content-Type"] == media_type


def test_answer_in_xml_says_what_the_one_in_json_says(caller: Caller) -> None:
    other = encode(make_slice(2, study=STUDY + ".7"))
    files = [make_file(1), b"junk", other]
    spoken = caller.store(files, f"/studies/{STUDY}", Accept="application/dicom+xml")
    written = caller.store(files, f"/studies/{STUDY}")

    assert spoken.status_code == written.status_code == 202
    assert from_xml(spoken.data) == _module(written)
    assert spoken.headers["Warning"] == written.headers["Warning"]


def test_store_that_cannot_begin_is_no_fault_of_the_body(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StoreBusy("busy")

    monkeypatch.setattr("store.ingest.Ingest.batch", refuse)
    response = caller.store([make_file(1)])

    assert response.status_code == 503
    assert response.headers["Retry-After"]


def test_failed_instance_is_told_by_its_new_uid(caller: Caller) -> None:
    (path,) = caller.stored([make_file(1)])
    different = make_slice(1)
    different.PixelData = bytes(len(different.PixelData))

    response = caller.store([encode(different), make_file(1)[:-10]])

    assert response.status_code == 409
    assert _reasons(response, FAILED) == [0x0111, 0xC000]
    for item in _items(response, FAILED):
        assert path.endswith(item["00081155"]["Value"][0])
        assert item["00081150"]["Value"] == ["1.2.840.10008.5.1.4.1.1.2"]


_HEAD = b"Content-Type: application/dicom\r\n\r\n"


@pytest.mark.parametrize(
    ("boundary", "head", "before", "after", "content_type"),
    [
        ("b", _HEAD, b"\r\n", b"", 'multipart/related; type="application/dicom"; boundary="b"'),
        ("b", _HEAD, b"a preamble\r\n", b"\r\nan epilogue --b", "multipart/related; boundary=b"),
        (
            "'()+_,-./:=? x",
            b"CONTENT-TYPE: Application/DICOM; transfer-syntax=1.2.840.10008.1.2.1\r\n\r\n",
            b"",
            b"\r\n",
            'multipart/related; boundary="{}"; type="application/dicom"; start="<1>"',
        ),
        (
            "=_x",
            b"content-location: http://a/b\r\ncontent-type:application/dicom;\r\n  a=b\r\n"
            b"Content-Length: 5\r\n\r\n",
            b"",
            b"",
            "MULTIPART/RELATED;TYPE=application/dicom;BOUNDARY==_x",
        ),
        ("b", b"\r\n", b"", b"", 'multipart/related; type="application/dicom"; boundary=b'),
    ],
)
def test_framing_that_clients_use_is_understood(
    caller: Caller, boundary: str, head: bytes, before: bytes, after: bytes, content_type: str
) -> None:
    mark = b"--" + boundary.encode()
    body = b"".join(mark + b"\r\n" + head + make_file(n) + b"\r\n" for n in (1, 2))
    body = before + body + mark + b"--" + after

    response = caller.post(body, content_type.format(boundary))

    assert response.status_code == 200, response.text
    assert len(_items(response, REFERENCED)) == 2


def test_many_instances_take_several_batches(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicomweb.stow.BATCH_INSTANCES", 3)
    files = [make_file(number) for number in range(1, 8)]

    response = caller.store(files)

    assert response.status_code == 200
    assert len(_items(response, REFERENCED)) == 7
    assert len(caller.get("/instances").get_json(force=True)) == 7


def test_full_store_is_answered_with_a_time_to_come_back(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    from store.errors import StoreFull
    from store.ingest import Batch

    def refuse(self: Batch) -> None:
        raise StoreFull("no room")

    monkeypatch.setattr(Batch, "commit", refuse)
    response = caller.store([make_file(1)])

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert _reasons(response, FAILED) == [0xA700]
    assert _is_empty(caller)


def test_unforeseen_error_costs_one_instance_only(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from store.ingest import Incoming

    finish = Incoming.finish
    calls = iter([True, False])

    def fail_once(self: Incoming) -> object:
        if next(calls):
            raise ValueError("SECRETNAME")
        return finish(self)

    monkeypatch.setattr(Incoming, "finish", fail_once)
    response = caller.store([make_file(1), make_file(2)])

    assert response.status_code == 202
    assert _reasons(response, FAILED) + _reasons(response, OTHER) == [0x0110]
    assert "ValueError" in caplog.text
    assert "SECRETNAME" not in caplog.text


def test_every_damaged_file_gets_an_answer(caller: Caller, shared_data: pathlib.Path) -> None:
    for path in sorted((shared_data / "bad").iterdir()):
        if path.stat().st_size > 3_000_000:
            continue
        response = caller.store([path.read_bytes()])
        assert response.status_code in (200, 409), path.name
        module = _module(response)
        assert (REFERENCED in module) == (response.status_code == 200)
        if response.status_code != 200:
            assert response.headers["Warning"].endswith(".")
