"""The socket of an association: read ahead in large pieces, acknowledged at once, woken by a bell.

pynetdicom reads 4 KB at a time and asks every millisecond whether something has come. This socket
reads what the kernel has into one buffer that lives as long as the association, hands out views of
it, and sleeps until a byte or the bell comes.

Standard: PS3.8 section 9.1 (the transport service).
Invariants: memory is one buffer whatever the peer sends; a peer that stops in the middle of a
PDU is given up after the socket's timeout; views are valid until the next read.
Not here: what the bytes mean (`dimse.provider`).
"""

import contextlib
import select
import socket
import time
from typing import TYPE_CHECKING

from pynetdicom.transport import AssociationSocket

from dimse.errors import ConnectionLost

if TYPE_CHECKING:
    from pynetdicom.association import Association

READ_AHEAD = 256 * 1024
# How long an idle association sleeps before it looks at its timers.
IDLE_WAIT = 0.5
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)


class Bell:
    """Wakes the thread that sleeps in `ReadAheadSocket.ready`."""

    def __init__(self) -> None:
        self._listening, self._ringing = socket.socketpair()
        self._listening.setblocking(False)
        self._ringing.setblocking(False)

    def fileno(self) -> int:
        """The descriptor that becomes readable when somebody rings."""
        return self._listening.fileno()

    def ring(self) -> None:
        """Wake the sleeper, now or when it next lies down."""
        # A full pipe has rung already; a closed one has nobody left to wake.
        with contextlib.suppress(OSError):
            self._ringing.send(b"\0")

    def silence(self) -> None:
        """Forget all rings so far."""
        with contextlib.suppress(OSError):
            while self._listening.recv(64):
                pass

    def close(self) -> None:
        """Give the descriptors back."""
        self._listening.close()
        self._ringing.close()


class ReadAheadSocket(AssociationSocket):
    """An accepted connection.

    Args:
        assoc: the association that it carries.
        client_socket: the accepted socket, with the timeout that a stalling peer is granted.
        bell: wakes the reader when there is something to send or to end.
    """

    def __init__(self, assoc: "Association", client_socket: socket.socket, bell: Bell) -> None:
        super().__init__(assoc, client_socket=client_socket)
        self._bell = bell
        self._view = memoryview(bytearray(READ_AHEAD))
        self._start = 0
        self._end = 0
        self._poll = select.poll()
        self._poll.register(client_socket, select.POLLIN)
        self._poll.register(bell, select.POLLIN)
        self._poll_bell = select.poll()
        self._poll_bell.register(bell, select.POLLIN)
        client_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._acknowledge(client_socket)

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits a while for it."""
        if self._start < self._end:
            return True
        if self.socket is None or not self._is_connected:
            time.sleep(0.01)
            return False
        try:
            events = dict(self._poll.poll(IDLE_WAIT * 1000))
            connection = self.socket.fileno()
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False
        if events.pop(self._bell.fileno(), None):
            self._bell.silence()
        return connection in events

    def wait_for_bell(self) -> None:
        """Wait a while for the bell alone, whatever the peer sends meanwhile."""
        self._poll_bell.poll(IDLE_WAIT * 1000)
        self._bell.silence()

    def recv(self, nr_bytes: int) -> bytearray:
        """Read exactly so many bytes, or fewer when the connection ends.

        Raises:
            TimeoutError: the peer did not send them in time, however it trickles.
        """
        assert self.socket is not None
        deadline = time.monotonic() + (self.socket.gettimeout() or 60.0)
        data = bytearray()
        while len(data) < nr_bytes:
            if self._start == self._end:
                if time.monotonic() > deadline:
                    raise TimeoutError
                if not self._fill():
                    break
            piece = self._take(nr_bytes - len(data))
            data += piece
        return data

    def peek(self, nr_bytes: int) -> memoryview:
        """Return the next bytes without consuming them.

        Raises:
            ConnectionLost: the connection ended or stalled before they came.
        """
        while self._end - self._start < nr_bytes:
            self._fill_or_fail()
        return self._view[self._start : self._start + nr_bytes]

    def take(self, nr_bytes: int) -> memoryview:
        """Consume a few bytes, fewer than the buffer holds.

        Raises:
            ConnectionLost: the connection ended or stalled before they came.
        """
        self.peek(nr_bytes)
        return self._take(nr_bytes)

    def take_some(self, most: int) -> memoryview:
        """Consume what is there, at least one byte and at most so many.

        Raises:
            ConnectionLost: the connection ended or stalled.
        """
        if self._start == self._end:
            self._fill_or_fail()
        return self._take(most)

    def discard(self) -> bool:
        """Throw away what has come.

        Returns:
            False when the connection has ended.
        """
        if self._start < self._end:
            self._start = self._end
            return True
        try:
            return self._fill() > 0
        except OSError:
            return False

    def cut(self) -> None:
        """Stop reading, from another thread: the reader finds the connection ended."""
        connection = self.socket
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RD)

    def _shutdown_socket(self) -> None:
        # pynetdicom leaves the socket open when the peer has closed it first.
        connection = self.socket
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _take(self, most: int) -> memoryview:
        end = min(self._start + most, self._end)
        piece = self._view[self._start : end]
        self._start = end
        return piece

    def _fill_or_fail(self) -> None:
        try:
            count = self._fill()
        except OSError as error:
            raise ConnectionLost("the connection stalled or broke") from error
        if not count:
            raise ConnectionLost("the connection ended")

    def _fill(self) -> int:
        """Read once; returns 0 when the peer has closed."""
        connection = self.socket
        if connection is None:
            return 0
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._view):
            rest = bytes(self._view[self._start : self._end])
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        count = connection.recv_into(self._view[self._end :])
        self._end += count
        self._acknowledge(connection)
        return count

    @staticmethod
    def _acknowledge(connection: socket.socket) -> None:
        # Linux falls back to delayed acknowledgements by itself, and a sender with Nagle's
        # algorithm then waits 40 ms for each instance: the option has to be set again and again.
        if _QUICKACK is not None:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)
