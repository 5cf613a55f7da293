"""Seen: an operator's round of the administration, and what members see of it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts.people import Account, create_account, first_account
from accounts.signin import create_link
from accounts.terms import accept
from cases.cases import Case, create_case
from cases.publishing import publish
from server.config import Settings, load
from server.services import Services, now
from tests.browser.conftest import DESK, accept_terms
from tests.support.datasets import ct_stack, encoded
from tests.support.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PENDING = "Waiting for its second reading"
SECTIONS = 9


@dataclass
class Library:
    """A server, and a member with a case that was made twelve days ago."""

    server: RunningServer
    services: Services
    member: Account
    code: str

    def link(self) -> str:
        """An address that signs the member in."""
        link = create_link(
            self.services.database, self.member.id, random_bytes=os.urandom, clock=now
        )
        return f"{self.server.base}/sign-in/{link}"


@pytest.fixture(scope="module")
def library(server: RunningServer) -> Iterator[Library]:
    services = Services(load(environment={"READINGROOM_DATA": str(server.data)}))
    database = services.database
    member = create_account(database, "ines@example.org", clock=now)
    made = case_of(services, member.id, PENDING, now() - timedelta(days=12))
    yield Library(server, services, member, made.code)
    database.dispose()


def case_of(services: Services, owner_id: int, title: str, at: datetime) -> Case:
    """A case of three slices that was made at a time."""
    with services.ingest.batch(owner_id, "STOW-RS") as batch:
        for ds in ct_stack(3):
            incoming = batch.receive()
            incoming.feed(encoded(ds))
            received = incoming.finish()
        batch.commit()
    pair = (received.study_instance_uid, received.series_instance_uid)
    return create_case(
        services.database,
        owner_id,
        title=title,
        series=[pair],
        clock=lambda: at,
        random_bytes=os.urandom,
    )


@pytest.fixture
def visitor(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport=DESK)
    yield context
    context.close()


@pytest.mark.promise("F71", "F72", "F73")
def test_new_terms_are_accepted_before_anything_else(
    library: Library, visitor: BrowserContext
) -> None:
    database, then = library.services.database, datetime(2020, 1, 2, tzinfo=UTC)
    accept(database, library.member.id, "2020-01-01", of_age=True, clock=lambda: then)
    page = visitor.new_page()
    page.goto(library.link())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Terms of use")
    page.goto(f"{library.server.base}/account")
    expect(page.get_by_role("heading", level=1)).to_have_text("Terms of use")
    expect(page.get_by_label("I am over 18, or over 13")).not_to_be_checked()
    accept_terms(page)
    page.goto(f"{library.server.base}/account")
    expect(page.get_by_role("heading", name="Storage and plan")).to_be_visible()


@pytest.mark.promise("F14", "F108", "F110", "N11")
def test_a_case_that_would_be_deleted_is_kept_and_its_owner_sees_it(
    library: Library, page: Page, visitor: BrowserContext
) -> None:
    base, database = library.server.base, library.services.database
    accept(database, library.member.id, Settings().terms_version, of_age=True, clock=now)
    owner = visitor.new_page()
    owner.goto(library.link())
    owner.get_by_role("button", name="Sign in").click()
    owner.wait_for_url("**/uploads")
    edit = f"{base}/cases/{library.code}/edit"
    owner.goto(edit)
    # Nobody was told yet, and is three days before.
    expect(owner.locator("main .count").first).to_have_text(re.compile(r"3\sdays"))

    page.goto(f"{base}/admin/retention?days=14")
    row = page.get_by_role("row").filter(has_text=PENDING)
    expect(row).to_contain_text("Pending 12 of 14 days")
    row.get_by_role("link", name=f"Keep the case {library.code}").click()
    page.get_by_label("For good").check()
    page.get_by_role("button", name="Keep the case").click()
    kept = page.get_by_role("region", name="Kept by an administrator")
    expect(kept.get_by_role("row").filter(has_text=PENDING)).to_contain_text("for good")
    owner.goto(edit)
    expect(owner.locator("main .count[data-near]")).to_have_count(0)
    expect(owner.locator("main")).to_contain_text("kept", ignore_case=True)

    page.goto(f"{base}/admin/audit?which={library.code}")
    expect(page.get_by_role("row").filter(has_text="Keep case")).to_contain_text("owner@localhost")


@pytest.mark.promise("F108")
def test_each_section_is_reached_by_its_name(library: Library, page: Page) -> None:
    page.goto(f"{library.server.base}/admin")
    sections = page.get_by_role("navigation", name="Administration")
    names = sections.get_by_role("link")
    assert names.count() == SECTIONS
    seen = set()
    for number in range(SECTIONS):
        names.nth(number).click()
        expect(names.nth(number)).to_have_attribute("aria-current", "page")
        seen.add(page.get_by_role("heading", level=2).first.inner_text())
    assert len(seen) == SECTIONS


@pytest.mark.promise("F46", "F53")
def test_an_account_has_its_room_its_plan_and_a_page_of_its_own(
    library: Library, page: Page, visitor: BrowserContext
) -> None:
    base, services = library.server.base, library.services
    owner = first_account(services.database)
    assert owner is not None
    published, waiting = (
        case_of(services, owner.id, title, now()) for title in ("A knee", "An elbow")
    )
    publish(services.database, owner.id, published.code, clock=now)
    page.goto(f"{base}/account")
    plan = page.get_by_role("region", name="Storage and plan")
    expect(plan).to_contain_text("Private cases come with the premium plan")
    expect(plan.get_by_role("listitem").filter(has_text="Uploads")).to_be_visible()
    page.get_by_label("Address of your page").fill("owner")
    page.get_by_role("button", name="Save profile").click()
    page.get_by_role("link", name="Open your page").click()
    expect(page).to_have_url(f"{base}/authors/owner")
    reader = visitor.new_page()
    reader.goto(f"{base}/authors/owner")
    expect(reader.get_by_role("link", name=published.title).first).to_be_visible()
    expect(reader.get_by_role("link", name=waiting.title)).to_have_count(0)
