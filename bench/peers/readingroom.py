"""This server, started from the environment that runs the benchmark.

Invariants: default settings except ports and data folder, so what is measured is what a newcomer
gets; de-identification and durability cannot be switched off and are not.
Not here: DICOMweb itself (``bench.peers.peer``).
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.client import HOST, ClientError, Connection
from bench.peers.peer import DicomwebPeer
from bench.process import Server, ServerError, free_port

PROGRAM = Path(sys.executable).parent / "readingroom"
CHECKOUT = Path(__file__).resolve().parents[2]
OWNER = "owner@localhost"


class Readingroom(DicomwebPeer):
    """The server that this project builds."""

    key = "readingroom"
    title = "this server"
    needs = (str(PROGRAM),)

    def start(self, folder: Path) -> None:
        """Start on an empty data folder, and make a token for its owner."""
        self.http_port, self.dimse_port = free_port(), free_port()
        self.ae_title = "READINGROOM"
        environment = settings(folder, self.http_port, self.dimse_port)
        self._server = Server(
            [str(PROGRAM), "serve"], folder / "log", environment=environment, folder=CHECKOUT
        )
        self._server.wait_until(self._is_healthy)
        made = subprocess.run(
            [str(PROGRAM), "token", "create", "--account", OWNER],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
            cwd=CHECKOUT,
        )
        if made.returncode:
            raise ServerError(f"no token could be made: {made.stderr.strip()}")
        self.headers = (f"Authorization: Bearer {made.stdout.strip()}",)

    def _is_healthy(self) -> bool:
        connection = Connection(self.http_port)
        try:
            return connection.get("/healthz").status == 200
        except (OSError, ClientError):
            return False
        finally:
            connection.close()

    @classmethod
    def version(cls) -> str:
        """Return the version of the project and the commit of the checkout."""
        try:
            number = version("readingroom")
        except PackageNotFoundError:
            number = "unknown"
        commit = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=False,
            cwd=CHECKOUT,
        ).stdout.strip()
        return f"{number} ({commit})" if commit else number


def settings(folder: Path, http_port: int, dimse_port: int) -> dict[str, str]:
    """Return the environment that puts a server on these ports and below this folder."""
    return {
        "READINGROOM_HTTP": f"{HOST}:{http_port}",
        "READINGROOM_DIMSE": f"{HOST}:{dimse_port}",
        "READINGROOM_DATA": str(folder / "data"),
    }
