"""A peer made of bytes: sends what no well-behaved library would.

Standard: PS3.8 section 9.3 (PDUs), PS3.7 section 9.3.1 (C-STORE-RQ).
"""

import contextlib
import socket
import struct
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
PDU = struct.Struct(">BxL")


def item(kind: int, value: bytes) -> bytes:
    """An item of an A-ASSOCIATE PDU."""
    return struct.pack(">BxH", kind, len(value)) + value


def pdu(kind: int, value: bytes) -> bytes:
    """A PDU."""
    return PDU.pack(kind, len(value)) + value


def pdv(context_id: int, control: int, value: bytes) -> bytes:
    """A presentation data value item."""
    return struct.pack(">LBB", len(value) + 2, context_id, control) + value


def associate(
    contexts: Sequence[tuple[str, Sequence[str]]] = ((CTImageStorage, (ExplicitVRLittleEndian,)),),
    *,
    calling: str = "SENDER",
    called: str = "READINGROOM",
    maximum_length: int = 0,
) -> bytes:
    """An A-ASSOCIATE-RQ; context IDs are 1, 3, 5 and so on."""
    body = struct.pack(">HH", 1, 0)
    body += called.ljust(16).encode() + calling.ljust(16).encode() + bytes(32)
    body += item(0x10, APPLICATION_CONTEXT.encode())
    for number, (abstract, transfer) in enumerate(contexts):
        value = bytes([2 * number + 1, 0, 0, 0]) + item(0x30, abstract.encode())
        value += b"".join(item(0x40, syntax.encode()) for syntax in transfer)
        body += item(0x20, value)
    user = item(0x51, struct.pack(">L", maximum_length)) + item(0x52, b"1.2.3.4")
    return pdu(0x01, body + item(0x50, user))


def command(elements: Iterable[tuple[int, bytes]]) -> bytes:
    """A command set from elements of group 0000, its group length in front."""
    body = b"".join(struct.pack("<HHL", 0, at, len(value)) + value for at, value in elements)
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def store_rq(
    sop_class: str, sop_instance: str, *, data_set: bool = True, message: int = 1
) -> bytes:
    """A C-STORE-RQ command set."""
    return command(
        [
            (0x0002, _even(sop_class)),
            (0x0100, struct.pack("<H", 0x0001)),
            (0x0110, struct.pack("<H", message)),
            (0x0700, struct.pack("<H", 0)),
            (0x0800, struct.pack("<H", 0x0001 if data_set else 0x0101)),
            (0x1000, _even(sop_instance)),
        ]
    )


def message(
    command_set: bytes, data_set: bytes, *, fragment: int = 16000, context: int = 1
) -> bytes:
    """A command set and a data set in P-DATA-TF PDUs."""
    parts = [pdu(0x04, pdv(context, 0x03, command_set))]
    for at in range(0, len(data_set), fragment):
        last = 0x02 if at + fragment >= len(data_set) else 0x00
        parts.append(pdu(0x04, pdv(context, last, data_set[at : at + fragment])))
    return b"".join(parts)


RELEASE = pdu(0x05, bytes(4))
ABORT = pdu(0x07, bytes(4))


class RawPeer:
    """A connection to the listener."""

    def __init__(self, port: int, *, timeout: float = 10.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes, as far as the listener still takes them."""
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(data)

    def hang_up(self) -> None:
        """Send no more; still listens."""
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)

    def exactly(self, count: int) -> bytes:
        """Receive so many bytes, or fewer when the listener closes."""
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(count - len(data))
            except ConnectionError:
                break
            if not piece:
                break
            data += piece
        return data

    def pdu(self) -> tuple[int, bytes]:
        """Receive a PDU: its type and value; type 0 when the listener closed."""
        header = self.exactly(PDU.size)
        if len(header) < PDU.size:
            return 0, b""
        kind, length = PDU.unpack(header)
        return kind, self.exactly(length)

    def answer(self) -> dict[int, bytes]:
        """Receive a response: the elements of its command set."""
        body = b""
        control = 0
        while not control & 2:
            kind, value = self.pdu()
            assert kind == 0x04, f"a P-DATA-TF was expected, PDU type {kind} came"
            control = value[5]
            body += value[6:]
        elements = {}
        at = 0
        while at < len(body):
            _, element, length = struct.unpack_from("<HHL", body, at)
            elements[element] = body[at + 8 : at + 8 + length]
            at += 8 + length
        return elements

    def status(self) -> int:
        """Receive a response: its status."""
        return int.from_bytes(self.answer()[0x0900], "little")


def rejection(port: int, *, calling: str = "SENDER") -> tuple[int, int, int]:
    """Ask for an association that is rejected: result, source and reason.

    pynetdicom's requestor takes a rejection for a lost connection when it comes before its other
    thread has looked whether the connection is there, as happens on a busy machine.
    """
    with RawPeer(port) as peer:
        peer.send(associate(calling=calling))
        kind, value = peer.pdu()
        assert kind == 0x03, f"an A-ASSOCIATE-RJ was expected, PDU type {kind} came"
        return value[1], value[2], value[3]


def _even(uid: str) -> bytes:
    value = uid.encode()
    return value + b"\0" if len(value) % 2 else value
