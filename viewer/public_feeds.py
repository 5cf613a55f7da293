"""What programs read of the site: feeds, the map of it, rules for robots, and oEmbed.

Standard: RFC 4287 (Atom), sitemaps.org 0.9, RFC 9309 (robots), oEmbed 1.0.
Invariants: only what a stranger sees is in any of them, whoever asks; addresses are whole, as
others reach the server.
Not here: pages for people (`viewer.public`).
"""

import re
import unicodedata
from typing import Final
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, jsonify, render_template, request, url_for

from cases.channels import Channel, channel_called
from cases.errors import NoSuchCase
from cases.finding import count_of_public, find_cases, public_codes
from viewer import labels
from viewer.blueprint import Pages
from viewer.browsing import arguments, wanted_of
from viewer.key_pictures import key_picture
from viewer.linked_data import EMBED_HEIGHT, EMBED_WIDTH, case_address, embed_code
from viewer.open_answers import for_readers
from viewer.public import not_there, open_case

__all__ = ["create_feeds_blueprint"]

ENTRIES: Final = 50
PER_MAP: Final = 5000
LAST_MAP: Final = 20
NOT_IMPLEMENTED: Final = 501
ATOM: Final = "application/atom+xml; charset=utf-8"
XML: Final = "application/xml; charset=utf-8"
PLAIN: Final = "text/plain; charset=utf-8"
SMALLEST: Final = 200
_CASE_PATH: Final = re.compile(r"/(?:embed/case|cases)/([^/]+)/?(?:versions/[0-9]+)?")
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
Disallow: /cases/*/report
Disallow: /*?*modality=
Disallow: /*?*part=

Sitemap: {sitemap}
"""


def create_feeds_blueprint(pages: Pages) -> Blueprint:
    """Everything for programs that need no viewer."""
    blueprint = Blueprint("feeds", __name__)
    blueprint.register_error_handler(NoSuchCase, not_there)
    whole = {"pages": pages, "labels": labels, "case_address": case_address}
    blueprint.context_processor(lambda: {**whole, "base": pages.base(), "xml": xml_text})
    _add_feeds(blueprint, pages)
    _add_maps(blueprint, pages)
    _add_oembed(blueprint, pages)
    return blueprint


def _add_feeds(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/feed.xml")
    def feed() -> Response:
        return for_readers(_draw_feed(pages, None), ATOM)

    @blueprint.get("/authors/<address>/feed.xml")
    def channel(address: str) -> Response:
        return for_readers(_draw_feed(pages, channel_called(pages.database, address)), ATOM)


def _add_maps(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/sitemap.xml")
    def sitemaps() -> Response:
        count = min(LAST_MAP, max(1, -(-count_of_public(pages.database) // PER_MAP)))
        return for_readers(render_template("sitemaps.xml", numbers=range(1, count + 1)), XML)

    @blueprint.get("/sitemap/<int:number>.xml")
    def sitemap(number: int) -> Response:
        if not 1 <= number <= LAST_MAP:
            abort(404)
        offset = (number - 1) * PER_MAP
        codes = public_codes(pages.database, limit=PER_MAP, offset=offset)
        if not codes and number > 1:
            abort(404)
        return for_readers(render_template("sitemap.xml", codes=codes, number=number), XML)

    @blueprint.get("/robots.txt")
    def robots() -> Response:
        sitemap = f"{pages.base()}{url_for('feeds.sitemaps')}"
        return for_readers(ROBOTS.format(site="Readingroom", sitemap=sitemap), PLAIN)


def _add_oembed(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/oembed")
    def oembed() -> Response:
        form = request.args.get("format", "json")
        if form not in ("json", "xml"):
            abort(NOT_IMPLEMENTED)
        case = open_case(pages, _code_in(pages, request.args.get("url", "")))
        width = _side("maxwidth", EMBED_WIDTH)
        height = _side("maxheight", round(width * EMBED_HEIGHT / EMBED_WIDTH))
        said: dict[str, object] = {
            "version": "1.0",
            "type": "rich",
            "title": case.title,
            "provider_name": pages.site.operator or "Readingroom",
            "provider_url": f"{pages.base()}/",
            "html": str(embed_code(pages.base(), case.code, case.title, width, height)),
            "width": width,
            "height": height,
        }
        picture = key_picture(pages.archive, case)
        if picture is not None:
            said["thumbnail_url"] = f"{case_address(pages.base(), case.code)}/picture.jpg"
            said |= {"thumbnail_width": picture.width, "thumbnail_height": picture.height}
        if form == "xml":
            return for_readers(render_template("oembed.xml", said=said), "text/xml; charset=utf-8")
        return for_readers(jsonify(said).get_data(), "application/json; charset=utf-8")


def xml_text(text: str) -> str:
    """The text without characters that XML 1.0 does not have."""
    return "".join(
        letter
        for letter in text
        if letter in "\t\n\r"
        or (unicodedata.category(letter) not in ("Cc", "Cs") and ord(letter) & 0xFFFE != 0xFFFE)
    )


def _draw_feed(pages: Pages, channel: Channel | None) -> str:
    wanted, _ = wanted_of(request.args, None if channel is None else channel.owner_id)
    found = find_cases(pages.database, wanted, limit=ENTRIES)
    said = arguments(wanted)
    if channel is None:
        own, page = url_for("feeds.feed", **said), url_for("public.home", **said)
    else:
        named = {"address": channel.address, **said}
        own, page = url_for("feeds.channel", **named), url_for("public.channel", **named)
    updated = max((case.updated_at for case in found.cases), default=None)
    return render_template(
        "feed.xml",
        found=found,
        own=f"{pages.base()}{_below(own)}",
        page=f"{pages.base()}{_below(page)}",
        channel=channel,
        updated=updated,
        title=channel.name if channel else (pages.site.operator or "Readingroom"),
    )


def _below(path: str) -> str:
    """The path below the address of the server, which holds the path of a proxy already."""
    return path.removeprefix(request.script_root)


def _code_in(pages: Pages, url: str) -> str:
    """The code of the case that an address of this server is of; empty for none."""
    try:
        parts, base = urlsplit(url), urlsplit(pages.base())
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or parts.netloc.lower() != base.netloc.lower():
        return ""
    if not parts.path.startswith(base.path):
        return ""
    found = _CASE_PATH.fullmatch(parts.path.removeprefix(base.path))
    return found[1] if found else ""


def _side(name: str, usual: int) -> int:
    asked = request.args.get(name, usual, int)
    return max(min(SMALLEST, usual), min(usual, asked))
