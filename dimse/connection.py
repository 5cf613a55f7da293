"""The connection of an association that we open: PDUs and fragments, each within a time limit.

Standard: PS3.8 section 9.3 (PDUs), 9.3.5 and Annex E (P-DATA-TF, PDVs), 9.3.6 to 9.3.8 (A-RELEASE,
A-ABORT); of the state machine (9.2) Sta6 to Sta9 and Sta11.
Invariants: whatever a peer sends or leaves out, a call ends within its limit, and the memory for
what comes is one PDU of a fixed size; whoever sends is asked about once a second whether to go on,
however slow the peer is.
Not here: connections that others open (`dimse.transport`), what is asked (`dimse.requestor`).
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from dimse.errors import ConnectionLost, ProtocolViolation
from dimse.transport import end_connection

__all__ = ["ABORT", "ASSOCIATE_AC", "ASSOCIATE_RJ", "Connection", "Limits"]

#: An A-ASSOCIATE-AC with all contexts stays far below this, and so does every response.
LONGEST_PDU: Final = 1024 * 1024
#: How often whoever sends is asked.
LOOK_EVERY_SECONDS: Final = 1.0

ASSOCIATE_AC: Final = 0x02
ASSOCIATE_RJ: Final = 0x03
ABORT: Final = 0x07
_P_DATA_TF: Final = 0x04
_RELEASE_RQ: Final = 0x05
_RELEASE_RP: Final = 0x06
_PDU_HEADER: Final = struct.Struct(">BxL")
_PDV_HEADER: Final = struct.Struct(">LBB")
_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)


@dataclass(frozen=True)
class Limits:
    """How many seconds a peer may take.

    Attributes:
        connect: until it accepts the connection, and again until it has agreed on TLS.
        associate: until it has answered the request for an association.
        stall: to take a block of data.
        answer: to answer a request when all of it was sent.
        release: to answer the release of an association.
    """

    connect: float = 15.0
    associate: float = 30.0
    stall: float = 60.0
    answer: float = 180.0
    release: float = 5.0


class Connection:
    """PDUs over a socket, each within a time limit.

    Args:
        connected: the socket.
        limits: how long the peer may take.
        look: called about once a second, however long a call takes; what it raises ends the call,
            and the connection is good for nothing but its end.
    """

    def __init__(
        self,
        connected: socket.socket,
        limits: Limits,
        look: Callable[[], object] | None = None,
    ) -> None:
        self.limits = limits
        self._socket = connected
        self._look = look
        self._looked = time.monotonic()
        self._is_between_pdus = True
        with contextlib.suppress(OSError):
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes, within: float | None = None) -> None:
        """Send whole PDUs.

        Raises:
            ConnectionLost: the peer did not take them in the time of a stall, or that given.
        """
        self._maybe_look()
        until = time.monotonic() + (self.limits.stall if within is None else within)
        left = memoryview(data)
        self._is_between_pdus = False
        while left:
            seconds = until - time.monotonic()
            if seconds <= 0:
                raise ConnectionLost("the peer takes no more")
            try:
                self._socket.settimeout(min(seconds, LOOK_EVERY_SECONDS))
                left = left[self._socket.send(left) :]
            except TimeoutError:
                self._maybe_look()
            except OSError:
                raise ConnectionLost("the peer takes no more") from None
        self._is_between_pdus = True

    def pdu(self, within: float) -> tuple[int, bytes]:
        """Receive a PDU: its type, and all of its bytes."""
        until = time.monotonic() + within
        header = self._exactly(_PDU_HEADER.size, until)
        kind, length = _PDU_HEADER.unpack(header)
        if length > LONGEST_PDU:
            raise ProtocolViolation("a PDU came that is too long")
        return kind, header + self._exactly(length, until)

    def fragments(self) -> Iterator[tuple[int, bytes]]:
        """Receive fragments of messages: control header and bytes."""
        until = time.monotonic() + self.limits.answer
        while True:
            kind, pdu = self.pdu(until - time.monotonic())
            if kind == _RELEASE_RQ:
                # PS3.8 Sta8: it wants to end, which is granted; what was asked is not answered.
                self.send(_pdu(_RELEASE_RP))
            if kind != _P_DATA_TF:
                raise ConnectionLost("the peer ended the association")
            at = _PDU_HEADER.size
            while at < len(pdu):
                if at + _PDV_HEADER.size > len(pdu):
                    raise ProtocolViolation("a P-DATA-TF PDU is too short for a PDV")
                length, _, control = _PDV_HEADER.unpack_from(pdu, at)
                end = at + 4 + length
                if length < 2 or end > len(pdu):
                    raise ProtocolViolation("a PDV does not fit its PDU")
                yield control, pdu[at + _PDV_HEADER.size : end]
                at = end

    def release(self) -> None:
        """Ask for the release, and wait for it; both sides may ask at once (PS3.8 Sta9)."""
        self._look = None
        self.send(_pdu(_RELEASE_RQ), within=self.limits.release)
        until = time.monotonic() + self.limits.release
        while (left := until - time.monotonic()) > 0:
            kind, _ = self.pdu(left)
            if kind in (_RELEASE_RP, ABORT):
                return
            if kind == _RELEASE_RQ:
                self.send(_pdu(_RELEASE_RP), within=self.limits.release)

    def abort(self) -> None:
        """End the association at once."""
        self._look = None
        # In the middle of a PDU an A-ABORT would be a part of it; the end of the connection is not.
        if self._is_between_pdus:
            with contextlib.suppress(ConnectionLost):
                self.send(_pdu(ABORT), within=1.0)
        self.close()

    def close(self) -> None:
        """Give the socket back."""
        end_connection(self._socket)

    def _exactly(self, count: int, until: float) -> bytes:
        data = bytearray()
        while len(data) < count:
            left = until - time.monotonic()
            if left <= 0:
                raise ConnectionLost("the peer did not answer in time")
            try:
                self._acknowledge()
                self._socket.settimeout(min(left, LOOK_EVERY_SECONDS))
                piece = self._socket.recv(count - len(data))
            except TimeoutError:
                self._maybe_look()
                continue
            except OSError:
                piece = b""
            if not piece:
                raise ConnectionLost("the connection ended")
            data += piece
        return bytes(data)

    def _maybe_look(self) -> None:
        if self._look is not None and time.monotonic() - self._looked >= LOOK_EVERY_SECONDS:
            self._looked = time.monotonic()
            self._look()

    def _acknowledge(self) -> None:
        # A peer with Nagle's algorithm sends the second half of its answer after this.
        if _QUICKACK is not None:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)


def _pdu(kind: int) -> bytes:
    """A PDU without content, as those for release and abort are."""
    return _PDU_HEADER.pack(kind, 4) + bytes(4)
