"""Pictures over the web: of what, how large, in which type."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import RTPlanStorage
from werkzeug.test import TestResponse

from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import encode, make_file, make_slice

SIZE = 16


def _grey(response: TestResponse) -> np.ndarray[Any, np.dtype[np.uint8]]:
    assert response.status_code == 200, response.text
    picture = Image.open(BytesIO(response.data))
    assert picture.get_format_mimetype() == response.headers["Content-Type"]
    return np.asarray(picture.convert("L"))


@pytest.fixture
def path(caller: Caller) -> str:
    """An image that is dark above and left, and bright below and right."""
    ds = make_slice(1)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    ds.PixelData = (1024 + 8 * rows + 4 * columns).astype("<u2").tobytes()
    ds.WindowCenter, ds.WindowWidth = 96, 192
    return caller.stored([encode(ds)])[0]


def test_picture_of_an_instance(caller: Caller, path: str) -> None:
    default = caller.get(f"{path}/rendered", Accept="*/*")
    png = caller.get(f"{path}/rendered", Accept="image/png")

    assert default.headers["Content-Type"] == "image/jpeg"
    grey = _grey(png)
    assert grey.shape == (SIZE, SIZE)
    assert grey[0, 0] == 0
    assert grey[-1, -1] > grey[0, -1] > grey[0, 0]
    assert np.abs(_grey(default).astype(int) - grey).mean() < 8


def test_window_viewport_and_region(caller: Caller, path: str) -> None:
    def png(query: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return _grey(caller.get(f"{path}/rendered?accept=image/png&{query}"))

    assert png("window=0,1,linear").min() == 255 or png("window=0,1,linear").max() == 255
    assert png("window=9999,10,linear-exact").max() == 0
    assert png("viewport=64,32").shape == (32, 32)
    assert png("viewport=8,8").shape == (8, 8)
    whole = png("viewport=16,16")
    assert (png("viewport=16,16,,,16,16") == whole).all()
    assert (png("viewport=16,16,0,0,-16,16") == whole[:, ::-1]).all()
    assert (png("viewport=16,16,0,0,16,-16") == whole[::-1]).all()
    assert (png("viewport=8,4,8,12,8,4") == whole[12:16, 8:16]).all()


@pytest.mark.parametrize(
    "query",
    [
        "quality=0",
        "quality=101",
        "quality=x",
        "quality=",
        "viewport=",
        "viewport=1",
        "viewport=0,5",
        "viewport=-5,5",
        "viewport=99999,5",
        "viewport=5,5,1",
        "viewport=5,5,x,0,1,1",
        "viewport=5,5,-1,0,1,1",
        "viewport=5,5,99,99,1,1",
        "viewport=5,5,0,0,0,0",
        "viewport=5,5,0,0,1e400,1",
        "window=1",
        "window=1,2",
        "window=1,2,cubic",
        "window=x,2,linear",
        "window=1,0,linear",
        "window=nan,2,linear",
        "window=1,-5,sigmoid",
        "iccprofile=mine",
        "accept=nonsense",
        "accept=image/*",
    ],
)
def test_parameters_that_cannot_be(caller: Caller, path: str, query: str) -> None:
    response = caller.get(f"{path}/rendered?{query}")

    assert response.status_code == 400, response.text
    assert response.get_json()["error"].endswith(".")


def test_quality_changes_the_size(caller: Caller, path: str) -> None:
    low = caller.get(f"{path}/rendered?quality=1&viewport=256,256")
    high = caller.get(f"{path}/rendered?quality=100&viewport=256,256")

    assert len(low.data) < len(high.data)
    assert low.headers["ETag"] != high.headers["ETag"]


def test_what_is_not_followed_is_warned_of(caller: Caller, path: str) -> None:
    response = caller.get(f"{path}/rendered?annotation=patient,x&iccprofile=rommrgb&other=1")

    assert response.headers.getlist("Warning") == [
        "299 http://localhost/dicomweb: An annotation that is not known was left out.",
    ]
    followed = caller.get(f"{path}/rendered?annotation=patient,technique&iccprofile=srgb")
    assert "Warning" not in followed.headers


def test_frames_have_pictures(caller: Caller) -> None:
    ds = make_slice(1, frames=3)
    ds.PixelData = b"".join(
        np.full((SIZE, SIZE), 1024 + value, "<u2").tobytes() for value in (0, 40, 80)
    )
    (path,) = caller.stored([encode(ds)])

    def level(resource: str) -> int:
        response = caller.get(f"{path}{resource}", Accept="image/png")
        return int(_grey(response).mean())

    assert level("/frames/1/rendered") < level("/frames/2/rendered") < level("/frames/3/rendered")
    assert level("/rendered") == level("/frames/1/rendered")
    assert level("/thumbnail") == level("/frames/2/thumbnail")
    assert caller.get(f"{path}/frames/4/rendered").status_code == 404
    assert caller.get(f"{path}/frames/0/rendered").status_code == 400
    assert caller.get(f"{path}/frames/1,2/rendered", Accept="image/png").status_code == 406


def test_thumbnail_of_every_level_is_the_middle_image(caller: Caller) -> None:
    paths = caller.stored([make_file(number) for number in (1, 2, 3)])
    study, series = paths[0].split("/series/")[0], paths[0].split("/instances/")[0]
    middle = caller.get(f"{paths[1]}/thumbnail")

    for resource in (study, series):
        response = caller.get(f"{resource}/thumbnail")
        assert response.headers["ETag"] == middle.headers["ETag"]
        assert response.data == middle.data
        # Which image stands for them changes, so it is asked for each time.
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert caller.get(f"{resource}/rendered").status_code == 200
    assert _grey(middle).shape == (256, 256)
    assert _grey(caller.get(f"{series}/thumbnail?viewport=20,40")).shape == (20, 20)
    assert caller.get(f"{series}/thumbnail?viewport=20,40,0,0,1,1").status_code == 400


def test_object_without_pixels_has_an_icon_and_no_picture(caller: Caller) -> None:
    plan = _without_pixels(make_slice(1))
    (path,) = caller.stored([encode(plan)])

    thumbnail = caller.get(f"{path}/thumbnail")
    assert _grey(thumbnail).shape == (256, 256)
    assert caller.get(f"{path}/rendered").status_code == 406


def _without_pixels(ds: Dataset) -> Dataset:
    del ds.PixelData, ds.Rows, ds.Columns, ds.BitsAllocated, ds.BitsStored, ds.HighBit
    del ds.PixelRepresentation, ds.SamplesPerPixel, ds.PhotometricInterpretation
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = RTPlanStorage
    ds.Modality = "RTPLAN"
    return ds


@pytest.mark.parametrize(
    "accept", ["text/html", "image/bmp", "application/dicom", "image/*;q=0", "video/mp4"]
)
def test_type_that_is_not_made(caller: Caller, path: str, accept: str) -> None:
    assert caller.get(f"{path}/rendered", Accept=accept).status_code == 406


def test_known_picture_is_not_made_again(
    caller: Caller, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = caller.get(f"{path}/rendered")
    monkeypatch.delattr("dicomweb.rendered.draw")

    again = caller.get(f"{path}/rendered", If_None_Match=first.headers["ETag"])

    assert again.status_code == 304
    assert "private" in first.headers["Cache-Control"]


def test_unknown_has_no_picture(caller: Caller) -> None:
    for resource in ("rendered", "thumbnail"):
        assert caller.get(f"/studies/1.2.3/{resource}").status_code == 404
