"""OHIF from npm, configured as the how-to page says, lists and opens studies and stores reports."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.clients import ohif
from tests.clients.ohif import LONG, Viewer
from tests.clients.sent import Stored, client_of, read, stored
from tests.clients.site import Site
from tests.support.server import RunningServer, free_port, running_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

PLACES = {
    "liver": ("series/ct-3slice-liver", "kinds/seg/liver.dcm"),
    "wrist": ("series/mr-wrist-coronal",),
    "heart": ("kinds/us/examples_ybr_color.dcm",),
    "report": ("kinds/sr/report-and-ct-2.dcm", "kinds/sr/report-and-ct-1.dcm"),
}
LISTED = {("CT\\SEG", 4), ("MR", 16), ("US", 1), ("CT\\SR", 2)}


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[RunningServer]:
    settings = {"READINGROOM_CORS_ORIGINS": f"http://127.0.0.1:{port}"}
    with running_server(tmp_path_factory.mktemp("server"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def site(server: RunningServer, port: int) -> Iterator[Site]:
    with ohif.served(server.root, port) as site:
        yield site


@pytest.fixture(scope="module")
def studies(server: RunningServer, shared_data: Path) -> dict[str, Stored]:
    """The last instance that was stored of each study."""
    client = client_of(server)
    found = {}
    for name, places in PLACES.items():
        paths = [shared_data / place for place in places]
        files = [
            file for path in paths for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        ]
        found[name] = stored(client, [read(file) for file in files])[-1]
    return found


@pytest.fixture
def viewer(
    browser: Browser,
    site: Site,
    server: RunningServer,
    studies: dict[str, Stored],
    request: pytest.FixtureRequest,
) -> Iterator[Viewer]:
    """OHIF in a window of its own; what goes wrong there fails the test."""
    with ohif.opened(browser, site, server.root, server.token) as viewer:
        yield viewer
        folder = os.environ.get("READINGROOM_TEST_PICTURES")
        if folder:
            viewer.page.screenshot(path=Path(folder) / f"{request.node.name}.png")
        expect(viewer.page.get_by_text(re.compile("something went wrong", re.I))).to_have_count(0)
    assert viewer.faults == []
    assert viewer.answers


def test_studies_are_listed_and_filtered(viewer: Viewer, server: RunningServer) -> None:
    viewer.open_list()
    rows = viewer.rows()
    expect(rows).to_have_count(4, timeout=LONG)
    cells = [row.split("\n\t\n") for row in rows.all_inner_texts()]
    assert {(row[2], int(row[-1])) for row in cells} == LISTED
    expect(viewer.page.get_by_text("1-4 of 4")).to_be_visible()

    # Name, description, modality and date, each asked of the server.
    page = viewer.page
    texts = page.locator("tbody tr").first.locator("input")
    for box, key, value, count in (
        (0, "PatientName", "nobody", 0),
        (0, "PatientName", "anon", 4),
        (4, "StudyDescription", "WRIST", 1),
    ):
        wanted = f"{key}=*{value}*"
        with page.expect_response(lambda answer, wanted=wanted: wanted in answer.url):  # type: ignore[misc]
            texts.nth(box).fill(value)
        expect(rows).to_have_count(count)
    viewer.open_list("?modalities=US")
    expect(rows).to_have_count(1)
    assert rows.all_inner_texts()[0].split("\n\t\n")[2] == "US"
    wrist = client_of(server).search_for_studies(search_filters={"ModalitiesInStudy": "MR"})[0]
    date = wrist["00080020"]["Value"][0]
    viewer.open_list(f"?startDate={date}&endDate={date}")
    expect(rows).to_have_count(1)
    asked = " ".join(path for _, _, path in viewer.answers)
    assert "ModalitiesInStudy=US" in asked
    assert f"StudyDate={date}-{date}" in asked


@pytest.mark.parametrize(("name", "frames"), [("liver", 3), ("wrist", 16), ("heart", 30)])
def test_a_ct_an_mr_and_an_ultrasound_are_shown(
    name: str, frames: int, viewer: Viewer, studies: dict[str, Stored]
) -> None:
    viewer.open_study(studies[name].study)
    assert viewer.thumbnails()
    viewer.wait_for_frames(frames)


def test_a_segmentation_lies_on_its_images(viewer: Viewer, studies: dict[str, Stored]) -> None:
    viewer.open_study(studies["liver"].study)
    viewer.page.get_by_test_id("panelSegmentation-btn").click()
    viewer.open_without_picture("SEG")
    viewer.page.get_by_text("Do you want to open this Segmentation?").wait_for(timeout=LONG)
    viewer.wait_for_picture(coloured=2000)
    viewer.page.get_by_role("button", name="Yes").click()
    expect(viewer.page.get_by_text("Liver", exact=True).first).to_be_visible(timeout=LONG)
    viewer.wait_for_picture(coloured=2000)


def test_a_report_is_shown_as_text(viewer: Viewer, studies: dict[str, Stored]) -> None:
    viewer.open_study(studies["report"].study)
    viewer.open_without_picture("SR")
    pane = viewer.page.get_by_test_id("viewport-pane")
    expect(pane).to_contain_text("nodule present in the inferior medial aspect", timeout=LONG)


def test_a_measurement_is_stored_as_a_report_and_shown_again(
    viewer: Viewer, server: RunningServer, studies: dict[str, Stored]
) -> None:
    study = studies["wrist"].study
    page = viewer.page
    viewer.open_study(study)
    page.get_by_test_id("Length").first.click()
    pane = page.get_by_test_id("viewport-pane").bounding_box()
    assert pane
    x, y = pane["x"] + pane["width"] / 2, pane["y"] + pane["height"] / 2
    page.mouse.move(x - 100, y - 50)
    page.mouse.down()
    page.mouse.move(x, y, steps=5)
    page.mouse.move(x + 100, y + 50, steps=5)
    page.mouse.up()
    page.get_by_role("button", name="Yes").click()
    length = page.get_by_test_id("viewport-pane").locator("svg text").first.text_content() or ""
    assert re.fullmatch(r"[\d.]+ mm", length)
    page.get_by_test_id("trackedMeasurements-btn").click()
    page.get_by_role("button", name="Create SR").click()
    with page.expect_response(lambda answer: answer.request.method == "POST") as posted:
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
    assert posted.value.status == 200

    reports = client_of(server).search_for_series(study, search_filters={"Modality": "SR"})
    assert len(reports) == 1
    viewer.open_study(study)
    viewer.wait_for_frames(2 * 16)
    viewer.open_without_picture("SR")
    expect(page.get_by_test_id("viewport-pane").get_by_text("SR", exact=True)).to_be_visible()
    shown = page.get_by_test_id("viewport-pane").locator("svg text").filter(has_text="mm")
    for turn in (100, -100) * 10:
        # What lies on a picture is drawn when the picture is drawn again.
        page.mouse.move(x, y)
        page.mouse.wheel(0, turn)
        page.wait_for_timeout(1000)
        if turn < 0 and shown.count():
            break
    expect(shown.first).to_be_attached()
    again = re.search(r"[\d.]+", shown.first.text_content() or "")
    assert again
    assert float(again[0]) == pytest.approx(float(length.split()[0]), abs=0.1)
    viewer.wait_for_picture()
