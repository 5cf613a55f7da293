"""The web server that this product runs on, giving files through Python and nothing else.

Invariants: as many processes and threads as the product has by default.
Not here: what it answers (``bench.floors.wsgi``).
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path

from bench.peers.peer import Peer
from bench.process import Server, free_port, is_listening

PROGRAM = Path(sys.executable).parent / "granian"
CHECKOUT = Path(__file__).resolve().parents[2]
WORKERS, THREADS = 2, 16


class WebServer(Peer):
    """granian with a WSGI application; ``served`` is the folder that its root path shows."""

    key = "bare-wsgi"
    title = "bare granian"
    needs = (str(PROGRAM),)

    def start(self, folder: Path) -> None:
        """Start serving the folder ``served`` below ``folder``."""
        self.http_port, self.root = free_port(), ""
        self.served = folder / "served"
        self.served.mkdir()
        command = [str(PROGRAM), "--interface", "wsgi", "--port", str(self.http_port)]
        command += ["--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--no-ws"]
        self._server = Server(
            [*command, "bench.floors.wsgi:serve"],
            folder / "log",
            environment={"SERVED": str(self.served)},
            folder=CHECKOUT,
        )
        self._server.wait_until(lambda: is_listening(self.http_port))

    def stored(self) -> int:
        """Count the files served."""
        return sum(1 for _ in self.served.iterdir())

    @classmethod
    def version(cls) -> str:
        """Return the version of the web server."""
        return version("granian")
