"""Keeps several connections busy and counts responses per second.

Standard: RFC 9112 (keep-alive), tcp(7) (MSG_TRUNC).
Invariants: one thread; bodies are counted to their last byte, and for every server alike either
dropped by the kernel, so that the client is not what is measured, or read, as whoever asks for them
does; any status but 200 raises.
Not here: a single exchange whose body is looked at (``bench.client``).
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence

from bench.client import BUFFER, HOST, TIMEOUT, ClientError, Reader

HEAD = 1024


def load(
    port: int,
    requests: Sequence[bytes],
    *,
    clients: int,
    seconds: float,
    once: bool = False,
    reads: bool = False,
) -> float:
    """Keep ``clients`` connections busy; return responses per second.

    The requests are sent in turn, over and over for ``seconds``; or, if ``once``, just once each.
    Bodies are dropped unless the client ``reads`` them.
    """
    running = _Load(port, requests, seconds, once=once, flags=0 if reads else socket.MSG_TRUNC)
    try:
        return running.run(min(clients, len(requests)) if once else clients)
    finally:
        running.close()


class _Load:
    """The connections of one load, each with at most one request under way."""

    def __init__(
        self, port: int, requests: Sequence[bytes], seconds: float, *, once: bool, flags: int
    ) -> None:
        self._flags = flags
        self._port, self._requests, self._seconds, self._once = port, requests, seconds, once
        self._poll = selectors.DefaultSelector()
        self._buffer = memoryview(bytearray(BUFFER))
        self._sent = self._done = self._busy = 0
        self._start = self._last = time.perf_counter()

    def run(self, clients: int) -> float:
        for _ in range(clients):
            self._connect()
        while self._busy:
            ready = self._poll.select(TIMEOUT)
            if not ready:
                raise ClientError(f"no answer for {TIMEOUT:.0f} s")
            for key, _ in ready:
                assert isinstance(key.fileobj, socket.socket)
                self._advance(key.fileobj, key.data)
        return self._done / (self._last - self._start)

    def close(self) -> None:
        for key in list(self._poll.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            self._drop(key.fileobj)
        self._poll.close()

    def _connect(self) -> None:
        connected = socket.create_connection((HOST, self._port), TIMEOUT)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._poll.register(connected, selectors.EVENT_READ, Reader(keep_body=False))
        self._begin(connected)

    def _begin(self, connected: socket.socket) -> None:
        connected.sendall(self._requests[self._sent % len(self._requests)])
        self._sent += 1
        self._busy += 1

    def _drop(self, connected: socket.socket) -> None:
        self._poll.unregister(connected)
        connected.close()

    def _advance(self, connected: socket.socket, reader: Reader) -> None:
        finished, closed = _receive(connected, reader, self._buffer, self._flags)
        if finished:
            answer = reader.take().expect_ok()
            self._busy -= 1
            self._done += 1
            self._last = time.perf_counter()
            closed = closed or answer.closes
        if closed:
            self._drop(connected)
            if self._goes_on():
                self._connect()
        elif finished and self._goes_on():
            self._begin(connected)

    def _goes_on(self) -> bool:
        if self._once:
            return self._sent < len(self._requests)
        return self._last - self._start < self._seconds


def _receive(
    connected: socket.socket, reader: Reader, buffer: memoryview, flags: int
) -> tuple[bool, bool]:
    """Receive once; return whether the response is complete, and whether the peer closed."""
    droppable = min(reader.droppable, len(buffer))
    if droppable:
        count = connected.recv_into(buffer, droppable, flags)
        if count:
            return reader.drop(count), False
    else:
        # A head is read by itself, so that the body behind it can be dropped and not be copied.
        count = connected.recv_into(buffer, HEAD if reader.answer is None else 0)
        if count:
            return reader.feed(buffer[:count]), False
    if not reader.end():
        raise ClientError("the connection was closed in the middle of a response")
    return True, True
