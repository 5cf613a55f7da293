"""The servers that are compared end with the comparison, however it ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.server import ROOT

pytestmark = pytest.mark.integration

# A server that takes requests and never answers, so that the comparison is in the midst of its work
# when it is ended. It says which process it is as soon as it is asked something.
HANGING = """
import os, socket, sys
if sys.argv[-1] != "serve":
    sys.exit(print("1.0"))
host, port = os.environ["READINGROOM_HTTP"].split(":")
listening = socket.create_server((host, int(port)))
print("/sign-in/once", flush=True)
connections = []
while True:
    connections.append(listening.accept()[0])
    if connections[-1].recv(1):
        with open({said!r} + ".part", "w") as said:
            said.write(str(os.getpid()) + " " + port)
        os.rename({said!r} + ".part", {said!r})
"""
SECONDS = 30


def _until(ready: Callable[[], bool]) -> bool:
    end = time.monotonic() + SECONDS
    while not ready() and time.monotonic() < end:
        time.sleep(0.05)
    return ready()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def compared(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A comparison that hangs, and the port of its server."""
    said, script, folders = tmp_path / "said", tmp_path / "server.py", tmp_path / "folders"
    script.write_text(HANGING.format(said=str(said)))
    folders.mkdir()
    compare = (sys.executable, "-m", "conformance.compare", str(tmp_path / "page.md"))
    process = subprocess.Popen(
        [*compare, sys.executable, str(script)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(folders)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    pid = 0
    try:
        assert _until(said.exists)
        pid, port = map(int, said.read_text().split())
        assert _listens(port)
        yield process, port
    finally:
        process.kill()
        process.wait()
        with suppress(ProcessLookupError):
            if pid:
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name
)
def test_server_ends_with_the_comparison(
    number: signal.Signals, compared: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    process, port = compared

    process.send_signal(number)

    assert process.wait(SECONDS) != 0
    assert _until(lambda: not _listens(port))
    if number != signal.SIGKILL:
        assert list((tmp_path / "folders").iterdir()) == []


def test_server_ends_when_the_suite_fails(
    compared: tuple[subprocess.Popen[bytes], int], tmp_path: Path
) -> None:
    process, port = compared
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    [suite] = [
        int(child)
        for child in children
        if b"\0conformance\0" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]

    os.kill(suite, signal.SIGKILL)

    assert process.wait(SECONDS) == 1
    assert not _listens(port)
    assert list((tmp_path / "folders").iterdir()) == []
