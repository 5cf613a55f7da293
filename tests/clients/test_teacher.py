"""A teacher's day: from the PACS to a case, to a page elsewhere, to a private playlist in OHIF."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESK, accept_terms
from tests.clients import ohif
from tests.clients.ohif import LONG
from tests.clients.site import serve
from tests.support.server import OWNER, RunningServer, free_port, running_server, storescu

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

TITLE = "Wrist pain after a fall"
PRIVATE = "The same wrist, for trainees"
PAGE = '<!doctype html><title>Lecture</title><iframe src="%s" width="900" height="600"></iframe>'


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        running.command("account", "plan", OWNER, "premium")
        yield running


@pytest.fixture
def teacher(browser: Browser, server: RunningServer) -> Iterator[Page]:
    """The owner of the server, signed in."""
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(LONG)
    page = context.new_page()
    page.goto(server.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    accept_terms(page)
    page.wait_for_url("**/uploads")
    yield page
    context.close()


@pytest.fixture
def trainee(browser: Browser) -> Iterator[BrowserContext]:
    """Somebody without an account."""
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(LONG)
    yield context
    context.close()


@pytest.mark.promise("F12", "F19", "F20", "F24", "F26", "F27", "F30", "F31", "F52", "F76", "N6")
def test_a_day(
    teacher: Page,
    trainee: BrowserContext,
    browser: Browser,
    server: RunningServer,
    shared_data: Path,
    port: int,
) -> None:
    done = storescu(server, shared_data / "series" / "mr-wrist-coronal")
    assert done.returncode == 0, done.stderr

    # Out of what arrived, a case; published; in the page of a lecture, on another origin.
    public = _make_case(server, teacher, TITLE)
    _publish(teacher)
    teacher.goto(public)
    teacher.get_by_label("More options").click()
    teacher.get_by_text("Copy embed code").wait_for()
    code = teacher.locator("code", has_text="<iframe").first.text_content() or ""
    source = re.search(r'src="([^"]+)"', code)
    assert source, code
    assert "/embed/case/" in source[1]
    with serve(
        Path(__file__).parent / "page", {"/lecture.html": (PAGE % source[1]).encode()}, {}
    ) as site:
        page = trainee.new_page()
        page.goto(f"{site.base}/lecture.html")
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("slider", name=re.compile("Image"))).to_be_visible(timeout=LONG)
        expect(frame.get_by_role("link", name=TITLE)).to_be_visible()
        page.close()

    # A private case, in a private playlist, by a link.
    private = _make_case(server, teacher, PRIVATE)
    teacher.get_by_label("Private").check()
    _publish(teacher)
    assert trainee.request.get(private).status == 404
    teacher.goto(f"{server.base}/playlists/add?case={private.rpartition('/')[2]}")
    teacher.get_by_label("Title").fill("For trainees")
    teacher.get_by_label("Private").check()
    teacher.get_by_role("button", name="Make it and add the case").click()
    teacher.wait_for_url(re.compile("/playlists/[a-z0-9]{8}"))
    listed = teacher.url.partition("?")[0]
    assert trainee.request.get(listed).status == 404
    teacher.goto(f"{listed}/shares")
    teacher.get_by_label("Label").fill("Trainees")
    teacher.get_by_role("button", name="Make link").click()
    link = teacher.locator(".copy code").first.text_content() or ""
    assert "/share/" in link

    # It opens in the bundled viewer and in OHIF, and is dead in both as soon as it is deleted.
    reader = trainee.new_page()
    reader.goto(link)
    reader.get_by_role("link", name=PRIVATE).first.click()
    expect(reader.get_by_role("slider", name=re.compile("Image"))).to_be_visible(timeout=LONG)
    root = f"{link}/dicomweb"
    with (
        ohif.served(root, port) as site,
        ohif.opened(browser, site, root, "") as viewer,
    ):
        viewer.open_list()
        expect(viewer.rows()).to_have_count(1, timeout=LONG)
        study = trainee.request.get(f"{root}/studies").json()[0]["0020000D"]["Value"][0]
        viewer.open_study(study)
        viewer.wait_for_frames(16)
        assert viewer.faults == []
        teacher.goto(f"{listed}/shares")
        teacher.get_by_role("button", name="Delete the link Trainees").click()
        teacher.get_by_text("opens nothing any more").wait_for()
        assert trainee.request.get(f"{root}/studies/{study}").status == 404
        viewer.answers.clear()
        viewer.page.reload()
        viewer.page.wait_for_timeout(2000)
        assert viewer.answers
        assert {status for _, status, _ in viewer.answers} == {404}
    assert reader.reload().status in (404, 410)  # type: ignore[union-attr]


def _make_case(server: RunningServer, teacher: Page, title: str) -> str:
    """A case of what arrived last; its address."""
    teacher.goto(f"{server.base}/uploads")
    teacher.locator("tbody tr").first.get_by_role("checkbox").check()
    teacher.get_by_role("button", name=re.compile("^Make (one )?case$")).first.click()
    teacher.wait_for_url("**/edit")
    teacher.get_by_label("Title").fill(title)
    return teacher.url.removesuffix("/edit")


def _publish(teacher: Page) -> None:
    teacher.get_by_role("button", name="Publish").click()
    teacher.get_by_label(re.compile("^I may publish this")).check()
    teacher.get_by_role("button", name="Publish").click()
    expect(teacher.get_by_text("Published as version 1.")).to_be_visible()
