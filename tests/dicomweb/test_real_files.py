"""Real files of every kind and transfer syntax, stored and had back in every form."""

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from flask import Flask
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame

from dicomweb.multipart import read_parts
from dicomweb.syntaxes import is_native
from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import split_multipart

pytestmark = [
    pytest.mark.integration,
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

CORNERSTONE = "multipart/related; type=application/octet-stream; transfer-syntax=*"
DECODED = 'multipart/related; type="application/octet-stream"'
LARGEST = 3_000_000


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and 0 < p.stat().st_size < LARGEST)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Caller]]:
    """Makes a caller with a store of its own: some files share their SOP Instance UID."""
    apps: list[Flask] = []

    def make() -> Caller:
        apps.append(create_app(tmp_path / str(len(apps))))
        return Caller(apps[-1].test_client())

    yield make
    for app in apps:
        app.extensions["database"].dispose()


def _store(caller: Caller, path: Path) -> str | None:
    response = caller.store([path.read_bytes()])
    assert response.status_code in (200, 409), (path.name, response.text)
    if response.status_code == 409:
        return None
    items = response.get_json(force=True)["00081199"]["Value"]
    url: str = items[0]["00081190"]["Value"][0]
    return url.partition("/dicomweb")[2]


@pytest.mark.parametrize("folder", ["syntaxes", "charsets", "kinds"])
@pytest.mark.promise("F97", "F103")
def test_everything_that_is_stored_can_be_had(
    caller: Caller, shared_data: Path, folder: str
) -> None:
    taken = 0
    for file in _files(shared_data / folder):
        path = _store(caller, file)
        if path is None:
            continue
        taken += 1
        (metadata,) = json.loads(caller.get(f"{path}/metadata").data)
        assert metadata["00080018"]["Value"] == [path.rsplit("/", 1)[1]], file.name
        expected = {
            path: (200,),
            f"{path}/thumbnail": (200,),
            f"{path}/rendered": (200, 406),
            f"{path}/frames/1": (200, 404, 406),
        }
        for resource, statuses in expected.items():
            response = caller.get(resource)
            assert response.status_code in statuses, (file.name, resource, response.text[:200])
        ((_, content),) = split_multipart(*_body(caller, path))
        assert pydicom.dcmread(BytesIO(content)).SOPInstanceUID == path.rsplit("/", 1)[1]
    assert taken > 10


def test_frames_are_those_of_the_file(fresh: Callable[[], Caller], shared_data: Path) -> None:
    compared = 0
    for file in _files(shared_data / "syntaxes"):
        caller = fresh()
        path = _store(caller, file)
        if path is None:
            continue
        ds = pydicom.dcmread(file)
        response = caller.get(f"{path}/frames/1", Accept=CORNERSTONE)
        if response.status_code == 404:
            continue
        ((headers, frame),) = split_multipart(response.headers["Content-Type"], response.data)
        syntax = ds.file_meta.TransferSyntaxUID
        if is_native(syntax):
            assert headers["Content-Type"].endswith("transfer-syntax=1.2.840.10008.1.2.1")
            if ds.get("NumberOfFrames", 1) == 1 and ds.BitsAllocated > 1:
                assert frame == _little(ds)[: len(frame)], file.name
        else:
            assert headers["Content-Type"].endswith(f"transfer-syntax={syntax}")
            count = int(ds.get("NumberOfFrames", 1))
            sent = get_frame(ds.PixelData, 0, number_of_frames=count)
            assert len(frame) == len(sent), file.name
            # Comments inside of the stream became zeros, nothing else changed.
            assert all(a == b or a == 0 for a, b in zip(frame, sent, strict=True)), file.name
        compared += 1
    assert compared > 20


def test_the_same_image_in_each_lossless_syntax_decodes_to_the_same_frame(
    fresh: Callable[[], Caller], shared_data: Path
) -> None:
    names = (
        "explicit-le implicit-le explicit-be deflated rle j2k-lossless jpegls-lossless "
        "jpeg-lossless-p14 jpeg-lossless-sv1 htj2k-lossless-16bit"
    )
    expected = _little(pydicom.dcmread(shared_data / "syntaxes" / "ct-explicit-le.dcm"))
    for name in names.split():
        caller = fresh()
        path = _store(caller, shared_data / "syntaxes" / f"ct-{name}.dcm")
        assert path is not None, name
        got = caller.get(f"{path}/frames/1", Accept=DECODED)
        assert got.status_code == 200, (name, got.text)
        ((headers, frame),) = split_multipart(got.headers["Content-Type"], got.data)
        assert headers["Content-Type"].endswith("transfer-syntax=1.2.840.10008.1.2.1"), name
        assert frame == expected[: len(frame)], name
        whole = caller.get(path, Accept="application/dicom")
        assert pydicom.dcmread(BytesIO(whole.data)).PixelData == expected, name


def _body(caller: Caller, path: str) -> tuple[str, bytes]:
    response = caller.get(path)
    return response.headers["Content-Type"], response.data


def _little(ds: Dataset) -> bytes:
    """The pixel data as little-endian bytes."""
    data: bytes = ds.PixelData
    if ds.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRBigEndian and ds.BitsAllocated == 16:
        return np.frombuffer(data, ">u2").astype("<u2").tobytes()
    return data


def test_compressed_pixel_data_come_as_frames(caller: Caller, shared_data: Path) -> None:
    path = _store(caller, shared_data / "syntaxes" / "emri_small_RLE.dcm")
    assert path is not None
    response = caller.get(f"{path}/bulkdata/7FE00010", Accept=CORNERSTONE)
    boundary = response.headers["Content-Type"].partition("boundary=")[2]

    parts = list(read_parts(iter([response.data]), boundary))

    (metadata,) = json.loads(caller.get(f"{path}/metadata").data)
    assert len(parts) == metadata["00280008"]["Value"][0] > 1
