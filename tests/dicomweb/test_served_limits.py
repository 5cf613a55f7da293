"""Requests that the server in front refuses itself: a status, a closed connection, and no more.

Their answers have no JSON body, for they never reach the application.
"""

import socket
from contextlib import suppress

import pytest

from tests.dicomweb.test_served import Served, served

__all__ = ["served"]

pytestmark = pytest.mark.integration

SECRET = b"SECRETNAME"


def _request(target: bytes = b"/dicomweb/studies", fields: bytes = b"") -> bytes:
    return b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n%s\r\n" % (target, fields)


REFUSED = {
    "line of 100 KB": (_request(b"/dicomweb/studies?PatientName=" + SECRET * 10_000), 414),
    "line of 1 MB": (_request(b"/dicomweb/studies?PatientName=" + SECRET * 100_000), 431),
    "path of 100 KB": (_request(b"/dicomweb/studies/" + SECRET * 10_000), 414),
    "field of 1 MB": (_request(fields=b"X-Name: " + SECRET * 100_000 + b"\r\n"), 431),
    "fields of 1 MB": (
        _request(fields=b"".join(b"X-%d: %s\r\n" % (at, SECRET * 10) for at in range(10_000))),
        431,
    ),
    "no HTTP": (SECRET + b" is not a request\r\n\r\n", 400),
}


def _answer(connection: socket.socket, sent: bytes) -> bytes:
    """All that comes until the server closes, which it may do before it has read everything."""
    got = b""
    with suppress(ConnectionError):
        connection.sendall(sent)
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            got += piece
    return got


@pytest.mark.parametrize("name", REFUSED)
def test_too_much_is_refused_and_the_connection_is_closed(served: Served, name: str) -> None:
    sent, status = REFUSED[name]
    # The first of a connection, and one after another was answered on it.
    for before in (b"", _request()):
        with served.connect() as connection:
            if before:
                connection.sendall(before)
                assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
            answer = _answer(connection, sent)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status)
        assert b"connection: close" in head.lower()
        assert body == b""
        assert SECRET not in answer


def test_server_goes_on_and_has_logged_nothing_of_them(served: Served) -> None:
    connections = []
    for sent, _ in REFUSED.values():
        connections.append(served.connect())
        with suppress(ConnectionError):
            connections[-1].sendall(sent)
    # Nobody reads what these are told, and others are served meanwhile.
    with served.connect() as connection:
        answer = _answer(connection, _request(fields=b"Connection: close\r\n"))
        assert answer.startswith(b"HTTP/1.1 204 ")
    for connection in connections:
        connection.close()

    log = served.log.read_bytes()
    assert SECRET[:6] not in log
    assert b"dicomweb/studies" not in log
    assert b"panic" not in log
    assert served.process.poll() is None


def test_what_is_long_and_not_too_long_is_answered(served: Served) -> None:
    with served.connect() as connection:
        # As many characters as the web server lets through, which is more than a search takes.
        target = b"/dicomweb/studies?PatientName=" + SECRET * 6_000
        answer = _answer(connection, _request(target, b"Connection: close\r\n"))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"PatientName is searched by at most 10,240 characters." in answer
        assert SECRET not in answer
