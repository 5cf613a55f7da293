"""The bare receivers of ``bench.floors`` as peers.

Invariants: each runs in a process of its own, on the interpreter that runs the benchmark.
Not here: what they do with what arrives (``bench.floors``).
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar

from bench.peers.peer import Peer
from bench.process import Server, free_port, is_listening

CHECKOUT = Path(__file__).resolve().parents[2]


class Bare(Peer):
    """A program of ``bench.floors``, by the name of its module."""

    module: ClassVar[str]

    def start(self, folder: Path) -> None:
        """Start writing to a folder below ``folder``."""
        port = self.http_port = self.dimse_port = free_port()
        self.root = ""
        self._received = folder / "received"
        self._received.mkdir()
        command = [sys.executable, "-m", self.module, str(port), str(self._received)]
        self._server = Server(command, folder / "log", folder=CHECKOUT)
        self._server.wait_until(lambda: is_listening(port))

    def stored(self) -> int:
        """Count the files."""
        return sum(1 for _ in self._received.iterdir())

    @classmethod
    def version(cls) -> str:
        """Return the version of the interpreter."""
        return f"Python {sys.version.split()[0]}"


class BareHttp(Bare):
    """Writes and syncs HTTP bodies."""

    key = "bare-http"
    title = "bare receiver"
    module = "bench.floors.http"


class BareParts(Bare):
    """Writes and syncs each part of HTTP bodies."""

    key = "bare-parts"
    title = "bare receiver of files"
    module = "bench.floors.parts"


class BareDimse(Bare):
    """Writes and syncs C-STORE data sets, over plain sockets."""

    key = "bare-dimse"
    title = "bare receiver"
    module = "bench.floors.dimse"


class BarePynetdicom(Bare):
    """Writes and syncs C-STORE data sets, with pynetdicom."""

    key = "bare-pynetdicom"
    title = "bare pynetdicom"
    module = "bench.floors.pynetdicom"

    @classmethod
    def version(cls) -> str:
        """Return the version of the library."""
        return version("pynetdicom")
