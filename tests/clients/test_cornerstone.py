"""Pictures that Cornerstone3D's own loader fetches from another origin are those that were sent.

The loader is the release that the bundled viewer has. The page around it is served from a port of
its own, so each request is across origins and has a token.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser, Page

from tests.clients.sent import client_of, read, stored, values_of
from tests.clients.site import Site, serve
from tests.support.server import RunningServer, free_port, running_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

BUILT = Path(__file__).parent / "build" / "page"

EXACT = {
    "syntaxes/ct-explicit-le.dcm": "1.2.840.10008.1.2.1",
    "syntaxes/ct-implicit-le.dcm": "1.2.840.10008.1.2.1",
    "syntaxes/ct-explicit-be.dcm": "1.2.840.10008.1.2.1",
    "syntaxes/ct-deflated.dcm": "1.2.840.10008.1.2.1",
    "syntaxes/ct-rle.dcm": "1.2.840.10008.1.2.5",
    "syntaxes/ct-j2k-lossless.dcm": "1.2.840.10008.1.2.4.90",
    "syntaxes/ct-jpegls-lossless.dcm": "1.2.840.10008.1.2.4.80",
    "syntaxes/ct-htj2k-lossless-16bit.dcm": "1.2.840.10008.1.2.4.201",
    "syntaxes/ct-jpeg-lossless-sv1.dcm": "1.2.840.10008.1.2.4.70",
    "syntaxes/ct-jpegls-near.dcm": "1.2.840.10008.1.2.4.81",
    "syntaxes/emri_small_RLE.dcm": "1.2.840.10008.1.2.5",
    "kinds/enhanced/emri_small.dcm": "1.2.840.10008.1.2.1",
    "kinds/us/examples_rgb_color.dcm": "1.2.840.10008.1.2.1",
}
"""Files whose samples must be the same, and the transfer syntax in which frames must come."""

NEAR = {
    "syntaxes/ct-j2k-lossy.dcm": "1.2.840.10008.1.2.4.91",
    "kinds/us/examples_ybr_color.dcm": "1.2.840.10008.1.2.4.50",
    "syntaxes/SC_rgb_jpeg_dcmtk.dcm": "1.2.840.10008.1.2.4.50",
}
"""Lossy files: decoders may differ in their rounding and in how they spread colour."""


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    assert (BUILT / "index.html").is_file(), "the page is missing; `make test` builds it"
    with serve(BUILT, {}, {}, port=free_port()) as site:
        yield site


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, site: Site) -> Iterator[RunningServer]:
    settings = {"READINGROOM_CORS_ORIGINS": site.base}
    with running_server(tmp_path_factory.mktemp("server"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def page(browser: Browser, site: Site) -> Iterator[Page]:
    page = browser.new_page()
    page.goto(site.base)
    page.wait_for_selector('html[data-state="ready"]', state="attached")
    yield page
    page.close()


def loaded(page: Page, server: RunningServer, path: Path) -> list[dict[str, Any]]:
    """Every frame of a file, after a way through the server."""
    where = stored(client_of(server), [read(path, own_uids=True)])[0]
    frames: list[dict[str, Any]] = page.evaluate(
        "([root, token, study, series]) => window.loadSeries(root, token, study, series)",
        [server.root, server.token, where.study, where.series],
    )
    return frames


def samples_of(frame: dict[str, Any]) -> NDArray[Any]:
    kinds = {"Uint8ClampedArray": "u1", "Uint8Array": "u1", "Int8Array": "i1"} | {
        "Int16Array": "<i2",
        "Uint16Array": "<u2",
        "Int32Array": "<i4",
        "Uint32Array": "<u4",
        "Float32Array": "<f4",
    }
    samples = np.frombuffer(base64.b64decode(frame["samples"]), kinds[frame["kind"]])
    if not frame["colour"]:
        return samples.reshape(frame["rows"], frame["columns"])
    # Cornerstone may add an opacity.
    return samples.reshape(frame["rows"], frame["columns"], -1)[..., :3]


def expected(path: Path, frame: dict[str, Any]) -> NDArray[Any]:
    """What pydicom decodes, scaled where Cornerstone has scaled."""
    ds = read(path)
    values = values_of(ds)
    if frame["scaled"]:
        scale = ds
        for group in ("SharedFunctionalGroupsSequence", "PixelValueTransformationSequence"):
            scale = scale[group][0] if group in scale else scale
        slope = float(scale.get("RescaleSlope", 1))
        values = values * slope + float(scale.get("RescaleIntercept", 0))
    return values


@pytest.mark.parametrize("name", EXACT)
def test_samples_are_those_that_were_sent(
    name: str, page: Page, server: RunningServer, shared_data: Path
) -> None:
    frames = loaded(page, server, shared_data / name)
    assert {frame["transferSyntax"] for frame in frames} == {EXACT[name]}
    wanted = expected(shared_data / name, frames[0])
    assert len(frames) == len(wanted)
    for frame, values in zip(frames, wanted, strict=True):
        assert (frame["min"], frame["max"]) == (values.min(), values.max())
        assert np.array_equal(samples_of(frame), values)


@pytest.mark.parametrize("name", NEAR)
def test_lossy_samples_are_near_to_those_that_were_sent(
    name: str, page: Page, server: RunningServer, shared_data: Path
) -> None:
    frames = loaded(page, server, shared_data / name)
    assert {frame["transferSyntax"] for frame in frames} == {NEAR[name]}
    wanted = expected(shared_data / name, frames[0])
    assert len(frames) == len(wanted)
    for frame, values in zip(frames, wanted, strict=True):
        difference = np.abs(samples_of(frame).astype(int) - values.astype(int))
        assert difference.mean() < 1.5
