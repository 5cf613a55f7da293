"""Receives C-STORE over plain sockets, writes each data set to a file, syncs it, and answers 0000H.

Standard: PS3.8 9.3 (A-ASSOCIATE, P-DATA-TF, A-RELEASE), PS3.7 9.3.1 (C-STORE).
Invariants: answers only after fsync of the file; accepts every presentation context with the
first transfer syntax proposed; acknowledges TCP segments at once, since a sender that waits for
them (Nagle's algorithm) would otherwise be measured waiting 40 ms per slice.
Not here: any check, any look into the data set.
"""

from __future__ import annotations

import itertools
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

QUICK_ACK = 12  # TCP_QUICKACK, tcp(7)
MAXIMUM_PDU = 131072  # the most that storescu sends
ASSOCIATE, RELEASE, P_DATA = 0x01, 0x05, 0x04
RELEASE_ANSWER = b"\x06\x00\x00\x00\x00\x04\x00\x00\x00\x00"
SUCCESS = 0x0000


def serve(port: int, folder: Path) -> None:
    """Accept associations for ever, each in a thread of its own."""
    names = itertools.count()
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_receive, args=(connection, folder, names), daemon=True).start()


def _receive(connection: socket.socket, folder: Path, names: Iterator[int]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    command, file = bytearray(), -1
    with connection:
        while True:
            try:
                kind, length = struct.unpack(">BxI", _exactly(connection, 6))
            except ConnectionError:
                return
            body = _exactly(connection, length)
            if kind == ASSOCIATE:
                connection.sendall(accept(bytes(body)))
            elif kind == P_DATA:
                for context, flags, value in _values(body):
                    if flags & 1:
                        command += value
                        continue
                    if file < 0:
                        path = folder / f"{next(names):06}"
                        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                    os.write(file, value)
                    if flags & 2:
                        os.fsync(file)
                        os.close(file)
                        connection.sendall(stored(context, bytes(command)))
                        command, file = bytearray(), -1
            elif kind == RELEASE:
                connection.sendall(RELEASE_ANSWER)
            else:
                return


def _exactly(connection: socket.socket, length: int) -> memoryview:
    buffer = memoryview(bytearray(length))
    got = 0
    while got < length:
        count = connection.recv_into(buffer[got:])
        if not count:
            raise ConnectionError("closed")
        got += count
        connection.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)
    return buffer


def _values(body: memoryview) -> Iterator[tuple[int, int, memoryview]]:
    """Yield context, control header and fragment of each presentation data value of a P-DATA-TF."""
    position = 0
    while position < len(body):
        length, context, flags = struct.unpack_from(">IBB", body, position)
        yield context, flags, body[position + 6 : position + 4 + length]
        position += 4 + length


def accept(request: bytes) -> bytes:
    """Return the whole A-ASSOCIATE-AC for the body of an A-ASSOCIATE-RQ."""
    items = b""
    for kind, value in _items(request[68:]):
        if kind == 0x10:
            items += _item(0x10, value)
        elif kind == 0x20:
            syntaxes = [syntax for sort, syntax in _items(value[4:]) if sort == 0x40]
            items += _item(0x21, value[:1] + bytes(3) + _item(0x40, syntaxes[0]))
    information = _item(0x51, struct.pack(">I", MAXIMUM_PDU)) + _item(0x52, b"2.25.3400112233")
    body = request[:68] + items + _item(0x50, information)
    return struct.pack(">BxI", 0x02, len(body)) + body


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        kind, length = struct.unpack_from(">BxH", data, position)
        yield kind, data[position + 4 : position + 4 + length]
        position += 4 + length


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(value)) + value


def stored(context: int, command: bytes) -> bytes:
    """Return the P-DATA-TF with a C-STORE-RSP of status 0000H for this C-STORE-RQ."""
    sent = dict(_elements(command))
    body = (
        _element(0x0002, sent[0x0002])
        + _element(0x0100, struct.pack("<H", 0x8001))
        + _element(0x0120, sent[0x0110])
        + _element(0x0800, struct.pack("<H", 0x0101))
        + _element(0x0900, struct.pack("<H", SUCCESS))
        + _element(0x1000, sent[0x1000])
    )
    body = _element(0x0000, struct.pack("<I", len(body))) + body
    value = struct.pack(">IBB", len(body) + 2, context, 3) + body
    return struct.pack(">BxI", P_DATA, len(value)) + value


def _elements(command: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(command):
        element, length = struct.unpack_from("<2xHI", command, position)
        yield element, command[position + 8 : position + 8 + length]
        position += 8 + length


def _element(element: int, value: bytes) -> bytes:
    return struct.pack("<HHI", 0, element, len(value)) + value


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
