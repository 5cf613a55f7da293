"""Memory: the most that a server holds while one large multi-frame instance comes in.

Standard: PS3.3 A.8.4 (multi-frame grayscale word secondary capture).
Invariants: the figure is the peak of the whole process tree, pages shared by its processes counted
once, sampled every 50 ms from before the first byte until after the answer; the instance must then
be stored.
Not here: how memory is sampled (``bench.process``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

from bench.client import Connection
from bench.peers import Peer
from bench.process import PeakMemory
from bench.work import cstore, stow
from bench.work.context import Context
from bench.work.row import OWN, Row, Target, WorkError

MEGABYTE = 1_000_000


class _Memory(Row):
    unit = "MB"
    columns = (OWN, "orthanc")
    targets = (Target(300),)
    more_is_better = False
    most_rounds = 3

    def measure(self, context: Context, column: str, turn: int) -> float:
        """Return the peak in megabytes."""
        self._prepare(context)
        with context.fresh(column) as peer:
            stow.warm(context, peer)
            before = peer.stored()
            with PeakMemory(peer.server) as memory:
                self._send(context, peer)
            if peer.stored() != before + 1:
                raise WorkError(f"{peer.title} did not store the large instance")
        return memory.peak / MEGABYTE

    @abstractmethod
    def _prepare(self, context: Context) -> None: ...

    @abstractmethod
    def _send(self, context: Context, peer: Peer) -> None: ...


class MemoryStow(_Memory):
    """One part of a STOW-RS request."""

    key = "memory-stow"
    title = "memory while a {memory} MB instance comes by STOW-RS"

    def _prepare(self, context: Context) -> None:
        assert context.large.size

    def _send(self, context: Context, peer: Peer) -> None:
        connection = Connection(peer.http_port)
        connection.send(_request(context, peer))
        connection.close()


class MemoryCStore(_Memory):
    """One C-STORE from storescu."""

    key = "memory-cstore"
    title = "memory while a {memory} MB instance comes by C-STORE"

    def _prepare(self, context: Context) -> None:
        assert context.large_folder.is_dir()

    def _send(self, context: Context, peer: Peer) -> None:
        cstore.send(peer, [context.large_folder])


def _request(context: Context, peer: Peer) -> Iterator[bytes]:
    yield stow.head(peer, len(stow.PART) + context.large.size + 2 + len(stow.END))
    yield stow.PART
    yield from context.large.chunks()
    yield b"\r\n" + stow.END
