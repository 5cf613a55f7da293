"""The main job on real files: storescu and STOW-RS in, QIDO-RS and WADO-RS out, as OHIF asks."""

import json
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import requests
from pydicom.uid import ExplicitVRLittleEndian

from tests.support.datasets import ct_slice, ct_stack, encoded
from tests.support.multipart import parts_of, related
from tests.support.server import RunningServer, storescu

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

JSON = {"Accept": "application/dicom+json"}


def get(server: RunningServer, path: str, headers: dict[str, str] = JSON) -> requests.Response:
    return server.session().get(f"{server.root}{path}", headers=headers, timeout=60)


def stow(server: RunningServer, files: Iterable[bytes]) -> requests.Response:
    body, content_type = related(files)
    return server.session().post(
        f"{server.root}/studies",
        data=body,
        headers={"Content-Type": content_type, **JSON},
        timeout=300,
    )


def instances(server: RunningServer) -> int:
    answer = get(server, "/studies")
    studies = answer.json() if answer.status_code == 200 else []
    return sum(study["00201208"]["Value"][0] for study in studies)


@pytest.mark.promise("F98")
def test_c_echo_is_answered(server: RunningServer) -> None:
    done = subprocess.run(
        ["echoscu", "-aec", "READINGROOM", "127.0.0.1", str(server.dimse_port)], check=False
    )
    assert done.returncode == 0


@pytest.mark.promise("F95", "F98", "F99")
def test_every_series_goes_in_by_storescu_and_again_by_stow_once(
    fresh_server: RunningServer, shared_data: Path
) -> None:
    folders = sorted(path for path in (shared_data / "series").iterdir() if path.is_dir())
    files = [path for folder in folders for path in sorted(folder.iterdir()) if path.is_file()]
    expected = len({str(_uid(path)) for path in files})
    for folder in folders:
        # storescu proposes no compressed syntax by itself, and this folder is JPEG 2000.
        compressed = ("-xw",) if folder.name == "ct-breast-rt" else ()
        done = storescu(fresh_server, folder, options=("+sd", "+r", *compressed))
        assert done.returncode == 0, done.stdout + done.stderr
    assert instances(fresh_server) == expected
    # One for each request, and then all that are left in one.
    for path in files[:5]:
        assert stow(fresh_server, [path.read_bytes()]).status_code == 200
    answer = stow(fresh_server, (path.read_bytes() for path in files))
    assert answer.status_code == 200, answer.text[:500]
    assert len(answer.json()["00081199"]["Value"]) == len(files)
    assert instances(fresh_server) == expected


def _uid(path: Path) -> object:
    return pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID


def test_200_instances_in_one_request_are_answered_in_order(server: RunningServer) -> None:
    stack = ct_stack(200, study="1.2.3.200", series="1.2.3.200.1")
    answer = stow(server, (encoded(ds) for ds in stack))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/dicom+json"
    items = answer.json()["00081199"]["Value"]
    numbers = {
        item["00080018"]["Value"][0]: item["00200013"]["Value"][0]
        for item in get(server, "/instances?limit=1000").json()
    }
    assert [numbers[item["00081155"]["Value"][0]] for item in items] == list(range(1, 201))
    assert {item["00081196"]["Value"][0] for item in items} == {0xB000}
    assert not [ds for ds in stack if ds.SOPInstanceUID in answer.text]


