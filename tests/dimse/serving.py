"""`readingroom serve`, started as its operator would, with arguments of the test's choice."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from bench.process import ending_with_us
from tests.support.server import COMMAND, ROOT

START_SECONDS = 120


class Serving:
    """A command with its processes; all that it writes is below `folder`.

    Args:
        folder: for data, temporary files and what it prints.
        arguments: of `readingroom serve`.
        settings: further variables of the environment.
    """

    def __init__(
        self, folder: Path, *arguments: str, settings: Mapping[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.data = folder / "data"
        (folder / "tmp").mkdir(parents=True, exist_ok=True)
        self._log = folder / f"log-{len(list(folder.glob('log-*')))}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("READINGROOM_")}
        environment = {
            **kept,
            "PYTHONPATH": str(ROOT),
            "READINGROOM_HTTP": "127.0.0.1:0",
            "READINGROOM_DIMSE": "127.0.0.1:0",
            "READINGROOM_DATA": str(self.data),
            "TMPDIR": str(folder / "tmp"),
            **(settings or {}),
        }
        with open(self._log, "ab") as log:
            self.process = subprocess.Popen(
                ending_with_us([*COMMAND, "serve", *arguments]),
                env=environment,
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> "Serving":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.kill()

    def output(self) -> str:
        """What it has printed."""
        return self._log.read_text("utf-8", "replace")

    def says(self, pattern: str) -> str:
        """Wait for a line; returns what the pattern's group holds."""
        end = time.monotonic() + START_SECONDS
        while not (found := re.search(pattern, self.output())):
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < end, self.output()
            time.sleep(0.05)
        return found.group(1)

    @property
    def port(self) -> int:
        """Where DIMSE listens; waits until it does."""
        return int(self.says(r"DIMSE +\S+ at 127\.0\.0\.1:(\d+)\n"))

    def kill(self) -> None:
        """kill -9 on every process of the command at once, as a power cut would."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.terminate()
        return self.process.wait(60)

    def processes(self) -> list[int]:
        """All that run on the command's behalf, itself left out."""
        return [pid for pid in _running() if pid != self.process.pid and self._is_ours(pid)]

    def listeners(self) -> list[int]:
        """Those of them that listen on the port of DIMSE."""
        inode = _listening_inode(self.port)
        return [pid for pid in self.processes() if inode in _sockets(pid)]

    def connections(self, pid: int) -> int:
        """How many connections to the port of DIMSE a process holds."""
        return len(_sockets(pid) & _established(self.port))

    def _is_ours(self, pid: int) -> bool:
        try:
            return os.getsid(pid) == self.process.pid
        except ProcessLookupError:
            return False


def _running() -> Iterator[int]:
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            yield int(entry)


def _sockets(pid: int) -> set[str]:
    """The inodes of a process's sockets."""
    found = set()
    folder = Path(f"/proc/{pid}/fd")
    try:
        for name in os.listdir(folder):
            try:
                target = os.readlink(folder / name)
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                found.add(target[8:-1])
    except (FileNotFoundError, PermissionError):
        pass
    return found


def _tcp(port: int, state: str) -> set[str]:
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == state}


def _listening_inode(port: int) -> str:
    (inode,) = _tcp(port, "0A")
    return inode


def _established(port: int) -> set[str]:
    return _tcp(port, "01")
