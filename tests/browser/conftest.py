"""Debian's Chromium, driven by Playwright, on a running server."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from tests.support.server import RunningServer, running_server

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing; `make test` installs Debian's chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def signed_in(browser: Browser, server: RunningServer) -> Iterator[BrowserContext]:
    """A browser that used the owner's one-time link."""
    context = browser.new_context(viewport=DESK)
    page = context.new_page()
    page.goto(server.sign_in_link())
    page.get_by_role("button", name="Sign in").click()
    accept_terms(page)
    page.wait_for_url("**/uploads")
    page.close()
    yield context
    context.close()


def accept_terms(page: Page) -> None:
    """Say yes to the terms, which a new account is asked about."""
    page.wait_for_url("**/accept-terms**")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Accept").click()
    # The address before has where it leads to in it.
    page.wait_for_url(lambda url: "accept-terms" not in url)


@pytest.fixture
def page(signed_in: BrowserContext) -> Iterator[Page]:
    """A page of that browser; what it logs as an error, or fails to load, fails the test."""
    page = signed_in.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    page.on("requestfailed", lambda request: faults.append(f"{request.url}: {request.failure}"))
    page.set_viewport_size(DESK)
    yield page
    page.close()
    assert [fault for fault in faults if "ERR_ABORTED" not in fault] == []
