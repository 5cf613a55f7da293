"""A small C-STORE sender over plain sockets, cheap enough not to be what is measured.

Standard: PS3.8 9.3 (A-ASSOCIATE, P-DATA-TF, A-RELEASE), PS3.7 9.3.1 (C-STORE).
Invariants: one association, one SOP class, Explicit VR Little Endian; any status but 0000H raises.
Not here: what a modality's own sender costs (``bench.work.cstore`` has DCMTK's).
"""

from __future__ import annotations

import socket
import struct
from types import TracebackType

from bench.client import HOST, TIMEOUT, ClientError
from bench.data import CT_IMAGE, Slice

APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
EXPLICIT_LITTLE_ENDIAN = b"1.2.840.10008.1.2.1"
LONGEST_FRAGMENT = 131072
RELEASE = b"\x05\x00\x00\x00\x00\x04\x00\x00\x00\x00"
SUCCESS = 0x0000
_COMMAND, _LAST_COMMAND, _DATA, _LAST_DATA = 0x01, 0x03, 0x00, 0x02


class Association:
    """An association; use as a ``with`` block."""

    def __init__(self, port: int, called: str) -> None:
        self._socket = socket.create_connection((HOST, port), TIMEOUT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._message = 0
        self._socket.sendall(_associate(called))
        kind, body = self._pdu()
        if kind != 0x02:
            raise ClientError(f"no association: PDU type {kind}")
        self._fragment = _longest_fragment(body)

    def store(self, made: Slice) -> None:
        """Send a slice and wait for the answer."""
        self._message += 1
        pieces = [_pdv(_LAST_COMMAND, _request(made, self._message))]
        data_set = data_set_of(made)
        for at in range(0, len(data_set), self._fragment):
            is_last = at + self._fragment >= len(data_set)
            part = data_set[at : at + self._fragment]
            pieces.append(_pdv(_LAST_DATA if is_last else _DATA, part))
        self._socket.sendall(b"".join(pieces))
        kind, body = self._pdu()
        status = _status(body[6:]) if kind == 0x04 else None
        if status != SUCCESS:
            raise ClientError(f"PDU type {kind}, status {status} instead of 0000H")

    def __enter__(self) -> Association:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._socket:
            if error is None:
                self._socket.sendall(RELEASE)
                self._pdu()

    def _pdu(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._exactly(6))
        return kind, self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            more = self._socket.recv(length - len(data))
            if not more:
                raise ClientError("the association was cut")
            data += more
        return data


def data_set_of(made: Slice) -> bytes:
    """Return a slice without its preamble and file meta information (PS3.10 7.1)."""
    (length,) = struct.unpack_from("<I", made.data, 140)
    return made.data[144 + length :]


def _associate(called: str) -> bytes:
    syntaxes = _item(0x30, CT_IMAGE.encode()) + _item(0x40, EXPLICIT_LITTLE_ENDIAN)
    information = _item(0x51, struct.pack(">I", 0)) + _item(0x52, b"2.25.3400112233")
    body = struct.pack(">HH", 1, 0) + called.ljust(16).encode() + b"BENCH".ljust(16) + bytes(32)
    body += _item(0x10, APPLICATION_CONTEXT) + _item(0x20, bytes([1, 0, 0, 0]) + syntaxes)
    body += _item(0x50, information)
    return struct.pack(">BxI", 0x01, len(body)) + body


def _longest_fragment(accepted: bytes) -> int:
    """Read what the other side is ready to take in a PDU from an A-ASSOCIATE-AC."""
    position = 68
    while position < len(accepted):
        kind, length = struct.unpack_from(">BxH", accepted, position)
        if kind == 0x20 + 0x30:
            (most,) = struct.unpack_from(">I", accepted, position + 8)
            return min(most - 6, LONGEST_FRAGMENT) if most else LONGEST_FRAGMENT
        position += 4 + length
    raise ClientError("the A-ASSOCIATE-AC has no maximum length")


def _request(made: Slice, message: int) -> bytes:
    body = b"".join(
        (
            _element(0x0002, _even(CT_IMAGE)),
            _element(0x0100, struct.pack("<H", 0x0001)),
            _element(0x0110, struct.pack("<H", message)),
            _element(0x0700, bytes(2)),
            _element(0x0800, struct.pack("<H", 0x0001)),
            _element(0x1000, _even(made.instance)),
        )
    )
    return _element(0x0000, struct.pack("<I", len(body))) + body


def _status(value: bytes) -> int | None:
    position = 0
    while position < len(value):
        element, length = struct.unpack_from("<2xHI", value, position)
        if element == 0x0900:
            return int(struct.unpack_from("<H", value, position + 8)[0])
        position += 8 + length
    return None


def _pdv(control: int, value: bytes) -> bytes:
    head = struct.pack(">BxIIBB", 0x04, len(value) + 6, len(value) + 2, 1, control)
    return head + value


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value


def _even(uid: str) -> bytes:
    return uid.encode() + b"\0" * (len(uid) % 2)
