"""Every kind of object in every media type that it can be seen in, over the web."""

import json
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import pytest
from flask import Flask
from PIL import Image, ImageSequence
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, get_frame
from pydicom.uid import (
    UID,
    BasicTextSRStorage,
    EncapsulatedPDFStorage,
    EncapsulatedSTLStorage,
    RLELossless,
)
from werkzeug.test import TestResponse

from store.access import OwnerScope
from store.pictures_folder import FolderPictures
from store.retrieve import Archive
from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import encode, make_file, make_slice, split_multipart

SIZE = 16
PARTS = 'multipart/related; type="image/jpeg"'


def cine(levels: list[int], **attributes: object) -> Dataset:
    """An image of many frames, each of one level."""
    ds = make_slice(1, frames=len(levels))
    frames = (np.full((SIZE, SIZE), 1024 + level, "<u2") for level in levels)
    ds.PixelData = b"".join(frame.tobytes() for frame in frames)
    ds.WindowCenter, ds.WindowWidth = 128, 256
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def without_pixels(sop_class: str, modality: str) -> Dataset:
    ds = make_slice(1)
    for keyword in ("PixelData", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(ds, keyword)
    del ds.PixelRepresentation, ds.SamplesPerPixel, ds.PhotometricInterpretation
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    ds.Modality = modality
    return ds


def pictures_in(response: TestResponse) -> list[Image.Image]:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "image/gif"
    with Image.open(BytesIO(response.data)) as image:
        return [frame.convert("L") for frame in ImageSequence.Iterator(image)]


@pytest.fixture
def moving(caller: Caller) -> str:
    return caller.stored([encode(cine([0, 80, 160, 240], FrameTime="50"))])[0]


def test_a_cine_moves_as_gif(caller: Caller, moving: str) -> None:
    response = caller.get(f"{moving}/rendered", Accept="image/gif")
    frames = pictures_in(response)
    levels = [int(np.asarray(frame).mean()) for frame in frames]
    assert len(levels) == 4
    assert levels == sorted(levels)
    with Image.open(BytesIO(response.data)) as image:
        assert image.info["duration"] == 50
    chosen = caller.get(f"{moving}/frames/4,1/rendered", Accept="image/gif")
    first, second = (np.asarray(frame).mean() for frame in pictures_in(chosen))
    assert first > second
    one = caller.get(f"{moving}/frames/2/rendered", Accept="image/gif")
    assert len(pictures_in(one)) == 1


def test_a_cine_moves_as_film_of_which_a_range_can_be_had(
    caller: Caller, moving: str, tmp_path: Path
) -> None:
    whole = caller.get(f"{moving}/rendered?accept=video/mp4", Accept="*/*")
    assert whole.status_code == 200
    assert whole.headers["Content-Type"] == "video/mp4"
    part = caller.get(f"{moving}/rendered?accept=video/mp4", Range="bytes=8-15")
    assert (part.status_code, part.data) == (206, whole.data[8:16])
    assert part.headers["Content-Range"] == f"bytes 8-15/{len(whole.data)}"

    (tmp_path / "film.mp4").write_bytes(whole.data)
    options = ["-v", "error", "-count_frames", "-show_streams", "-of", "json"]
    found = subprocess.run(
        ["ffprobe", *options, str(tmp_path / "film.mp4")], check=True, capture_output=True
    )
    (stream,) = json.loads(found.stdout)["streams"]
    assert stream["nb_read_frames"] == "4"
    assert stream["avg_frame_rate"] == "20/1"


def test_pages_and_parts_of_a_cine(caller: Caller, moving: str) -> None:
    pages = caller.get(f"{moving}/rendered", Accept="application/pdf")
    assert pages.data.startswith(b"%PDF-")
    assert pages.headers["Content-Type"] == "application/pdf"

    response = caller.get(f"{moving}/rendered", Accept=PARTS)
    parts = split_multipart(response.headers["Content-Type"], response.data)
    places = [head["Content-Location"].partition("/dicomweb")[2] for head, _ in parts]
    assert places == [f"{moving}/frames/{n}/rendered" for n in (1, 2, 3, 4)]
    for head, content in parts:
        assert head["Content-Type"] == "image/jpeg"
        assert (
            caller.get(head["Content-Location"].partition("/dicomweb")[2], Accept="image/jpeg").data
            == content
        )
    chosen = caller.get(f"{moving}/frames/2,4/rendered", Accept="*/*")
    assert len(split_multipart(chosen.headers["Content-Type"], chosen.data)) == 2
    assert caller.get(f"{moving}/frames/2,4/rendered", Accept="image/jpeg").status_code == 406


def test_a_series_and_a_study_in_every_type(caller: Caller) -> None:
    paths = caller.stored([make_file(number, series=1 + number // 3) for number in (1, 2, 3)])
    study, series = paths[0].split("/series/")[0], paths[0].split("/instances/")[0]

    for resource, count in ((study, 3), (series, 2)):
        response = caller.get(f"{resource}/rendered", Accept=PARTS)
        parts = split_multipart(response.headers["Content-Type"], response.data)
        places = [head["Content-Location"].partition("/dicomweb")[2] for head, _ in parts]
        assert places == [f"{path}/rendered" for path in paths[:count]]
        again = caller.get(
            f"{resource}/rendered", Accept=PARTS, If_None_Match=response.headers["ETag"]
        )
        assert again.status_code == 304
        one = caller.get(f"{resource}/rendered", Accept="*/*")
        assert one.headers["Content-Type"] == "image/jpeg"
        film = caller.get(f"{resource}/rendered", Accept="video/mp4")
        assert film.data[4:8] == b"ftyp"
        animated = caller.get(f"{resource}/rendered?window=-700,600,linear", Accept="image/gif")
        assert len(pictures_in(animated)) == 2


def test_without_the_program_films_are_not_offered(
    caller: Caller, moving: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dicomweb.rendered_subjects.films_can_be_made", lambda: False)
    assert caller.get(f"{moving}/rendered", Accept="video/mp4").status_code == 406
    assert caller.get(f"{moving}/rendered", Accept="video/mp4, image/gif").status_code == 200


def test_a_frame_that_cannot_be_decoded_is_left_out_of_several(caller: Caller) -> None:
    ds = cine([0, 80])
    ds.file_meta.TransferSyntaxUID = RLELossless
    rows = np.full((SIZE, SIZE), 1100, "<u2")
    good = dcmread(BytesIO(encode(make_slice(1))))
    good.PixelData = rows.tobytes()
    good.compress(RLELossless)
    frame = get_frame(good.PixelData, 0, number_of_frames=1)
    ds.PixelData = encapsulate([frame, b"damaged!"])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    (path,) = caller.stored([encode(ds)])

    response = caller.get(f"{path}/rendered", Accept=PARTS)
    assert len(split_multipart(response.headers["Content-Type"], response.data)) == 1
    assert caller.get(f"{path}/frames/2/rendered").status_code == 406
    assert len(pictures_in(caller.get(f"{path}/rendered", Accept="image/gif"))) == 1
    assert caller.get(f"{path}/frames/2/thumbnail").status_code == 200


def test_a_report_is_text(caller: Caller) -> None:
    ds = without_pixels(BasicTextSRStorage, "SR")
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    (path,) = caller.stored([encode(ds)])

    page = caller.get(f"{path}/rendered", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Content-Security-Policy"].startswith("sandbox")
    assert "script" not in page.headers["Content-Security-Policy"]
    assert page.text.startswith("<!doctype html>")
    assert b"SECRET" not in page.data
    for accept, media_type in (("text/plain", "text/plain"), ("text/xml", "text/xml")):
        response = caller.get(f"{path}/rendered", Accept=accept)
        assert response.headers["Content-Type"] == f"{media_type}; charset=utf-8"
    series = path.split("/instances/")[0]
    assert caller.get(f"{series}/rendered", Accept="text/html").data == page.data
    for accept in ("image/jpeg", "application/pdf", "video/mp4"):
        assert caller.get(f"{path}/rendered", Accept=accept).status_code == 406
    assert caller.get(f"{path}/rendered?charset=utf-8").status_code == 200
    assert caller.get(f"{path}/rendered?charset=iso-8859-1").status_code == 406
    assert caller.get(f"{path}/thumbnail").headers["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("sop_class", "content", "status"),
    [
        (EncapsulatedPDFStorage, b"%PDF-1.4 some pages", 200),
        (EncapsulatedPDFStorage, b"<html><script>alert(1)</script>", 406),
        (EncapsulatedSTLStorage, b"solid thing", 406),
    ],
)
def test_a_document_is_given_if_it_is_one(
    caller: Caller, sop_class: str, content: bytes, status: int
) -> None:
    ds = without_pixels(sop_class, "DOC")
    ds.EncapsulatedDocument = content + b" " * (len(content) % 2)
    ds.MIMETypeOfEncapsulatedDocument = "application/pdf"
    (path,) = caller.stored([encode(ds)])
    kept = caller.get(f"{path}/bulkdata/00420011")
    if kept.status_code != 200:
        status = 406  # removed, as de-identification must when it cannot read it

    response = caller.get(f"{path}/rendered")
    assert response.status_code == status, response.text
    if status == 200:
        assert response.headers["Content-Type"] == "application/pdf"
        assert response.data.startswith(b"%PDF-")
    assert caller.get(f"{path}/thumbnail").status_code == 200


KINDS = [
    ("kinds/video/h264-640x480.dcm", "video/mp4"),
    ("kinds/waveforms/waveform_ecg.dcm", "image/jpeg"),
    ("kinds/sr/xray-radiation-dose-sr.dcm", "text/html; charset=utf-8"),
    ("kinds/key-objects/real0X.ko.dcm", "text/html; charset=utf-8"),
    ("kinds/documents/encapsulated-pdf.dcm", "application/pdf"),
    ("kinds/seg/seg_image_ct_binary.dcm", "image/jpeg"),
    ("kinds/rt/rtdose.dcm", "image/jpeg"),
    ("kinds/parametric-map/parametric_map_float.dcm", "image/jpeg"),
    ("kinds/rt/breast-rtstruct.dcm", None),
    ("kinds/rt/rtplan.dcm", None),
    ("kinds/wsi/level-3-frames-0-1.dcm", "image/jpeg"),
    ("kinds/us/examples_palette.dcm", "image/jpeg"),
    ("kinds/enhanced/emri_small.dcm", "image/jpeg"),
]


@pytest.fixture
def real(shared_data: Path, tmp_path: Path) -> Callable[[str], tuple[Caller, str]]:
    def store(*names: str) -> tuple[Caller, str]:
        app = create_app(tmp_path / "real", max_body_bytes=64 * 1024 * 1024)
        caller = Caller(app.test_client())
        return caller, caller.stored([(shared_data / name).read_bytes() for name in names])[0]

    return store


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("name", "media_type"), KINDS)
@pytest.mark.promise("F56", "F97")
def test_every_kind_has_a_thumbnail_and_is_rendered_as_what_it_is(
    real: Callable[[str], tuple[Caller, str]], name: str, media_type: str | None
) -> None:
    caller, path = real(name)
    levels = (path, path.split("/instances/")[0], path.split("/series/")[0])
    for level in levels:
        thumbnail = caller.get(f"{level}/thumbnail?viewport=64,64")
        assert thumbnail.status_code == 200, thumbnail.text
        with Image.open(BytesIO(thumbnail.data)) as image:
            assert max(image.size) == 64
        response = caller.get(f"{level}/rendered", Accept="*/*")
        if media_type is None:
            assert response.status_code == 406
        else:
            assert response.status_code == 200, response.text
            assert response.headers["Content-Type"] == media_type


def test_binary_segments_are_white_on_black(real: Callable[[str], tuple[Caller, str]]) -> None:
    caller, path = real("kinds/seg/seg_image_ct_binary.dcm")
    seen = set()
    for number in (1, 2, 3):
        response = caller.get(f"{path}/frames/{number}/rendered", Accept="image/png")
        if response.status_code == 200:
            seen |= set(np.unique(np.asarray(Image.open(BytesIO(response.data)))).tolist())
    assert seen == {0, 255}


def test_a_still_of_stored_video(real: Callable[[str], tuple[Caller, str]]) -> None:
    caller, path = real("kinds/video/h264-640x480.dcm")
    for accept in ("image/jpeg", "image/png", "image/gif"):
        response = caller.get(f"{path}/rendered?viewport=320,320", Accept=accept)
        with Image.open(BytesIO(response.data)) as image:
            assert image.size == (320, 240)


def test_a_presentation_state_shows_its_image(
    real: Callable[..., tuple[Caller, str]],
) -> None:
    folder = "kinds/presentation-states/graphics"
    caller, path = real(f"{folder}/pr-2.dcm", f"{folder}/image-9_2_1.dcm")

    response = caller.get(f"{path}/rendered", Accept="image/png")
    picture = np.asarray(Image.open(BytesIO(response.data)))
    assert picture.shape == (512, 512)
    assert picture[256, 256] == 255
    assert picture[20, 20] == 0
    assert caller.get(f"{path}/rendered?window=1,2,linear").status_code == 400
    for query in ("viewport=64,64,0,0,256,256", "annotation=technique", "iccprofile=srgb"):
        assert caller.get(f"{path}/rendered?{query}").status_code == 200


def test_wado_uri_shows_an_image_under_a_presentation_state(
    real: Callable[..., tuple[Caller, str]],
) -> None:
    folder = "kinds/presentation-states/graphics"
    caller, path = real(f"{folder}/pr-2.dcm", f"{folder}/image-9_2_1.dcm")
    by_modality = {
        item["00080060"]["Value"][0]: item["00081190"]["Value"][0].split("/")
        for item in caller.get("/instances").get_json()
    }
    state = by_modality.pop("PR")
    ((_, image),) = by_modality.items()
    query = {
        "requestType": "WADO",
        "studyUID": image[-5],
        "seriesUID": image[-3],
        "objectUID": image[-1],
        "contentType": "image/png",
    }
    presentation = {"presentationSeriesUID": state[-3], "presentationUID": state[-1]}

    def asked(**more: str) -> TestResponse:
        return caller.get(f"/wado?{urlencode(query | more)}")

    under = asked(**presentation)
    assert under.status_code == 200
    assert under.data == caller.get(f"{path}/rendered", Accept="image/png").data
    assert under.data != asked().data
    # Never half of the two, nor a window beside it, nor what is no state of this image.
    for wrong in (
        {"presentationUID": state[-1]},
        presentation | {"windowCenter": "1", "windowWidth": "2"},
        {"presentationSeriesUID": image[-3], "presentationUID": image[-1]},
    ):
        assert asked(**wrong).status_code == 400, wrong
    assert asked(**presentation | {"presentationUID": "1.2.3"}).status_code == 404
    assert asked(**presentation, contentType="text/html").status_code == 406


def test_a_presentation_state_without_its_image(
    real: Callable[..., tuple[Caller, str]],
) -> None:
    caller, path = real("kinds/presentation-states/graphics/pr-2.dcm")
    assert caller.get(f"{path}/rendered").status_code == 406
    assert caller.get(f"{path}/thumbnail").status_code == 200


def test_pictures_are_kept_and_go_with_their_blob(
    app: Flask, caller: Caller, moving: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive: Archive = app.extensions["archive"]
    archive.pictures = FolderPictures(tmp_path / "pictures", 1 << 24)
    resources = [f"{moving}/{what}" for what in ("rendered", "thumbnail", "frames/3/rendered")]
    accepts = ["image/png", "image/gif"]
    first = {(r, a): caller.get(r, Accept=a).data for r in resources for a in accepts}
    film = caller.get(f"{moving}/rendered", Accept="video/mp4").data

    def never(*_: object, **__: object) -> None:
        raise AssertionError("it is kept")

    with monkeypatch.context() as patched:
        patched.setattr("dicomweb.rendered.draw", never)
        patched.setattr("dicomweb.rendered_films.draw_all", never)
        for (resource, accept), data in first.items():
            assert caller.get(resource, Accept=accept).data == data
        assert caller.get(f"{moving}/rendered", Accept="video/mp4").data == film
        stranger = caller.client.get(f"/dicomweb{moving}/rendered")
        assert stranger.status_code == 404

    study, instance = (moving.split("/")[n] for n in (2, 6))
    (ref,) = archive.instances(OwnerScope(1), study, None, instance)
    archive.pictures.drop(ref.blob)
    assert not list((tmp_path / "pictures").glob("*/*.*"))
