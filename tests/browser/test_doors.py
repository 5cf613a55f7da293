"""What strangers meet, and the security pages of an account: axe finds nothing serious there."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ViewportSize

from tests.browser.axe import serious
from tests.browser.conftest import DESK, PHONE
from tests.support.server import RunningServer, running_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

DOORS = ("/sign-in", "/sign-up", "/reset", "/confirm", "/passkey", "/terms", "/privacy", "/help")
OWN = (
    "/account/security",
    "/account/security/password",
    "/account/security/email",
    "/account/security/authenticator",
    "/account/security/passkeys",
    "/account/security/recovery-codes",
    "/playlists",
)
LOOKS = [(DESK, "light"), (PHONE, "dark")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(
        tmp_path_factory.mktemp("server"), {"READINGROOM_SIGN_UP": "open"}
    ) as running:
        yield running


@pytest.mark.promise("N14")
@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=["desk", "phone"])
def test_the_doors(browser: Browser, server: RunningServer, size: ViewportSize, theme: str) -> None:
    context = browser.new_context(viewport=size)
    assert _faults(context, server, DOORS, theme) == []
    context.close()


@pytest.mark.parametrize(("size", "theme"), LOOKS, ids=["desk", "phone"])
def test_security(
    signed_in: BrowserContext, server: RunningServer, size: ViewportSize, theme: str
) -> None:
    assert _faults(signed_in, server, OWN, theme, size) == []


def _faults(
    context: BrowserContext,
    server: RunningServer,
    paths: tuple[str, ...],
    theme: str,
    size: ViewportSize | None = None,
) -> list[str]:
    page, found = context.new_page(), []
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    if size is not None:
        page.set_viewport_size(size)
    for path in paths:
        answer = page.goto(f"{server.base}{path}")
        assert answer is not None
        assert answer.status == 200, path
        found += [f"{path}: {one}" for one in serious(page)]
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{path}: wider than the window")
    page.close()
    return found
