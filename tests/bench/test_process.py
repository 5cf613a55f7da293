"""Servers of benchmarks and tests end with whoever has started them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
BENCH = """
from pathlib import Path
from bench.process import Server
server = Server(["sleep", "3600"], Path({folder!r}) / "log")
print(server._process.pid, flush=True)
"""
TESTS = """
from pathlib import Path
from tests.support.server import RunningServer
server = RunningServer(Path({folder!r}), afresh={afresh})
server.start()
print(server.process.pid, flush=True)
"""


@pytest.fixture(
    params=[(BENCH, None), (TESTS, True), (TESTS, False)], ids=["bench", "afresh", "forked"]
)
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[int, int]]:
    """The numbers of a process that has started a server, and of that server."""
    code, afresh = request.param
    code = code.format(folder=str(tmp_path), afresh=afresh) + "import time\ntime.sleep(3600)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    server = int(process.stdout.readline())
    try:
        yield process.pid, server
    finally:
        process.kill()
        process.communicate()
        if _session(server):
            os.killpg(server, signal.SIGKILL)


def test_a_server_ends_with_who_was_killed(started: tuple[int, int]) -> None:
    process, server = started
    assert _session(server)
    os.kill(process, signal.SIGKILL)
    end = time.monotonic() + 60
    while _session(server):
        assert time.monotonic() < end
        time.sleep(0.05)


def _session(leader: int) -> list[int]:
    """The processes of a server, which has a session of its own."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                # Behind the name in brackets: state, parent, group, session (proc(5)).
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(entry))
    return found
