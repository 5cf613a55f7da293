"""The HTTP client finds the end of every kind of response, however it is cut."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.client import HOST, ClientError, Connection, Reader, request
from bench.load import load
from bench.peers import PEERS, Peer

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Kind: plain\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;note=1\r\nlo\r\n0\r\n\r\n"
)
CONTINUED = b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN


@pytest.mark.parametrize("response", [PLAIN, CHUNKED, CONTINUED])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_response_ends_at_its_last_byte(response: bytes, size: int) -> None:
    reader = Reader(keep_body=True)
    pieces = [response[start : start + size] for start in range(0, len(response), size)]

    finished = [reader.feed(piece) for piece in pieces]

    assert finished == [False] * (len(pieces) - 1) + [True]
    assert reader.take().body == b"hello"


def test_response_without_length_ends_with_the_connection() -> None:
    reader = Reader(keep_body=True)

    assert not reader.feed(b"HTTP/1.1 200 OK\r\n\r\nhel")
    assert not reader.feed(b"lo")
    assert reader.end()
    assert reader.take().body == b"hello"


def test_dropped_bytes_count_as_read() -> None:
    reader = Reader(keep_body=False)

    assert not reader.feed(PLAIN[:-5])
    assert reader.droppable == 5
    assert not reader.drop(3)
    assert reader.drop(2)


def test_line_end_of_a_chunk_is_never_dropped() -> None:
    reader = Reader(keep_body=False)

    assert not reader.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n")
    assert reader.droppable == 100
    assert not reader.drop(100)
    assert reader.droppable == 0
    assert reader.feed(b"\r\n0\r\n\r\n")


@pytest.fixture
def floor(tmp_path: Path) -> Iterator[Peer]:
    with PEERS["bare-http"]() as peer:
        peer.start(tmp_path)
        yield peer


def test_bare_receiver_keeps_what_it_was_sent(floor: Peer, tmp_path: Path) -> None:
    connection = Connection(floor.http_port)
    body = bytes(range(256)) * 5000
    head = request("POST", "/", [f"Content-Length: {len(body)}"])

    for _ in range(2):
        assert connection.send([head, body]).status == 200
    connection.close()

    assert floor.stored() == 2
    assert {path.read_bytes() for path in (tmp_path / "received").iterdir()} == {body}


def test_load_answers_each_request_once(floor: Peer) -> None:
    posts = [request("POST", "/", ["Content-Length: 1"]) + b"x"] * 20

    assert load(floor.http_port, posts, clients=8, seconds=0, once=True) > 0
    assert floor.stored() == 20


def test_refusal_is_no_figure() -> None:
    with socket.create_server((HOST, 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        port = listener.getsockname()[1]
        with pytest.raises(ClientError, match="status 500"):
            load(port, [request("GET", "/")], clients=1, seconds=0)
        thread.join()
