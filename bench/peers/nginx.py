"""nginx serving files, the floor of every row that only reads bytes.

Invariants: runs in the foreground from a generated configuration, listens on loopback only, writes
below its folder only, logs no requests.
Not here: which files it serves (``bench.work.frames`` writes them into ``served``).
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from bench.peers.peer import Peer
from bench.process import Server, free_port, is_listening

PROGRAM = "/usr/sbin/nginx"


class Nginx(Peer):
    """A static file server; ``served`` is the folder that its root path shows."""

    key = "nginx"
    title = "nginx"
    needs = (PROGRAM,)

    def start(self, folder: Path) -> None:
        """Start serving the folder ``served`` below ``folder``."""
        self.http_port, self.root = free_port(), ""
        self.served = folder / "served"
        self.served.mkdir()
        path = folder / "nginx.conf"
        path.write_text(configuration(folder, self.http_port, as_root=os.geteuid() == 0))
        self._server = Server(
            [PROGRAM, "-p", str(folder), "-c", str(path), "-e", str(folder / "error.log")],
            folder / "log",
        )
        self._server.wait_until(lambda: is_listening(self.http_port))

    def stored(self) -> int:
        """Count the files served."""
        return sum(1 for _ in self.served.iterdir())

    @classmethod
    def version(cls) -> str:
        """Return the version that ``nginx -v`` names."""
        output = subprocess.run([PROGRAM, "-v"], capture_output=True, text=True, check=True).stderr
        return output.strip().rpartition("/")[2]


def configuration(folder: Path, port: int, *, as_root: bool) -> str:
    """Return a configuration for static files at nginx's best: sendfile, long keep-alive."""
    temporary = "\n".join(
        f"    {kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # Started by root, workers would change to a user who may not enter the temporary folder.
    user = "user root;\n" if as_root else ""
    return f"""{user}daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000;
    open_file_cache max=2000;
    default_type application/octet-stream;
{temporary}
    server {{
        listen 127.0.0.1:{port};
        root {folder}/served;
    }}
}}
"""
