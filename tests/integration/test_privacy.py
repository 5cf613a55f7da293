"""No byte of an original identifier on any disk: after success, refusal, a cut and kill -9."""

import socket
import time
from pathlib import Path

import pytest
import requests
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from tests.support.datasets import PLANTED, ct_slice, encoded
from tests.support.server import RunningServer, running_server, storescu

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

SYNTAXES = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
ENCODINGS = ("ascii", "utf-16-le", "utf-16-be", "utf-32-le")


def originals() -> list[str]:
    ds = ct_slice()
    uids = [ds.SOPInstanceUID, ds.StudyInstanceUID + "\0", ds.SeriesInstanceUID, "1.2.9.77"]
    return [*PLANTED, *uids, "ZEBEDEE-MODALITY"]


def leaks(server: RunningServer) -> list[str]:
    found = []
    for path, data in server.bytes_on_disk().items():
        for text in originals():
            for encoding in ENCODINGS:
                if text.encode(encoding) in data:
                    found.append(f"{text} as {encoding} in {path.relative_to(server.folder)}")
    return found


def post(server: RunningServer, body: bytes) -> requests.Response:
    return server.session().post(
        f"{server.root}/studies",
        data=body,
        headers={"Content-Type": "application/dicom"},
        timeout=60,
    )


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_nothing_planted_is_on_disk_after_success(tmp_path: Path, syntax: str) -> None:
    with running_server(tmp_path / "server") as server:
        ds = [ct_slice(n, transfer_syntax=SYNTAXES[syntax], size=256) for n in (1, 2)]
        answer = post(server, encoded(ds[0]))
        assert answer.status_code == 200, answer.text
        path = tmp_path / "send.dcm"
        path.write_bytes(encoded(ds[1]))
        options = {"explicit": "-xe", "implicit": "-xi", "big": "-xb", "deflated": "-xd"}
        done = storescu(server, path, options=(options[syntax], "-aet", "ZEBEDEE-MODALITY"))
        assert done.returncode == 0, done.stderr
        studies = server.session().get(f"{server.root}/studies", timeout=20).json()
        assert studies[0]["00201208"]["Value"] == [2]
        assert leaks(server) == []
        server.stop()
        assert leaks(server) == []


def test_nothing_planted_is_on_disk_after_a_refused_file(tmp_path: Path) -> None:
    with running_server(tmp_path / "server") as server:
        whole = encoded(ct_slice(size=256))
        # Refused late: after megabytes went through, at the very end, and at the start.
        for body in (whole[:-100], whole[:3000], whole[100:], b"Quillfeather" * 1000):
            answer = post(server, body)
            assert answer.status_code in (400, 409), answer.text
            assert not [text for text in originals() if text in answer.text]
        without_study = ct_slice()
        without_study.StudyInstanceUID = ""
        assert post(server, encoded(without_study)).status_code == 409
        path = tmp_path / "refused.dcm"
        path.write_bytes(encoded(without_study))
        storescu(server, path, options=())
        assert server.session().get(f"{server.root}/studies", timeout=20).status_code == 204
        assert leaks(server) == []


@pytest.mark.promise("F3", "F99")
def test_nothing_planted_is_on_disk_during_or_after_a_cut_connection(tmp_path: Path) -> None:
    with running_server(tmp_path / "server") as server:
        body = encoded(ct_slice(size=1024))
        for cut in (2000, 300_000, len(body) - 1000):
            with socket.create_connection(("127.0.0.1", server.http_port)) as connection:
                head = (
                    f"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                    f"Authorization: Bearer {server.token}\r\n"
                    f"Content-Type: application/dicom\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                connection.sendall(head.encode() + body[:cut])
                time.sleep(0.3)
                assert leaks(server) == []
        time.sleep(1)
        assert leaks(server) == []
        assert server.session().get(f"{server.root}/studies", timeout=20).status_code == 204


def test_nothing_planted_is_on_disk_after_kill_9(tmp_path: Path) -> None:
    server = RunningServer(tmp_path / "server")
    server.start()
    body = encoded(ct_slice(size=1024))
    with socket.create_connection(("127.0.0.1", server.http_port)) as connection:
        head = (
            f"POST /dicomweb/studies HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {server.token}\r\n"
            f"Content-Type: application/dicom\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode() + body[: len(body) // 2])
        time.sleep(0.5)
        server.kill()
    assert leaks(server) == []
    server.start()
    assert leaks(server) == []
    assert server.session().get(f"{server.root}/studies", timeout=20).status_code == 204
    server.stop()


def test_the_search_would_find_what_is_planted(tmp_path: Path) -> None:
    """The check itself can fail: a planted file below the folder is found."""
    server = RunningServer(tmp_path / "server")
    (tmp_path / "server" / "data").mkdir(parents=True)
    (tmp_path / "server" / "data" / "spool").write_bytes(encoded(ct_slice()))
    assert len(leaks(server)) > len(PLANTED)
