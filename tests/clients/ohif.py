"""OHIF as its users have it: the build in its npm package, configured as the how-to page says.

`served` puts it on a port of its own, so a browser reaches Readingroom across origins; `Viewer`
drives it in a page. Benchmarks may use both, too.
"""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, Response

from tests.clients.site import Site, serve

__all__ = ["BUILT", "Viewer", "app_config", "opened", "served"]

ROOT = Path(__file__).parents[2]
BUILT = Path(__file__).parent / "build" / "ohif"
HOW_TO = ROOT / "docs" / "how-to" / "ohif.md"
EXAMPLE = "https://pacs.example.org/dicomweb"
LONG = 60_000

HEADERS = {
    # What OHIF wants of the server that serves it, so that it may share memory between threads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}

# The token in its place, and neither the notice for users nor the tour for newcomers.
PREPARED = """
sessionStorage.setItem('readingroom', %s);
sessionStorage.setItem('investigationalUseDialog', 'hidden');
localStorage.setItem('shownTours', '["basicViewerTour"]');
"""

# Events are told of empty viewports, too: only many levels of grey mean that there is a picture.
LEVELS = """() => {
  const seen = new Set();
  let coloured = 0;
  for (const canvas of document.querySelectorAll('[data-cy="viewport-pane"] canvas')) {
    if (!canvas.checkVisibility()) continue;
    const small = new OffscreenCanvas(256, 256).getContext('2d');
    small.drawImage(canvas, 0, 0, 256, 256);
    const { data } = small.getImageData(0, 0, 256, 256);
    for (let at = 0; at < data.length; at += 4) {
      seen.add(data[at]);
      const [r, g, b] = data.subarray(at, at + 3);
      if (Math.max(r, g, b) - Math.min(r, g, b) > 40) coloured++;
    }
  }
  return { levels: seen.size, coloured };
}"""


def app_config(root: str) -> str:
    """The configuration in the how-to page, for a server's root."""
    text = HOW_TO.read_text("utf-8")
    found = re.search(r"^```js\n(// app-config\.js\n.*?)^```", text, re.M | re.S)
    assert found, "the how-to page has no app-config.js"
    assert found[1].count(EXAMPLE) == 1
    return found[1].replace(EXAMPLE, root)


@contextmanager
def served(root: str, port: int = 0) -> Iterator[Site]:
    """OHIF on a port, reading from the DICOMweb root, whose `cors_origins` names that port."""
    assert (BUILT / "index.html").is_file(), "OHIF is missing; `make test` fetches its package"
    made = {"/app-config.js": app_config(root).encode()}
    with serve(BUILT, made, HEADERS, fallback="/index.html", port=port) as site:
        yield site


@dataclass
class Viewer:
    """OHIF in a page, and what went wrong there: failed requests, errors, lines in the console."""

    page: Page
    site: Site
    root: str
    answers: list[tuple[str, int, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note what goes wrong from here on."""
        page = self.page
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("response", self._note)
        page.on(
            "console",
            lambda line: self.faults.append(line.text) if line.type == "error" else None,
        )
        page.on(
            "requestfailed",
            lambda request: (
                self.faults.append(f"{request.url}: {request.failure}")
                if request.failure != "net::ERR_ABORTED"
                else None
            ),
        )

    def _note(self, response: Response) -> None:
        if response.url.startswith(self.root):
            path = response.url[len(self.root) :]
            self.answers.append((response.request.method, response.status, path))
        if response.status >= 400:
            self.faults.append(f"{response.status} {response.url}")

    def open_list(self, query: str = "") -> None:
        """The list of studies."""
        self.page.goto(f"{self.site.base}/{query}")
        self.page.get_by_text("Study List").wait_for(timeout=LONG)

    def rows(self) -> Locator:
        """The studies in the list."""
        return self.page.locator("tbody tr").filter(
            has=self.page.get_by_role("button", name="Action Menu")
        )

    def open_study(self, study: str) -> None:
        """A study, until its first picture is drawn."""
        self.page.goto(f"{self.site.base}/viewer?StudyInstanceUIDs={study}")
        self.wait_for_picture()

    def wait_for_picture(self, *, coloured: int = 0) -> None:
        """Until the viewports show a picture, with at least so many coloured points of 65536."""
        enough = f"({{ levels, coloured: some }}) => levels > 30 && some >= {coloured}"
        drawn = f"() => ({enough})(({LEVELS})())"
        self.page.wait_for_function(drawn, timeout=LONG)

    def wait_for_frames(self, count: int) -> None:
        """Until so many frames have come."""
        end = time.monotonic() + LONG / 1000
        while len(self.frames()) < count:
            assert time.monotonic() < end, f"{len(self.frames())} of {count} frames came"
            self.page.wait_for_timeout(50)

    def frames(self) -> list[str]:
        """The addresses of the frames that have come."""
        return [path for _, status, path in self.answers if "/frames/" in path and status == 200]

    def open_without_picture(self, label: str) -> None:
        """What the list of series shows without a thumbnail: reports, segmentations."""
        items = self.page.get_by_test_id("study-browser-thumbnail-no-image")
        items.filter(has_text=label).first.dblclick()

    def thumbnails(self) -> list[int]:
        """The width of each thumbnail's picture, as soon as all have come."""
        pictures = '[data-cy="study-browser-thumbnail"] img'
        self.page.wait_for_function(
            "(of) => { const all = [...document.querySelectorAll(of)];"
            " return all.length && all.every((one) => one.complete && one.naturalWidth > 1); }",
            arg=pictures,
            timeout=LONG,
        )
        widths: list[int] = self.page.locator(pictures).evaluate_all(
            "(all) => all.map((one) => one.naturalWidth)"
        )
        return widths


@contextmanager
def opened(browser: Browser, site: Site, root: str, token: str) -> Iterator[Viewer]:
    """OHIF in a new window, with a token."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_init_script(PREPARED % json.dumps(token))
    context.set_default_timeout(LONG)
    viewer = Viewer(context.new_page(), site, root)
    viewer.watch()
    try:
        yield viewer
    finally:
        context.close()
