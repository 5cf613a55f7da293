"""HTTP requests byte by byte, for what a client library would tidy up.

Standard: RFC 9112 (HTTP/1.1).
Not here: ordinary requests (`conformance.server`).
"""

import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from conformance.errors import Fault
from conformance.server import Server

__all__ = ["Connection", "Reply"]

SECONDS = 8


@dataclass(frozen=True)
class Reply:
    """A status, header fields by lower-case name, and the body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """One connection to the server, on which requests are written by hand."""

    def __init__(self, server: Server) -> None:
        url = urlsplit(server.root)
        self._host, self._path, self._server = url.netloc, url.path, server
        tls = url.scheme == "https"
        port = url.port or (443 if tls else 80)
        raw = socket.create_connection((url.hostname or "", port), SECONDS)
        if tls:
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=url.hostname)
        self._socket = raw
        self._file = raw.makefile("rb")

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        self._socket.close()

    def head(self, method: str, path: str, headers: Iterable[str] = ()) -> None:
        """Send a request's head, with the header fields that every request carries."""
        own = [f"{name}: {value}" for name, value in self._server.headers.items()]
        lines = [f"{method} {self._path}{path} HTTP/1.1", f"Host: {self._host}", *own, *headers]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(data)

    def finish(self) -> None:
        """Send nothing more, and keep reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def reply(self, method: str = "GET", *, interim: bool = False) -> Reply:
        """Read one answer; skips interim ones unless the caller waits for one."""
        while True:
            status, headers = self._head()
            if not 100 <= status < 200:
                break
            if interim:
                return Reply(status, headers, b"")
        bodiless = method == "HEAD" or status in (204, 304)
        return Reply(status, headers, b"" if bodiless else self._body(headers))

    def _head(self) -> tuple[int, dict[str, str]]:
        line = self._file.readline().decode("latin-1")
        if not line.startswith("HTTP/1."):
            raise Fault("the connection was closed without an answer")
        headers = {}
        while (field := self._file.readline().decode("latin-1").strip()) != "":
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        return int(line.split()[1]), headers

    def _body(self, headers: dict[str, str]) -> bytes:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return b"".join(self._chunks())
        if "content-length" in headers:
            return self._file.read(int(headers["content-length"]))
        return self._file.read()

    def _chunks(self) -> Iterable[bytes]:
        while size := int(self._file.readline().split(b";")[0], 16):
            yield self._file.read(size)
            self._file.readline()
        while self._file.readline().strip():
            pass
