"""The rendering parameters: what each does, and that none is ever an error of the server."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from dicomweb.answers import Asked
from dicomweb.rendered import answer_rendered
from dicomweb.resources import Resource
from store.access import LentScope, OwnerScope, Scope
from store.encoded import srgb
from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import encode, make_slice


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, str]]:
    """One image of 40 by 20, in an application that all tests share."""
    app = create_app(tmp_path_factory.mktemp("parameters"))
    ds = make_slice(1)
    ds.Rows, ds.Columns = 20, 40
    ds.PixelData = (1024 + np.arange(800, dtype="<u2") // 4).tobytes()
    (path,) = Caller(app.test_client()).stored([encode(ds)])
    yield app, path
    app.extensions["database"].dispose()


@pytest.fixture
def image(stored: tuple[Flask, str]) -> str:
    return stored[1]


@pytest.fixture
def shared(stored: tuple[Flask, str]) -> Caller:
    return Caller(stored[0].test_client())


def png(shared: Caller, path: str, query: str) -> NDArray[np.uint8]:
    response = shared.get(f"{path}/rendered?{query}", Accept="image/png")
    assert response.status_code == 200, response.text
    return np.asarray(Image.open(BytesIO(response.data)))


@pytest.mark.parametrize(
    ("viewport", "shape"),
    [
        ("80,80", (40, 80)),
        ("20,20", (10, 20)),
        ("400,20", (20, 40)),
        ("16,16,,,20,20", (16, 16)),
        ("16,16,,,,", (8, 16)),
        ("60,60,10,0,20,20", (60, 60)),
        ("10,10,30,10,100,100", (10, 10)),
    ],
)
def test_a_viewport_keeps_the_shape_and_scales_up(
    shared: Caller, image: str, viewport: str, shape: tuple[int, int]
) -> None:
    assert png(shared, image, f"viewport={viewport}").shape == shape


def test_annotations_are_written_into_their_corners(shared: Caller, image: str) -> None:
    size = "viewport=512,512&window=9999,1,linear"
    plain = png(shared, image, size)
    assert plain.max() == 0
    patient = png(shared, image, f"{size}&annotation=patient")
    technique = png(shared, image, f"{size}&annotation=technique")
    both = png(shared, image, f"{size}&annotation=technique,patient")
    assert patient[:100, :200].max() == 255 > patient[150:].max() == 0
    assert technique[-100:, :200].max() == 255 > technique[:100].max() == 0
    assert (np.maximum(patient, technique) == both).all()


@pytest.mark.parametrize(
    ("space", "title"),
    [("adobergb", "Adobe RGB"), ("rommrgb", "ROMM RGB"), ("displayp3", "Display P3")],
)
def test_colours_are_the_same_in_each_space(
    shared: Caller, image: str, space: str, title: str
) -> None:
    path = f"{image}/rendered?viewport=64,64&iccprofile="
    plain, other = (
        Image.open(BytesIO(shared.get(path + name, Accept="image/png").data))
        for name in ("srgb", space)
    )
    profile = ImageCms.ImageCmsProfile(BytesIO(other.info["icc_profile"]))
    assert title in ImageCms.getProfileDescription(profile)
    shown = ImageCms.profileToProfile(other, profile, ImageCms.createProfile("sRGB"))
    assert shown is not None
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(plain)).max() <= 4
    # Greys have the same numbers in spaces with the same curve.
    assert (np.asarray(other) == np.asarray(plain)).all() == (space == "displayp3")


def test_profiles_stand_in_the_picture(shared: Caller, image: str) -> None:
    for query in ("iccprofile=srgb", "iccprofile=yes"):
        for accept in ("image/jpeg", "image/png"):
            response = shared.get(f"{image}/rendered?{query}", Accept=accept)
            with Image.open(BytesIO(response.data)) as picture:
                assert picture.info["icc_profile"] == srgb()
    for query in ("iccprofile=no", "quality=5"):
        response = shared.get(f"{image}/rendered?{query}")
        with Image.open(BytesIO(response.data)) as picture:
            assert "icc_profile" not in picture.info
    for accept in ("image/gif", "application/pdf"):
        assert shared.get(f"{image}/rendered?iccprofile=adobergb", Accept=accept).status_code == 400
        assert shared.get(f"{image}/rendered?iccprofile=srgb", Accept=accept).status_code == 400
        assert shared.get(f"{image}/rendered?iccprofile=no", Accept=accept).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "quality=50&quality=60",
        "viewport=5,5&viewport=5,5",
        "window=",
        "annotation=",
        "annotation=a b;c",
        "iccprofile=",
        "iccprofile=SRGB",
        "charset=",
        "viewport=" + "1" * 400,
        "viewport=5,5,0,0,0,5",
        "viewport=5,5,inf,0,1,1",
        "viewport=1_0,5",
        "viewport=５,5",
        "window=1e999,5,linear",
        "window=1,5,LINEAR_EXACT",
        "quality=%00",
        "quality=5.0",
    ],
)
def test_parameters_that_cannot_be(shared: Caller, image: str, query: str) -> None:
    response = shared.get(f"{image}/rendered?{query}")
    assert response.status_code == 400, response.text
    assert response.get_json()["error"].endswith(".")


@pytest.mark.parametrize(
    "query",
    [
        "quality=50",
        "window=1,2,linear",
        "annotation=patient",
        "iccprofile=no",
        "viewport=5,5,0,0,1,1",
        "viewport=0,1",
    ],
)
def test_a_thumbnail_has_a_size_and_nothing_else(shared: Caller, image: str, query: str) -> None:
    assert shared.get(f"{image}/thumbnail?{query}").status_code == 400


def test_a_thumbnail_has_no_text(shared: Caller, image: str) -> None:
    response = shared.get(f"{image}/thumbnail?viewport=40,40", Accept="image/png")
    assert np.asarray(Image.open(BytesIO(response.data))).shape == (20, 40)
    for secret in (b"SECRET", b"Comment", b"Exif", b"tEXt"):
        assert secret not in response.data


class Published:
    """A stranger who may see everything of one owner."""

    owner_id = None

    def condition(self) -> Any:  # noqa: ANN401 - as the scope behind it
        return OwnerScope(1).condition()


def test_strangers_ask_each_time(stored: tuple[Flask, str]) -> None:
    app, path = stored
    _, _, study, _, series, _, instance = path.split("/")
    resource = Resource(study, series, instance)
    archive = app.extensions["archive"]
    scopes: tuple[tuple[Scope, str], ...] = (
        (OwnerScope(1), "private, max-age=86400"),
        (Published(), "public, no-cache"),
        (LentScope(Published()), "private, no-cache"),
    )
    etags = set()
    for scope, cache in scopes:
        answer = answer_rendered(
            archive, scope, resource, None, "rendered", Asked("http://x/dicomweb", "image/jpeg")
        )
        headers = dict(answer.headers)
        assert headers["Cache-Control"] == cache
        etags.add(headers["ETag"])
    assert len(etags) == 1


numbers = st.floats() | st.integers() | st.sampled_from(["", "-", "1e5", "0x1", "NaN", "١"])
pieces = st.lists(numbers | st.text(max_size=3), max_size=7)
lists = pieces.map(lambda found: ",".join(map(str, found)))
words = st.sampled_from(
    ["linear", "sigmoid", "patient", "srgb", "yes", "image/png", "image/gif", "video/mp4", "text/*"]
)
parameters = st.lists(
    st.tuples(
        st.sampled_from(
            ["quality", "viewport", "window", "annotation", "iccprofile", "charset", "accept"]
        ),
        lists | words | pieces.map(lambda found: ",".join([*map(str, found[:2]), "linear"])),
    ),
    max_size=3,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parameters, st.sampled_from(["rendered", "thumbnail", "frames/1/rendered"]))
def test_no_parameters_are_an_error_of_the_server(
    stored: tuple[Flask, str], given_parameters: list[tuple[str, str]], resource: str
) -> None:
    app, path = stored
    query = urlencode([(k, v.encode("utf-8", "surrogatepass")) for k, v in given_parameters])
    response = Caller(app.test_client()).get(f"{path}/{resource}?{query}")
    assert response.status_code in (200, 400, 406), (response.text, query)
    if response.status_code != 200:
        assert response.get_json()["error"].endswith(".")


def test_the_sentence_does_not_repeat_the_value(shared: Caller, image: str) -> None:
    for name in ("quality", "viewport", "window", "annotation", "iccprofile", "charset"):
        response = shared.get(f"{image}/rendered?{name}=SECRET%20NAME%3B")
        assert response.status_code == 400
        assert "SECRET" not in response.text
