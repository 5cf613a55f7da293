"""A small HTTP/1.1 client over plain sockets, cheap enough not to be what is measured.

Standard: RFC 9112 (messages: Content-Length, chunked, close-delimited; keep-alive).
Invariants: bodies are counted to their last byte; any status but 200 raises.
Not here: many requests at the same time (``bench.load``); whether answers are right
(``bench.work``).
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass

HOST = "127.0.0.1"
BUFFER = 1 << 20
TIMEOUT = 300.0


class ClientError(Exception):
    """The server answered something else than what the work needs, or broke off."""


@dataclass
class Answer:
    """One response. ``body`` is empty when the body was to be dropped."""

    status: int
    headers: dict[str, str]
    body: bytearray

    @property
    def closes(self) -> bool:
        """The server closes the connection after this response."""
        return self.headers.get("connection", "").lower() == "close"

    def expect_ok(self) -> Answer:
        """Return the response itself; raise ClientError unless its status is 200."""
        if self.status != 200:
            raise ClientError(f"status {self.status} instead of 200: {bytes(self.body[:200])!r}")
        return self


class Reader:
    """Finds the end of one response after the other in what a socket delivers."""

    def __init__(self, *, keep_body: bool) -> None:
        self._keep = keep_body
        self._pending = bytearray()
        self._start()

    def _start(self) -> None:
        self.answer: Answer | None = None
        self._left = 0  # bytes of body, or of the current chunk and its line end, still to come
        self._chunked = self._until_close = self._last_chunk = False

    @property
    def droppable(self) -> int:
        """How many of the next bytes nobody needs to look at."""
        if self._keep or self._pending:
            return 0
        return max(0, self._left - 2) if self._chunked else self._left

    def drop(self, count: int) -> bool:
        """Count bytes that the kernel dropped; return whether the response is complete."""
        self._left -= count
        return self._left == 0  # never so in a chunk: its line end is not dropped

    def feed(self, data: memoryview | bytes) -> bool:
        """Take received bytes; return whether the response is complete."""
        self._pending += data
        if self.answer is None and not self._read_head():
            return False
        return self._read_chunks() if self._chunked else self._read_plain()

    def end(self) -> bool:
        """Take the end of the connection; return whether it completes the response."""
        return self._until_close

    def take(self) -> Answer:
        """Return the complete response and begin the next one."""
        assert self.answer is not None
        answer = self.answer
        self._start()
        return answer

    def _read_head(self) -> bool:
        end = self._pending.find(b"\r\n\r\n")
        if end < 0:
            return False
        lines = self._pending[:end].decode("latin-1").split("\r\n")
        del self._pending[: end + 4]
        pairs = (line.partition(":") for line in lines[1:])
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        self.answer = Answer(int(lines[0].split(" ", 2)[1]), headers, bytearray())
        if self.answer.status == 100:
            self.answer = None
            return self._read_head()
        self._chunked = headers.get("transfer-encoding", "").lower() == "chunked"
        is_without_body = self.answer.status in (204, 304)
        is_framed = self._chunked or is_without_body or "content-length" in headers
        self._until_close = not is_framed
        self._left = int(headers.get("content-length", 0))
        return True

    def _read_plain(self) -> bool:
        taken = self._pending if self._until_close else self._pending[: self._left]
        self._collect(taken)
        self._left = max(0, self._left - len(taken))
        del self._pending[: len(taken)]
        return not self._until_close and self._left == 0

    def _read_chunks(self) -> bool:
        while True:
            if self._left:
                taken = self._pending[: self._left]
                # The two bytes of line end after a chunk are counted with it, and are not body.
                self._collect(taken[: max(0, self._left - 2)])
                del self._pending[: len(taken)]
                self._left -= len(taken)
                if self._left:
                    return False
                if self._last_chunk:
                    return True
            end = self._pending.find(b"\r\n")
            if end < 0:
                return False
            size = int(bytes(self._pending[:end]).split(b";")[0], 16)
            del self._pending[: end + 2]
            self._last_chunk = size == 0
            self._left = size + 2

    def _collect(self, data: bytearray) -> None:
        if self._keep and self.answer is not None:
            self.answer.body += data


class Connection:
    """One keep-alive connection, used one request at a time; opens again when it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def get(self, path: str, headers: Iterable[str] = ()) -> Answer:
        """Send a GET and return the whole response; raise unless it is 200."""
        return self.send([request("GET", path, headers)])

    def send(self, pieces: Iterable[bytes]) -> Answer:
        """Send an encoded request, piece by piece, and return the response; raise unless 200."""
        connected = self._connected()
        for piece in pieces:
            connected.sendall(piece)
        reader = Reader(keep_body=True)
        done = False
        while not done:
            data = connected.recv(BUFFER)
            if not data:
                self.close()
                if not reader.end():
                    raise ClientError("the connection was closed in the middle of a response")
                break
            done = reader.feed(data)
        answer = reader.take()
        if answer.closes:
            self.close()
        return answer.expect_ok()

    def close(self) -> None:
        """Close the connection, if it is open."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._port), TIMEOUT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket


def request(method: str, path: str, headers: Iterable[str] = ()) -> bytes:
    """Encode a request without body (or the head of one with)."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")
