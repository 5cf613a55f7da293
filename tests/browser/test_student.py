"""A student in Chromium: searches, opens a case, decides, reveals the diagnosis, cites."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from accounts.people import first_account
from accounts.profile import change_profile
from cases.cases import case_by_code, create_case, save_case
from cases.publishing import publish
from server.config import load
from server.services import Services, now
from tests.browser.conftest import DESK, PHONE
from tests.support.datasets import ct_stack, encoded
from tests.support.server import RunningServer

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SIGN = "Tear of the scapholunate ligament."
#: Title, modality and body part.
CASES = (
    ("Skull base: name the foramina", "CT", "HEAD"),
    ("Rising PSA, one earlier negative biopsy", "MR", "PROSTATE"),
    ("Wrist pain after a fall on the outstretched hand", "MR", "WRIST"),
)


@dataclass
class Library:
    """A server with published cases, and the code of the last."""

    server: RunningServer
    code: str

    @property
    def address(self) -> str:
        return f"{self.server.base}/cases/{self.code}"


@pytest.fixture(scope="module")
def library(server: RunningServer) -> Iterator[Library]:
    services = Services(load(environment={"READINGROOM_DATA": str(server.data)}))
    database, owner = services.database, first_account(services.database)
    assert owner is not None
    change_profile(database, owner.id, name="Ines Ferreira", channel="i-ferreira")
    for number, (title, modality, body_part) in enumerate(CASES, 1):
        with services.ingest.batch(owner.id, "STOW-RS") as batch:
            for ds in ct_stack(4, study=f"1.2.3.{number}", size=64):
                incoming = batch.receive()
                incoming.feed(encoded(ds))
                received = incoming.finish()
            batch.commit()
        pair = (received.study_instance_uid, received.series_instance_uid)
        made = create_case(
            database, owner.id, title=title, series=[pair], clock=now, random_bytes=os.urandom
        )
        document = replace(
            made.document,
            history="A climber fell on the outstretched left hand nine weeks ago.",
            findings="The interval is wide ([image 3](view:1/3)).",
            diagnosis=SIGN,
            closed=("diagnosis",),
            tags=("ligament",),
            authors=("Ines Ferreira",),
            licence="CC-BY-4.0",
            downloadable=True,
        )
        said = {"title": title, "modality": modality, "body_part": body_part, "clock": now}
        save_case(database, owner.id, made.code, document=document, saved=0, **said)  # type: ignore[arg-type]
        publish(database, owner.id, made.code, clock=now)
    case = case_by_code(database, made.code)
    document = replace(case.document, findings="The interval is wide and the band is thin.")
    save_case(database, owner.id, case.code, document=document, saved=case.saved, **said)  # type: ignore[arg-type]
    publish(database, owner.id, case.code, clock=now, note="findings reworded")
    yield Library(server, made.code)
    database.dispose()


@pytest.fixture
def reader(browser: Browser, library: Library) -> Iterator[Page]:
    """A page of somebody without an account; what it logs as an error fails the test."""
    context = browser.new_context(viewport=DESK, base_url=library.server.base)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
    yield page
    context.close()
    assert faults == []


def copied(page: Page) -> str:
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def menu(page: Page) -> Locator:
    return page.locator("details.options")


@pytest.mark.promise("F12", "F109", "N9")
def test_a_student_searches_reads_reveals_the_diagnosis_and_cites(
    reader: Page, library: Library
) -> None:
    reader.goto("/")
    reader.get_by_role("searchbox").fill("wrist pain")
    reader.keyboard.press("Enter")
    expect(reader.locator(".told b")).to_have_text(re.compile("^1.case$"))
    reader.get_by_role("link", name=CASES[2][0]).click()
    expect(reader).to_have_url(library.address)
    expect(reader.locator(".pane")).to_have_attribute("data-state", "ready", timeout=60_000)

    expect(reader.get_by_text(SIGN)).to_be_hidden()
    reader.get_by_text("Closed by the author. Open when you have decided.").click()
    expect(reader.get_by_text(SIGN)).to_be_visible()

    cite = reader.locator("#cite")
    cite.get_by_role("button", name="Copy").click()
    expect(reader.locator(".toast")).to_have_text("Copied")
    assert copied(reader) == cite.locator("p").first.inner_text()
    assert f"{library.address}/versions/2" in copied(reader)
    with reader.expect_download() as download:
        cite.get_by_role("link", name="BibTeX").click()
    assert download.value.suggested_filename == f"{library.code}-v2.bib"
    assert f"{library.code}/versions/2" in download.value.path().read_text("utf-8")

    reader.get_by_role("link", name="What changed last").click()
    expect(reader.locator("ins")).to_contain_text("the band is thin")


@pytest.mark.promise("F19", "F82", "F109")
def test_filters_apply_as_they_are_chosen_and_the_menu_right_of_the_title_copies(
    reader: Page, library: Library
) -> None:
    reader.goto("/")
    reader.get_by_label(re.compile("^MR")).check()
    expect(reader).to_have_url(re.compile(r"/\?modality=MR$"))
    expect(reader.locator(".card")).to_have_count(2)
    reader.get_by_label(re.compile("^Wrist")).check()
    expect(reader).to_have_url(re.compile(r"/\?modality=MR&part=WRIST$"))
    expect(reader.locator(".card")).to_have_count(1)
    reader.get_by_role("link", name=re.compile("^Wrist.*remove")).click()
    expect(reader.locator(".card")).to_have_count(2)

    reader.goto(library.address)
    title, button = reader.locator("h1").bounding_box(), menu(reader).bounding_box()
    assert title
    assert button
    assert 0 <= button["x"] - (title["x"] + title["width"]) < 32
    menu(reader).click()
    menu(reader).get_by_text("Copy embed code").click()
    expect(reader.locator(".toast")).to_be_visible()
    assert f'src="{library.server.base}/embed/case/{library.code}"' in copied(reader)
    menu(reader).click()
    with reader.expect_download() as download:
        menu(reader).get_by_text("Download DICOM").click()
    assert download.value.path().read_bytes()[:2] == b"PK"


@pytest.mark.promise("F12", "N14")
def test_all_but_the_viewer_works_without_script_and_on_a_phone(
    browser: Browser, library: Library
) -> None:
    context = browser.new_context(
        viewport=PHONE, base_url=library.server.base, java_script_enabled=False
    )
    page = context.new_page()
    page.goto("/")
    expect(page.locator(".filters")).to_be_hidden()
    page.get_by_role("button", name="Filter").click()
    page.locator(".filters").get_by_label(re.compile("^CT")).check()
    page.get_by_role("button", name="Show cases").click()
    expect(page.locator(".card")).to_have_count(1)
    page.locator(".site .menu > summary").click()
    page.locator(".site .menu").get_by_role("link", name="Cases").click()
    expect(page.locator(".card")).to_have_count(3)
    page.locator(".card a").first.click()
    expect(page.get_by_role("img").locator("visible=true").first).to_be_visible()
    page.get_by_role("heading", name="Diagnosis").click()
    expect(page.get_by_text(SIGN)).to_be_visible()
    menu(page).click()
    menu(page).get_by_text("Copy embed code").click()
    expect(page.get_by_text("<iframe")).to_be_visible()
    context.close()


def test_a_case_prints_as_a_report_without_what_the_reader_left_closed(
    reader: Page, library: Library
) -> None:
    reader.goto(library.address)
    reader.emulate_media(media="print")
    for gone in (".site", ".foot", ".v-tools", ".reveal", "details.options", ".wrong", ".use"):
        expect(reader.locator(gone).first).to_be_hidden()
    for there in ("h1", "#history", "#findings", "#cite"):
        expect(reader.locator(there)).to_be_visible()
    expect(reader.locator(".on-paper")).to_have_text(library.address)
