"""A teacher makes a case in Chromium: studies are chosen, put in order, saved and published."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser.conftest import DESK
from tests.support.datasets import ct_slice, encoded
from tests.support.server import RunningServer, storescu

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

STUDY = "1.2.826.0.1.3680043.8.498.61"
SERIES = ("PD COR", "T1 COR", "T2")


@pytest.fixture(scope="module", autouse=True)
def sent(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Two studies, of three series and of one."""
    folder = tmp_path_factory.mktemp("sent")
    for number, description in enumerate(SERIES, 1):
        ds = ct_slice(study=STUDY, series=f"{STUDY}.{number}")
        ds.SeriesNumber, ds.SeriesDescription = number, description
        ds.StudyDescription = "Wrist left"
        (folder / f"{number}.dcm").write_bytes(encoded(ds))
    ds = ct_slice(2, study=STUDY, series=f"{STUDY}.2")
    ds.SeriesNumber, ds.SeriesDescription, ds.StudyDescription = 2, SERIES[1], "Wrist left"
    (folder / "second.dcm").write_bytes(encoded(ds))
    other = ct_slice(study=f"{STUDY}.9", series=f"{STUDY}.9.1")
    other.StudyDescription = "Wrist follow-up"
    (folder / "other.dcm").write_bytes(encoded(other))
    done = storescu(server, folder)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def stranger(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of somebody without an account."""
    context = browser.new_context(viewport=DESK)
    yield context
    context.close()


def names_of(page: Page) -> list[str]:
    """What the series are called, in the order of the page."""
    fields = page.locator("[data-series] [name=series_name]")
    return [
        field.input_value() or field.get_attribute("placeholder") or "" for field in fields.all()
    ]


def handle(page: Page, name: str) -> Locator:
    return page.get_by_label(re.compile(rf"^Move series \d+, .*{name}$"))


def make_case(page: Page, server: RunningServer, *studies: str) -> str:
    """Choose studies and make a case of them; its address."""
    page.goto(f"{server.base}/uploads")
    for study in studies:
        page.get_by_label(f"Choose {study}", exact=True).check()
    page.get_by_role("button", name=re.compile("^Make (one )?case$")).first.click()
    page.wait_for_url("**/edit")
    return page.url.removesuffix("/edit")


@pytest.mark.promise("F7", "F11", "F13", "F15", "F16", "F17")
def test_from_a_study_to_a_published_case_and_its_next_version(
    page: Page, server: RunningServer, stranger: BrowserContext
) -> None:
    page.goto(f"{server.base}/uploads")
    page.get_by_label("Choose Wrist left").check()
    page.get_by_label("Choose Wrist follow-up").check()
    expect(page.get_by_text("2 studies chosen")).to_be_visible()
    page.get_by_role("button", name="Make one case").click()
    page.wait_for_url("**/edit")
    address = page.url.removesuffix("/edit")
    assert stranger.request.get(address).status == 404

    # By keys, by the menu, and by the mouse.
    assert names_of(page)[:3] == ["1 - PD COR", "2 - T1 COR", "3 - T2"]
    handle(page, "3 - T2").focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(handle(page, "3 - T2")).to_be_focused()
    assert names_of(page)[:3] == ["3 - T2", "1 - PD COR", "2 - T1 COR"]
    handle(page, "3 - T2").click()
    page.locator("details[open]").get_by_role("button", name="Move down").click()
    assert names_of(page)[:3] == ["1 - PD COR", "3 - T2", "2 - T1 COR"]
    drag(page, "2 - T1 COR", "1 - PD COR")
    assert names_of(page)[:3] == ["2 - T1 COR", "1 - PD COR", "3 - T2"]
    page.get_by_label("Name of series 1 - PD COR").fill("PD coronal")
    page.get_by_label("Show 3 - T2 to readers").uncheck()
    page.get_by_label("Title").fill("Wrist pain after a fall")
    page.get_by_role("tab", name="History").click()
    page.get_by_role("textbox", name="History").fill("A fall on the outstretched hand.")
    page.get_by_role("tab", name="History").press("ArrowRight")
    page.get_by_role("tab", name="Findings").press("ArrowRight")
    page.get_by_role("textbox", name="Diagnosis").fill("A torn ligament.")
    page.get_by_label("Keep this section closed").locator("visible=true").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status").first).to_contain_text("Saved.")
    assert names_of(page)[:3] == ["2 - T1 COR", "PD coronal", "3 - T2"]

    page.get_by_role("button", name="Publish").click()
    page.get_by_label(re.compile("^I may publish this")).check()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").first).to_contain_text("Published as version 1.")
    reader = stranger.new_page()
    reader.goto(address)
    expect(reader.get_by_role("heading", level=1)).to_have_text("Wrist pain after a fall")
    expect(reader.locator("main")).to_contain_text("outstretched hand")
    expect(reader.get_by_text("A torn ligament.")).to_be_hidden()

    # The title applies at Save, the text at Publish.
    page.get_by_label("Title").fill("Wrist pain")
    page.get_by_role("tab", name="History").click()
    page.get_by_role("textbox", name="History").fill("A fall from a bicycle.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("complementary").locator("ins").first).to_contain_text("bicycle")
    reader.goto(address)
    expect(reader.get_by_role("heading", level=1)).to_have_text("Wrist pain")
    expect(reader.locator("main")).to_contain_text("outstretched hand")
    expect(reader.locator("main")).not_to_contain_text("bicycle")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label("What is new").fill("Says how it came about")
    page.get_by_label(re.compile("^I may publish this")).check()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").first).to_contain_text("Published as version 2.")
    reader.goto(address)
    expect(reader.locator("main")).to_contain_text("bicycle")
    reader.close()
    page.goto(f"{server.base}/uploads/cases")
    expect(page.locator("tr", has_text="Wrist pain")).to_contain_text("Published")


def drag(page: Page, name: str, to: str) -> None:
    """Drag a series by its handle to just above another one."""
    start, end = (handle(page, one).bounding_box() for one in (name, to))
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 10, start["y"] + 10)
    page.mouse.down()
    page.mouse.move(end["x"] + 10, end["y"] + 4, steps=8)
    page.mouse.up()
    expect(page.locator("details[open]")).to_have_count(0)


@pytest.mark.promise("N5")
def test_the_view_on_the_screen_is_what_a_case_opens_with_and_what_its_text_links_to(
    page: Page, server: RunningServer, stranger: BrowserContext
) -> None:
    address = make_case(page, server, "Wrist left", "Wrist follow-up")
    page.get_by_role("button", name="Images", exact=True).click()
    page.wait_for_selector('.pane[data-state="ready"]')
    page.locator(".v-rail").get_by_role("button", name="2 - T1 COR").click()
    page.wait_for_selector('.pane[data-state="ready"][data-count="2"]')
    page.locator(".pane").focus()
    for key in ("ArrowDown", "3", "+"):
        page.keyboard.press(key)
    page.wait_for_selector('.pane[data-state="ready"][data-index="1"]')
    seen = view_of(page)
    page.get_by_role("button", name="Open with this view").click()
    expect(page.get_by_text("The case opens with 2 - T1 COR, image 2.")).to_be_visible()

    # At the cursor, and round what is chosen; a series that moves takes its links along.
    page.get_by_role("tab", name="Findings").click()
    text = page.get_by_role("textbox", name="Findings")
    text.fill("Wide, see here.")
    text.evaluate("(field) => field.setSelectionRange(10, 14)")
    page.keyboard.press("Control+k")
    center, width = seen["window"]["center"], seen["window"]["width"]
    link = f"view:2/2?window={center:g},{width:g}&zoom=1.25"
    expect(text).to_have_value(f"Wide, see [here]({link}).")
    handle(page, "2 - T1 COR").focus()
    page.keyboard.press("ArrowUp")
    expect(text).to_have_value(f"Wide, see [here]({link.replace('2/2', '1/2')}).")
    page.get_by_label("Show 2 - T1 COR to readers").uncheck()
    page.get_by_role("button", name="Link in the text").click()
    expect(page.get_by_text("2 - T1 COR is not shown to readers.")).to_be_visible()
    page.get_by_label("Show 2 - T1 COR to readers").check()
    expect(text).to_have_value(f"Wide, see [here]({link.replace('2/2', '1/2')}).")
    page.get_by_role("button", name="Publish").click()
    page.get_by_label(re.compile("^I may publish this")).check()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").first).to_contain_text("Published as version 1.")

    reader = stranger.new_page()
    for where in (address, address.replace("/cases/", "/embed/case/")):
        reader.goto(where)
        reader.wait_for_selector('.pane[data-state="ready"][data-index="1"]')
        assert view_of(reader) == seen, where
    reader.goto(f"{address}?series=2")
    reader.wait_for_selector('.pane[data-state="ready"][data-index="0"]')
    reader.get_by_role("link", name="here").click()
    reader.wait_for_selector('.pane[data-state="ready"][data-index="1"]')
    assert view_of(reader) == seen
    reader.close()


def view_of(page: Page) -> dict[str, Any]:
    """Series, image and window that a viewer shows, and by how much the picture is magnified."""
    state: dict[str, Any] = page.evaluate("() => window.readingroom.state()")
    link = page.evaluate("() => document.querySelector('.pane > .o.bl').textContent")
    assert "%" in link
    return {name: state[name] for name in ("series", "index", "window")}


def test_nothing_typed_is_lost_when_the_server_cannot_be_reached(
    server: RunningServer, signed_in: BrowserContext
) -> None:
    page = signed_in.new_page()
    make_case(page, server, "Wrist left")
    page.get_by_label("Title").fill("Typed in a tunnel")
    expect(page.get_by_text("Not saved yet.")).to_be_visible()
    page.route("**/edit", lambda route: route.abort("internetdisconnected"))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("the server cannot be reached")).to_be_visible()
    page.unroute("**/edit")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Typed in a tunnel")
    page.close()
