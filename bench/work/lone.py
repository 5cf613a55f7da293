"""A lone instance: how long its sender waits for the answer, and what it costs the processor.

Standard: PS3.7 9.3.1 (C-STORE), PS3.18 10.5 (STOW-RS).
Invariants: one connection or association, open from before the clock starts; a pause before each
instance, so that nothing of the one before is still under way; then the store must hold them all.
Not here: as many as possible at a time (``bench.work.stow``, ``bench.work.cstore``).
"""

from __future__ import annotations

import os
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.client import Connection
from bench.data import Slice
from bench.peers import Peer
from bench.sender import Association
from bench.work import cstore, stow
from bench.work.context import Context
from bench.work.row import OWN, Row, WorkError

PAUSE = 0.02
PERCENT = 99
Send = Callable[[Slice], object]


class _Ingest(Row):
    """Rows that send the series in one way or the other into a fresh store."""

    columns: tuple[str, ...]
    more_is_better = False
    most_rounds = 3

    def __init__(self, by: str) -> None:
        self._by_dimse = by == "C-STORE"
        receivers = ("orthanc", "storescp", cstore.FLOOR) if self._by_dimse else ("orthanc",)
        self.floor = cstore.FLOOR if self._by_dimse else stow.FLOOR
        self.columns = tuple(dict.fromkeys((OWN, *receivers, self.floor)))

    def measure(self, context: Context, column: str, turn: int) -> float:
        """Return the figure of one column, of all slices."""
        with context.fresh(column) as peer:
            if self._by_dimse:
                cstore.send(peer, [context.warm_folder])
            else:
                stow.warm(context, peer)
            before = peer.stored()
            os.sync()
            with self._sending(peer) as send:
                figure = self._figure(context, peer, send)
            stored = peer.stored() - before
        if stored != len(context.slices):
            raise WorkError(f"{column} stored {stored} of {len(context.slices)}")
        return figure

    @abstractmethod
    def _figure(self, context: Context, peer: Peer, send: Send) -> float: ...

    @contextmanager
    def _sending(self, peer: Peer) -> Iterator[Send]:
        if self._by_dimse:
            with Association(peer.dimse_port, peer.ae_title) as association:
                yield association.store
        else:
            connection = Connection(peer.http_port)
            yield lambda made: connection.send(list(stow.encode(peer, [made])))
            connection.close()


class Latency(_Ingest):
    """What the slowest of a hundred waits."""

    unit = "ms"

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.key = "lone-cstore" if self._by_dimse else "lone-stow"
        self.title = f"{by}, a lone slice: 99th of a hundred waits so long"

    def _figure(self, context: Context, peer: Peer, send: Send) -> float:
        waits = []
        for made in context.slices:
            time.sleep(PAUSE)
            start = time.perf_counter()
            send(made)
            waits.append(time.perf_counter() - start)
        return 1000 * sorted(waits)[len(waits) * PERCENT // 100 - 1]


class Processor(_Ingest):
    """What a slice costs the server's processes, user and system time."""

    unit = "ms"

    def __init__(self, by: str) -> None:
        super().__init__(by)
        self.key = "processor-cstore" if self._by_dimse else "processor-stow"
        self.title = f"{by}, processor time of the server for a slice"

    def _figure(self, context: Context, peer: Peer, send: Send) -> float:
        before = peer.server.processor_seconds()
        for made in context.slices:
            send(made)
        spent = peer.server.processor_seconds() - before
        return 1000 * spent / len(context.slices)
