"""Runs the suite against Readingroom and Orthanc and writes what each of them does to a page.

`python -m conformance.compare PAGE COMMAND…`, where COMMAND is Readingroom's (`make conformance`).
Invariants: it knows both servers by their command lines only; each gets a folder of its own and
free loopback ports, and is ended; the page names versions, but neither machines nor folders.
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
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from conformance.comparison import Column, page

__all__ = ["main"]

ORTHANC: Final = "/usr/sbin/Orthanc"
PLUGIN: Final = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
OWNER: Final = "owner@localhost"
ORIGIN: Final = "https://viewer.example"
SECONDS: Final = 90
SCOPES: Final = ("--scope", "read", "--scope", "store", "--scope", "delete")


def main() -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m conformance.compare", description=main.__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("command", nargs="+", help="the command that is Readingroom")
    arguments = parser.parse_args()
    columns = []
    for start in (_readingroom, _orthanc):
        with tempfile.TemporaryDirectory(prefix="conformance-") as folder:
            with start(Path(folder), arguments.command) as (name, root, headers):
                found = _run(root, headers)
            columns.append(Column(name, found))
            print(f"{name}: {columns[-1].said()}")
    arguments.page.write_text(page(columns), "utf-8")
    return 0


def _run(root: str, headers: Sequence[str]) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "conformance", root, "--format", "json"]
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
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("READINGROOM_")},
        "READINGROOM_HTTP": f"127.0.0.1:{http}",
        "READINGROOM_DIMSE": f"127.0.0.1:{_free_port()}",
        "READINGROOM_DATA": str(folder / "data"),
        "READINGROOM_CORS_ORIGINS": ORIGIN,
    }
    said = _output([*command, "--version"], environment)
    version = next(iter(re.findall(r"\d+(?:\.\d+)+", said)), "")
    with _running([*command, "serve"], environment, folder, http, r"/sign-in/\S+"):
        token = _output(
            [*command, "token", "create", "--account", OWNER, *SCOPES],
            environment,
        )
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
    version = _output([ORTHANC, "--version"], dict(os.environ)).split()[1]
    with _running([ORTHANC, str(path)], dict(os.environ), folder, http):
        yield f"Orthanc {version}", f"http://127.0.0.1:{http}/dicom-web", []


def _output(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(  # noqa: S603 - the servers under test
        command, env=environment, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], folder: Path, port: int, sign: str = ""
) -> Iterator[None]:
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the servers under test
            command, env=environment, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        end = time.monotonic() + SECONDS
        while not (_listens(port) and re.search(sign, log.read_text("utf-8", "replace"))):
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{command[0]} did not start")
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
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
