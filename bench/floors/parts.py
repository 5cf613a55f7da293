"""Receives multipart bodies, writes each part to a file of its own, syncs it, and answers 200.

What an archive must do at the least with a request of many instances, which may each be asked for
and deleted by themselves; ``bench.floors.http`` writes such a request as one file, with one sync.

Standard: RFC 2046 5.1.1, as far as the benchmark's own client writes it.
Invariants: answers only after fsync of the last file; looks at nothing in the parts.
Not here: connections and heads (``bench.floors.http``).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.floors.http import serve


def write_parts(
    connection: socket.socket, paths: Iterator[Path], begun: bytes, length: int, buffer: memoryview
) -> None:
    """Write the parts of a body, of which ``begun`` came with the head, and sync each."""
    left = length - len(begun)

    def more(data: bytes) -> bytes:
        nonlocal left
        count = connection.recv_into(buffer, min(left, len(buffer)))
        if not count:
            raise ConnectionError("the body ended early")
        left -= count
        return b"".join((data, buffer[:count]))

    data = b"\r\n" + begun
    while b"\r\n" not in data[2:]:
        data = more(data)
    delimiter = data[: data.index(b"\r\n", 2)]
    file = -1
    while True:
        at = data.find(delimiter)
        if at < 0:
            ready = max(0, len(data) - len(delimiter))
            os.write(file, memoryview(data)[:ready])
            data = more(data[ready:])
            continue
        if file >= 0:
            os.write(file, memoryview(data)[:at])
            os.fsync(file)
            os.close(file)
        data = data[at + len(delimiter) :]
        while len(data) < 2:
            data = more(data)
        if data.startswith(b"--"):
            break
        while b"\r\n\r\n" not in data:
            data = more(data)
        data = data.partition(b"\r\n\r\n")[2]
        file = os.open(next(paths), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    while left:
        data = more(b"")


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), write_parts)
