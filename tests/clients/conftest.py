"""A running server for each file of tests, and Chromium with WebGL in software."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import FLAGS
from tests.support.server import RunningServer, running_server

DRAWING = ("--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running


# Not of the session: Playwright runs one loop in a thread, and the tests of the pages have theirs.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing; `make test` installs Debian's chromium"
    with sync_playwright() as playwright:
        playwright.selectors.set_test_id_attribute("data-cy")
        launched = playwright.chromium.launch(executable_path=chromium, args=[*FLAGS, *DRAWING])
        yield launched
        launched.close()
