"""Bulk data: one value, and all of an instance, a series or a study."""

from typing import Any

import numpy as np
import pydicom
import pytest
from werkzeug.test import TestResponse

from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import (
    encode,
    make_document,
    make_file,
    make_rle_file,
    make_slice,
    make_video_file,
    split_multipart,
)

ELE, RLE, MP4 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.102"
OCTETS = 'multipart/related; type="application/octet-stream"'
STREAM = bytes(np.random.default_rng(3).integers(0, 256, 20_000, np.uint8))
LUT = bytes(range(200)) * 3


def parts_of(response: TestResponse) -> list[tuple[dict[str, str], bytes]]:
    assert response.status_code == 200, response.text
    parts = split_multipart(response.headers["Content-Type"], response.data)
    for headers, content in parts:
        assert int(headers["Content-Length"]) == len(content)
    return parts


def pixels(number: int, frames: int = 1, size: int = 16) -> bytes:
    values: np.ndarray[Any, np.dtype[np.uint16]] = np.arange(frames * size * size, dtype="<u2")
    return (values + 100 * number).tobytes()


def slice_with_table(number: int = 1) -> bytes:
    ds = make_slice(number)
    table = pydicom.Dataset()
    table.LUTDescriptor = [300, 0, 16]
    table.ModalityLUTType = "US"
    table.add_new(0x00283006, "OW", LUT)
    ds.ModalityLUTSequence = [table]
    return encode(ds)


def test_every_bulk_data_uri_leads_to_its_value(caller: Caller) -> None:
    paths = caller.stored(
        [
            slice_with_table(1),
            make_rle_file(2),
            encode(make_document(b"%PDF-1.4" + bytes(999), number=3)),
        ]
    )
    seen = 0
    for path in paths:
        (metadata,) = caller.get(f"{path}/metadata").get_json(force=True)
        for uri in _uris(metadata):
            response = caller.get(uri.partition("/dicomweb")[2])
            locations = [headers["Content-Location"] for headers, _ in parts_of(response)]
            assert locations[0] == uri or "/frames/" in locations[0]
            seen += 1
    assert seen == 4


def _uris(value: Any) -> list[str]:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        own = [value["BulkDataURI"]] if "BulkDataURI" in value else []
        return own + [uri for child in value.values() for uri in _uris(child)]
    return [uri for child in value for uri in _uris(child)] if isinstance(value, list) else []


def test_value_behind_a_long_one(caller: Caller) -> None:
    ds = make_document(b"%PDF-1.4" + bytes(1000))
    channel = pydicom.Dataset()
    channel.WaveformBitsAllocated = 8
    channel.add_new(0x54001010, "OB", LUT)
    ds.WaveformSequence = [channel]
    (path,) = caller.stored([encode(ds)])
    (metadata,) = caller.get(f"{path}/metadata").get_json(force=True)
    uri = metadata["54000100"]["Value"][0]["54001010"]["BulkDataURI"]

    response = caller.get(uri.partition("/dicomweb")[2], Accept="application/octet-stream")

    assert response.data == LUT
    every = parts_of(caller.get(f"{path}/bulkdata", Accept=OCTETS))
    assert [len(content) for _, content in every] == [1008, 600]


def test_all_of_every_level(caller: Caller) -> None:
    paths = caller.stored([slice_with_table(1), make_file(2), make_file(3, series=2)])
    study, series = paths[0].split("/series/")[0], paths[0].split("/instances/")[0]
    root = "http://localhost/dicomweb"
    table = (f"{root}{paths[0]}/bulkdata/00283000/1/00283006", LUT)
    images = [(f"{root}{p}/bulkdata/7FE00010", pixels(n)) for n, p in enumerate(paths, 1)]

    for path, expected in [
        (study, [table, *images]),
        (series, [table, *images[:2]]),
        (paths[0], [table, images[0]]),
        (paths[1], [images[1]]),
    ]:
        response = caller.get(f"{path}/bulkdata", Accept=OCTETS)
        found = parts_of(response)
        assert [(headers["Content-Location"], content) for headers, content in found] == expected
        for headers, _ in found:
            assert headers["Content-Type"] == f"application/octet-stream; transfer-syntax={ELE}"
        assert _same(caller, path, response)
        assert caller.get(f"{path}/bulkdata").data != b""

        only = parts_of(caller.get(f"{path}/pixeldata", Accept=OCTETS))
        assert [(h["Content-Location"], c) for h, c in only] == [e for e in expected if e != table]


def _same(caller: Caller, path: str, response: TestResponse) -> bool:
    """An instance as application/octet-stream is its bulk data (PS3.18 10.4.4)."""
    instead = caller.get(path, Accept=OCTETS)
    known = caller.get(path, Accept=OCTETS, If_None_Match=instead.headers["ETag"])
    return instead.data == response.data and known.status_code == 304


