"""Seen: what may name somebody in its pictures is held; its owner masks, attests or leaves out."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from pydicom.dataset import FileDataset
from pydicom.uid import SecondaryCaptureImageStorage

from tests.browser.conftest import DESK, PHONE
from tests.support.datasets import PLANTED, ct_slice, encoded
from tests.support.server import RunningServer, storescu

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

STUDY = "1.2.826.0.1.3680043.8.498.90"
SIZE = 128
#: Where the name is in the pictures: rows and columns.
NAMED = (slice(4, 20), slice(6, 60))
CLEAN_PIXELS = "113101"
CODES = "00120064"
LONG = 60_000


def capture(series: int, number: int, description: str) -> FileDataset:
    """A screen whose upper left corner is full of strokes, as a name would be."""
    ds = ct_slice(number, study=STUDY, series=f"{STUDY}.{series}", size=SIZE)
    for keyword in ("RescaleIntercept", "RescaleSlope", "WindowCenter", "WindowWidth"):
        delattr(ds, keyword)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    ds.Modality, ds.SeriesNumber, ds.SeriesDescription = "OT", series, description
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    pixels = np.full((SIZE, SIZE), 40 + number, np.uint8)
    pixels[NAMED] = np.where(np.indices(pixels[NAMED].shape).sum(0) % 3, 255, 0)
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB"
    return ds


@dataclass
class Sent:
    """The study that was sent, as the server knows it."""

    server: RunningServer
    session: requests.Session
    study: str

    @property
    def page(self) -> str:
        return f"{self.server.base}/uploads/{self.study}/review"

    def series(self, number: int) -> dict[str, object]:
        """One series, as the API tells it."""
        answer = self.session.get(f"{self.server.base}/api/studies/{self.study}/review")
        answer.raise_for_status()
        found = {one["number"]: one for one in answer.json()["series"]}
        one: dict[str, object] = found[number]
        return one

    def url(self, number: int) -> str:
        return f"{self.server.root}/studies/{self.study}/series/{self.series(number)['series']}"

    def instances(self, number: int) -> list[dict[str, dict[str, list[object]]]]:
        answer = self.session.get(f"{self.url(number)}/metadata")
        answer.raise_for_status()
        found: list[dict[str, dict[str, list[object]]]] = answer.json()
        return sorted(found, key=lambda one: str(one["00200013"]["Value"]))

    def picture(self, number: int, uid: str) -> np.ndarray:
        accept = {"Accept": "multipart/related; type=application/octet-stream"}
        answer = self.session.get(f"{self.url(number)}/instances/{uid}/frames/1", headers=accept)
        assert answer.status_code == 200
        body = answer.content.partition(b"\r\n\r\n")[2][: SIZE * SIZE]
        return np.frombuffer(body, np.uint8).reshape(SIZE, SIZE)


@pytest.fixture(scope="module")
def sent(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Sent:
    """A CT, and four captures of a screen."""
    folder = tmp_path_factory.mktemp("sent")
    captures = {3: "SCREEN", 4: "LOCALIZER", 5: "REPORT", 6: "SCOUT"}
    made = [ct_slice(study=STUDY, series=f"{STUDY}.2", size=SIZE)]
    made += [capture(s, n, words) for s, words in captures.items() for n in (1, 2)]
    for place, ds in enumerate(made):
        (folder / f"{place}.dcm").write_bytes(encoded(ds))
    done = storescu(server, folder)
    assert done.returncode == 0, done.stderr
    session = server.session()
    [study] = session.get(f"{server.root}/studies").json()
    return Sent(server, session, study["0020000D"]["Value"][0])


def uid_of(metadata: dict[str, dict[str, list[object]]]) -> str:
    return str(metadata["00080018"]["Value"][0])


def codes_of(metadata: dict[str, dict[str, list[object]]]) -> set[str]:
    items = metadata[CODES]["Value"]
    return {item["00080100"]["Value"][0] for item in items if isinstance(item, dict)}


def test_the_list_says_what_is_held(page: Page, sent: Sent) -> None:
    page.goto(f"{sent.server.base}/uploads")
    row = page.locator("tr", has=page.locator("a.study"))
    expect(row.get_by_text(re.compile("4 of 5.series held"))).to_be_visible()
    # It says that it arrives until nothing has come for a while.
    expect(row.locator(".pill")).to_have_text("Held for review", timeout=30_000)
    row.get_by_role("link", name=re.compile("^Review")).click()
    page.wait_for_url(sent.page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Series 3, SCREEN")
    expect(page.get_by_text("1 of 4")).to_be_visible()
    expect(page.locator(".notice").get_by_text("A secondary capture is")).to_be_visible()
    content = page.content()
    assert [text for text in PLANTED if text in content] == []


def test_rectangles_are_drawn_shown_and_masked(page: Page, sent: Sent) -> None:
    before = sent.instances(3)
    old = [uid_of(one) for one in before]
    assert all(CLEAN_PIXELS not in codes_of(one) for one in before)
    page.goto(sent.page)
    draw(page, (4, 2), (64, 24))
    rect = page.locator(".masks rect")
    assert [int(rect.get_attribute(side) or 0) for side in ("x", "y", "width", "height")] == [
        pytest.approx(value, abs=1) for value in (4, 2, 60, 22)
    ]
    # Numbers do the same.
    for side, value in (("x", 100), ("y", 100), ("width", 10), ("height", 500)):
        page.get_by_label(f"Rectangle 2, {side}").fill(str(value))
    expect(rect).to_have_count(2)
    page.get_by_role("button", name="Show on the picture").click()
    page.get_by_role("link", name="Later image").click()
    expect(page.get_by_text(re.compile("Image 2 of 2"))).to_be_visible()
    expect(rect).to_have_count(2)

    mask = page.get_by_role("button", name="Mask and delete the old pictures")
    # The browser keeps the form until the box is ticked; the server would, too.
    mask.click()
    assert [uid_of(one) for one in sent.instances(3)] == old
    page.get_by_label("The old pictures may be deleted").check()
    mask.click()
    expect(page.get_by_role("status").first).to_contain_text("Masked")
    expect(page.locator("h1 + .pill")).to_have_text("Masked")

    after = sent.instances(3)
    assert sent.series(3)["state"] == "masked"
    assert not {uid_of(one) for one in after} & set(old)
    for number, one in enumerate(after, 1):
        pixels = sent.picture(3, uid_of(one))
        assert not pixels[NAMED].any()
        assert not pixels[100:, 100:110].any()
        assert (pixels[40:90, 70:] == 40 + number).all()
        assert CLEAN_PIXELS in codes_of(one)
        assert one["00280301"]["Value"] == ["NO"]
    for uid in old:
        for what in ("", "/metadata", "/frames/1", "/rendered", "/thumbnail"):
            gone = sent.session.get(f"{sent.url(3)}/instances/{uid}{what}")
            assert gone.status_code == 404, what


def draw(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag the mouse over the picture, from one pixel of it to another."""
    picture = page.locator("svg.measured image").bounding_box()
    assert picture is not None
    scale = picture["width"] / SIZE
    places = [(picture["x"] + x * scale, picture["y"] + y * scale) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def test_another_is_attested_and_a_third_left_out(page: Page, sent: Sent) -> None:
    page.goto(sent.page)
    expect(page.get_by_role("heading", level=1)).to_have_text("Series 4, LOCALIZER")
    attest = page.get_by_role("button", name="Attest")
    attest.click()
    assert sent.series(4)["state"] == "held"
    page.get_by_label("I have looked at all 2 images").check()
    attest.click()
    expect(page.locator("h1 + .pill")).to_have_text("Attested")
    assert sent.series(4)["state"] == "attested"
    page.get_by_role("link", name=re.compile("Next: Series 5")).click()
    page.get_by_role("button", name="Leave out").click()
    expect(page.locator("h1 + .pill")).to_have_text("Left out")
    assert sent.series(5)["state"] == "left-out"
    page.goto(f"{sent.server.base}/uploads")
    row = page.locator("tr", has=page.locator("a.study"))
    expect(row.get_by_text(re.compile("1 of 4.series held · 1 left out"))).to_be_visible()


def test_without_script_the_forms_do_the_same(
    browser: Browser, sent: Sent, signed_in: object
) -> None:
    state = signed_in.storage_state()  # type: ignore[attr-defined]
    context = browser.new_context(java_script_enabled=False, storage_state=state, viewport=DESK)
    page = context.new_page()
    page.goto(f"{sent.page}?series={sent.series(4)['series']}")
    page.get_by_role("button", name="Hold again").click()
    expect(page.locator("h1 + .pill")).to_have_text("Held for review")
    assert sent.series(4)["state"] == "held"
    for side, value in (("x", 3), ("y", 4), ("width", 50), ("height", 20)):
        page.get_by_label(f"Rectangle 1, {side}").fill(str(value))
    page.get_by_role("button", name="Show on the picture").click()
    expect(page.locator('.masks rect[width="50"]')).to_be_visible()
    assert sent.series(4)["state"] == "held"
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_pages_fit_a_phone(page: Page, sent: Sent, theme: str) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size(PHONE)
    for address in (f"{sent.server.base}/uploads", sent.page):
        page.goto(address)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_program_masks_and_what_is_sent_again_stays_masked(sent: Sent, tmp_path: Path) -> None:
    one = sent.series(6)
    assert (one["state"], one["instances"]) == ("held", 2)
    assert "secondary-capture" in one["reasons"]  # type: ignore[operator]
    old = [uid_of(found) for found in sent.instances(6)]
    base = f"{sent.server.base}/api/studies/{sent.study}/series/{one['series']}"
    receipt = sent.session.get(f"{base}/instances/{old[0]}/receipt")
    assert receipt.status_code == 200
    assert set(receipt.json()) >= {"profile", "version", "sha256", "actions", "rules", "review"}
    assert sent.session.get(f"{sent.url(6)}/instances/{old[0]}/metadata").status_code == 200

    rectangles = [{"x": 2, "y": 2, "width": 70, "height": 30}]
    answer = sent.session.post(f"{base}/masks", json={"rectangles": rectangles}, timeout=60)
    assert answer.status_code == 200, answer.text
    new = answer.json()["instances"]
    assert len(new) == 2
    assert not set(new) & set(old)
    assert sent.series(6)["state"] == "masked"
    for found in sent.instances(6):
        assert uid_of(found) in new
        assert CLEAN_PIXELS in codes_of(found)
        assert not sent.picture(6, uid_of(found))[NAMED].any()
    assert sent.session.get(f"{sent.url(6)}/instances/{old[0]}").status_code == 404
    assert sent.session.get(f"{base}/instances/{old[0]}/receipt").status_code == 404

    # The PACS still has the pictures, and may send them again.
    for number in (1, 2):
        (tmp_path / f"{number}.dcm").write_bytes(encoded(capture(6, number, "SCOUT")))
    assert storescu(sent.server, tmp_path).returncode == 0
    assert sorted(uid_of(found) for found in sent.instances(6)) == sorted(new)
    assert sent.series(6)["state"] == "masked"

    decision = {"decision": "leave-out"}
    assert requests.post(f"{base}/review", json=decision, timeout=60).status_code == 401
    left = sent.session.post(f"{base}/review", json=decision)
    assert (left.status_code, left.json()["state"]) == (200, "left-out")
