"""The map of the site for search engines, and the rules for their robots.

    sitemap.xml ─> sitemap/N.xml             the lists, and the cases
               ├─> sitemap/channels-N.xml    authors with something published
               └─> sitemap/playlists-N.xml   public playlists with something in them

Standard: sitemaps.org 0.9, RFC 9309 (robots).
Invariants: only what a stranger sees is in any of them; a file has a tenth of the addresses that it
may have, and the map names as many files as there is need of.
Not here: what is in the map (`cases.maps`).
"""

from typing import Final

from flask import Blueprint, Response, abort, render_template

from cases.maps import Mapped, count_of, entries_of
from viewer.blueprint import Pages
from viewer.open_answers import for_readers

__all__ = ["add_maps"]

PER_MAP: Final = 5000
LAST_MAP: Final = 200
KINDS: Final[tuple[Mapped, ...]] = ("cases", "channels", "playlists")
PATHS: Final[dict[Mapped, str]] = {
    "cases": "/cases/",
    "channels": "/authors/",
    "playlists": "/playlists/",
}
XML: Final = "application/xml; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
ROBOTS: Final = """\
# {site}: at most one request a second, as a person would.
User-agent: *
Crawl-delay: 1
Disallow: /account
Disallow: /admin
Disallow: /api/
Disallow: /dicomweb/
Disallow: /share/
Disallow: /sign-in
Disallow: /uploads
Disallow: /viewer/
Disallow: /cases/*/dicomweb/
Disallow: /cases/*/download
Disallow: /cases/*/report
Disallow: /*?*modality=
Disallow: /*?*part=

Sitemap: {sitemap}
"""


def add_maps(blueprint: Blueprint, pages: Pages) -> None:
    """Put the map and the rules on a blueprint."""

    @blueprint.get("/sitemap.xml")
    def sitemaps() -> Response:
        names = [name for kind in KINDS for name in _names(pages, kind)]
        return for_readers(render_template("sitemaps.xml", names=names), XML)

    @blueprint.get("/sitemap/<int:number>.xml", defaults={"mapped": "cases"})
    @blueprint.get("/sitemap/<any(channels, playlists):mapped>-<int:number>.xml")
    def sitemap(mapped: Mapped, number: int) -> Response:
        if not 1 <= number <= LAST_MAP:
            abort(404)
        offset = (number - 1) * PER_MAP
        entries = entries_of(pages.database, mapped, limit=PER_MAP, offset=offset)
        if not entries and number > 1:
            abort(404)
        lists = mapped == "cases" and number == 1
        told = {"entries": entries, "path": PATHS[mapped], "lists": lists}
        return for_readers(render_template("sitemap.xml", **told), XML)

    @blueprint.get("/robots.txt")
    def robots() -> Response:
        sitemap = f"{pages.base()}/sitemap.xml"
        return for_readers(ROBOTS.format(site="Readingroom", sitemap=sitemap), PLAIN)


def _names(pages: Pages, kind: Mapped) -> list[str]:
    """The files that there are of a kind; the first of cases has the lists, too."""
    least = 1 if kind == "cases" else 0
    count = max(least, -(-count_of(pages.database, kind) // PER_MAP))
    before = "" if kind == "cases" else f"{kind}-"
    return [f"{before}{number}" for number in range(1, min(LAST_MAP, count) + 1)]
