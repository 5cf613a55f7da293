"""Pixel data of stores that bring metadata and bulk data apart."""

import pathlib
from io import BytesIO

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.encaps import generate_fragments, generate_frames

from tests.dicomweb.conftest import Caller
from tests.dicomweb.metadata_store import (
    OTHER,
    bulk_part,
    json_part,
    model,
    part_10,
    post,
    reasons_of,
    stored_by,
)
from tests.dicomweb.samples import make_slice


def test_native_frames_may_come_one_by_one(caller: Caller) -> None:
    ds = make_slice(frames=3)
    half = len(ds.PixelData) // 3
    frames = [bulk_part(ds.PixelData[at : at + half]) for at in range(0, 3 * half, half)]

    (stored,) = stored_by(caller, post(caller, json_part(model(ds)), *frames))

    assert stored.PixelData == ds.PixelData


@pytest.mark.parametrize("declared", [{}, {"Content_Length": "512"}, {"Content_Length": "junk"}])
@pytest.mark.parametrize("described", [True, False])
def test_length_of_a_value_is_told_by_its_part_or_its_metadata(
    caller: Caller, declared: dict[str, str], described: bool
) -> None:
    ds = make_slice()
    of = model(ds)
    if not described:
        del of["00280100"]
    part = bulk_part(ds.PixelData, **declared)

    (stored,) = stored_by(caller, post(caller, json_part(of), part))

    assert stored.PixelData == ds.PixelData


@pytest.mark.parametrize("change", [-2, 2, -511, 100_000])
@pytest.mark.parametrize("declared", [True, False])
def test_value_of_another_length_than_it_should_be_is_refused(
    caller: Caller, change: int, declared: bool
) -> None:
    ds = make_slice()
    content = (ds.PixelData + bytes(100_000))[: 512 + change]
    headers = {"Content_Length": "512"} if declared else {}

    response = post(caller, json_part(model(ds)), bulk_part(content, **headers))

    assert response.status_code == 409
    assert reasons_of(response) == [0xC000]
    assert caller.get("/instances").status_code == 204


COMPRESSED = {
    "image/jpeg": "1.2.840.10008.1.2.4.50",
    "image/jls": "1.2.840.10008.1.2.4.80",
    "image/jp2": "1.2.840.10008.1.2.4.90",
    "image/jphc": "1.2.840.10008.1.2.4.201",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "image/x-dicom-rle": "1.2.840.10008.1.2.5",
    "application/octet-stream": "1.2.840.10008.1.2.4.90",
}
"""Of each media type a syntax that there are files of."""


@pytest.fixture(scope="module")
def by_syntax(shared_data: pathlib.Path) -> dict[str, pydicom.Dataset]:
    found: dict[str, pydicom.Dataset] = {}
    for path in sorted((shared_data / "syntaxes").rglob("*")):
        if path.is_file() and path.stat().st_size < 2_000_000:
            ds = pydicom.dcmread(path, force=True)
            syntax = str(getattr(ds.file_meta, "TransferSyntaxUID", ""))
            has_uids = "SOPInstanceUID" in ds and "StudyInstanceUID" in ds
            if (
                "PixelData" in ds
                and has_uids
                and syntax.startswith(("1.2.840.10008.1.2.4", "1.2.840.10008.1.2.5"))
            ):
                found.setdefault(syntax, ds)
    return found


@pytest.mark.parametrize(("media_type", "syntax"), COMPRESSED.items())
def test_compressed_frames_are_taken_as_they_are(
    caller: Caller, by_syntax: dict[str, pydicom.Dataset], media_type: str, syntax: str
) -> None:
    ds = by_syntax[syntax]
    count = int(ds.get("NumberOfFrames", 1) or 1)
    frames = list(generate_frames(ds.PixelData, number_of_frames=count))
    kinds = [f"{media_type}; transfer-syntax={syntax}"]
    if media_type not in ("application/octet-stream",):
        kinds.append(media_type)
    for kind in kinds:
        parts = [bulk_part(frame, content_type=kind) for frame in frames]
        response = post(caller, json_part(model(ds)), *parts)

        (stored,) = stored_by(caller, response)

        assert stored.file_meta.TransferSyntaxUID == syntax
        # A comment in a codestream is blanked, so they are compared with those of a stored file.
        found = list(generate_frames(stored.PixelData, number_of_frames=count))
        assert [f.rstrip(b"\0") for f in found] == _frames_of_file(caller, ds, count)


def _frames_of_file(caller: Caller, ds: pydicom.Dataset, count: int) -> list[bytes]:
    other = pydicom.dcmread(BytesIO(part_10(ds)))
    other.SOPInstanceUID += ".1"
    (path,) = caller.stored([part_10(other)])
    file = caller.get(path, Accept="application/dicom; transfer-syntax=*").data
    stored = pydicom.dcmread(BytesIO(file))
    frames = generate_frames(stored.PixelData, number_of_frames=count)
    return [frame.rstrip(b"\0") for frame in frames]


