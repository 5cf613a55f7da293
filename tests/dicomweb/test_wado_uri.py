"""The URI service: one instance by the parameters of a query."""

from io import BytesIO
from urllib.parse import urlencode

import pydicom
import pytest
from PIL import Image
from pydicom.uid import UID
from werkzeug.test import TestResponse

from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import encode, make_file, make_slice

ELE = "1.2.840.10008.1.2.1"


def _uids(path: str) -> dict[str, str]:
    _, _, study, _, series, _, instance = path.split("/")
    return {"requestType": "WADO", "studyUID": study, "seriesUID": series, "objectUID": instance}


@pytest.fixture
def slice_(caller: Caller) -> dict[str, str]:
    return _uids(caller.stored([make_file(1, size=64)])[0])


@pytest.fixture
def film(caller: Caller) -> dict[str, str]:
    return _uids(caller.stored([make_file(1, frames=3, size=32)])[0])


def _get(caller: Caller, given: dict[str, str], **more: str) -> TestResponse:
    return caller.get(f"/wado?{urlencode(given | more)}")


def _picture(response: TestResponse) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(BytesIO(response.data))


def test_picture_of_a_single_frame_is_the_default(caller: Caller, slice_: dict[str, str]) -> None:
    picture = _picture(_get(caller, slice_))
    assert picture.format == "JPEG"
    assert picture.size == (64, 64)


def test_root_answers_too(caller: Caller, slice_: dict[str, str]) -> None:
    response = caller.get(f"/?{urlencode(slice_)}")
    assert response.headers["Content-Type"] == "image/jpeg"


def test_file_of_several_frames_is_the_default(caller: Caller, film: dict[str, str]) -> None:
    response = _get(caller, film)
    assert response.headers["Content-Type"] == f"application/dicom; transfer-syntax={ELE}"
    assert pydicom.dcmread(BytesIO(response.data)).SOPInstanceUID == film["objectUID"]


def test_frame_of_several(caller: Caller, film: dict[str, str]) -> None:
    pictures = {_get(caller, film, frameNumber=str(n)).data for n in (1, 2, 3)}
    assert len(pictures) == 3
    assert _get(caller, film, frameNumber="4").status_code == 404
    missing = _get(caller, film, frameNumber="4", contentType="application/dicom")
    assert missing.status_code == 404


@pytest.mark.parametrize("syntax", ["*", ELE, None])
def test_file(caller: Caller, slice_: dict[str, str], syntax: str | None) -> None:
    more = {"contentType": "application/dicom", "anonymize": "yes"}
    response = _get(caller, slice_ | more | ({"transferSyntax": syntax} if syntax else {}))
    assert response.headers["Content-Type"] == f"application/dicom; transfer-syntax={ELE}"
    ds = pydicom.dcmread(BytesIO(response.data))
    assert ds.SOPInstanceUID == slice_["objectUID"]
    known = caller.get(f"/wado?{urlencode(slice_ | more)}", If_None_Match=response.headers["ETag"])
    assert known.status_code == 304


@pytest.mark.parametrize("syntax", ["1.2.3", "1.2.840.10008.1.2", "1.2.840.10008.1.2.4.102"])
def test_file_in_a_syntax_that_is_not_there(
    caller: Caller, slice_: dict[str, str], syntax: str
) -> None:
    response = _get(caller, slice_, contentType="application/dicom", transferSyntax=syntax)
    assert response.status_code == 406


def test_types_are_tried_in_the_order_given(caller: Caller, slice_: dict[str, str]) -> None:
    for types, given in [
        ("image/png,image/jpeg", "image/png"),
        ("image/jpeg, image/png", "image/jpeg"),
        ("text/nothing, image/png", "image/png"),
        ("video/mpeg, application/dicom", f"application/dicom; transfer-syntax={ELE}"),
    ]:
        response = _get(caller, slice_, contentType=types)
        assert response.headers["Content-Type"] == given
    assert _get(caller, slice_, contentType="text/nothing").status_code == 406


@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({"rows": "32"}, (32, 32)),
        ({"columns": "16"}, (16, 16)),
        ({"rows": "128", "columns": "32"}, (32, 32)),
        ({"region": "0,0,0.5,1"}, (32, 64)),
        ({"region": "0.5,0.25,1.0,0.5", "columns": "64"}, (64, 32)),
    ],
)
def test_size_and_region(
    caller: Caller, slice_: dict[str, str], more: dict[str, str], size: tuple[int, int]
) -> None:
    assert _picture(_get(caller, slice_ | more, contentType="image/png")).size == size


