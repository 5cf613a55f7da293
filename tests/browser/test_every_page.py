"""Every page, at a desk and on a phone, light and dark: axe finds nothing serious, and it fits."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Response

from server.config import load
from server.services import Services
from tests.browser.axe import colours, serious
from tests.browser.conftest import DESK, PHONE
from tests.browser.every_page import CALLERS, HALFWAY, NO_PAGES, PASSWORD, Caller, Everything
from tests.support.server import RunningServer, running_server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

LOOKS = ((DESK, ("light", "dark")), (PHONE, ("dark", "light")))
WIDTH = "() => document.documentElement.scrollWidth"
OPEN = """() => {
  document.querySelectorAll("details").forEach((one) => { one.open = true; });
  // What appears once a study is chosen.
  document.querySelector("[aria-label^='Choose ']:not(:checked)")?.click();
}"""
SHUT = "() => document.querySelectorAll('details').forEach((one) => { one.open = false; })"
SEND = """(path) => {
  const form = document.querySelector(`form[action="${path}"]`) ?? document.createElement("form");
  form.method = "post";
  form.action = path;
  document.body.append(form);
  form.submit();
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("server")
    with running_server(folder, {"READINGROOM_SIGN_UP": "open"}) as running:
        yield running


@pytest.fixture(scope="module")
def everything(server: RunningServer) -> Iterator[Everything]:
    settings = {"READINGROOM_DATA": str(server.data), "READINGROOM_SIGN_UP": "open"}
    services = Services(load(environment=settings))
    yield Everything.make(services)
    services.database.dispose()


def test_every_route_that_gives_a_page_is_in_the_list(everything: Everything) -> None:
    rules = everything.app.url_map.iter_rules()
    got = {rule.rule for rule in rules if "GET" in (rule.methods or ())}
    pages = everything.routes()
    assert {rule for rule in got if "/dicomweb" not in rule} == pages | NO_PAGES
    assert not pages & NO_PAGES


@pytest.mark.promise("N14")
@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_serious_stands_in_the_way_of_anybody(
    browser: Browser, server: RunningServer, everything: Everything, caller: Caller
) -> None:
    # Colours are measured between two states of a page, and not while one becomes the other.
    context = browser.new_context(
        viewport=DESK, base_url=server.base, reduced_motion="reduce", color_scheme="light"
    )
    page, seen = context.new_page(), set[str]()
    sign_in(page, everything, caller)
    wrong = []
    for status, path in everything.visits(caller):
        page.set_viewport_size(DESK)
        wrong += [f"{path}: {one}" for one in answered(page.goto(path), status)]
        wrong += [f"{path}: {one}" for one in faults(page, seen)]
    if caller == "stranger":
        wrong += [f"refused form: {one}" for one in refused(page, seen)]
    context.close()
    assert wrong == []


def sign_in(page: Page, everything: Everything, caller: Caller) -> None:
    if caller == "halfway":
        page.goto("/sign-in")
        page.get_by_label("E-mail").fill(HALFWAY)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url("**/second-step**")
    elif caller != "stranger":
        page.goto(f"/sign-in/{everything.names[f'of_{caller}']}")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda address: "/sign-in" not in address)


def answered(answer: Response | None, status: int) -> Iterator[str]:
    """What is wrong with an answer."""
    assert answer is not None
    kind = answer.headers["content-type"].partition(";")[0]
    if (answer.status, kind) != (status, "text/html"):
        yield f"{answer.status}, {kind}"


def refused(page: Page, seen: set[str]) -> Iterator[str]:
    """The same of what says that a form was not right, not this server's, or a spent link's."""
    page.set_viewport_size(DESK)
    page.goto("/sign-in")
    page.get_by_label("E-mail").fill(HALFWAY)
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("alert").first.wait_for()
    yield from faults(page, seen)
    for path, status in (("/sign-out", 403), (f"/sign-in/{'n' * 43}", 410)):
        page.goto("/terms" if path == "/sign-out" else path)
        with page.expect_navigation() as waited:
            page.evaluate(SEND, path)
        yield from answered(waited.value, status)
        yield from faults(page, seen)


def faults(page: Page, seen: set[str]) -> Iterator[str]:
    """What is wrong with a page, in each size and colour scheme, with its parts shut and open."""
    if page.locator(".pane:visible").count():
        page.wait_for_selector('.pane:is([data-state="ready"], [data-state="fault"])')
    if not page.title().strip():
        yield "no title"
    if (heads := page.locator("h1").count()) != 1:
        yield f"{heads} headings of the first level"
    for size, schemes in LOOKS:
        page.set_viewport_size(size)
        wrong = []
        for parts, looks in ((SHUT, schemes), (OPEN, schemes[1:])):
            page.evaluate(parts)
            if page.evaluate(WIDTH) > size["width"]:
                wrong.append("wider than the window")
            for scheme in looks:
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                wrong += [f"{scheme}: {one}" for one in colours(page, seen)]
        wrong += serious(page, with_colours=False)
        yield from (f"{size['width']}: {one}" for one in wrong)
