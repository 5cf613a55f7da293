"""A small HTTP/1.1 client over plain sockets, cheap enough not to be what is measured.

Standard: RFC 9112 (messages: Content-Length, chunked, close-delimited; keep-alive).
Invariants: bodies are counted to their last byte; while a load runs, the kernel drops body bytes
instead of copying them (MSG_TRUNC, tcp(7)), for every server alike; an unexpected status raises.
Not here: what is asked for (``bench.work``), or whether answers are right (also there).
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Iterable, Sequence
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
        self._until_close = not self._chunked and "content-length" not in headers
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
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return _expect_ok(answer)

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


def load(
    port: int, requests: Sequence[bytes], *, clients: int, seconds: float, once: bool = False
) -> float:
    """Keep ``clients`` connections busy; return responses per second.

    The requests are sent in turn, over and over for ``seconds``; or, if ``once``, just once each.
    """
    poll = selectors.DefaultSelector()
    buffer = memoryview(bytearray(BUFFER))
    sent = done = busy = 0
    start = last = time.perf_counter()

    def begin(connected: socket.socket) -> None:
        nonlocal sent, busy
        connected.sendall(requests[sent % len(requests)])
        sent += 1
        busy += 1

    def connect() -> None:
        connected = socket.create_connection((HOST, port), TIMEOUT)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(connected, selectors.EVENT_READ, Reader(keep_body=False))
        begin(connected)

    for _ in range(min(clients, len(requests)) if once else clients):
        connect()
    while busy:
        ready = poll.select(TIMEOUT)
        if not ready:
            raise ClientError(f"no answer for {TIMEOUT:.0f} s")
        for key, _ in ready:
            connected, reader = key.fileobj, key.data
            assert isinstance(connected, socket.socket)
            finished, closed = _receive(connected, reader, buffer)
            if finished:
                answer = _expect_ok(reader.take())
                busy -= 1
                done += 1
                last = time.perf_counter()
                closed = closed or answer.headers.get("connection", "").lower() == "close"
            going_on = sent < len(requests) if once else last - start < seconds
            if closed:
                poll.unregister(connected)
                connected.close()
                if going_on:
                    connect()
            elif finished and going_on:
                begin(connected)
    for key in list(poll.get_map().values()):
        poll.unregister(key.fileobj)
        assert isinstance(key.fileobj, socket.socket)
        key.fileobj.close()
    poll.close()
    return done / (last - start)


def _receive(connected: socket.socket, reader: Reader, buffer: memoryview) -> tuple[bool, bool]:
    """Receive once; return whether the response is complete, and whether the peer closed."""
    droppable = min(reader.droppable, len(buffer))
    if droppable:
        count = connected.recv_into(buffer, droppable, socket.MSG_TRUNC)
        if count:
            return reader.drop(count), False
    else:
        count = connected.recv_into(buffer)
        if count:
            return reader.feed(buffer[:count]), False
    if not reader.end():
        raise ClientError("the connection was closed in the middle of a response")
    return True, True


def _expect_ok(answer: Answer) -> Answer:
    if answer.status != 200:
        raise ClientError(f"status {answer.status} instead of 200: {bytes(answer.body[:200])!r}")
    return answer
