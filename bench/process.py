"""Starts, watches and ends the processes of a server.

Invariants: whatever is started is ended, with its children, when its ``with`` block is left, and
told to end when who has started it is gone, however that went (Linux); ports are free loopback
ports; a server that does not become ready shows the end of its log.
Not here: which command and which configuration (``bench.peers``).
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from bench.client import HOST

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
SAMPLE_SECONDS = 0.05


class ServerError(Exception):
    """A server did not start, or ended by itself."""


def free_port() -> int:
    """Return a loopback port that nothing listens on just now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on this loopback port."""
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def ending_with_us(command: Sequence[str]) -> list[str]:
    """The command, run so that the kernel tells it to end when we do, by SIGKILL as well.

    That is, when the thread ends that starts it: start it from one that stays.
    """
    setpriv = shutil.which("setpriv")
    return [*([setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []), *command]


class Server:
    """A child process in a session of its own, and everything that it starts."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self._log = log
        self._name = Path(command[0]).name
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                ending_with_us(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                start_new_session=True,
            )

    def wait_until(self, is_ready: Callable[[], bool]) -> None:
        """Return when ``is_ready``; raise ServerError when it ends first or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                tail = self._log.read_text(errors="replace")[-1500:]
                raise ServerError(f"{self._name} did not become ready:\n{tail}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End the process and its children, in order if they agree, else by force."""
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                if self._process.poll() is None:
                    self._process.terminate()
                    self._process.wait(STOP_SECONDS)
        finally:
            # The session outlives its leader as long as a child does.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def resident(self) -> int:
        """Return the bytes of memory that the process tree holds, shared pages counted once."""
        return sum(_proportional(pid) for pid in _tree(self._process.pid))

    def processor_seconds(self) -> float:
        """Return the seconds of user and system time of the process tree and its ended children."""
        return sum(map(_spent, _tree(self._process.pid))) / os.sysconf("SC_CLK_TCK")


class PeakMemory:
    """Samples a server's memory in a ``with`` block; ``peak`` is the most that it saw."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.before = server.resident()
        self.peak = self.before

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, self._server.resident())


def _tree(pid: int) -> list[int]:
    """Return ``pid`` and all its descendants that are alive."""
    found = [pid]
    for parent in found:
        for task in _tasks(parent):
            try:
                found += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                continue
    return found


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def _spent(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # Behind the name in brackets, which may hold anything: utime, stime, cutime, cstime (proc(5)).
    return sum(map(int, text.rpartition(")")[2].split()[11:15]))
