"""The edge behind the server that production uses: bodies in chunks, broken bodies, memory."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.dicomweb.app import TOKEN
from tests.dicomweb.samples import MULTIPART, SECRETS, make_file, multipart, split_multipart

pytestmark = pytest.mark.integration

LIMIT = 600_000_000
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": MULTIPART}
HEAD = b"--b0undary\r\nContent-Type: application/dicom\r\n\r\n"
END = b"\r\n--b0undary--\r\n"


@dataclass(frozen=True)
class Served:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    folder: Path
    log: Path

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}/dicomweb"

    def post(self, data: bytes | Iterator[bytes], **headers: str) -> requests.Response:
        return requests.post(
            f"{self.root}/studies", data=data, headers=HEADERS | headers, timeout=60
        )

    def count(self) -> int:
        response = requests.get(f"{self.root}/instances", headers=HEADERS, timeout=60)
        return len(response.json()) if response.status_code == 200 else 0

    def resident_bytes(self) -> int:
        """Of the process that answers: the only child of the one that was started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        pages = Path(f"/proc/{children.split()[0]}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def request_head(self, *lines: str) -> bytes:
        fixed = ["POST /dicomweb/studies HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        named = [f"{name}: {value}" for name, value in HEADERS.items()]
        return "\r\n".join([*fixed, *named, *lines, "", ""]).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = folder / "log"
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--blocking-threads", "8", "--no-ws", "tests.dicomweb.app:served"]
    environment = os.environ | {
        "TEST_FOLDER": str(folder / "data"),
        "TEST_MAX_BODY_BYTES": str(LIMIT),
        "TMPDIR": str(folder / "temporary"),
    }
    (folder / "temporary").mkdir()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=Path(__file__).parents[2],
        )
    served = Served(port, process, folder, log)
    try:
        _wait_until_ready(served)
        yield served
    finally:
        process.terminate()
        process.wait(30)


def _wait_until_ready(served: Served) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            requests.get(f"{served.root}/studies", timeout=5)
        except requests.ConnectionError:
            assert time.monotonic() < deadline, served.log.read_text()
            assert served.process.poll() is None, served.log.read_text()
            time.sleep(0.1)
        else:
            return


def _wait_for_count(served: Served, count: int) -> None:
    deadline = time.monotonic() + 20
    while served.count() != count and time.monotonic() < deadline:
        time.sleep(0.1)
    assert served.count() == count


def _leftovers(served: Served) -> list[Path]:
    """Files of instances that were begun and not kept; names made ahead do not count."""
    files = served.folder.glob("data/blobs/incoming/*/*")
    return [path for path in files if path.is_file() and path.stat().st_size]


def test_body_with_a_length_and_in_chunks(served: Served) -> None:
    before = served.count()
    body = multipart([make_file(1), make_file(2)])

    whole = served.post(body)
    chunked = served.post(body[at : at + 1000] for at in range(0, len(body), 1000))

    for response in (whole, chunked):
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"] == "application/dicom+json"
        assert len(response.json()["00081199"]["Value"]) == 2
    assert served.count() == before + 2


def test_client_that_waits_to_be_told_to_continue(served: Served) -> None:
    body = multipart([make_file(3)])
    with served.connect() as connection:
        connection.sendall(
            served.request_head(f"Content-Length: {len(body)}", "Expect: 100-continue")
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_refusals_reach_a_client_that_is_still_sending(served: Served) -> None:
    body = multipart([make_file(4)])
    unauthorized = requests.post(
        f"{served.root}/studies", data=body, headers={"Content-Type": MULTIPART}, timeout=60
    )
    assert unauthorized.status_code == 401
    with served.connect() as connection:
        connection.sendall(served.request_head(f"Content-Length: {LIMIT + 1}"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


def test_limit_holds_for_chunks(served: Served) -> None:
    before = served.count()

    def endless() -> Iterator[bytes]:
        yield HEAD + make_file(5)
        yield from (b"\0" * 1_000_000 for _ in range(LIMIT // 1_000_000 + 1))

    # The server may close while the client is still sending: HTTP allows it to.
    with contextlib.suppress(requests.ConnectionError):
        assert served.post(endless()).status_code == 413
    assert served.count() == before
    assert _leftovers(served) == []


def test_connection_on_which_a_body_was_refused_is_not_used_again(served: Served) -> None:
    chunks = [b"\0" * 100_000] * 50
    wrong = HEADERS | {"Content-Type": "text/plain"}
    with requests.Session() as session:
        for _ in range(5):
            for headers, status in ((wrong, 415), (wrong | {"Authorization": "x"}, 401)):
                url = f"{served.root}/studies"
                with contextlib.suppress(requests.ConnectionError):
                    refused = session.post(url, data=iter(chunks), headers=headers, timeout=60)
                    assert refused.status_code == status
                assert session.get(url, headers=HEADERS, timeout=60).status_code in (200, 204)


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("complete", [0, 2])
def test_client_that_goes_away_leaves_nothing(served: Served, framing: str, complete: int) -> None:
    before = served.count()
    file = make_file(6, series=3, size=600)
    sent = b"".join(HEAD + make_file(n, series=3) + b"\r\n" for n in range(10, 10 + complete))
    sent += HEAD + file[: len(file) // 2]
    with served.connect() as connection:
        if framing == "length":
            connection.sendall(served.request_head("Content-Length: 100000000") + sent)
        else:
            head = served.request_head("Transfer-Encoding: chunked")
            connection.sendall(head + b"%x\r\n" % len(sent) + sent + b"\r\n")
        time.sleep(0.3)

    _wait_for_count(served, before)
    deadline = time.monotonic() + 20
    while _leftovers(served) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert _leftovers(served) == []
    assert served.post(multipart([make_file(1)])).status_code == 200


def test_two_hundred_slices_in_one_request_need_no_more_memory_than_one(served: Served) -> None:
    file = make_file(1, series=5, size=512)
    served.post(multipart([file]))
    parts = [
        HEAD + make_file(number, series=5, size=512) + (END if number == 200 else b"\r\n")
        for number in range(1, 201)
    ]
    before = served.resident_bytes()
    largest = 0
    done = threading.Event()

    def watch() -> None:
        nonlocal largest
        while not done.wait(0.02):
            largest = max(largest, served.resident_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        response = served.post(iter(parts))
    finally:
        done.set()
        watcher.join()

    assert response.status_code == 200, response.text[:500]
    assert len(response.json()["00081199"]["Value"]) == 200
    assert largest - before < 48 * 1024 * 1024
    series = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0].split("/instances/")[0]
    whole = requests.get(series, headers=HEADERS, timeout=60)
    assert len(split_multipart(whole.headers["Content-Type"], whole.content)) == 200


def test_large_instance_passes_through(served: Served) -> None:
    """One instance of 300 MB, up and down again."""
    file = make_file(1, series=6, frames=64, size=16)
    header = file[: -2 * 64 * 16 * 16]
    length = 300_000_000
    head = header[:-4] + length.to_bytes(4, "little")

    def body() -> Iterator[bytes]:
        yield HEAD + head
        yield from (bytes(1_000_000) for _ in range(length // 1_000_000))
        yield END

    before = served.resident_bytes()
    response = served.post(body())
    assert response.status_code == 200, response.text
    assert served.resident_bytes() - before < 48 * 1024 * 1024
    url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    received = 0
    with requests.get(url, headers=HEADERS, stream=True, timeout=60) as download:
        for piece in download.iter_content(1 << 20):
            received += len(piece)
    assert received > length
    assert served.resident_bytes() - before < 48 * 1024 * 1024


def test_frames_are_served_over_one_connection(served: Served) -> None:
    response = served.post(multipart([make_file(1, series=7, frames=3)]))
    url = response.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    with requests.Session() as session:
        session.headers.update(HEADERS)
        session.headers["Accept"] = "multipart/related; type=application/octet-stream"
        for number in (1, 2, 3):
            got = session.get(f"{url}/frames/{number}", timeout=60)
            ((_, frame),) = split_multipart(got.headers["Content-Type"], got.content)
            assert len(frame) == 512
            known = {"If-None-Match": got.headers["ETag"]}
            assert (
                session.get(f"{url}/frames/{number}", headers=known, timeout=60).status_code == 304
            )


def test_nothing_of_all_that_is_in_the_log_or_a_temporary_file(served: Served) -> None:
    served.post(b"junk SECRETNAME")
    served.post(multipart([make_file(1)[:700], b"SECRETID"]))
    requests.post(f"{served.root}/studies?x=SECRETNAME", data=b"x", headers=HEADERS, timeout=60)

    log = served.log.read_bytes()

    assert b"Traceback" not in log
    for secret in SECRETS:
        assert secret not in log
    assert list((served.folder / "temporary").iterdir()) == []
    assert json.loads(served.post(b"").text)["error"]
