"""The account page in Chromium: from the menu to title, sender and token, on desk and phone."""

import re

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.conftest import DESK, PHONE
from tests.support.server import RunningServer

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("size", "name"), [(DESK, "DESK"), (PHONE, "PHONE")])
def test_a_teacher_sets_up_what_sends_to_them(
    page: Page, server: RunningServer, size: ViewportSize, name: str
) -> None:
    page.set_viewport_size(size)
    page.goto(f"{server.base}/uploads")
    page.get_by_title("Account", exact=True).click()
    page.get_by_role("link", name="Account", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Account")

    titles = page.locator("#titles")
    titles.get_by_text("New AE title").click()
    titles.get_by_label("AE title", exact=True).fill(f"{name}-PACS")
    titles.get_by_label(re.compile("^Anybody")).check()
    titles.get_by_role("button", name="Add AE title").click()
    row = titles.locator("tr", has_text=f"{name}-PACS")
    for told in ("127.0.0.1", str(server.dimse_port), "Anybody"):
        expect(row).to_contain_text(told)
    expect(titles.get_by_role("status")).to_be_in_viewport()

    senders = page.locator("#senders")
    senders.get_by_text("New sender").click()
    senders.get_by_label("AE title", exact=True).fill(f"{name}-CT")
    senders.get_by_label("Calls from").fill("10.20.4.17 10.21.0.0/16")
    senders.get_by_role("button", name="Add sender").click()
    senders.get_by_role("link", name=f"Change {name}-CT").click()
    expect(senders.get_by_label("Calls from")).to_have_value("10.20.4.17 10.21.0.0/16")
    senders.get_by_label("Listens at host").fill("ct.example.org")
    senders.get_by_label("Port").fill("104")
    senders.get_by_role("button", name="Save").click()
    expect(senders.locator("tr", has_text=f"{name}-CT")).to_contain_text("ct.example.org port 104")

    tokens = page.locator("#tokens")
    tokens.get_by_text("New token").click()
    tokens.get_by_label("Name").fill(name)
    tokens.get_by_role("button", name="Make token").click()
    secret = tokens.locator(".copy code")
    expect(secret).to_be_in_viewport()
    expect(secret).to_have_text(re.compile(r"^[\w-]{43}$"))
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]

    tokens.get_by_role("button", name=f"Revoke {name}").click()
    titles.get_by_role("button", name=f"Remove {name}-PACS").click()
    senders.get_by_role("button", name=f"Remove {name}-CT").click()
    expect(page.locator("tr", has_text=name)).to_have_count(0)
