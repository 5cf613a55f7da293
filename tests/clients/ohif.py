"""OHIF as its users have it: the build in its npm package, configured as the how-to page says.

`served` puts it on a port of its own, so a browser reaches Readingroom across origins.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.clients.site import Site, serve

__all__ = ["BUILT", "app_config", "served", "study_address"]

ROOT = Path(__file__).parents[2]
BUILT = Path(__file__).parent / "build" / "ohif"
HOW_TO = ROOT / "docs" / "how-to" / "ohif.md"
EXAMPLE = "https://pacs.example.org/dicomweb"

HEADERS = {
    # What OHIF wants of the server that serves it, so that it may share memory between threads.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
}


def app_config(root: str) -> str:
    """The configuration in the how-to page, for a server's root."""
    found = re.search(
        r"^```js\n(// app-config\.js\n.*?)^```", HOW_TO.read_text("utf-8"), re.M | re.S
    )
    assert found, "the how-to page has no app-config.js"
    assert found[1].count(EXAMPLE) == 1
    return found[1].replace(EXAMPLE, root)


@contextmanager
def served(root: str) -> Iterator[Site]:
    """OHIF on a free port, reading from the DICOMweb root."""
    assert (BUILT / "index.html").is_file(), "OHIF is missing; `make test` fetches its package"
    made = {"/app-config.js": app_config(root).encode()}
    with serve(BUILT, made, HEADERS, fallback="/index.html") as site:
        yield site


def study_address(site: Site, study: str, mode: str = "viewer") -> str:
    """The page of a study."""
    return f"{site.base}/{mode}?StudyInstanceUIDs={study}"
