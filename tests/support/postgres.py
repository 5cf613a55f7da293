"""A real PostgreSQL server of the tests' own, from Debian's package."""

import os
import secrets
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from bench.process import ending_with_us
from tests.support.server import free_port

__all__ = ["new_database", "postgresql"]


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


@contextmanager
def new_database(url: str) -> Iterator[str]:
    """Yields the URL of an empty database beside that one, which is gone afterwards."""
    name = f"test_{secrets.token_hex(8)}"
    beside = create_engine(url, isolation_level="AUTOCOMMIT")
    with beside.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
    try:
        yield make_url(url).set(database=name).render_as_string(hide_password=False)
    finally:
        with beside.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        beside.dispose()


def _wait(pg_isready: Path, port: int) -> None:
    end = time.monotonic() + 30
    command = [str(pg_isready), "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "test"]
    while subprocess.run(command, check=False).returncode != 0:
        assert time.monotonic() < end, "PostgreSQL did not start"
        time.sleep(0.1)
