"""The real server, started as its operator would, with everything it may write in one folder."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import requests

from bench.process import ending_with_us
from tests.support.forked import Forked, fork

__all__ = ["OWNER", "RunningServer", "free_port", "running_server", "storescu"]

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-c", "from server.cli import main; main()")
OWNER = "owner@localhost"
START_SECONDS = 120


def free_port() -> int:
    """A port on the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class RunningServer:
    """A server below `folder`: `data`, `tmp` and `logs` are all that it can write to.

    Attributes:
        afresh: started by an interpreter of its own, as its operator would; else forked from one
            that has imported the product, which is quicker by seconds.
    """

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    http_port: int = field(default_factory=free_port)
    dimse_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | Forked | None = None
    starts: int = 0
    afresh: bool = False
    _token: str = ""

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def root(self) -> str:
        return f"{self.base}/dicomweb"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("READINGROOM_")}
        return {
            **kept,
            "PYTHONPATH": str(ROOT),
            "READINGROOM_HTTP": f"127.0.0.1:{self.http_port}",
            "READINGROOM_DIMSE": f"127.0.0.1:{self.dimse_port}",
            "READINGROOM_DATA": str(self.data),
            "TMPDIR": str(self.folder / "tmp"),
            **self.settings,
        }

    def start(self) -> None:
        for name in ("tmp", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.starts += 1
        with open(self._log, "wb") as log:
            self.process = self._afresh(log) if self.afresh else self._forked(log)
        end = time.monotonic() + START_SECONDS
        while not re.search(r"/sign-in/\S+", self.output()):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(f"the server did not start:\n{self.output()}")
            time.sleep(0.05)

    def _afresh(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            ending_with_us([*COMMAND, "serve"]),
            env=self.environment,
            cwd=self.folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def _forked(self, log: IO[bytes]) -> Forked:
        with open(os.devnull, "rb") as nothing:
            return fork(
                ["serve"],
                environment=self.environment,
                folder=self.folder,
                files=(nothing, log, log),
            )

    def output(self) -> str:
        return self._log.read_text("utf-8", "replace")

    def sign_in_link(self) -> str:
        found = re.search(r"http\S+/sign-in/\S+", self.output())
        assert found
        return found.group()

    def kill(self) -> None:
        """kill -9 on every process of the tree at once, as a power cut would."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._wait_until_ports_are_free()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(30)

    def command(self, *arguments: str, stdin: str = "") -> str:
        with TemporaryFile() as given, TemporaryFile() as said, TemporaryFile() as complained:
            given.write(stdin.encode())
            given.seek(0)
            done = fork(
                arguments,
                environment=self.environment,
                folder=self.folder,
                files=(given, said, complained),
            )
            code = done.wait(START_SECONDS)
            said.seek(0)
            complained.seek(0)
            assert code == 0, complained.read().decode()
            return said.read().decode().strip()

    @property
    def token(self) -> str:
        if not self._token:
            self._token = self.command("token", "create", "--account", OWNER)
        return self._token

    def session(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {self.token}"
        return session

    def bytes_on_disk(self) -> dict[Path, bytes]:
        """Everything below the folder: data, temporary files and logs."""
        found = {}
        for path in self.folder.rglob("*"):
            # A running server may remove a file between the listing and the look at it.
            with suppress(FileNotFoundError):
                if path.is_file():
                    found[path] = path.read_bytes()
        return found

    @property
    def _log(self) -> Path:
        return self.folder / "logs" / f"serve-{self.starts}.log"

    def _wait_until_ports_are_free(self) -> None:
        end = time.monotonic() + 10
        for port in (self.http_port, self.dimse_port):
            while time.monotonic() < end:
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) != 0:
                        break
                time.sleep(0.05)


@contextmanager
def running_server(
    folder: Path, settings: Mapping[str, str] | None = None, *, afresh: bool = False
) -> Iterator[RunningServer]:
    """A server that is stopped at the end."""
    server = RunningServer(folder, settings or {}, afresh=afresh)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None and server.process.poll() is None:
            server.stop()


def storescu(
    server: RunningServer, *paths: Path, options: tuple[str, ...] = ("+sd", "+r")
) -> subprocess.CompletedProcess[str]:
    """DCMTK's storescu, sending folders; it proposes the syntax that each file has."""
    return subprocess.run(
        [
            "storescu",
            "-aec",
            "READINGROOM",
            *options,
            "127.0.0.1",
            str(server.dimse_port),
            *map(str, paths),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
