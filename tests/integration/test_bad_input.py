"""Bad input: the right status, one clear sentence, and the server goes on serving others."""

import re
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests

from tests.support.datasets import ct_slice, encoded
from tests.support.multipart import BOUNDARY
from tests.support.server import ROOT, RunningServer, running_server, storescu

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

DICOM = 'multipart/related; type="application/dicom"; boundary=' + BOUNDARY
GOOD = encoded(ct_slice(study="1.2.4.1", series="1.2.4.1.1"))


def post(
    server: RunningServer, body: bytes, content_type: str = DICOM, path: str = "/studies"
) -> requests.Response:
    headers = {"Content-Type": content_type}
    return server.session().post(server.root + path, data=body, headers=headers, timeout=60)


def part(data: bytes, boundary: str = BOUNDARY) -> bytes:
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    return head + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def serves(server: RunningServer) -> bool:
    session = server.session()
    if session.get(f"{server.base}/healthz", timeout=10).status_code != 200:
        return False
    return post(server, part(GOOD) + END).status_code == 200


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", DICOM, 400),
        (END, DICOM, 400),
        (part(GOOD), DICOM, 400),
        (part(GOOD, "another") + b"--another--\r\n", DICOM, 400),
        (part(GOOD) + END, 'multipart/related; type="application/dicom"', 400),
        (part(b"no DICOM at all") + END, DICOM, 409),
        (part(GOOD[:-50]) + END, DICOM, 409),
        (b"{}", "application/json", 415),
        (b"x", "text/plain", 415),
        (part(GOOD) + END, 'multipart/related; type="text/plain"; boundary=' + BOUNDARY, 415),
    ],
)
def test_a_wrong_store_request_is_answered_with_its_status(
    server: RunningServer, body: bytes, content_type: str, status: int
) -> None:
    answer = post(server, body, content_type)
    assert answer.status_code == status, answer.text
    assert_clear(answer)
    assert serves(server)


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/studies/1.2.3.999999", "*/*", 404),
        ("/studies/1.2.3.999999/metadata", "application/dicom+json", 404),
        ("/studies/..%2F..%2Fetc/metadata", "application/dicom+json", 404),
        ("/studies/1/series/2/instances/3/frames/0", "*/*", 404),
        ("/nothing", "*/*", 404),
        ("/studies?limit=many", "application/dicom+json", 400),
        ("/studies?offset=-1", "application/dicom+json", 400),
        ("/studies?StudyDate=yesterday", "application/dicom+json", 400),
        ("/studies", "text/html", 406),
    ],
)
def test_a_wrong_read_request_is_answered_with_its_status(
    server: RunningServer, path: str, accept: str, status: int
) -> None:
    answer = server.session().get(server.root + path, headers={"Accept": accept}, timeout=20)
    assert answer.status_code == status, answer.text
    assert_clear(answer)


def test_a_frame_that_is_not_there_is_404_and_a_wrong_accept_406(server: RunningServer) -> None:
    url = post(server, part(GOOD) + END).json()["00081199"]["Value"][0]["00081190"]["Value"][0]
    for path, status in (("frames/2", 404), ("frames/x", 400), ("bulkdata/00109999", 404)):
        answer = server.session().get(f"{url}/{path}", timeout=20)
        assert answer.status_code == status, answer.text
        assert_clear(answer)
    answer = server.session().get(f"{url}/frames/1", headers={"Accept": "text/html"}, timeout=20)
    assert answer.status_code == 406


def assert_clear(answer: requests.Response) -> None:
    """One sentence for people; no trace, no path, no identifier."""
    text = answer.text
    assert 10 < len(text) < 2000
    assert not re.search(r"Traceback|File \"|\.py\b|sqlite|Quillfeather", text)
    assert str(ROOT) not in text


def test_a_body_that_is_longer_than_the_limit_is_413(tmp_path: Path) -> None:
    with running_server(tmp_path, {"READINGROOM_MAX_BODY_BYTES": "100000"}) as server:
        body = part(encoded(ct_slice(size=512))) + END
        assert post(server, body).status_code == 413

        def chunks() -> list[bytes]:
            return [body[at : at + 10_000] for at in range(0, len(body), 10_000)]

        session = server.session()
        answer = session.post(
            f"{server.root}/studies",
            data=iter(chunks()),
            headers={"Content-Type": DICOM},
            timeout=20,
        )
        assert answer.status_code == 413
        assert session.get(f"{server.root}/studies", timeout=20).status_code == 204
        assert post(server, part(encoded(ct_slice())) + END).status_code == 200


def test_every_damaged_file_is_answered_over_http(server: RunningServer, shared_data: Path) -> None:
    for path in sorted((shared_data / "bad").iterdir()):
        begun = time.monotonic()
        answer = post(server, part(path.read_bytes()) + END)
        assert answer.status_code in (200, 400, 409), f"{path.name}: {answer.status_code}"
        assert "Traceback" not in answer.text
        assert time.monotonic() - begun < 20, path.name
    assert serves(server)


def test_every_damaged_file_is_answered_over_dimse(
    server: RunningServer, shared_data: Path
) -> None:
    for path in sorted((shared_data / "bad").iterdir()):
        # storescu refuses some of them itself; whatever it does send must be answered.
        done = storescu(server, path, options=("-xf", str(ALL_SYNTAXES), "Default"))
        assert "Peer aborted" not in done.stdout + done.stderr, path.name
    echo = ["echoscu", "-aec", "READINGROOM", "127.0.0.1", str(server.dimse_port)]
    assert subprocess.run(echo, check=False).returncode == 0
    assert serves(server)


ALL_SYNTAXES = Path("/etc/dcmtk/storescu.cfg")


def test_garbage_on_the_sockets_disturbs_nobody(server: RunningServer) -> None:
    for port in (server.http_port, server.dimse_port):
        for garbage in (
            b"\x00" * 1000,
            b"\xff" * 1000,
            b"GET / HTTP/9.9\r\n\r\n",
            b"\x01\x00" * 50,
        ):
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(garbage)
    # These say nothing and stay.
    silent = [
        socket.create_connection(("127.0.0.1", port), timeout=5)
        for port in (server.http_port, server.dimse_port)
        for _ in range(20)
    ]
    try:
        echo = ["echoscu", "-aec", "READINGROOM", "127.0.0.1", str(server.dimse_port)]
        assert subprocess.run(echo, check=False, timeout=20).returncode == 0
        assert serves(server)
    finally:
        for connection in silent:
            connection.close()


def test_the_log_holds_no_trace_and_no_value(server: RunningServer) -> None:
    post(server, part(GOOD[:-50]) + END)
    assert not re.search(r"Traceback|Quillfeather|1\.2\.4\.1", server.output())
