"""Seen: a case in a page of another site, and links that lead to one view of it."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page, expect

from accounts.people import first_account
from accounts.plans import grant
from cases.cases import Case, case_of_owner, create_case, save_case
from cases.playlists import add_case, create_playlist
from cases.publishing import publish
from cases.sharing import Wanted, create_share, delete_share
from server.config import load
from server.services import Services, now
from tests.browser.conftest import DESK, FLAGS, PHONE
from tests.support.datasets import ct_stack, encoded
from tests.support.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LONG = 60_000
IMAGES = 12
NO_COOKIES = "--test-third-party-cookie-phaseout"


class Silent(SimpleHTTPRequestHandler):
    """Serves a folder and says nothing."""

    def log_message(self, *_: object) -> None:
        """Nobody listens."""


@dataclass
class Library:
    """A server with a public and a private case of one study, and what its owner does."""

    server: RunningServer
    services: Services
    owner_id: int
    series: list[tuple[str, str]]

    def case(self, **document: Any) -> Case:  # noqa: ANN401 - fields of a document
        database = self.services.database
        made = create_case(
            database,
            self.owner_id,
            title="Wrist pain after a fall",
            series=self.series,
            clock=now,
            random_bytes=os.urandom,
        )
        return save_case(
            database,
            self.owner_id,
            made.code,
            title=made.title,
            modality=made.modality,
            body_part=made.body_part,
            document=replace(made.document, **document),
            saved=made.saved,
            clock=now,
        )

    def published(self, **document: Any) -> Case:  # noqa: ANN401
        made = self.case(**document)
        publish(self.services.database, self.owner_id, made.code, clock=now)
        return case_of_owner(self.services.database, self.owner_id, made.code)


@pytest.fixture(scope="module")
def library(server: RunningServer) -> Iterator[Library]:
    services = Services(load(environment={"READINGROOM_DATA": str(server.data)}))
    owner = first_account(services.database)
    assert owner is not None
    series = {}
    with services.ingest.batch(owner.id, "STOW-RS") as batch:
        for number in (1, 2):
            for ds in ct_stack(IMAGES, size=64, series=f"1.2.826.0.1.3680043.8.498.7.{number}"):
                ds.SeriesNumber = number
                incoming = batch.receive()
                incoming.feed(encoded(ds))
                received = incoming.finish()
                series[received.series_instance_uid] = received.study_instance_uid
        batch.commit()
    yield Library(server, services, owner.id, [(study, uid) for uid, study in series.items()])
    services.database.dispose()


@pytest.fixture(scope="module")
def public(library: Library) -> Case:
    return library.published(
        findings="Look at [image 9](view:1/9), then at [the other series](view:2/3)."
    )


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder, and its address on another site."""
    folder = tmp_path_factory.mktemp("elsewhere")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=folder)) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        yield folder, f"http://localhost:{other.server_port}"
        other.shutdown()


