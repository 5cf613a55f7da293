"""Seen: a reader reports a name in a picture; the case is gone for all; a moderator restores it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect

from accounts.people import Account, create_account, first_account
from accounts.roles import Role, set_role
from accounts.signin import create_link
from accounts.terms import accept
from cases.cases import create_case
from cases.publishing import publish
from cases.sharing import Wanted, create_share
from server.config import Settings, load
from server.services import Services, now
from tests.browser.conftest import DESK, PHONE
from tests.support.datasets import ct_stack, encoded
from tests.support.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SIZE = 64
TITLE = "Reading the scout before the slices"


@dataclass
class Library:
    """A server with a published case, a share link to it, and people."""

    server: RunningServer
    services: Services
    code: str
    study: str
    share: str

    def signed_in(self, browser: Browser, email: str, role: Role) -> BrowserContext:
        """A browser of somebody new with this role."""
        database = self.services.database
        made: Account = create_account(database, email, clock=now)
        set_role(database, made.id, role)
        accept(database, made.id, Settings().terms_version, of_age=True, clock=now)
        link = create_link(database, made.id, random_bytes=os.urandom, clock=now)
        context = browser.new_context(viewport=DESK)
        page = context.new_page()
        page.goto(f"{self.server.base}/sign-in/{link}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/uploads")
        page.close()
        return context

    def seen(self, session: requests.Session) -> dict[str, bool]:
        """By which ways somebody who is not signed in sees the case."""
        base, studies = self.server.base, f"studies/{self.study}"

        def finds(root: str) -> bool:
            answer = session.get(f"{root}/studies", params={"StudyInstanceUID": self.study})
            return answer.status_code == 200 and len(answer.json()) == 1

        def gets(address: str) -> bool:
            return session.get(address).status_code == 200

        return {
            "page": gets(f"{base}/cases/{self.code}"),
            "embed": gets(f"{base}/embed/case/{self.code}"),
            "search": finds(f"{base}/dicomweb"),
            "search in the case": finds(f"{base}/cases/{self.code}/dicomweb"),
            "metadata": gets(f"{base}/cases/{self.code}/dicomweb/{studies}/metadata"),
            "picture": gets(f"{base}/cases/{self.code}/dicomweb/{studies}/rendered"),
            "list": TITLE in session.get(f"{base}/cases").text,
            "share link": finds(f"{base}/share/{self.share}/dicomweb"),
        }


@pytest.fixture(scope="module")
def library(server: RunningServer) -> Iterator[Library]:
    services = Services(load(environment={"READINGROOM_DATA": str(server.data)}))
    owner = first_account(services.database)
    assert owner is not None
    with services.ingest.batch(owner.id, "STOW-RS") as batch:
        for ds in ct_stack(3, size=SIZE):
            incoming = batch.receive()
            incoming.feed(encoded(ds))
            received = incoming.finish()
        batch.commit()
    database, made = services.database, {"clock": now, "random_bytes": os.urandom}
    pair = (received.study_instance_uid, received.series_instance_uid)
    case = create_case(database, owner.id, title=TITLE, series=[pair], **made)  # type: ignore[arg-type]
    publish(database, owner.id, case.code, clock=now)
    wanted = Wanted("For the course")
    _, secret = create_share(database, owner.id, "case", case.code, wanted, **made)  # type: ignore[arg-type]
    yield Library(server, services, case.code, pair[0], secret)
    database.dispose()


@pytest.fixture
def reader(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=DESK)
    yield context.new_page()
    context.close()


@pytest.mark.promise("F58", "F87", "N12")
def test_a_report_hides_the_case_everywhere_until_a_moderator_shows_it_again(
    library: Library, browser: Browser, reader: Page
) -> None:
    somebody_else = requests.Session()
    somebody_else.trust_env = False
    assert [way for way, seen in library.seen(somebody_else).items() if not seen] == []

    reader.goto(f"{library.server.base}/cases/{library.code}")
    # From then on a click on the link says what is looked at.
    reader.wait_for_selector('.pane[data-state="ready"]')
    reader.get_by_role("link", name="Report a problem").first.click()
    reader.wait_for_url("**/report?**")
    expect(reader.get_by_role("heading", level=1)).to_have_text("Report a problem")
    picture = reader.locator("svg.boxed image")
    expect(picture).to_be_visible()
    draw(reader, (4, 6), (40, 16))
    for name, value in (("X", 4), ("Y", 6), ("Width", 36), ("Height", 10)):
        typed = int(reader.get_by_label(name, exact=True).input_value())
        assert typed == pytest.approx(value, abs=1)
    reader.get_by_label("A person could be recognised").check()
    reader.get_by_label("What you have seen").fill("A name at the top left.")
    reader.get_by_role("button", name="Report it").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Thank you")

    # At once, for who had looked at it before, too.
    assert [way for way, seen in library.seen(somebody_else).items() if seen] == []
    reader.goto(f"{library.server.base}/cases/{library.code}")
    expect(reader.get_by_text(TITLE)).to_have_count(0)

    context = library.signed_in(browser, "moderator@northfield.example", Role.MODERATOR)
    page = context.new_page()
    page.goto(f"{library.server.base}/admin")
    expect(page.get_by_role("navigation", name="Administration")).to_contain_text("Reports 1")
    page.get_by_role("link", name=f"Decide about {TITLE}").click()
    expect(page.locator("svg.boxed .spot")).to_be_visible()
    expect(page.get_by_text("A name at the top left.")).to_be_visible()
    drawn = page.locator("svg.boxed image").get_attribute("href") or ""
    assert context.request.get(f"{library.server.base}{drawn}").status == 200
    assert requests.get(f"{library.server.base}{drawn}", timeout=60).status_code == 404
    page.get_by_label("Show it again").check()
    page.get_by_label("Reason").fill("It is a phantom.")
    page.get_by_role("button", name="Decide").click()
    expect(page.get_by_role("status").first).to_contain_text("The case is shown again.")
    context.close()

    assert [way for way, seen in library.seen(somebody_else).items() if not seen] == []
    said = library.server.command("report", "list", "--decided")
    assert re.search(rf"restored  {library.code}  shown  anonymity", said)


def draw(page: Page, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Drag the mouse over the picture, from one pixel of it to another."""
    box = page.locator("svg.boxed image").bounding_box()
    assert box is not None
    scale = box["width"] / SIZE
    places = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in (start, end)]
    page.mouse.move(*places[0])
    page.mouse.down()
    page.mouse.move(*places[1], steps=4)
    page.mouse.up()


def test_a_report_works_without_script(library: Library, browser: Browser) -> None:
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{library.server.base}/cases/{library.code}/report")
    page.get_by_role("button", name="Show the picture").click()
    expect(page.locator("svg.boxed image")).to_be_visible()
    page.get_by_label("It is somebody else’s").check()
    page.get_by_role("button", name="Report it").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    [found] = [
        one for one in library.server.command("report", "list").splitlines() if "open" in one
    ]
    library.server.command("report", "decide", found.split()[0], "restored", "--reason", "Fine.")
    context.close()
