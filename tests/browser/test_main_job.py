"""Seen: sign in, open the study that storescu has just sent, scroll it, compare its pixels."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import PHONE
from tests.support.datasets import ct_stack, encoded
from tests.support.server import RunningServer, storescu

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

LONG = 60_000


def state(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate("() => window.readingroom.state()")
    return found


def wait_for_image(page: Page, index: int) -> None:
    page.wait_for_selector(f'.pane[data-state="ready"][data-index="{index}"]', timeout=LONG)


def open_first_study(page: Page, server: RunningServer) -> None:
    page.goto(f"{server.base}/uploads")
    page.locator('a[href^="/viewer/"]').first.click()
    page.wait_for_url(re.compile("/viewer/2\\.25\\."))
    page.wait_for_selector('.pane[data-state="ready"]', timeout=LONG)


def position(ds: pydicom.Dataset) -> float:
    """Where the slice lies along the normal of its plane."""
    row, column = np.array(ds.ImageOrientationPatient[:3]), np.array(ds.ImageOrientationPatient[3:])
    return float(np.dot(np.cross(row, column), np.array(ds.ImagePositionPatient)))


@pytest.fixture(scope="module")
def sent(shared_data: Path, server: RunningServer) -> list[pydicom.Dataset]:
    """The gantry-tilt CT, sent with storescu; its slices by position."""
    folder = shared_data / "series" / "ct-phantom-gantry-tilt"
    done = storescu(server, folder)
    assert done.returncode == 0, done.stderr
    slices = [pydicom.dcmread(path) for path in sorted(folder.iterdir()) if path.is_file()]
    return sorted(slices, key=position)


def test_the_study_is_opened_scrolled_through_and_its_pixels_are_right(
    page: Page, server: RunningServer, sent: list[pydicom.Dataset]
) -> None:
    open_first_study(page, server)
    count = len(sent)
    assert state(page)["count"] == count
    page.wait_for_selector(f'.pane[data-loaded="{count}"]', timeout=LONG)
    page.keyboard.press("Home")
    wait_for_image(page, 0)
    seen = [state(page)["imageId"]]
    for index in range(1, count):
        page.keyboard.press("ArrowDown")
        wait_for_image(page, index)
        seen.append(state(page)["imageId"])
    assert len(set(seen)) == count
    page.keyboard.press("ArrowDown")
    assert state(page)["index"] == count - 1

    # The slices come in the order of their positions, one way or the other.
    page.keyboard.press("Home")
    wait_for_image(page, 0)
    first = values_of(page)
    forwards = np.array_equal(first, expected(sent[0]))
    order = sent if forwards else sent[::-1]
    for index in (0, count // 2, count - 1):
        for _ in range(index - state(page)["index"]):
            page.keyboard.press("ArrowDown")
        wait_for_image(page, index)
        assert np.array_equal(values_of(page), expected(order[index])), index
        compare_screen(page, expected(order[index]))


def values_of(page: Page) -> np.ndarray:
    found = page.evaluate(
        "() => { const p = window.readingroom.pixels();"
        " return {...p, values: Array.from(p.values)}; }"
    )
    return np.array(found["values"], dtype=float).reshape(found["rows"], found["columns"])


def expected(ds: pydicom.Dataset) -> np.ndarray:
    values: np.ndarray = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    return values


def compare_screen(page: Page, values: np.ndarray) -> None:
    """What the reader sees is the window of PS3.3 C.11.2.1.2, upright and not mirrored."""
    window = state(page)["window"]
    centre, width = window["center"], window["width"]
    grey = np.clip(255 * ((values - (centre - 0.5)) / (width - 1) + 0.5), 0, 255)
    # Only where nothing else is near: the screen interpolates between picture elements.
    even = [
        [column, row]
        for row in range(20, values.shape[0] - 20, 3)
        for column in range(20, values.shape[1] - 20, 3)
        if np.ptp(grey[row - 1 : row + 2, column - 1 : column + 2]) <= 6
    ]
    lit = [(c, r) for c, r in even if 5 < grey[r, c] < 250]
    dark = [(c, r) for c, r in even if grey[r, c] == 0]
    points = lit[:: max(1, len(lit) // 150)] + dark[:: max(1, len(dark) // 50)]
    shown = page.evaluate("(points) => window.readingroom.screen(points)", points)
    pairs = [(p, rgb) for p, rgb in zip(points, shown, strict=True) if rgb is not None]
    assert len(pairs) >= 50, "too few places to compare"
    off = [(p, rgb, grey[p[1], p[0]]) for p, rgb in pairs if abs(rgb[0] - grey[p[1], p[0]]) > 6]
    assert off == []


@pytest.mark.promise("F105")
def test_wheel_window_zoom_and_pan_work(
    page: Page, server: RunningServer, sent: list[pydicom.Dataset]
) -> None:
    open_first_study(page, server)
    page.wait_for_selector(f'.pane[data-loaded="{len(sent)}"]', timeout=LONG)
    pane = page.locator(".pane").bounding_box()
    assert pane is not None
    x, y = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    page.mouse.move(x, y)
    before = state(page)["index"]
    page.mouse.wheel(0, 120)
    wait_for_image(page, before + 1)

    def drag(tool: str) -> None:
        page.locator(f'[data-tool="{tool}"]:visible').first.click()
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 40, steps=5)
        page.mouse.up()

    window, zoom = state(page)["window"], state(page)["zoom"]
    drag("window")
    assert state(page)["window"] != window
    drag("zoom")
    assert state(page)["zoom"] != zoom
    where = "() => window.readingroom.screen([[256, 256], [200, 200]])"
    page.keyboard.press("r")
    shown = page.evaluate(where)
    drag("pan")
    page.wait_for_timeout(300)
    assert page.evaluate(where) is not None
    page.keyboard.press("r")
    page.wait_for_timeout(300)
    assert page.evaluate(where) == shown


def test_the_list_shows_studies_and_their_pictures(
    page: Page, server: RunningServer, sent: list[pydicom.Dataset]
) -> None:
    page.goto(f"{server.base}/uploads")
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Uploads"))
    expect(page.get_by_text("READINGROOM", exact=True).first).to_be_visible()
    picture = page.locator('a[href^="/viewer/"] img, tr img').first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    text = page.locator("body").inner_text()
    assert "54" in text
    assert sent[0].StudyInstanceUID not in page.content()


def test_a_phone_shows_the_list_and_the_viewer_without_sideways_scroll(
    page: Page, server: RunningServer, sent: list[pydicom.Dataset]
) -> None:
    page.set_viewport_size(PHONE)
    for path in ("/uploads", None):
        if path:
            page.goto(server.base + path)
        else:
            open_first_study(page, server)
        wide = page.evaluate("() => document.documentElement.scrollWidth")
        assert wide <= PHONE["width"]


def test_an_object_without_a_picture_has_a_card(
    page: Page, server: RunningServer, shared_data: Path, tmp_path: Path
) -> None:
    report = sorted((shared_data / "kinds" / "sr").glob("*.dcm"))[0]
    assert storescu(server, report, options=()).returncode == 0
    page.goto(f"{server.base}/uploads")
    page.locator('a[href^="/viewer/"]').first.click()
    page.wait_for_selector('.pane[data-state="fault"]', timeout=LONG)
    assert state(page)["fault"]


def test_a_stranger_is_asked_to_sign_in(signed_in: BrowserContext, server: RunningServer) -> None:
    assert signed_in.browser is not None
    stranger = signed_in.browser.new_context()
    page = stranger.new_page()
    for path in ("/account", "/uploads", "/viewer/1.2.3"):
        page.goto(server.base + path)
        assert "/sign-in" in page.url
    # The link was used by the owner; it signs nobody in again.
    page.goto(server.sign_in_link())
    if page.get_by_role("button", name="Sign in").count():
        page.get_by_role("button", name="Sign in").click()
    page.goto(f"{server.base}/uploads")
    assert "/sign-in" in page.url
    stranger.close()


def test_made_images_arrive_while_the_list_is_open(
    page: Page, server: RunningServer, tmp_path: Path
) -> None:
    page.goto(f"{server.base}/uploads")
    before = page.locator('a[href^="/viewer/"]').count()
    for number, ds in enumerate(ct_stack(3, study="1.2.7.7", series="1.2.7.7.1")):
        (tmp_path / f"{number}.dcm").write_bytes(encoded(ds))
    assert storescu(server, tmp_path).returncode == 0
    expect(page.locator('a[href^="/viewer/"]')).not_to_have_count(before, timeout=30_000)
    newest = page.locator("[data-live] .film").first.locator("img")
    expect(newest).to_have_js_property("complete", True)
    assert newest.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
