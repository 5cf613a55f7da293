"""Servers and commands forked from a process that has imported the product already.

To import the product takes seconds, and tests start it some hundred times. Whoever tests how it is
started runs it afresh (`tests.support.server`).
"""

import atexit
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from select import select
from tempfile import TemporaryDirectory
from threading import Lock
from typing import IO

from bench.process import ending_with_us

__all__ = ["Forked", "fork"]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "tests.support.forked")
LARGEST = 1 << 17
PR_SET_PDEATHSIG = 1
_ONE_AT_A_TIME = Lock()


class Forked:
    """A process as `subprocess` has it; its parent, which waits for it, is not this process."""

    def __init__(self, pid: int, ended: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._ended = ended

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select([self._ended], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
            self.returncode = int(os.read(self._ended, 16))
            os.close(self._ended)
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def fork(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    files: tuple[IO[bytes], IO[bytes], IO[bytes]],
) -> Forked:
    """Run the command `readingroom` in a session of its own.

    Args:
        arguments: of the command.
        environment: all of it.
        folder: to work in.
        files: standard input, output and error.
    """
    ended, end = os.pipe()
    request = json.dumps([list(arguments), dict(environment), str(folder)]).encode()
    descriptors = [*(file.fileno() for file in files), end]
    with _ONE_AT_A_TIME:
        origin = _origin()
        socket.send_fds(origin, [request], descriptors)
        pid = int(origin.recv(64))
    os.close(end)
    return Forked(pid, ended)


@cache
def _origin() -> socket.socket:
    """What the process with everything imported is told by; there is one for this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    templates = TemporaryDirectory(prefix="readingroom-templates-")
    kept = {k: v for k, v in os.environ.items() if not k.startswith("READINGROOM_")}
    process = subprocess.Popen(
        ending_with_us([*COMMAND, str(theirs.fileno()), templates.name]),
        env={**kept, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        pass_fds=[theirs.fileno()],
        stdin=subprocess.DEVNULL,
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait(30)
        templates.cleanup()

    atexit.register(end)
    return ours


def _main(requests: socket.socket, templates: str) -> None:
    from flask import Flask
    from jinja2 import FileSystemBytecodeCache

    import server.preloaded
    import server.processes
    import server.serve
    from server.cli import main

    # Each web worker of each server would compile every template that it shows.
    cache = FileSystemBytecodeCache(templates)
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": cache}
    # What has ended need not be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, files, _, _ = socket.recv_fds(requests, LARGEST, 4)
        if not request:
            return
        if _forked(requests, files):
            break
        for file in files:
            os.close(file)
    arguments, environment, folder = json.loads(request)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    # The parts of a server would be forked from a process that imports everything once more.
    server.processes.starting = server.serve.starting = lambda: get_context("fork")  # type: ignore
    sys.argv = ["readingroom", *arguments]
    main()


def _forked(requests: socket.socket, files: list[int]) -> bool:
    """Fork; true in the process that is to become the command, which has these files."""
    told, tell = os.pipe()
    if os.fork() != 0:
        os.close(tell)
        requests.send(os.read(told, 64))
        os.close(told)
        return False
    _end_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    pid = os.fork()
    if pid != 0:
        os.write(tell, str(pid).encode())
        # Nobody else may seem to hold what the command was given.
        for number in (*files[:3], tell):
            os.close(number)
        _, status = os.waitpid(pid, 0)
        os.write(files[3], str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    os.setsid()
    _end_with_parent()
    for number, file in enumerate(files[:3]):
        os.dup2(file, number)
    os.closerange(3, 256)
    return True


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    _main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
