"""Share links and playlists in Chromium: made, read without an account, and dead once deleted."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import requests
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from accounts.people import first_account
from accounts.plans import grant
from accounts.profile import change_profile
from cases.cases import create_case
from cases.playlists import add_case, create_playlist
from cases.publishing import publish
from cases.schema import share
from cases.share_list import Kind
from cases.sharing import Wanted, create_share
from server.config import load
from server.services import Services, now
from tests.browser.conftest import DESK
from tests.support.datasets import ct_stack, encoded
from tests.support.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

PASSWORD = "carpal arcs"
TITLES = ("Normal carpal arcs", "Wrist pain after a fall", "Carpal tunnel")


@dataclass
class Library:
    """A server with cases, the second of them private, all in a private playlist."""

    server: RunningServer
    services: Services
    owner_id: int
    codes: list[str]
    playlist: str

    def share(self, kind: Kind = "playlist", **wanted: str) -> str:
        """The path of a fresh link, of the playlist or of the private case."""
        code = self.playlist if kind == "playlist" else self.codes[1]
        wish = Wanted(**{"label": "Residents", **wanted})  # type: ignore[arg-type]
        database = self.services.database
        _, secret = create_share(
            database, self.owner_id, kind, code, wish, clock=now, random_bytes=os.urandom
        )
        return f"/share/{secret}"


@pytest.fixture(scope="module")
def library(server: RunningServer) -> Iterator[Library]:
    services = Services(load(environment={"READINGROOM_DATA": str(server.data)}))
    database, owner = services.database, first_account(services.database)
    assert owner is not None
    change_profile(database, owner.id, name="Ines Ferreira", channel="i-ferreira")
    grant(database, owner.id, premium=True)
    codes = []
    for number, title in enumerate(TITLES, 1):
        with services.ingest.batch(owner.id, "STOW-RS") as batch:
            for ds in ct_stack(3, study=f"1.2.3.{number}", series=f"1.2.3.{number}.1"):
                incoming = batch.receive()
                incoming.feed(encoded(ds))
                received = incoming.finish()
            batch.commit()
        pair = (received.study_instance_uid, received.series_instance_uid)
        made = create_case(
            database,
            owner.id,
            title=title,
            series=[pair],
            private=number == 2,
            clock=now,
            random_bytes=os.urandom,
        )
        publish(database, owner.id, made.code, clock=now)
        codes.append(made.code)
    playlist = create_playlist(
        database,
        owner.id,
        title="Wrist in three cases",
        visibility="private",
        clock=now,
        random_bytes=os.urandom,
    )
    for code in codes:
        add_case(database, owner.id, playlist.code, code, clock=now)
    yield Library(server, services, owner.id, codes, playlist.code)
    database.dispose()


@pytest.fixture
def reader(browser: Browser, library: Library) -> Iterator[Page]:
    """A page of somebody without an account."""
    context = browser.new_context(viewport=DESK, base_url=library.server.base)
    yield context.new_page()
    context.close()


def is_drawn(page: Page) -> None:
    expect(page.locator(".pane")).to_have_attribute("data-state", "ready", timeout=60_000)


@pytest.mark.promise("F26", "F27", "F30", "N6")
def test_a_private_playlist_is_shared_and_dead_at_once_when_its_link_is_deleted(
    page: Page, reader: Page, library: Library
) -> None:
    base = library.server.base
    page.goto(f"{base}/playlists")
    page.get_by_role("link", name="Wrist in three cases").click()
    page.get_by_label("More options").click()
    page.get_by_role("link", name="Share links").first.click()
    page.get_by_label("Label").fill("Residents")
    expect(page.get_by_label("Date on which it ends")).to_be_hidden()
    page.get_by_label("Ends", exact=True).select_option("date")
    page.get_by_label("Date on which it ends").fill("2099-06-30")
    page.get_by_role("button", name="Make link").click()
    address = page.locator(".copy code").first.inner_text()
    assert re.fullmatch(rf"{base}/share/[\w-]{{43}}", address)
    row = page.locator(".links > li", has_text="until 30 June 2099")
    expect(row).to_contain_text("not used yet")
    page.reload()
    expect(page.locator(".links > li")).to_have_count(1)
    expect(page.locator(".copy")).to_have_count(0)

    reader.goto(address)
    expect(reader.get_by_role("heading", level=1)).to_have_text("Wrist in three cases")
    expect(reader.locator("[data-progress]")).to_be_hidden()
    reader.get_by_role("link", name="Start with case 1").click()
    is_drawn(reader)
    reader.locator(".steps").get_by_role("link", name=TITLES[1]).click()
    expect(reader.get_by_role("heading", level=1)).to_have_text(TITLES[1])
    is_drawn(reader)
    reader.locator(".steps").get_by_role("link", name="Wrist in three cases").click()
    expect(reader.locator("[data-progress] h2")).to_have_text("You have read 2 of 3")
    reader.get_by_role("link", name="Go on at case 3").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text(TITLES[2])
    is_drawn(reader)
    root, secret = f"{address}/dicomweb", address.rpartition("/")[2]
    assert len(requests.get(f"{root}/studies", timeout=30).json()) == 3

    page.goto(f"{base}/playlists/{library.playlist}/shares")
    expect(row).to_contain_text("2 uses")
    row.get_by_role("button", name="Delete the link Residents").click()
    toast = page.locator("[data-toast]")
    expect(toast).to_have_text(re.compile("“Residents” opens nothing any more."))
    look = "async (root) => (await fetch(root + '/studies', {cache: 'no-store'})).status"
    assert reader.evaluate(look, root) == 404
    assert requests.get(f"{root}/studies", timeout=30).status_code == 404
    assert reader.reload().status == 404  # type: ignore[union-attr]
    expect(reader.get_by_role("heading", level=1)).to_have_text("There is no such link")

    toast.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The link “Residents” works again.")).to_be_visible()
    assert reader.reload().status == 200  # type: ignore[union-attr]
    is_drawn(reader)
    # Of the link, nothing but its digest is anywhere on the disk, logs included.
    for path, content in library.server.bytes_on_disk().items():
        assert secret.encode() not in content, path


@pytest.mark.promise("F28", "F29")
def test_of_many_links_each_ends_by_itself(page: Page, reader: Page, library: Library) -> None:
    base, links = library.server.base, [library.share("case", label=f"Week {n}") for n in range(12)]
    page.goto(f"{base}/cases/{library.codes[1]}/shares")
    expect(page.locator(".links > li", has_text="Week")).to_have_count(len(links))
    with library.services.database.write() as connection:
        ended = update(share).where(share.c.label == "Week 0")
        connection.execute(ended.values(expires_at=now() - timedelta(seconds=1)))
    reader.goto(links[0])
    expect(reader.get_by_role("heading", level=1)).to_have_text("This link has ended")
    reader.goto(links[1])
    expect(reader.get_by_role("heading", level=1)).to_have_text(TITLES[1])
    is_drawn(reader)


@pytest.mark.promise("N6")
def test_a_link_with_a_password_opens_with_it_only(reader: Page, library: Library) -> None:
    address = library.share("case", password=PASSWORD)
    reader.goto(address)
    for typed in ("something else", PASSWORD):
        reader.get_by_label("Password").fill(typed)
        reader.get_by_role("button", name="Open").click()
        if typed != PASSWORD:
            expect(reader.get_by_role("alert")).to_have_text(
                "That is not the password of this link."
            )
    expect(reader.get_by_role("heading", level=1)).to_have_text(TITLES[1])
    is_drawn(reader)
    assert address not in reader.url
    root = f"{library.server.base}{address}/dicomweb/studies"
    assert requests.get(root, timeout=30).status_code == 401
    known = requests.get(root, auth=("anybody", PASSWORD), timeout=30)
    assert len(known.json()) == 1


@pytest.mark.promise("F21")
def test_a_playlist_is_put_in_order_by_keys_and_by_dragging(page: Page, library: Library) -> None:
    page.goto(f"{library.server.base}/playlists/{library.playlist}/edit")
    handles, names = page.locator(".rows .handle"), page.locator(".rows .study")
    handles.nth(2).focus()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(names).to_have_text([TITLES[2], TITLES[0], TITLES[1]])
    expect(page.locator('body > [role="status"]')).to_have_text("Place 1 of 3")
    expect(page.locator("[data-state]")).to_have_text("Not saved yet.")
    start, end = handles.nth(2).bounding_box(), handles.nth(1).bounding_box()
    assert start
    assert end
    page.mouse.move(start["x"] + 8, start["y"] + 8)
    page.mouse.down()
    page.mouse.move(end["x"] + 8, end["y"] - 8, steps=8)
    page.mouse.up()
    expect(names).to_have_text([TITLES[2], TITLES[1], TITLES[0]])
    page.get_by_label(f"Note after {TITLES[2]}").fill("Count before you scroll.")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    page.goto(f"{library.server.base}/playlists/{library.playlist}")
    expect(page.locator(".list h2")).to_have_text([TITLES[2], TITLES[1], TITLES[0]])
    expect(page.locator(".list .note")).to_have_text("Count before you scroll.")