@pytest.fixture(scope="module")
def strict(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that takes no cookies from frames of other sites."""
    chromium = shutil.which("chromium")
    launched = browser.browser_type.launch(executable_path=chromium, args=[*FLAGS, NO_COOKIES])
    context = launched.new_context(viewport=DESK)
    yield context
    launched.close()


def framed(
    context: BrowserContext, elsewhere: tuple[Path, str], address: str, width: int = 900
) -> tuple[Page, Frame]:
    folder, there = elsewhere
    (folder / "page.html").write_text(
        f'<!doctype html><iframe src="{address}" width="{width}" height="600" allow="fullscreen">'
    )
    page = context.new_page()
    page.goto(f"{there}/page.html")
    page.wait_for_load_state("networkidle")
    return page, page.frames[1]


def state(frame: Frame | Page) -> dict[str, Any]:
    found: dict[str, Any] = frame.evaluate("() => window.readingroom.state()")
    return found


def wait_for_image(frame: Frame | Page, number: int) -> None:
    frame.wait_for_selector(f'.pane[data-state="ready"][data-index="{number - 1}"]', timeout=LONG)


@pytest.mark.promise("F20", "N5")
def test_a_page_of_another_site_shows_the_case_as_its_address_says(
    strict: BrowserContext, elsewhere: tuple[Path, str], library: Library, public: Case
) -> None:
    address = f"{library.server.base}/embed/case/{public.code}"
    with_cookies: list[str] = []
    strict.on(
        "response",
        lambda response: (
            with_cookies.append(response.url) if response.header_value("set-cookie") else None
        ),
    )
    page, frame = framed(
        strict, elsewhere, f"{address}?series=2&amp;image=7&amp;window=100,800&amp;zoom=2"
    )
    wait_for_image(frame, 7)
    shown = state(frame)
    assert shown["series"] == library.series[1][1]
    assert shown["window"] == {"center": 100, "width": 800}
    frame.locator(".pane").click()
    page.keyboard.press("ArrowDown")
    wait_for_image(frame, 8)
    page.keyboard.press("0")
    assert state(frame)["zoom"] == pytest.approx(shown["zoom"] / 2, rel=0.01)
    # All of the frame is the viewer, and one line.
    assert frame.evaluate("() => document.documentElement.scrollHeight") == 600
    assert with_cookies == []
    assert strict.cookies() == []
    page.close()


@pytest.mark.promise("F20", "F52", "F58")
def test_a_frame_leads_back_and_to_the_form_for_reports(
    strict: BrowserContext, elsewhere: tuple[Path, str], library: Library, public: Case
) -> None:
    page, frame = framed(
        strict, elsewhere, f"{library.server.base}/embed/case/{public.code}?image=5"
    )
    wait_for_image(frame, 5)
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Report a problem").click()
    asked = urlsplit(opened.value.url)
    assert asked.path == f"/cases/{public.code}/report"
    assert parse_qs(asked.query) == {
        "place": ["embed"],
        "series": [library.series[0][1]],
        "image": ["5"],
    }
    with page.expect_popup() as opened:
        frame.get_by_role("link", name=public.title).click()
    assert urlsplit(opened.value.url).path == f"/cases/{public.code}"
    page.close()


@pytest.mark.promise("F20")
def test_no_other_page_can_be_framed(
    strict: BrowserContext, elsewhere: tuple[Path, str], library: Library, public: Case
) -> None:
    page, frame = framed(strict, elsewhere, f"{library.server.base}/cases/{public.code}")
    # What is refused has no load event that could be waited for.
    for _ in range(100):
        if frame.url:
            break
        page.wait_for_timeout(50)
    assert frame.url.startswith("chrome-error:")
    page.close()


@pytest.mark.promise("F20", "N6")
def test_a_private_case_is_framed_with_a_share_link_until_the_link_is_deleted(
    strict: BrowserContext, elsewhere: tuple[Path, str], library: Library
) -> None:
    database, made = library.services.database, library.case()
    link, secret = create_share(
        database,
        library.owner_id,
        "case",
        made.code,
        Wanted("Trainees"),
        clock=now,
        random_bytes=os.urandom,
    )
    address = f"{library.server.base}/embed/case/{made.code}"
    page, frame = framed(strict, elsewhere, f"{address}?share={secret}&amp;image=3")
    wait_for_image(frame, 3)
    assert state(frame)["imageId"].startswith(f"wadors:{library.server.base}/share/{secret}/")
    page.close()
    delete_share(database, library.owner_id, link.id, clock=now)
    for query in (f"?share={secret}", ""):
        page, frame = framed(strict, elsewhere, address + query)
        expect(frame.get_by_role("heading")).to_have_text("This case is not shown here")
        page.close()


@pytest.mark.promise("F20", "F21", "N6")
def test_a_private_playlist_is_framed_with_a_share_link_and_read_case_by_case(
    strict: BrowserContext, elsewhere: tuple[Path, str], library: Library
) -> None:
    database, owner_id = library.services.database, library.owner_id
    codes = [library.case().code for _ in range(2)]
    random: dict[str, Any] = {"clock": now, "random_bytes": os.urandom}
    grant(database, owner_id, premium=True)
    listed = create_playlist(database, owner_id, title="Wrists", visibility="private", **random)
    for code in codes:
        add_case(database, owner_id, listed.code, code, clock=now)
    link, secret = create_share(
        database, owner_id, "playlist", listed.code, Wanted("Trainees"), **random
    )
    address = f"{library.server.base}/embed/playlist/{listed.code}?share={secret}"
    page, frame = framed(strict, elsewhere, f"{address}&amp;case={codes[0]}&amp;image=3", width=320)
    wait_for_image(frame, 3)
    assert frame.evaluate("() => document.documentElement.scrollWidth") == 320
    expect(frame.get_by_text("1 of 2")).to_be_visible()
    frame.get_by_role("link", name="Next case").click()
    expect(frame.get_by_text("2 of 2")).to_be_visible()
    wait_for_image(frame, 1)
    assert state(frame)["imageId"].startswith(f"wadors:{library.server.base}/share/{secret}/")
    for name, path in (("Wrists", ""), ("Wrist pain after a fall", f"/cases/{codes[1]}")):
        with page.expect_popup() as opened:
            frame.get_by_role("link", name=name, exact=True).click()
        assert urlsplit(opened.value.url).path == f"/share/{secret}{path}"
    with page.expect_popup() as opened:
        frame.get_by_role("link", name="Report a problem").click()
    assert urlsplit(opened.value.url).path == f"/cases/{codes[1]}/report"
    page.close()
    delete_share(database, owner_id, link.id, clock=now)
    page, frame = framed(strict, elsewhere, address)
    expect(frame.get_by_role("heading")).to_have_text("This playlist is not shown here")
    page.close()


@pytest.mark.promise("N5")
def test_links_in_the_text_move_the_viewer_and_what_it_shows_has_a_link(
    browser: Browser, library: Library, public: Case
) -> None:
    context = browser.new_context(viewport=DESK, permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto(f"{library.server.base}/cases/{public.code}")
    wait_for_image(page, 1)
    page.evaluate("() => { window.before = true; }")
    page.get_by_role("link", name="image 9").click()
    wait_for_image(page, 9)
    page.get_by_role("link", name="the other series").click()
    wait_for_image(page, 3)
    assert state(page)["series"] == library.series[1][1]
    assert page.evaluate("() => window.before") is True
    # Keys belong to the page until the viewer has the focus.
    page.locator("h1").click()
    page.keyboard.press("End")
    assert state(page)["aim"] == 2
    page.locator(".pane").click()
    page.keyboard.press("ArrowDown")
    wait_for_image(page, 4)
    page.keyboard.press("Shift+ArrowRight")
    window = state(page)["window"]
    page.locator('.v-tools [data-do="copy-link"]').click()
    expect(page.get_by_text("Link copied")).to_be_visible()
    link = page.evaluate("() => navigator.clipboard.readText()")
    query = parse_qs(urlsplit(link).query)
    assert (query["series"], query["image"]) == (["2"], ["4"])
    page.goto(link)
    wait_for_image(page, 4)
    assert state(page)["window"] == pytest.approx(window, abs=1)
    context.close()


def test_a_phone_shows_the_images_from_edge_to_edge(
    browser: Browser, library: Library, public: Case
) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    page = context.new_page()
    for path in (f"/cases/{public.code}", f"/embed/case/{public.code}"):
        page.goto(library.server.base + path)
        wait_for_image(page, 1)
        pane = page.locator(".pane").bounding_box()
        assert pane is not None
        assert (pane["x"], pane["width"]) == (0, PHONE["width"])
        assert page.evaluate("() => document.documentElement.scrollWidth") <= PHONE["width"]
        for button in page.locator(".v-bar .tool").all():
            box = button.bounding_box()
            assert box is not None
            assert box["width"] >= 44
            assert box["height"] >= 44
    context.close()
