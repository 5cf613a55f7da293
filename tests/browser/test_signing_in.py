"""Making an account and signing in as people do: by mail, by code, by passkey."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESK, PHONE
from tests.support.authenticator import code_of
from tests.support.server import RunningServer, running_server

pytestmark = pytest.mark.browser
PASSWORD = "correct horse battery"
SECURITY = "/account/security"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, {"READINGROOM_SIGN_UP": "open"}) as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport=DESK)
    yield made
    made.close()


def at(server: RunningServer, path: str) -> str:
    """An address by the name that passkeys are allowed for."""
    return f"http://localhost:{server.http_port}{path}"


def sign_up(page: Page, server: RunningServer, email: str) -> None:
    page.goto(at(server, "/sign-up"))
    page.get_by_label("Name").fill("Ines Ferreira")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Make account").click()
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()
    found = json.loads(server.command("message", "list", "--json"))
    number = next(one["id"] for one in found if one["recipient"] == email)
    link = re.search(r"/confirm/\S+", server.command("message", "show", str(number)))
    assert link
    page.goto(at(server, link.group()))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Your address is confirmed")).to_be_visible()


def give_password(page: Page, server: RunningServer, email: str) -> None:
    page.goto(at(server, "/sign-in"))
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page, server: RunningServer) -> None:
    page.goto(at(server, SECURITY))
    page.get_by_title("Account", exact=True).click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url("**/sign-in")


@pytest.mark.promise("F107")
def test_an_account_is_made_and_gets_a_second_step(
    context: BrowserContext, server: RunningServer
) -> None:
    page, email = context.new_page(), "code@northfield.example"
    sign_up(page, server, email)
    give_password(page, server, email)
    page.goto(at(server, f"{SECURITY}/authenticator"))
    page.get_by_role("button", name="Set up an authenticator").click()
    picture = page.get_by_role("img", name="The key below, as a picture to scan")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0
    key = page.locator("code.key").inner_text()
    page.get_by_label("Code").fill(code_of(key))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_text("Make recovery codes now")).to_be_visible()

    sign_out(page, server)
    page.set_viewport_size(PHONE)
    give_password(page, server, email)
    page.get_by_label("Code").fill(code_of(key, 1))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/uploads")


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_passkey_signs_in_instead_of_a_password_or_after_it(
    context: BrowserContext, server: RunningServer, size: dict[str, int]
) -> None:
    page, email = context.new_page(), f"key{size['width']}@northfield.example"
    page.set_viewport_size(size)  # type: ignore[arg-type]
    plug_in_authenticator(context, page)
    sign_up(page, server, email)
    give_password(page, server, email)
    page.wait_for_url("**/uploads")
    add_passkey(page, server, "Laptop", "Instead of a password")
    if size == DESK:
        sign_out(page, server)
    else:
        context.clear_cookies()
    page.goto(at(server, f"/sign-in?next={SECURITY}"))
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"**{SECURITY}")
    expect(page.get_by_role("row", name="Passkeys Laptop")).to_be_visible()

    page.goto(at(server, f"{SECURITY}/passkeys"))
    page.get_by_role("button", name="Remove Laptop").click()
    expect(page.get_by_text("The passkey Laptop is removed.")).to_be_visible()
    add_passkey(page, server, "Key ring", "After a password, as the second step")
    context.clear_cookies()
    give_password(page, server, email)
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/uploads")


def plug_in_authenticator(context: BrowserContext, page: Page) -> None:
    chromium = context.new_cdp_session(page)
    chromium.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    chromium.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def add_passkey(page: Page, server: RunningServer, name: str, usage: str) -> None:
    page.goto(at(server, f"{SECURITY}/passkeys"))
    page.get_by_label("Name").fill(name)
    page.get_by_label(usage).check()
    page.get_by_role("button", name="Add passkey").click()
    expect(page.get_by_text(f"The passkey {name} is added.")).to_be_visible()
