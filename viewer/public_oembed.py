"""oEmbed: the frame of a case or a playlist, for sites that meet its address.

Standard: oEmbed 1.0 (rich).
Invariants: only what a stranger sees is told, whoever asks; addresses of other servers are not
looked at.
Not here: the frame itself (`viewer.embed`), its code (`viewer.linked_data`).
"""

import re
from typing import Final, cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, render_template, request

from cases.cases import Case
from cases.playing import items_of, playlist_seen_by
from viewer.blueprint import Pages
from viewer.key_pictures import key_picture
from viewer.linked_data import EMBED_HEIGHT, EMBED_WIDTH, Kind, case_address, embed_code
from viewer.open_answers import for_readers
from viewer.public import open_case

__all__ = ["add_oembed"]

NOT_IMPLEMENTED: Final = 501
SMALLEST: Final = 200
_PATHS: Final[dict[Kind, re.Pattern[str]]] = {
    "case": re.compile(r"/(?:embed/case|cases)/([^/]+)/?(?:versions/[0-9]+)?"),
    "playlist": re.compile(r"/(?:embed/playlist|playlists)/([^/]+)/?"),
}


def add_oembed(blueprint: Blueprint, pages: Pages) -> None:
    """Put the answer on a blueprint."""

    @blueprint.get("/oembed")
    def oembed() -> Response:
        form = request.args.get("format", "json")
        if form not in ("json", "xml"):
            abort(NOT_IMPLEMENTED)
        kind, code = _named(pages, request.args.get("url", ""))
        said = _said(pages, kind, code)
        if form == "xml":
            return for_readers(render_template("oembed.xml", said=said), "text/xml; charset=utf-8")
        return for_readers(jsonify(said).get_data(), "application/json; charset=utf-8")


def _said(pages: Pages, kind: Kind, code: str) -> dict[str, object]:
    title, case = _shown(pages, kind, code)
    width = _side("maxwidth", EMBED_WIDTH)
    height = _side("maxheight", round(width * EMBED_HEIGHT / EMBED_WIDTH))
    said: dict[str, object] = {
        "version": "1.0",
        "type": "rich",
        "title": title,
        "provider_name": pages.site.operator or "Readingroom",
        "provider_url": f"{pages.base()}/",
        "html": str(embed_code(pages.base(), code, title, width, height, kind=kind)),
        "width": width,
        "height": height,
    }
    picture = key_picture(pages.archive, case)
    if picture is not None:
        said["thumbnail_url"] = f"{case_address(pages.base(), case.code)}/picture.jpg"
        said |= {"thumbnail_width": picture.width, "thumbnail_height": picture.height}
    return said


def _shown(pages: Pages, kind: Kind, code: str) -> tuple[str, Case]:
    """What it is called, and the case that its picture is of."""
    if kind == "case":
        case = open_case(pages, code)
        return case.title, case
    listed = playlist_seen_by(pages.database, code, None).playlist
    items = items_of(pages.database, listed.id, None)
    if not items:
        abort(404)
    return listed.title, open_case(pages, items[0].code)


def _named(pages: Pages, url: str) -> tuple[Kind, str]:
    """What an address of this server is of; there is nothing at any other."""
    try:
        parts, base = urlsplit(url), urlsplit(pages.base())
    except ValueError:
        abort(404)
    if parts.scheme not in ("http", "https") or parts.netloc.lower() != base.netloc.lower():
        abort(404)
    path = parts.path.removeprefix(base.path) if parts.path.startswith(base.path) else ""
    for kind, pattern in _PATHS.items():
        if found := pattern.fullmatch(path):
            return kind, cast(str, found[1])
    abort(404)


def _side(name: str, usual: int) -> int:
    asked = request.args.get(name, usual, int)
    return max(min(SMALLEST, usual), min(usual, asked))
