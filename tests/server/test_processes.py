"""What `readingroom serve` has started ends with it, also while it is only beginning."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import COMMAND, RunningServer

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_preparation_ends_with_the_command(number: signal.Signals, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as database:
        database.settimeout(60)
        port = database.getsockname()[1]
        url = f"postgresql+psycopg://someone@127.0.0.1:{port}/index?sslmode=disable"
        server = RunningServer(tmp_path, {"READINGROOM_DATABASE_URL": url})
        process = subprocess.Popen(
            [*COMMAND, "serve"], env=server.environment, stdout=subprocess.DEVNULL
        )
        try:
            connection, _ = database.accept()
            with connection:
                connection.settimeout(20)
                # What prepares waits for a database that never answers.
                assert connection.recv(1000)
                process.send_signal(number)
                assert connection.recv(1000) == b""
        finally:
            process.kill()
            process.wait()


def test_the_supervisor_imports_nothing_of_the_archive() -> None:
    # It stays beside all others, and serves nothing.
    code = "import sys, server.serve; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"sqlalchemy", "pydicom", "pynetdicom", "flask", "numpy"}
    assert "server.serve" in found.stdout.split()
    assert not heavy & set(found.stdout.split())