def test_what_has_no_bulk_data(caller: Caller) -> None:
    ds = make_slice(1)
    for name in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(ds, name)
    (path,) = caller.stored([encode(ds)])
    for resource in ("bulkdata", "pixeldata"):
        response = caller.get(f"{path}/{resource}", Accept=OCTETS)
        assert response.status_code == 404
        assert response.get_json()["error"].endswith(".")
        assert caller.get(f"/studies/1.2.3/{resource}").status_code == 404
        stranger = caller.client.get(f"/dicomweb{path}/{resource}")
        assert stranger.status_code == 404


@pytest.mark.parametrize("resource", ["bulkdata", "pixeldata", "bulkdata/7FE00010"])
def test_compressed_pixel_data_are_a_part_for_each_frame(caller: Caller, resource: str) -> None:
    (path,) = caller.stored([make_rle_file(1, frames=2)])

    stored = parts_of(caller.get(f"{path}/{resource}", Accept=f"{OCTETS}; transfer-syntax=*"))
    decoded = parts_of(caller.get(f"{path}/{resource}", Accept=OCTETS))

    for number, (headers, _) in enumerate(stored, 1):
        assert headers["Content-Type"] == f"image/dicom-rle; transfer-syntax={RLE}"
        assert headers["Content-Location"] == f"http://localhost/dicomweb{path}/frames/{number}"
    assert len(stored) == 2
    assert b"".join(content for _, content in decoded) == pixels(1, 2)
    refused = caller.get(f"{path}/{resource}", Accept="text/html")
    assert refused.status_code == 406


@pytest.mark.parametrize("fragment", [4096, 20_000])
def test_video_is_one_value(caller: Caller, fragment: int) -> None:
    (path,) = caller.stored([make_video_file(STREAM, fragment)])

    for resource in ("bulkdata/7FE00010", "bulkdata", "pixeldata"):
        for accept, media_type in [
            ('multipart/related; type="video/mp4"', "video/mp4"),
            (OCTETS, "application/octet-stream"),
            ("*/*", "video/mp4"),
        ]:
            ((headers, content),) = parts_of(caller.get(f"{path}/{resource}", Accept=accept))
            assert headers["Content-Type"] == f"{media_type}; transfer-syntax={MP4}"
            assert content == STREAM
    alone = caller.get(f"{path}/bulkdata/7FE00010?accept=video/mp4")
    assert alone.headers["Content-Type"].startswith("video/mp4")
    assert alone.data == STREAM
    part = caller.get(f"{path}/bulkdata/7FE00010", Accept="video/*", Range="bytes=4000-8999")
    assert part.status_code == 206
    assert part.data == STREAM[4000:9000]


def test_document(caller: Caller) -> None:
    content = b"%PDF-1.4 " + bytes(1001)
    (path,) = caller.stored([encode(make_document(content))])
    place = f"{path}/bulkdata/00420011"

    for accept in ('multipart/related; type="application/pdf"', OCTETS, "*/*"):
        ((headers, value),) = parts_of(caller.get(place, Accept=accept))
        assert headers["Content-Type"].startswith(
            "application/pdf" if "pdf" in accept else "application/octet-stream"
        )
        assert value == content
    for alone in (
        caller.get(place, Accept="application/pdf"),
        caller.get(f"{place}?accept=application/pdf"),
    ):
        assert alone.headers["Content-Type"] == "application/pdf"
        assert alone.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in alone.headers["Content-Security-Policy"]
        assert alone.headers["Content-Disposition"].startswith("inline; filename=")
        assert alone.data == content


@pytest.mark.parametrize("media_type", ["text/html", "image/svg+xml", "application/javascript", ""])
def test_document_that_could_do_something(caller: Caller, media_type: str) -> None:
    (path,) = caller.stored([encode(make_document(b"<script>alert(1)</script> ", media_type))])
    place = f"{path}/bulkdata/00420011"

    if media_type:
        assert caller.get(place, Accept=media_type).status_code == 406
    response = caller.get(place, Accept="application/octet-stream")
    assert response.headers["Content-Type"].startswith("application/octet-stream")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Disposition"].startswith("attachment")


def test_large_bulk_data_are_streamed(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomweb.answers.SMALL_BYTES", 1000)
    paths = caller.stored([make_file(number, size=100) for number in (1, 2, 3)])

    response = caller.get(f"{paths[0].split('/series/')[0]}/pixeldata", Accept=OCTETS)

    assert response.is_streamed
    assert [content for _, content in parts_of(response)] == [pixels(n, 1, 100) for n in (1, 2, 3)]