def test_the_same_instance_by_either_way_is_stored_once(
    fresh_server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "one.dcm"
    path.write_bytes(encoded(ct_slice()))
    for _ in range(2):
        assert storescu(fresh_server, path, options=()).returncode == 0
        assert stow(fresh_server, [path.read_bytes()]).status_code == 200
    assert instances(fresh_server) == 1


@pytest.mark.promise("F96", "F97")
def test_ohif_opens_a_study(server: RunningServer) -> None:
    """The requests of OHIF 3 for its list and for a study, with its own headers."""
    stow(server, (encoded(ds) for ds in ct_stack(4, study="1.2.3.4", series="1.2.3.4.1", size=128)))
    fields = "includefield=00081030%2C00080060%2C00080090%2C00100030"
    listed = get(server, f"/studies?limit=101&offset=0&fuzzymatching=false&{fields}")
    assert listed.status_code == 200
    study = max(listed.json(), key=lambda s: s["00201208"]["Value"][0] == 4)
    for tag in ("0020000D", "00080020", "00080030", "00100020", "00100010", "00201208", "00080061"):
        assert study[tag]["Value"], tag
    uid = study["0020000D"]["Value"][0]
    one = get(
        server, f"/studies?limit=101&offset=0&fuzzymatching=false&{fields}&StudyInstanceUID={uid}"
    )
    assert [s["0020000D"]["Value"][0] for s in one.json()] == [uid]
    named = get(server, f"/studies?limit=101&PatientName=*nonym*&ModalitiesInStudy=CT&{fields}")
    assert uid in named.text
    asked = "includefield=00080021%2C00080031%2C0008103E%2C00200011"
    [series] = get(server, f"/studies/{uid}/series?{asked}").json()
    assert series["0008103E"]["Value"] == ["AXIAL HEAD"]
    assert get(server, "/studies?00100020=0&limit=101&offset=0").status_code == 200
    path = f"/studies/{uid}/series/{series['0020000E']['Value'][0]}"
    metadata = get(server, f"{path}/metadata").json()
    assert [image["00200013"]["Value"][0] for image in metadata] == [1, 2, 3, 4]
    for number, image in enumerate(metadata, 1):
        frame = get(
            server,
            f"{path}/instances/{image['00080018']['Value'][0]}/frames/1",
            {"Accept": "multipart/related; type=application/octet-stream; transfer-syntax=*"},
        )
        assert frame.status_code == 200
        [(headers, pixels)] = parts_of(frame)
        assert "transfer-syntax=1.2.840.10008.1.2.1" in headers["content-type"]
        assert pixels == ct_slice(number, size=128).PixelData
    uri = metadata[0]["7FE00010"]["BulkDataURI"]
    bulk = server.session().get(
        uri, headers={"Accept": 'multipart/related; type="application/octet-stream"'}, timeout=20
    )
    assert parts_of(bulk)[0][1] == ct_slice(1, size=128).PixelData


def test_compressed_images_come_as_stored_and_in_explicit_vr_little_endian(
    server: RunningServer, shared_data: Path
) -> None:
    original = pydicom.dcmread(shared_data / "syntaxes" / "ct-explicit-le.dcm").pixel_array
    for name in ("ct-j2k-lossless", "ct-jpeg-lossless-sv1", "ct-rle", "ct-jpegls-lossless"):
        path = shared_data / "syntaxes" / f"{name}.dcm"
        if not path.is_file():
            continue
        answer = stow(server, [path.read_bytes()])
        assert answer.status_code == 200, answer.text
        url = answer.json()["00081199"]["Value"][0]["00081190"]["Value"][0]
        plain = server.session().get(url, headers={"Accept": "application/dicom"}, timeout=60)
        assert plain.status_code == 200, plain.text
        ds = pydicom.dcmread(pydicom.filebase.DicomBytesIO(plain.content))
        assert ds.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert np.array_equal(ds.pixel_array, original)


def test_rendered_and_thumbnails_are_pictures(server: RunningServer) -> None:
    stow(server, [encoded(ct_slice(1, study="1.2.3.5", series="1.2.3.5.1"))])
    [study, *_] = get(server, "/studies").json()
    uid = study["0020000D"]["Value"][0]
    [series, *_] = get(server, f"/studies/{uid}/series").json()
    path = f"/studies/{uid}/series/{series['0020000E']['Value'][0]}"
    [image, *_] = get(server, f"{path}/instances").json()
    one = f"{path}/instances/{image['00080018']['Value'][0]}"
    for resource in (f"{one}/rendered", f"{one}/frames/1/rendered", f"{path}/thumbnail"):
        answer = get(server, resource, {"Accept": "image/jpeg"})
        assert answer.status_code == 200, resource
        assert answer.content.startswith(b"\xff\xd8\xff")
        again = get(server, resource, {"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304


def test_a_stranger_sees_nothing_and_stores_nothing(server: RunningServer) -> None:
    stow(server, [encoded(ct_slice())])
    with requests.Session() as stranger:
        stranger.trust_env = False
        assert stranger.get(f"{server.root}/studies", timeout=20).status_code == 204
        sent = stranger.post(
            f"{server.root}/studies",
            data=encoded(ct_slice(9)),
            headers={"Content-Type": "application/dicom"},
            timeout=20,
        )
        assert sent.status_code == 401
        wrong = {"Authorization": "Bearer wrong"}
        answer = stranger.get(f"{server.root}/studies", headers=wrong, timeout=20)
        assert answer.status_code == 401
        assert json.loads(answer.text)


def test_another_account_sees_nothing_of_it(server: RunningServer) -> None:
    stow(server, [encoded(ct_slice())])
    server.command("account", "create", "otto@example.org")
    token = server.command("token", "create", "--account", "otto@example.org")
    with requests.Session() as other:
        other.trust_env = False
        headers = {"Authorization": f"Bearer {token}"}
        assert other.get(f"{server.root}/studies", headers=headers, timeout=20).status_code == 204
        [study, *_] = get(server, "/studies").json()
        path = f"/studies/{study['0020000D']['Value'][0]}/metadata"
        assert other.get(server.root + path, headers=headers, timeout=20).status_code == 404
        assert get(server, path).status_code == 200


def test_a_peer_sends_to_its_account(server: RunningServer, tmp_path: Path) -> None:
    server.command("account", "create", "ines@example.org")
    server.command("peer", "add", "CT-SUITE-2", "--account", "ines@example.org")
    path = tmp_path / "one.dcm"
    path.write_bytes(encoded(ct_slice(study="1.2.3.77", series="1.2.3.77.1")))
    before = instances(server)
    assert storescu(server, path, options=("-aet", "CT-SUITE-2")).returncode == 0
    assert instances(server) == before
    token = server.command("token", "create", "--account", "ines@example.org")
    headers = {"Authorization": f"Bearer {token}", **JSON}
    answer = requests.get(f"{server.root}/studies", headers=headers, timeout=20)
    assert len(answer.json()) == 1


def test_the_demo_shows_samples_within_a_minute(fresh_server: RunningServer) -> None:
    begun = time.monotonic()
    said = fresh_server.command("demo")
    assert "sample images" in said
    assert time.monotonic() - begun < 60
    assert instances(fresh_server) == int(said.split()[1]) >= 6
