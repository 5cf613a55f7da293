"""Configurations keep every server on loopback and inside its folder; floors speak enough DIMSE."""

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE

from bench import __main__ as command
from bench.client import ClientError
from bench.data import ct_series, write_slices
from bench.peers import PEERS, nginx, orthanc, readingroom
from bench.sender import Association, data_set_of
from bench.work import QUICK, ROWS, Context
from bench.work.stow import store


def test_orthanc_is_configured_by_ports_and_folders_alone(tmp_path: Path) -> None:
    made = json.loads(json.dumps(orthanc.configuration(tmp_path, 8042, 4242)))

    assert (made["HttpPort"], made["DicomPort"]) == (8042, 4242)
    assert made["RemoteAccessAllowed"] is False
    for key in ("StorageDirectory", "IndexDirectory", "TemporaryDirectory"):
        assert Path(made[key]).is_relative_to(tmp_path)
    assert not made.keys() & {"SyncStorageArea", "StorageCompression", "KeepAlive"}


def test_nginx_listens_on_loopback_and_writes_below_its_folder(tmp_path: Path) -> None:
    made = nginx.configuration(tmp_path, 8080, as_root=False)

    assert "listen 127.0.0.1:8080;" in made
    assert "user" not in made
    words = [line.split() for line in made.splitlines() if line.strip("}")]
    paths = [one[1] for one in words if one[0] in ("pid", "root") or one[0].endswith("_path")]
    assert len(paths) == 7
    assert all(path.startswith(str(tmp_path)) for path in paths)


def test_this_server_gets_ports_and_folder_alone(tmp_path: Path) -> None:
    assert readingroom.settings(tmp_path, 1, 2) == {
        "READINGROOM_HTTP": "127.0.0.1:1",
        "READINGROOM_DIMSE": "127.0.0.1:2",
        "READINGROOM_DATA": str(tmp_path / "data"),
    }


@pytest.mark.parametrize("key", ["bare-dimse", "bare-pynetdicom"])
def test_floor_receives_c_store(tmp_path: Path, key: str) -> None:
    made = ct_series(2, side=64)
    folder = tmp_path / "files"
    write_slices(made, folder, parts=1)
    sender = AE()
    sender.add_requested_context(CTImageStorage, ExplicitVRLittleEndian)
    with PEERS[key]() as peer:
        peer.start(tmp_path)
        association = sender.associate("127.0.0.1", peer.dimse_port)
        assert association.is_established
        statuses = [
            association.send_c_store(dcmread(path)).Status for path in sorted(folder.rglob("*.dcm"))
        ]
        association.release()

        assert statuses == [0x0000, 0x0000]
        assert peer.stored() == 2
    received = sorted((tmp_path / "received").iterdir())
    assert [path.read_bytes()[-8192:] for path in received] == [one.pixels for one in made]


def test_floor_of_files_writes_each_part_to_its_own(tmp_path: Path) -> None:
    made = ct_series(3, side=64)
    # The first is larger than the floor's buffer, and ends with the beginning of a delimiter.
    large = replace(made[0], data=made[0].data + bytes(1 << 20) + b"\r\n--bench-34")
    with PEERS["bare-parts"]() as peer:
        peer.start(tmp_path)
        store(peer, [[large, *made[1:]], made[:1]])
        assert peer.stored() == 4
    received = sorted((tmp_path / "received").iterdir())
    assert [path.read_bytes() for path in received] == [
        each.data for each in (large, *made[1:], made[0])
    ]


def test_stopped_server_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    with Context(tmp_path, QUICK, 1) as context:
        with context.fresh("bare-http") as peer:
            assert peer.server.resident() > 0
            kept = context.keep("bare-http")
            assert kept.http_port != peer.http_port
        assert context.warm_folder.is_dir()
    assert os.listdir(tmp_path) == []
    with pytest.raises(AssertionError, match="not started"):
        _ = kept.server


def test_missing_programs_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(orthanc.Orthanc, "needs", ("/nowhere/Orthanc",))

    status = command.main(["--only", "metadata", "--peers", "orthanc"])

    assert status == 1
    assert "missing: /nowhere/Orthanc;" in capsys.readouterr().err


def test_only_the_peers_of_a_row_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nginx.Nginx, "needs", ("/nowhere/nginx",))
    by_key = {row.key: row for row in ROWS}

    assert "/nowhere/nginx" in command.missing_programs([by_key["frame"]], None)
    assert "/nowhere/nginx" not in command.missing_programs([by_key["stow-one"]], None)
    assert "/nowhere/nginx" not in command.missing_programs([by_key["frame"]], {"orthanc"})


def test_list_names_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [
        row.key for row in ROWS
    ]


def test_failed_row_is_named_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(readingroom.Readingroom, "needs", ())
    monkeypatch.setattr(readingroom, "PROGRAM", Path("/bin/false"))
    monkeypatch.setattr(command, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(command, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(command, "ROWS", [row for row in ROWS if row.key == "metadata"])

    status = command.main(["--disk", str(tmp_path)])

    assert status == 1
    error = capsys.readouterr().err
    assert "metadata failed: ServerError: false did not become ready" in error
    assert "without a figure: metadata; nothing was written" in error
    assert list(tmp_path.iterdir()) == []


def test_own_sender_is_understood_and_its_data_set_whole(tmp_path: Path) -> None:
    made = ct_series(3)
    with PEERS["bare-dimse"]() as peer:
        peer.start(tmp_path)
        spent = peer.server.processor_seconds()
        with Association(peer.dimse_port, peer.ae_title) as association:
            for one in made:
                association.store(one)
        received = [path.read_bytes() for path in sorted((tmp_path / "received").iterdir())]
        assert peer.server.processor_seconds() >= spent > 0
    assert received == [data_set_of(one) for one in made]
    assert received[0].startswith(b"\x08\x00")


def test_own_sender_raises_unless_stored(tmp_path: Path) -> None:
    with PEERS["bare-dimse"]() as peer:
        peer.start(tmp_path)
        with suppress(OSError), Association(peer.dimse_port, peer.ae_title) as association:
            peer.stop()
            with pytest.raises((ClientError, OSError)):
                association.store(ct_series(1, side=64)[0])
