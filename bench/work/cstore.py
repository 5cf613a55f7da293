"""C-STORE: a CT series into a fresh store, from DCMTK's storescu as it comes.

Standard: PS3.7 9.3.1 (C-STORE).
Invariants: the clock runs from the start of the senders to the end of the last one, the same few
hundredths of a second of their own start included for every receiver; then the store must hold
all slices.
Not here: the same by STOW-RS (``bench.work.stow``).
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.client import HOST
from bench.peers import Peer
from bench.work.context import Context
from bench.work.row import OWN, Row, Target, WorkError

SENDER = "/usr/bin/storescu"
FLOOR = "bare-dimse"
TARGETS = (Target(5, "orthanc"), Target(3, "storescp"), Target(0.5, FLOOR))
"""Those that the design names, of one association and of four."""
SECONDS = 600


class CStore(Row):
    """All slices over one association, or a part of them each over several at the same time."""

    unit = "slices/s"
    columns = (OWN, "orthanc", "storescp", "bare-pynetdicom", FLOOR)
    floor = FLOOR

    def __init__(self, associations: int) -> None:
        self._associations = associations
        self.key = f"cstore-{associations}"
        how = "one association" if associations == 1 else f"{associations} associations"
        self.targets = TARGETS if associations in (1, 4) else ()
        self.title = f"C-STORE from storescu, {{slices}} CT slices, {how}"

    def measure(self, context: Context, column: str, turn: int) -> float:
        """Return slices per second."""
        folder = context.slice_folder(self._associations)
        folders = sorted(folder.iterdir())
        with context.fresh(column) as peer:
            send(peer, [context.warm_folder])
            before = peer.stored()
            os.sync()
            start = time.perf_counter()
            send(peer, folders)
            elapsed = time.perf_counter() - start
            stored = peer.stored() - before
            if stored != len(context.slices):
                raise WorkError(f"{peer.title} stored {stored} of {len(context.slices)}")
        return len(context.slices) / elapsed


def send(peer: Peer, folders: Sequence[Path]) -> None:
    """Send each folder with a storescu of its own, all at the same time."""
    senders = [
        subprocess.Popen(
            [SENDER, "-aec", peer.ae_title, "+sd", "+r", HOST, str(peer.dimse_port), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for folder in folders
    ]
    try:
        statuses = [sender.wait(SECONDS) for sender in senders]
        if any(statuses):
            raise WorkError(f"storescu could not send everything to {peer.title}")
    finally:
        for sender in senders:
            if sender.poll() is None:
                sender.kill()
                sender.wait()
