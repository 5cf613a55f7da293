"""Stores behind the server that production uses: Expect, chunks, compression, metadata, memory."""

import gzip
import json
import socket
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.dicomweb.metadata_store import JSON, body, bulk_part, json_part, model
from tests.dicomweb.samples import MULTIPART, make_file, make_slice, multipart
from tests.dicomweb.test_served import END, HEAD, HEADERS, LIMIT, Served, served

__all__ = ["served"]

pytestmark = pytest.mark.integration


def _chunked(data: bytes, size: int) -> bytes:
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """The status line, and all that follows until the body's closing brace."""
    got = b""
    while not got.endswith((b"}", b">")):
        piece = connection.recv(65536)
        if not piece:
            break
        got += piece
    return got.split(b"\r\n", 1)[0], got


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_client_waits_to_be_told_to_continue(served: Served, framing: str, coding: str) -> None:
    plain = multipart([make_file(3), make_file(4)])
    sent = plain if coding == "identity" else gzip.compress(plain)
    length = f"Content-Length: {len(sent)}"
    framed = length if framing == "length" else "Transfer-Encoding: chunked"
    with served.connect() as connection:
        connection.sendall(
            served.request_head(framed, f"Content-Encoding: {coding}", "Expect: 100-continue")
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(sent if framing == "length" else _chunked(sent, 100))
        status, answer = _answer(connection)
    assert status.startswith(b"HTTP/1.1 200 ")
    module = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert len(module["00081199"]["Value"]) == 2


def test_refused_client_is_not_told_to_continue(served: Served) -> None:
    heads = {
        b"413": served.request_head(f"Content-Length: {LIMIT + 1}", "Expect: 100-continue"),
        b"415": served.request_head("Content-Length: 9", "Expect: 100-continue").replace(
            MULTIPART.encode(), b"text/plain"
        ),
        b"401": served.request_head("Content-Length: 9", "Expect: 100-continue").replace(
            b"Bearer", b"Nobody"
        ),
        b"406": served.request_head(
            "Content-Length: 9", "Expect: 100-continue", "Accept: text/html"
        ),
    }
    for status, head in heads.items():
        with served.connect() as connection:
            connection.sendall(head)
            assert connection.recv(1000).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("how", ["length", "chunks"])
def test_curl_stores_a_large_body(served: Served, tmp_path: Path, how: str) -> None:
    """Above a mebibyte, curl asks with Expect before it sends."""
    file = tmp_path / "body"
    file.write_bytes(multipart([make_file(1, series=20, size=1024)]))
    command = ["curl", "--silent", "--verbose", "--max-time", "60", "--noproxy", "*"]
    command += ["--data-binary", f"@{file}", "--header", f"Content-Type: {MULTIPART}"]
    command += ["--header", f"Authorization: {HEADERS['Authorization']}"]
    if how == "chunks":
        command += ["--header", "Transfer-Encoding: chunked", "--header", "Expect: 100-continue"]

    done = subprocess.run([*command, f"{served.root}/studies"], capture_output=True, check=True)

    said = done.stderr.decode()
    assert "< HTTP/1.1 100 Continue" in said
    assert "< HTTP/1.1 200 OK" in said
    assert len(json.loads(done.stdout)["00081199"]["Value"]) == 1


def test_chunks_of_single_bytes(served: Served) -> None:
    part = multipart([make_file(5)])
    with served.connect() as connection:
        connection.sendall(served.request_head("Transfer-Encoding: chunked") + _chunked(part, 1))
        status, _ = _answer(connection)
    assert status.startswith(b"HTTP/1.1 200 ")


def test_end_of_a_compressed_instance_is_seen(served: Served) -> None:
    before = served.count()
    packed = gzip.compress(make_file(6, series=21))
    single = {"Content-Type": "application/dicom", "Content-Encoding": "gzip"}

    # A connection that breaks looks to the application like the end of the body.
    for cut in (20, len(packed) - 9, len(packed) - 1):
        with served.connect() as connection:
            head = served.request_head("Transfer-Encoding: chunked", "Content-Encoding: gzip")
            head = head.replace(MULTIPART.encode(), b"application/dicom")
            connection.sendall(head + b"%x\r\n" % cut + packed[:cut] + b"\r\n")
    assert served.post(iter([packed[:-3]]), **single).status_code == 400
    assert served.count() == before
    assert served.post(iter([packed[:100], packed[100:]]), **single).status_code == 200
    assert served.count() == before + 1


def test_bomb_ends_at_the_limit(served: Served) -> None:
    before, resident = served.count(), served.resident_bytes()
    packer = zlib.compressobj(1, wbits=31)
    whole = packer.compress(HEAD + make_file(7, series=22)) + packer.flush(zlib.Z_FULL_FLUSH)
    # After a full flush, a block means the same wherever it stands.
    zeros = bytes(10_000_000)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    whole += block * (LIMIT // len(zeros) + 2)
    assert len(whole) < LIMIT // 100

    assert served.post(whole, **{"Content-Encoding": "gzip"}).status_code == 413
    assert served.count() == before
    assert served.resident_bytes() - resident < 48 * 1024 * 1024


def test_metadata_come_in_chunks(served: Served) -> None:
    ds = make_slice(1, series=23)
    whole = body([json_part(model(ds)), bulk_part(ds.PixelData)])

    response = served.post(
        (whole[at : at + 7] for at in range(0, len(whole), 7)), **{"Content-Type": JSON}
    )

    assert response.status_code == 200, response.text
    asked = {"Content-Type": JSON, "Accept": "application/dicom+xml"}
    again = served.post(whole, **asked)
    assert again.headers["Content-Type"] == "application/dicom+xml"
    assert again.content.startswith(b"<?xml")


def test_pixel_data_of_metadata_pass_through(served: Served) -> None:
    """One value of 300 MB beside its metadata."""
    ds = make_slice(1, series=24)
    ds.Rows, ds.Columns, ds.NumberOfFrames = 1000, 1000, 150
    length = 300_000_000
    before_value, after_value = body(
        [json_part(model(ds)), bulk_part(b"PIXELS", "bulk/1", Content_Length=str(length))]
    ).split(b"PIXELS")

    def parts() -> Iterator[bytes]:
        yield before_value
        yield from (bytes(1_000_000) for _ in range(length // 1_000_000))
        yield after_value

    resident = served.resident_bytes()
    response = served.post(parts(), **{"Content-Type": JSON})

    assert response.status_code == 200, response.text
    assert served.resident_bytes() - resident < 48 * 1024 * 1024
    url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    (read,) = requests.get(f"{url}/metadata", headers=HEADERS, timeout=60).json()
    assert read["00280008"]["Value"] == [150]


def test_nothing_of_all_that_is_in_the_log(served: Served) -> None:
    served.post(HEAD + make_file(8) + END)
    log = served.log.read_bytes()

    assert b"Traceback" not in log
    assert b"unexpected" not in log
    assert b"SECRET" not in log
    assert list((served.folder / "temporary").iterdir()) == []
