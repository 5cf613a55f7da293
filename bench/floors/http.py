"""Receives HTTP request bodies, writes each to a file, syncs it, and answers 200.

Standard: RFC 9112, as far as a request with Content-Length on a keep-alive connection goes.
Invariants: answers only after fsync of the file; looks at nothing in the body.
Not here: multipart, DICOM, names, an index: all that a real server does on top.
"""

from __future__ import annotations

import itertools
import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

BUFFER = 1 << 20
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)

Write = Callable[[socket.socket, Iterator[Path], bytes, int, memoryview], None]
"""Writes a body: its connection, paths for files, what came with the head, its length, a buffer."""


def serve(port: int, folder: Path, write: Write | None = None) -> None:
    """Accept connections for ever, each in a thread of its own."""
    paths = (folder / f"{number:06}" for number in itertools.count())
    arguments = paths, write or _write
    with socket.create_server(("127.0.0.1", port), backlog=64) as listener:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_receive, args=(connection, *arguments), daemon=True).start()


def _receive(connection: socket.socket, paths: Iterator[Path], write: Write) -> None:
    buffer = memoryview(bytearray(BUFFER))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        while head := _read_head(connection):
            lines, _, begun = head.partition(b"\r\n\r\n")
            found = LENGTH.search(lines)
            length = int(found.group(1)) if found else 0
            if length:
                write(connection, paths, begun, length, buffer)
            connection.sendall(OK)


def _read_head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        data = connection.recv(65536)
        if not data:
            return b""
        head += data
    return head


def _write(
    connection: socket.socket, paths: Iterator[Path], begun: bytes, length: int, buffer: memoryview
) -> None:
    """Write a body, of which ``begun`` came with the head, and sync it."""
    file = os.open(next(paths), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, begun)
        left = length - len(begun)
        while left:
            count = connection.recv_into(buffer, min(left, len(buffer)))
            if not count:
                raise ConnectionError("the body ended early")
            os.write(file, buffer[:count])
            left -= count
        os.fsync(file)
    finally:
        os.close(file)


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
