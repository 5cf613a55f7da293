"""DCMTK's storescp, as Debian ships it.

Invariants: default options, except that each association gets a process of its own (``--fork``),
without which four senders would only wait for each other.
Not here: the sender, DCMTK's storescu (``bench.work.cstore``).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from bench.peers.peer import Peer
from bench.process import Server, free_port, is_listening

PROGRAM = "/usr/bin/storescp"


class Storescp(Peer):
    """A receiver that writes files and keeps no index; it does not sync them."""

    key = "storescp"
    title = "storescp"
    needs = (PROGRAM,)

    def start(self, folder: Path) -> None:
        """Start with ``folder`` as its output directory."""
        self.dimse_port = free_port()
        self._received = folder / "received"
        self._received.mkdir()
        command = [PROGRAM, "--fork", "-od", str(self._received), str(self.dimse_port)]
        self._server = Server(command, folder / "log")
        self._server.wait_until(lambda: is_listening(self.dimse_port))

    def stored(self) -> int:
        """Count the files."""
        return sum(1 for _ in self._received.iterdir())

    @classmethod
    def version(cls) -> str:
        """Return DCMTK's version."""
        output = subprocess.run(
            [PROGRAM, "--version"], capture_output=True, text=True, check=True
        ).stdout
        found = re.search(r"v(\d[\w.]*)", output)
        return found.group(1) if found else "unknown"
