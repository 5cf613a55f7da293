"""Servers that misbehave end in our own sentences; what they say is not repeated.

Stand-ins made of `http.server`: no real server can be told to answer so.
"""

import contextlib
import gzip
import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from server import dicomweb_client
from server.dicomweb_client import DicomwebClient, Stored
from server.errors import TransferError, TryLater
from store.remotes import Remote

SECRET = "Doe^Jane"
Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    def __init__(self) -> None:
        self.answer: Answer = lambda handler: None
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.seen.append((self.command, self.path, dict(self.headers)))
                length = int(self.headers.get("Content-Length", 0))
                server.bodies.append(self.rfile.read(length))
                server.answer(self)

            do_POST = do_GET

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.05,))
        self.thread.start()

    @property
    def remote(self) -> Remote:
        url = f"http://127.0.0.1:{self.http.server_address[1]}/archive"
        return Remote(1, 7, "there", url, "the token")


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()
    made.thread.join()


def _saying(
    status: int, body: bytes = b"", kind: str = "application/dicom+json", **headers: str
) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


@pytest.mark.parametrize("status", [429, 500, 503])
def test_busy_servers_are_asked_again_later(server: Server, status: int) -> None:
    server.answer = _saying(status, SECRET.encode())
    with DicomwebClient(server.remote) as client, pytest.raises(TryLater) as told:
        list(client.find("/studies"))
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 406, 413])
def test_refusals_are_final_and_redirections_not_followed(server: Server, status: int) -> None:
    server.answer = _saying(status, SECRET.encode(), Location="/elsewhere")
    with DicomwebClient(server.remote) as client, pytest.raises(TransferError) as told:
        list(client.find("/studies"))
    assert not isinstance(told.value, TryLater)
    assert SECRET not in str(told.value)
    assert len(server.seen) == 1


def _study(uid: str) -> dict[str, dict[str, list[str]]]:
    return {"0020000D": {"Value": [uid]}}


def _page(*uids: str) -> bytes:
    return json.dumps([_study(uid) for uid in uids]).encode()


def test_pages_are_turned_until_there_is_nothing(server: Server) -> None:
    pages = [_page("1", "2"), _page("3"), b"[]"]
    server.answer = lambda handler: _saying(200, pages.pop(0))(handler)
    with DicomwebClient(server.remote) as client:
        found = list(client.find("/studies", Modality="CT"))
    assert found == [_study("1"), _study("2"), _study("3")]
    assert [path.partition("offset=")[2] for _, path, _ in server.seen] == ["0", "2", "3"]
    assert all("Modality=CT" in path for _, path, _ in server.seen)
    assert {headers["Authorization"] for *_, headers in server.seen} == {"Bearer the token"}


def test_a_server_that_knows_no_offset_is_not_asked_for_ever(server: Server) -> None:
    server.answer = _saying(200, _page("1", "2"))
    with DicomwebClient(server.remote) as client:
        assert list(client.find("/studies")) == [_study("1"), _study("2")]
    assert len(server.seen) == 2


def test_what_moves_from_one_page_to_the_next_is_given_once(server: Server) -> None:
    pages = [_page("1", "2"), _page("2", "3"), b"[]"]
    server.answer = lambda handler: _saying(200, pages.pop(0))(handler)
    with DicomwebClient(server.remote) as client:
        assert list(client.find("/studies")) == [_study("1"), _study("2"), _study("3")]


