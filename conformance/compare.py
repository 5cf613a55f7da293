"""Runs the suite against Readingroom and Orthanc and writes what each of them does to a page.

`python -m conformance.compare PAGE COMMAND…`, where COMMAND is Readingroom's (`make conformance`).
Invariants: it knows both servers by their command lines only; each gets a folder of its own and
free loopback ports, and ends with the comparison, however that ends; the page names versions, but
neither machines nor folders.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

from conformance.comparison import Column, page

__all__ = ["main"]

ORTHANC: Final = "/usr/sbin/Orthanc"
PLUGIN: Final = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
OWNER: Final = "owner@localhost"
ORIGIN: Final = "https://viewer.example"
SECONDS: Final = 90
# Of util-linux: what follows is killed by the system when this process is gone, even by SIGKILL.
WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")
SCOPES: Final = ("--scope", "read", "--scope", "store", "--scope", "delete")


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m conformance.compare", description=main.__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("command", nargs="+", help="the command that is Readingroom")
    arguments = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        # One that is ignored, as below nohup, stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    # The servers are started with an environment of their own, in which nothing is looked up.
    command = [str(Path(arguments.command[0]).absolute()), *arguments.command[1:]]
    columns = []
    for start in (_readingroom, _orthanc):
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            with start(Path(folder), command) as (name, root, headers):
                found = _run(root, headers)
            columns.append(Column(name, found))
            print(f"{name}: {columns[-1].said()}")
    arguments.page.write_text(page(columns), "utf-8")
    return 0


def _leave(number: int, _: FrameType | None) -> None:
    # By default a signal ends the process where it stands: nothing is ended or cleared behind it.
    raise SystemExit(128 + number)


def _run(root: str, headers: Sequence[str]) -> list[dict[str, Any]]:
    command = [*WITH_US, sys.executable, "-m", "conformance", root, "--format", "json"]
    for header in headers:
        command += ["--header", header]
    done = subprocess.run(  # noqa: S603 - this suite itself
        command, capture_output=True, text=True, check=False
    )
    if not done.stdout:
        raise SystemExit(f"the suite did not run: {done.stderr[-500:]}")
    checks: list[dict[str, Any]] = json.loads(done.stdout)["checks"]
    return checks


Started = Iterator[tuple[str, str, list[str]]]


@contextmanager
def _readingroom(folder: Path, command: list[str]) -> Started:
    http = _free_port()
    # An environment of its own: settings of the one who runs this must not reach the server.
    ours = [
        *("env", "-i", f"PATH={os.defpath}", f"HOME={folder}", "LANG=C.UTF-8"),
        f"READINGROOM_HTTP=127.0.0.1:{http}",
        f"READINGROOM_DIMSE=127.0.0.1:{_free_port()}",
        f"READINGROOM_DATA={folder / 'data'}",
        f"READINGROOM_CORS_ORIGINS={ORIGIN}",
        *command,
    ]
    version = next(iter(re.findall(r"\d+(?:\.\d+)+", _output([*ours, "--version"]))), "")
    with _running([*ours, "serve"], folder, http, r"/sign-in/\S+"):
        token = _output([*ours, "token", "create", "--account", OWNER, *SCOPES])
        root = f"http://127.0.0.1:{http}/dicomweb"
        yield f"Readingroom {version}".strip(), root, [f"Authorization: Bearer {token}"]


@contextmanager
def _orthanc(folder: Path, _: list[str]) -> Started:
    http = _free_port()
    configuration = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "TemporaryDirectory": str(folder),
        "Plugins": [PLUGIN],
        "HttpPort": http,
        "DicomPort": _free_port(),
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    version = _output([ORTHANC, "--version"]).split()[1]
    with _running([ORTHANC, str(path)], folder, http):
        yield f"Orthanc {version}", f"http://127.0.0.1:{http}/dicom-web", []


def _output(command: list[str]) -> str:
    done = subprocess.run(  # noqa: S603 - the servers under test
        command, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@contextmanager
def _running(command: list[str], folder: Path, port: int, sign: str = "") -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the servers under test
            [*WITH_US, *command], stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        end = time.monotonic() + SECONDS
        while not (_listens(port) and re.search(sign, log.read_text("utf-8", "replace"))):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{command[-1]} did not start")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(20)
        finally:
            # One that does not end when told to, and what it has started and left behind.
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    sys.exit(main())