def test_frames_that_come_between_others_are_held(caller: Caller) -> None:
    """Values of which several instances are made at once, and frames of two types."""
    one, two = make_slice(1, frames=2), make_slice(2, frames=2)
    metadata = json_part(model(one, "1"), model(two, "2"))
    for of in (one, two):
        of.PixelData = bytes(range(1, 65))
    kind = "image/jls"
    shared = json_part(model(one, "1"), model(two, "1"))
    frame = b"\xff\xd8" + bytes(range(50)) + b"\xff\xd9"

    good = post(caller, metadata, *[bulk_part(frame, n, kind) for n in ("1", "1", "2", "2")])
    odd = post(caller, metadata, bulk_part(frame, "1", kind), bulk_part(frame, "1", "image/jp2"))
    few = post(caller, shared, bulk_part(frame, "1", kind))

    assert good.status_code == 200, good.text
    assert odd.status_code == few.status_code == 409
    assert reasons_of(odd) == reasons_of(few) == [0xC000, 0xC000]


def test_jpeg_without_a_syntax_is_what_it_says_itself(caller: Caller) -> None:
    ds = _colour(64)
    out = BytesIO()
    Image.fromarray(np.arange(64 * 64, dtype="u1").reshape(64, 64)).save(out, "JPEG")
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"

    (stored,) = stored_by(
        caller,
        post(caller, json_part(model(ds)), bulk_part(out.getvalue(), content_type="image/jpeg")),
    )

    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.50"


def _colour(size: int) -> pydicom.Dataset:
    ds = make_slice()
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.Rows = ds.Columns = size
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 3, "RGB"
    ds.PlanarConfiguration = 0
    return ds


def test_video_is_taken_as_it_is(caller: Caller) -> None:
    ds = _colour(16)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
    ds.NumberOfFrames = 25
    video = b"\0\0\1\xb3" + bytes(range(256)) * 10_000

    (stored,) = stored_by(
        caller, post(caller, json_part(model(ds)), bulk_part(video, content_type="video/mpeg"))
    )

    assert stored.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.101"
    fragments = generate_fragments(stored.PixelData)
    next(fragments)
    assert b"".join(fragments) == video


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "RGBA", "I;16", "1", "LA"])
def test_png_becomes_native_pixels(caller: Caller, mode: str) -> None:
    cells = np.arange(20 * 30).reshape(20, 30)
    if mode == "I;16":
        image = Image.fromarray((cells * 100).astype("u2"))
    else:
        image = Image.fromarray((cells % 251).astype("u1")).convert(mode)
    out = BytesIO()
    image.save(out, "PNG")
    of = model(_colour(1))
    for tag in ("00280002", "00280004", "00280010", "00280011", "00280100", "00280006"):
        of.pop(tag, None)

    (stored,) = stored_by(
        caller,
        post(caller, json_part(of), bulk_part(out.getvalue(), content_type="image/png")),
    )

    assert (stored.Rows, stored.Columns) == (20, 30)
    is_grey = mode in ("L", "I;16", "1")
    assert stored.SamplesPerPixel == (1 if is_grey else 3)
    assert stored.BitsStored == (16 if mode == "I;16" else 8)
    expected = np.asarray(image if mode == "I;16" else image.convert("L" if is_grey else "RGB"))
    assert (stored.pixel_array == expected).all()


def test_gif_becomes_frames(caller: Caller) -> None:
    frames = [Image.new("RGB", (8, 8), (90 * n, 40, 200)) for n in range(3)]
    out = BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])

    (stored,) = stored_by(
        caller,
        post(
            caller,
            json_part(model(_colour(8))),
            bulk_part(out.getvalue(), content_type="image/gif"),
        ),
    )

    assert stored.NumberOfFrames == 3
    assert stored.pixel_array.shape == (3, 8, 8, 3)


@pytest.mark.parametrize("picture", [b"", b"\x89PNG\r\n\x1a\n", b"junk" * 100])
def test_picture_that_is_none_is_refused(caller: Caller, picture: bytes) -> None:
    response = post(
        caller, json_part(model(_colour(8))), bulk_part(picture, content_type="image/png")
    )

    assert response.status_code == 409
    assert reasons_of(response, OTHER) == [0xC000]


def test_pictures_do_not_grow_without_end(caller: Caller) -> None:
    out = BytesIO()
    Image.new("L", (3000, 3000)).save(out, "PNG")
    picture = out.getvalue()
    assert len(picture) < 20_000

    response = post(
        caller, json_part(model(_colour(8))), bulk_part(picture, content_type="image/png")
    )

    assert response.status_code == 413