def test_region_is_the_part_of_the_image(caller: Caller, slice_: dict[str, str]) -> None:
    window = {"windowCenter": "1124", "windowWidth": "4096", "contentType": "image/png"}
    whole = _picture(_get(caller, slice_ | window))
    part = _picture(_get(caller, slice_ | window, region="0.5,0.5,1,1"))
    assert part.tobytes() == whole.crop((32, 32, 64, 64)).tobytes()


def test_window_and_quality(caller: Caller, slice_: dict[str, str]) -> None:
    seen = {
        _get(caller, slice_ | more).data
        for more in (
            {},
            {"windowCenter": "0", "windowWidth": "100"},
            {"windowCenter": "500.5", "windowWidth": "1e3"},
            {"imageQuality": "10"},
        )
    }
    assert len(seen) == 4


def test_what_is_no_image_is_a_file(caller: Caller) -> None:
    ds = make_slice(1)
    for name in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit"):
        delattr(ds, name)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.66")
    ds.Modality = "REG"
    given = _uids(caller.stored([encode(ds)])[0])
    response = _get(caller, given)
    assert response.headers["Content-Type"].startswith("application/dicom;")
    assert _get(caller, given, contentType="image/jpeg").status_code == 406


@pytest.mark.parametrize("name", ["requestType", "studyUID", "seriesUID", "objectUID"])
def test_parameters_that_must_be_there(caller: Caller, slice_: dict[str, str], name: str) -> None:
    for given in (
        {key: value for key, value in slice_.items() if key != name},
        slice_ | {name: ""},
        slice_ | {name: "x"},
        slice_ | {name: f"{slice_[name]},1.2"},
    ):
        response = caller.get(f"/wado?{urlencode(given)}")
        assert response.status_code == 400
        assert name in response.get_json()["error"]
    twice = caller.get(f"/wado?{urlencode(slice_)}&{name}={slice_[name]}")
    assert twice.status_code == 400


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("contentType", ["", "nonsense", "image/jpeg,", "image"]),
        ("anonymize", ["no", ""]),
        ("annotation", ["everything", "patient,x"]),
        ("charset", ["", "utf 8", "utf-8,", "\ufffd", "x" * 2000]),
        ("rows", ["0", "-1", "x", "1.5", "9999999", ""]),
        ("columns", ["0", "-1", "x", "1.5", "9999999", ""]),
        ("region", ["", "0,0,1", "0,0,0,0", "0,0,2,1", "a,b,c,d", "-1,0,1,1", "0,0,1,1,1"]),
        ("windowCenter", ["40"]),
        ("windowWidth", ["400"]),
        ("imageQuality", ["0", "101", "x", ""]),
        ("frameNumber", ["0", "-1", "x", "1,2", ""]),
        ("transferSyntax", ["x", "", "1.2,1.3"]),
        ("presentationUID", ["1.2.3"]),
        ("presentationSeriesUID", ["1.2.3"]),
    ],
)
@pytest.mark.parametrize("media_type", ["image/jpeg", "application/dicom"])
def test_parameters_that_cannot_be(
    caller: Caller, slice_: dict[str, str], name: str, values: list[str], media_type: str
) -> None:
    for value in values:
        response = _get(caller, slice_ | {"contentType": media_type} | {name: value})
        assert response.status_code == 400, value
        assert response.get_json()["error"].endswith(".")
    for twice in ("", "&contentType=application/dicom"):
        response = caller.get(f"/wado?{urlencode(slice_ | {name: '1'})}&{name}=1{twice}")
        assert response.status_code == 400


@pytest.mark.parametrize("pair", [("x", "1"), ("1", "x"), ("1", "0"), ("nan", "1"), ("1", "inf")])
def test_windows_that_cannot_be(
    caller: Caller, slice_: dict[str, str], pair: tuple[str, str]
) -> None:
    response = _get(caller, slice_, windowCenter=pair[0], windowWidth=pair[1])
    assert response.status_code == 400


def test_unknown_and_invisible_are_not_there(caller: Caller, slice_: dict[str, str]) -> None:
    assert _get(caller, slice_, objectUID="1.2.3").status_code == 404
    stranger = caller.client.get(f"/dicomweb/wado?{urlencode(slice_)}")
    assert stranger.status_code == 404