def test_a_server_that_always_has_more_is_not_asked_for_ever(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb_client, "PAGES", 3)
    uids = (str(number) for number in range(1, 100))
    server.answer = lambda handler: _saying(200, _page(next(uids)))(handler)
    with (
        DicomwebClient(server.remote) as client,
        pytest.raises(TransferError, match="more results"),
    ):
        list(client.find("/studies"))
    assert len(server.seen) == 3


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_that_is_too_long_is_not_held(
    server: Server, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setattr(dicomweb_client, "JSON_BYTES", 1000)
    body = b"[" + b" " * 1000 + b"]"
    if encoding == "gzip":
        body = gzip.compress(body)
    server.answer = lambda handler: _saying(200, body, **{"Content-Encoding": encoding})(handler)
    with DicomwebClient(server.remote) as client, pytest.raises(TransferError, match="says more"):
        list(client.find("/studies"))


def test_what_is_searched_for_is_not_logged(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nno header\r\n"
        handler.wfile.write(head + b"\r\n[]")
        handler.close_connection = True

    server.answer = answer
    with DicomwebClient(server.remote) as client, contextlib.suppress(TransferError):
        list(client.find("/studies", PatientName=SECRET))
    assert caplog.text == ""


def test_no_content_is_no_result(server: Server) -> None:
    server.answer = _saying(204)
    with DicomwebClient(server.remote) as client:
        assert list(client.find("/studies")) == []


@pytest.mark.parametrize("body", [b"<html>", b'{"a":1}', b"\xff", b'["a"]', b"[" * 100_000])
def test_what_is_no_dicomweb_is_said_to_be_none(server: Server, body: bytes) -> None:
    server.answer = _saying(200, body)
    with DicomwebClient(server.remote) as client, pytest.raises(TransferError):
        list(client.find("/studies"))


def test_a_body_that_breaks_off_is_fetched_again_later(server: Server) -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", 'multipart/related; boundary="b"')
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b"--b\r\n\r\n" + b"x" * 100)
        handler.close_connection = True

    server.answer = answer
    with DicomwebClient(server.remote) as client, pytest.raises(TryLater):
        _ = [b"".join(chunks) for chunks in client.fetch("1.2", "1.3")]


def test_a_body_without_its_last_boundary_is_fetched_again_later(server: Server) -> None:
    server.answer = _saying(200, b"--b\r\n\r\nxxx", "multipart/related; boundary=b")
    with DicomwebClient(server.remote) as client, pytest.raises(TryLater):
        _ = [b"".join(chunks) for chunks in client.fetch("1.2", "1.3")]


def test_something_else_than_instances_is_refused(server: Server) -> None:
    server.answer = _saying(200, b"[]")
    with DicomwebClient(server.remote) as client, pytest.raises(TransferError):
        list(client.fetch("1.2", "1.3"))


def test_instances_are_fetched_one_by_one(server: Server) -> None:
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\n"
    server.answer = _saying(200, body, 'multipart/related; type="application/dicom"; boundary=b')
    with DicomwebClient(server.remote) as client:
        found = [b"".join(chunks) for chunks in client.fetch("1.2", "1.3")]
    assert found == [b"one", b"two"]
    assert server.seen[0][1] == "/archive/studies/1.2/series/1.3"


def test_instances_are_stored_with_a_length_and_counted(server: Server) -> None:
    failed = b'{"00081155":{"Value":["1.2"]},"00081197":{"Value":[42752]}},{}'
    report = b'{"00081199":{"Value":[{"00081155":{"Value":["1.1"]}}]},"00081198":{"Value":[%s]}}'
    report %= failed
    server.answer = _saying(202, report)
    with DicomwebClient(server.remote) as client:
        chunks = [iter([b"ab", b"c"]), iter([b"defg"]), iter([b""])]
        assert client.store(chunks, [3, 4, 0]) == Stored(("1.1",), (("1.2", 0xA700), ("", 0x0110)))
    (_, path, headers), (body,) = server.seen[0], server.bodies
    assert path == "/archive/studies"
    assert int(headers["Content-Length"]) == len(body)
    boundary = headers["Content-Type"].partition("boundary=")[2]
    assert body.count(boundary.encode()) == 4
    assert b"\r\n\r\nabc\r\n--" in body
    assert body.endswith(f"\r\n--{boundary}--\r\n".encode())


def test_a_store_that_stored_nothing_without_a_report_is_refused(server: Server) -> None:
    server.answer = _saying(409, b"{}")
    with DicomwebClient(server.remote) as client, pytest.raises(TransferError):
        client.store([iter([b"x"])], [1])
