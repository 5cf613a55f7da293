"""What feed readers take: the list of cases, a channel and a playlist, as Atom and as RSS.

Standard: RFC 4287 (Atom), RSS 2.0.
Invariants: only what a stranger sees is in any of them, whoever asks; addresses are whole, as
others reach the server.
Not here: pages for people (`viewer.public`), maps (`viewer.public_maps`), oEmbed
(`viewer.public_oembed`).
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Final

from flask import Blueprint, Response, render_template, request, url_for

from cases.channels import channel_called
from cases.errors import NoSuchCase, NoSuchPlaylist
from cases.finding import cases_shown, find_cases
from cases.playing import items_of, playlist_seen_by
from cases.wanted import FoundCase
from viewer import labels
from viewer.blueprint import Pages
from viewer.browsing import arguments, wanted_of
from viewer.linked_data import case_address
from viewer.open_answers import for_readers
from viewer.public import not_there
from viewer.public_maps import add_maps
from viewer.public_oembed import add_oembed

__all__ = ["create_feeds_blueprint"]

ENTRIES: Final = 50
FORMS: Final = {
    "xml": ("feed.xml", "application/atom+xml; charset=utf-8"),
    "rss": ("feed_rss.xml", "application/rss+xml; charset=utf-8"),
}


@dataclass(frozen=True)
class Feed:
    """What a feed is of.

    Attributes:
        title, subtitle: what readers call it.
        author: of the cases that name none.
        own, page: paths of the feed itself and of the page that shows the same to people.
        cases: in order.
    """

    title: str
    subtitle: str
    author: str
    own: str
    page: str
    cases: Sequence[FoundCase]


def create_feeds_blueprint(pages: Pages) -> Blueprint:
    """Everything for programs that need no viewer."""
    blueprint = Blueprint("feeds", __name__)
    blueprint.register_error_handler(NoSuchCase, not_there)
    blueprint.register_error_handler(NoSuchPlaylist, not_there)
    whole = {"pages": pages, "labels": labels, "case_address": case_address}
    whole |= {"xml": xml_text, "rss_date": format_datetime}
    blueprint.context_processor(lambda: {**whole, "base": pages.base()})
    _add_feeds(blueprint, pages)
    add_maps(blueprint, pages)
    add_oembed(blueprint, pages)
    return blueprint


def _add_feeds(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/feed.xml", defaults={"form": "xml"})
    @blueprint.get("/feed.rss", defaults={"form": "rss"})
    def feed(form: str) -> Response:
        return _answer(pages, form, _of_all(pages, form))

    @blueprint.get("/authors/<address>/feed.xml", defaults={"form": "xml"})
    @blueprint.get("/authors/<address>/feed.rss", defaults={"form": "rss"})
    def channel(address: str, form: str) -> Response:
        return _answer(pages, form, _of_channel(pages, form, address))

    @blueprint.get("/playlists/<code>/feed.xml", defaults={"form": "xml"})
    @blueprint.get("/playlists/<code>/feed.rss", defaults={"form": "rss"})
    def playlist(code: str, form: str) -> Response:
        return _answer(pages, form, _of_playlist(pages, form, code))


def xml_text(text: str) -> str:
    """The text without characters that XML 1.0 does not have."""
    return "".join(
        letter
        for letter in text
        if letter in "\t\n\r"
        or (unicodedata.category(letter) not in ("Cc", "Cs") and ord(letter) & 0xFFFE != 0xFFFE)
    )


def _of_all(pages: Pages, form: str) -> Feed:
    wanted, _ = wanted_of(request.args)
    found, said = find_cases(pages.database, wanted, limit=ENTRIES), arguments(wanted)
    own, page = url_for("feeds.feed", form=form, **said), url_for("public.home", **said)
    title = pages.site.operator or "Readingroom"
    return Feed(title, "Teaching cases", title, own, page, found.cases)


def _of_channel(pages: Pages, form: str, address: str) -> Feed:
    channel = channel_called(pages.database, address)
    wanted, _ = wanted_of(request.args, channel.owner_id)
    found, said = find_cases(pages.database, wanted, limit=ENTRIES), arguments(wanted)
    own = url_for("feeds.channel", address=address, form=form, **said)
    page = url_for("public.channel", address=address, **said)
    name = channel.name
    return Feed(name, f"Teaching cases by {name}", name, own, page, found.cases)


def _of_playlist(pages: Pages, form: str, code: str) -> Feed:
    listed = playlist_seen_by(pages.database, code, None)
    items = items_of(pages.database, listed.playlist.id, None)
    cases = cases_shown(pages.database, [one.case_id for one in items])
    own = url_for("feeds.playlist", code=code, form=form)
    page = url_for("playlists.page", code=code)
    author = listed.owner or pages.site.operator or "Readingroom"
    return Feed(listed.playlist.title, "Playlist of teaching cases", author, own, page, cases)


def _answer(pages: Pages, form: str, feed: Feed) -> Response:
    template, media_type = FORMS[form]
    updated = max((case.updated_at for case in feed.cases), default=None)
    page = render_template(
        template,
        feed=feed,
        own=f"{pages.base()}{_below(feed.own)}",
        page=f"{pages.base()}{_below(feed.page)}",
        updated=updated or pages.clock(),
    )
    return for_readers(page, media_type)


def _below(path: str) -> str:
    """The path below the address of the server, which holds the path of a proxy already."""
    return path.removeprefix(request.script_root)
