"""A real PostgreSQL server of the tests' own, from Debian's package."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.process import ending_with_us
from tests.support.server import free_port

__all__ = ["postgresql"]


@contextmanager
def postgresql() -> Iterator[str]:
    """Yields the SQLAlchemy URL of an empty database."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert binaries, "PostgreSQL is missing; `make test` installs Debian's postgresql"
    folder = Path(tempfile.mkdtemp(prefix="readingroom-pg-"))
    # The server refuses to run as root.
    prefix = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if prefix:
        shutil.chown(folder, "postgres")
    port = free_port()
    cluster = folder / "cluster"
    initdb = [str(binaries[-1] / "initdb"), "--auth=trust", "--username=test", "--no-sync"]
    subprocess.run([*prefix, *initdb, str(cluster)], check=True, capture_output=True, cwd="/")
    options = [f"-k{folder}", "-h127.0.0.1", f"-p{port}", "-cfsync=off"]
    server = subprocess.Popen(
        ending_with_us([*prefix, str(binaries[-1] / "postgres"), "-D", str(cluster), *options]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        _wait(binaries[-1] / "pg_isready", port)
        yield f"postgresql+psycopg://test@127.0.0.1:{port}/postgres"
    finally:
        server.terminate()
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(pg_isready: Path, port: int) -> None:
    end = time.monotonic() + 30
    command = [str(pg_isready), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "test"]
    while subprocess.run(command, check=False).returncode != 0:
        assert time.monotonic() < end, "PostgreSQL did not start"
        time.sleep(0.1)
