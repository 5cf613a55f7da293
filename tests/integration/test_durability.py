"""kill -9 at random moments: what was acknowledged is there, nothing is half there."""

import json
import random
import subprocess
import threading
import time
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
import requests

from tests.support.datasets import PLANTED, ct_slice, encoded
from tests.support.server import RunningServer, storescu

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

KILLS = 20
SEED = 20261121


class Senders:
    """A STOW-RS client and a storescu that send until the server dies."""

    def __init__(self, server: RunningServer, folder: Path, kill: int) -> None:
        self.server = server
        self.kill = kill
        self.acknowledged: list[str] = []
        self.folder = folder / f"send-{kill}"
        self.folder.mkdir()
        for number in range(1, 41):
            ds = ct_slice(number, study=f"1.2.9.{kill}", series=f"1.2.9.{kill}.1", size=256)
            (self.folder / f"{number}.dcm").write_bytes(encoded(ds))
        self.sent_over_dimse = 0
        self._threads = [
            threading.Thread(target=self._stow),
            threading.Thread(target=self._storescu),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()

    def _stow(self) -> None:
        session = self.server.session()
        for number in range(1, 1000):
            ds = ct_slice(number, study=f"1.2.8.{self.kill}", series=f"1.2.8.{self.kill}.1")
            try:
                answer = session.post(
                    f"{self.server.root}/studies",
                    data=encoded(ds),
                    headers={"Content-Type": "application/dicom"},
                    timeout=20,
                )
                answer.raise_for_status()
                items = answer.json()["00081199"]["Value"]
            except (requests.RequestException, ValueError):
                return
            self.acknowledged.append(items[0]["00081155"]["Value"][0])

    def _storescu(self) -> None:
        done = storescu(self.server, self.folder, options=("+sd", "+r", "-v"))
        self.sent_over_dimse = done.stdout.count("Received Store Response (Success)")
        self.sent_over_dimse += done.stderr.count("Received Store Response (Success)")


def test_every_acknowledged_instance_survives_kill_9(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    server = RunningServer(tmp_path / "server")
    server.start()
    acknowledged: list[str] = []
    over_dimse = 0
    for kill in range(KILLS):
        senders = Senders(server, tmp_path, kill)
        senders.start()
        time.sleep(rng.uniform(0.1, 1.2))
        server.kill()
        senders.join()
        acknowledged += senders.acknowledged
        over_dimse += senders.sent_over_dimse
        server.start()
        check(server, acknowledged, over_dimse, read=40)
    check(server, acknowledged, over_dimse, read=None)
    server.stop()
    assert len(acknowledged) > KILLS, "the kills came too early to prove anything"
    assert over_dimse > KILLS, "the kills came too early to prove anything"
    disk = b"".join(server.bytes_on_disk().values())
    assert [text for text in PLANTED if text.encode() in disk] == []


def check(
    server: RunningServer, acknowledged: list[str], over_dimse: int, read: int | None
) -> None:
    """Look at everything that is listed; read that many instances whole, or all of them."""
    session = server.session()
    listed = session.get(f"{server.root}/instances", params={"limit": "100000"}, timeout=60).json()
    by_uid = {item["00080018"]["Value"][0]: item for item in listed}
    assert set(acknowledged) <= set(by_uid)
    # What is listed can be read whole, and is what was sent.
    chosen = sorted(by_uid)
    if read is not None:
        chosen = random.Random(len(by_uid)).sample(chosen, min(read, len(by_uid)))
    for uid in chosen:
        item = by_uid[uid]
        study, series = (item[tag]["Value"][0] for tag in ("0020000D", "0020000E"))
        path = f"{server.root}/studies/{study}/series/{series}/instances/{uid}"
        answer = session.get(path, headers={"Accept": "application/dicom"}, timeout=30)
        assert answer.status_code == 200
        ds = pydicom.dcmread(BytesIO(answer.content))
        assert len(ds.PixelData) == ds.Rows * ds.Columns * 2
        assert ds.PixelData == ct_slice(ds.InstanceNumber, size=ds.Rows).PixelData
    dimse = [i for i in by_uid.values() if i["00280010"]["Value"] == [256]]
    assert len(dimse) >= over_dimse
    # Start-up cleared what was under way; only living processes' folders may be there.
    files = [p for p in (server.data / "blobs").rglob("*") if p.is_file() and p.stat().st_size]
    assert [p for p in files if "incoming" in p.parts] == []
    assert len(files) == len(by_uid)


def test_an_orderly_stop_ends_every_process(tmp_path: Path) -> None:
    server = RunningServer(tmp_path, afresh=True)
    server.start()
    assert server.process is not None
    group = server.process.pid
    assert server.stop() == 0
    assert_all_end(group, within=5)


def assert_all_end(group: int, within: float) -> None:
    end = time.monotonic() + within
    while living(group) and time.monotonic() < end:
        time.sleep(0.1)
    assert living(group) == []


def living(group: int) -> list[str]:
    """The processes of a group; one that has ended and waits to be collected does not count."""
    command = ["ps", "-o", "stat=,args=", "-g", str(group)]
    lines = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    return [line for line in lines if not line.startswith("Z")]


def test_when_only_the_supervisor_is_killed_the_rest_ends(tmp_path: Path) -> None:
    server = RunningServer(tmp_path, afresh=True)
    server.start()
    assert server.process is not None
    group = server.process.pid
    server.process.kill()
    server.process.wait()
    assert_all_end(group, within=20)


def test_a_second_start_keeps_everything(tmp_path: Path) -> None:
    server = RunningServer(tmp_path)
    server.start()
    (tmp_path / "one.dcm").write_bytes(encoded(ct_slice()))
    assert storescu(server, tmp_path / "one.dcm", options=()).returncode == 0
    assert server.stop() == 0
    (tmp_path / "one.dcm").unlink()
    server.start()
    studies = server.session().get(f"{server.root}/studies", timeout=20).json()
    assert len(studies) == 1
    assert "Quillfeather" not in json.dumps(studies)
    server.stop()
