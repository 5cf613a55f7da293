"""The socket of an association: read ahead in large pieces, acknowledged at once, woken by a bell.

pynetdicom reads 4 KB at a time and asks every millisecond whether something has come. This socket
reads what the kernel has into one buffer that lives as long as the association, hands out views of
it, and sleeps until a byte, the bell or a timer comes.

Standard: PS3.8 section 9.1 (the transport service), PS3.15 Annex B (TLS).
Invariants: memory is one buffer whatever the peer sends, and none while it says nothing; a peer
that stops or trickles in the middle of a PDU is given up; views are valid until the next read; one
thread reads and writes, others only ring or cut.
Not here: what the bytes mean (`dimse.provider`), which TLS is spoken (`dimse.tls`).
"""

import contextlib
import mmap
import select
import socket
import ssl
import time
from typing import TYPE_CHECKING, cast

from pynetdicom.transport import AssociationSocket

from dimse.errors import ConnectionLost
from dimse.tls import shake_hands, wrapped

if TYPE_CHECKING:
    from pynetdicom.association import Association

    from dimse.provider import StorageProvider

READ_AHEAD = 256 * 1024
# What there is to wake for rings or has a timer; this bounds the harm if something ever does not.
LONGEST_WAIT = 60.0
# After this time without a byte the buffer's memory is given back.
IDLE_AFTER = 2.0
# How long a peer is waited for that has been told the end (PS3.8 Sta13) and does not close.
CLOSING_WAIT = 0.5
# What a peer has to send, or take, in the time in which it may also send nothing.
SLOWEST = 16 * 1024
SEND_AT_ONCE = 256 * 1024
# The states in which the ARTIM timer runs (PS3.8 section 9.1.5).
_AWAITING_REQUEST = "Sta2"
_AWAITING_CLOSE = "Sta13"
_QUICKACK = getattr(socket, "TCP_QUICKACK", None)
_GIVE_BACK = getattr(mmap, "MADV_DONTNEED", None)


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
        # Pages of it take memory once something has been read into them.
        self._buffer = mmap.mmap(-1, READ_AHEAD)
        self._view = memoryview(self._buffer)
        self._used = False
        self._start = 0
        self._end = 0
        self._stall = client_socket.gettimeout() or 60.0
        self._waited = 0.0
        self._came = 0
        self._poll = select.poll()
        self._poll.register(client_socket, select.POLLIN)
        self._poll.register(bell, select.POLLIN)
        self._poll_bell = select.poll()
        self._poll_bell.register(bell, select.POLLIN)
        with contextlib.suppress(OSError):
            client_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._acknowledge(client_socket)

    def secure(self, context: ssl.SSLContext, within: float) -> None:
        """Speak TLS from now on; before anything is read or sent.

        Args:
            context: our certificate, and what is asked of the peer.
            within: seconds that the handshake may take, however the peer trickles.

        Raises:
            OSError: no agreement, or not in time; nothing of the peer's is in its text.
        """
        plain = self.socket
        assert plain is not None
        # The descriptor is the same, so that what is registered for it stays so.
        self.socket = secured = wrapped(plain, context)
        shake_hands(secured, within)
        secured.settimeout(self._stall)

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits for it, for the bell or for a timer."""
        if self._start < self._end:
            return True
        if self.socket is None or not self._is_connected:
            # Closed: what there is to wait for is the end of the association's threads.
            self.wait_for_bell()
            return False
        # Between two messages a peer may be as slow as it likes.
        self._waited, self._came = 0.0, 0
        try:
            return self._has_come(self.socket)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def _has_come(self, connection: socket.socket) -> bool:
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return True
        wait = self._longest_wait()
        events = self._poll.poll(min(wait, IDLE_AFTER) * 1000)
        if not events and wait > IDLE_AFTER:
            self._give_back()
            events = self._poll.poll((wait - IDLE_AFTER) * 1000)
        descriptors = {descriptor for descriptor, _ in events}
        if self._bell.fileno() in descriptors:
            self._bell.silence()
        if connection.fileno() not in descriptors:
            return False
        return not isinstance(connection, ssl.SSLSocket) or self._has_record(connection)

    def _has_record(self, connection: ssl.SSLSocket) -> bool:
        """Read what a TLS connection has: it may be half a record, or no data but TLS's own."""
        connection.setblocking(False)
        try:
            self._fill()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except OSError:
            # Who reads next meets the same error.
            return True
        finally:
            connection.settimeout(self._stall)
        return True

    def is_waiting(self) -> bool:
        """Whether the peer has sent something more; looks without waiting."""
        connection = self.socket
        if self._start < self._end or connection is None:
            return self._start < self._end
        try:
            if isinstance(connection, ssl.SSLSocket):
                return connection.pending() > 0 or self._has_record(connection)
            return connection.fileno() in dict(self._poll.poll(0))
        except (OSError, ValueError):
            return False

    def wait_for_bell(self) -> None:
        """Wait for the bell alone, whatever the peer sends meanwhile."""
        self._poll_bell.poll(self._longest_wait() * 1000)
        self._bell.silence()

    def _longest_wait(self) -> float:
        """How long the reader may sleep before the association's request timer is due."""
        provider = self.assoc.dul
        state = provider.state_machine.current_state
        if state == _AWAITING_CLOSE:
            return CLOSING_WAIT
        if state == _AWAITING_REQUEST:
            return min(LONGEST_WAIT, max(0.0, provider.artim_timer.remaining) + 0.01)
        return LONGEST_WAIT

    def recv(self, nr_bytes: int) -> bytearray:
        """Read exactly so many bytes, or fewer when the connection ends.

        Raises:
            TimeoutError: the peer did not send them in time, however it trickles.
        """
        assert self.socket is not None
        deadline = time.monotonic() + self._stall
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

    def send(self, bytestream: bytes) -> None:
        """Send bytes; a peer that does not take them in time has ended the connection."""
        connection = self.socket
        try:
            if connection is None:
                raise OSError
            rest = memoryview(bytestream)
            while rest:
                self._send_some(connection, rest[:SEND_AT_ONCE])
                rest = rest[SEND_AT_ONCE:]
        except OSError:
            self.event_queue.put("Evt17")

    def _send_some(self, connection: socket.socket, part: memoryview) -> None:
        deadline = time.monotonic() + self._stall
        while part:
            part = part[connection.send(part) :]
            if part and time.monotonic() > deadline:
                raise TimeoutError

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
                # SSLSocket's own forgets TLS: the reader's next answer would go out in the clear.
                socket.socket.shutdown(connection, socket.SHUT_RD)

    def close(self) -> None:
        """Close the connection, and tell the association's thread."""
        super().close()
        cast("StorageProvider", self.assoc.dul).news.set()

    def _shutdown_socket(self) -> None:
        # pynetdicom leaves the socket open when the peer has closed it first.
        connection = self.socket
        if connection is not None:
            end_connection(connection)

    def _take(self, most: int) -> memoryview:
        end = min(self._start + most, self._end)
        piece = self._view[self._start : end]
        self._start = end
        return piece

    def _give_back(self) -> None:
        """Let the kernel have the buffer's memory, of which nothing is in use."""
        if self._used and _GIVE_BACK is not None:
            self._buffer.madvise(_GIVE_BACK)
            self._used = False

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
        begun = time.monotonic()
        count = connection.recv_into(self._view[self._end :])
        self._end += count
        self._used = True
        self._note_pace(count, time.monotonic() - begun)
        self._acknowledge(connection)
        return count

    def _note_pace(self, count: int, waited: float) -> None:
        """Add up how long the peer was waited for; the time that the store takes is not its."""
        self._waited += waited
        self._came += count
        if self._waited > self._stall:
            if self._came < SLOWEST:
                raise TimeoutError
            self._waited, self._came = 0.0, 0

    @staticmethod
    def _acknowledge(connection: socket.socket) -> None:
        # Linux falls back to delayed acknowledgements by itself, and a sender with Nagle's
        # algorithm then waits 40 ms for each instance: the option has to be set again and again.
        if _QUICKACK is not None:
            with contextlib.suppress(OSError):
                connection.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def end_connection(connection: socket.socket) -> None:
    """Close a connection; TLS is told so, without waiting for what the peer says to it."""
    with contextlib.suppress(OSError, ValueError):
        if isinstance(connection, ssl.SSLSocket):
            connection.setblocking(False)
            connection.unwrap()
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    connection.close()
