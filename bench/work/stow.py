"""STOW-RS: a CT series into a fresh store, in one request and in one request per slice.

Standard: PS3.18 10.5 (store transaction), multipart/related with application/dicom parts.
Invariants: requests are encoded before the clock starts; the clock stops with the last response;
then the store must hold all slices. One keep-alive connection.
Not here: the same by C-STORE (``bench.work.cstore``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence

from bench.client import Connection, request
from bench.data import Slice
from bench.peers import Peer
from bench.work.context import Context
from bench.work.row import OWN, Row, Target, WorkError

BOUNDARY = "bench-3400112233"
PART = f"--{BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode()
END = f"--{BOUNDARY}--\r\n".encode()
FLOOR = "bare-http"
FILES = "bare-parts"


class StowOne(Row):
    """All slices in one request."""

    key = "stow-one"
    title = "STOW-RS, {slices} CT slices of 512 KB, one request"
    unit = "slices/s"
    columns = (OWN, "orthanc", FILES, FLOOR)
    floor = FLOOR
    targets = (Target(3, "orthanc"), Target(0.6, FLOOR))

    def measure(self, context: Context, column: str, turn: int) -> float:
        """Return slices per second."""
        return _measure(context, column, [context.slices])


class StowEach(Row):
    """One slice per request."""

    key = "stow-each"
    title = "STOW-RS, {slices} CT slices of 512 KB, one request each"
    unit = "slices/s"
    columns = (OWN, "orthanc", FLOOR)
    floor = FLOOR
    targets = (Target(3, "orthanc"), Target(0.6, FLOOR))

    def measure(self, context: Context, column: str, turn: int) -> float:
        """Return slices per second."""
        return _measure(context, column, [[made] for made in context.slices])


def _measure(context: Context, column: str, groups: Sequence[Sequence[Slice]]) -> float:
    with context.fresh(column) as peer:
        warm(context, peer)
        before = peer.stored()
        requests = [list(encode(peer, group)) for group in groups]
        connection = Connection(peer.http_port)
        os.sync()
        start = time.perf_counter()
        for pieces in requests:
            connection.send(pieces)
        elapsed = time.perf_counter() - start
        connection.close()
        expected = len(groups) if column == FLOOR else len(context.slices)
        stored = peer.stored() - before
        if stored != expected:
            raise WorkError(f"{peer.title} stored {stored} of {expected}")
    return len(context.slices) / elapsed


def warm(context: Context, peer: Peer) -> None:
    """Send small slices, each on a connection of its own, so that every worker process gets one."""
    for made in context.warm_slices:
        store(peer, [[made]])


def store(peer: Peer, groups: Iterable[Sequence[Slice]]) -> None:
    """Send each group as one STOW-RS request, without measuring."""
    connection = Connection(peer.http_port)
    for group in groups:
        connection.send(encode(peer, group))
    connection.close()


def encode(peer: Peer, group: Sequence[Slice]) -> Iterator[bytes]:
    """Yield one request in pieces; a piece holds a whole part, so that a send is a large one."""
    bodies = [PART + made.data + b"\r\n" for made in group]
    length = sum(map(len, bodies)) + len(END)
    yield head(peer, length) + (bodies[0] if bodies else b"")
    yield from bodies[1:]
    yield END


def head(peer: Peer, length: int) -> bytes:
    """Return the head of a STOW-RS request whose body has ``length`` bytes."""
    return request(
        "POST",
        peer.root + "/studies",
        (
            f'Content-Type: multipart/related; type="application/dicom"; boundary={BOUNDARY}',
            "Accept: application/dicom+json",
            f"Content-Length: {length}",
            *peer.headers,
        ),
    )
