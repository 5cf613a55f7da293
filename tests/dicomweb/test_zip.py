"""Archives: what is in them, their manifest, and what they cost."""

import json
import tracemalloc
from hashlib import sha256
from io import BytesIO
from typing import Any
from zipfile import BadZipFile, ZipFile

import pydicom
import pytest
from werkzeug.test import TestResponse

from dicomweb.archives import zipped
from store.retrieve import StoredInstance
from tests.dicomweb.conftest import AUTHORIZED, Caller
from tests.dicomweb.samples import make_file, make_implicit_file, make_rle_file

ELE, IMPLICIT, RLE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.5"


def _opened(response: TestResponse) -> tuple[ZipFile, dict[str, Any]]:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "application/zip"
    archive = ZipFile(BytesIO(response.data))
    assert archive.testzip() is None
    assert archive.namelist()[-1] == "manifest.json"
    manifest = json.loads(archive.read("manifest.json"))
    assert [file["name"] for file in manifest["files"]] == archive.namelist()[:-1]
    for file in manifest["files"]:
        content = archive.read(file["name"])
        assert len(content) == file["bytes"]
        assert sha256(content).hexdigest() == file["sha256"]
        ds = pydicom.dcmread(BytesIO(content))
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"):
            assert getattr(ds, name) == file[name]
        assert ds.file_meta.TransferSyntaxUID == file["TransferSyntaxUID"]
    return archive, manifest


def test_the_length_is_told_of_what_need_not_be_made(caller: Caller) -> None:
    """So that an archive whose end is missing is not taken for a whole one."""
    files = [make_file(number, frames=number) for number in (1, 2)] + [make_rle_file(3)]
    study = caller.stored(files)[0].split("/series/")[0]
    response = caller.get(study, Accept="application/zip")
    assert int(response.headers["Content-Length"]) == len(response.data)
    _opened(response)
    head = caller.client.head(
        f"/dicomweb{study}", headers=AUTHORIZED | {"Accept": "application/zip"}
    )
    assert head.headers["Content-Length"] == response.headers["Content-Length"]
    made = caller.get(study, Accept=f"application/zip; transfer-syntax={RLE}")
    _opened(made)


def test_every_level(caller: Caller) -> None:
    paths = caller.stored(
        [make_file(number, series=series) for series in (1, 2) for number in (2, 1)]
    )
    study, series = paths[0].split("/series/")[0], paths[0].split("/instances/")[0]

    for path, names in [
        (
            study,
            ["S0001/E0001/00001", "S0001/E0001/00002", "S0001/E0002/00001", "S0001/E0002/00002"],
        ),
        (series, ["S0001/E0001/00001", "S0001/E0001/00002"]),
        (paths[0], ["S0001/E0001/00001"]),
    ]:
        response = caller.get(path, Accept="application/zip")
        archive, manifest = _opened(response)
        assert archive.namelist()[:-1] == [f"DICOM/{name}.dcm" for name in names]
        assert manifest["root"] == "http://localhost/dicomweb"
        for file in manifest["files"]:
            assert caller.get(file["url"].partition("/dicomweb")[2]).status_code == 200
        uid = path.rsplit("/", 1)[1]
        assert response.headers["Content-Disposition"] == f'attachment; filename="{uid}.zip"'
        tag = response.headers["ETag"]
        assert caller.get(path, Accept="application/zip", If_None_Match=tag).status_code == 304
        assert caller.get(path, Accept="application/zip").data == response.data
        assert (
            caller.get(f"{path}?accept=application/zip", Accept="text/html").data == response.data
        )
        assert caller.get(path).headers["Content-Type"].startswith("multipart/related")


def test_files_are_as_they_are_stored_unless_asked_for_otherwise(caller: Caller) -> None:
    paths = caller.stored([make_implicit_file(1), make_rle_file(2)])
    study = paths[0].split("/series/")[0]

    for accept, syntaxes in [
        ("application/zip", [IMPLICIT, RLE]),
        ("application/zip; transfer-syntax=*", [IMPLICIT, RLE]),
        (f"application/zip; transfer-syntax={ELE}", [ELE, ELE]),
    ]:
        _, manifest = _opened(caller.get(study, Accept=accept))
        assert [file["TransferSyntaxUID"] for file in manifest["files"]] == syntaxes
    unknown = caller.get(study, Accept="application/zip; transfer-syntax=1.2.3")
    assert unknown.status_code == 406


def test_names_hold_no_text_of_a_data_set(caller: Caller) -> None:
    (path,) = caller.stored([make_file(1)])
    response = caller.get(path, Accept="application/zip")
    names = " ".join(ZipFile(BytesIO(response.data)).namelist())
    assert names == "DICOM/S0001/E0001/00001.dcm manifest.json"


def test_archive_that_breaks_off_is_none(
    caller: Caller, broken_study: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = caller.get(broken_study, Accept="application/zip")

    assert response.status_code == 200
    with pytest.raises(BadZipFile):
        ZipFile(BytesIO(response.data))
    assert "OSError" in caplog.text
    assert "SECRETNAME" not in caplog.text


def test_memory_does_not_depend_on_what_is_in_it() -> None:
    """Two hundred megabytes, of which never more than a few are held."""
    chunk = bytes(256 * 1024)

    class Source:
        def read(self, ref: StoredInstance) -> Any:  # noqa: ANN401
            return (chunk for _ in range(ref.size // len(chunk)))

    refs = [
        StoredInstance(n, "1.2", "1.2.3", f"1.2.3.{n}", "1.2", ELE, "CT", 1, 2**20, f"d/{n}")
        for n in range(200)
    ]
    tracemalloc.start()
    size = sum(map(len, zipped(Source(), refs, "http://h")))  # type: ignore[arg-type]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > 200 * 2**20
    assert peak < 4 * 2**20
