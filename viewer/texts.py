"""The pages of terms, privacy and help: texts of the product, with what this server's operator set.

Invariants: limits that are told are those in force; the operator's own terms replace those of the
product as a whole; whatever a text holds, it comes out as harmless HTML.
Not here: asking people to accept the terms (`viewer.security.terms`), Markdown
(`viewer.markdown`).
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from string import Template
from typing import Final

from flask import Blueprint, render_template, url_for

from accounts.ae_titles import MOST_OF_ONE_ACCOUNT
from cases.document import SERIES, TAGS, TEXT_CHARACTERS
from cases.exports import KEPT_FOR
from cases.storage import MARKS
from viewer.blueprint import Pages
from viewer.labels import long_day
from viewer.markdown import to_html
from viewer.words import NBSP, grouped, plural

__all__ = ["create_texts_blueprint", "gigabytes", "limits"]

FOLDER: Final = Path(__file__).with_name("texts")
SIGN_UP: Final = {
    "open": "Anybody",
    "invitation": "Whoever was invited",
    "closed": "Nobody at present",
}


def create_texts_blueprint(pages: Pages) -> Blueprint:
    """The pages, which are for everybody."""
    blueprint = Blueprint("site", __name__)

    @blueprint.get("/terms")
    def terms() -> str:
        text = pages.site.terms or _text("terms.md")
        return _draw(pages, "Terms of use", text, day=long_day(pages.site.terms_version))

    @blueprint.get("/privacy")
    def privacy() -> str:
        return _draw(pages, "Privacy", _text("privacy.md"))

    @blueprint.get("/help")
    def help() -> str:
        return _draw(pages, "Help and limits", _text("help.md"), limits=list(limits(pages)))

    @blueprint.get("/goodbye")
    def goodbye() -> str:
        return render_template("goodbye.html")

    return blueprint


def limits(pages: Pages) -> Iterator[tuple[str, str]]:
    """The limits in force: of what, and how much."""
    site = pages.site
    named = {one.name: one.value for one in pages.settings}
    yield "Who can make an account", SIGN_UP[site.sign_up]
    yield "Cases that were never published", _pending(pages)
    yield "Room for private cases", gigabytes(site.private_bytes)
    marks = ", ".join(f"{mark}{NBSP}%" for mark in MARKS)
    yield "You are told of that room at", marks
    yield "A case", f"{plural(SERIES, 'series', 'series')}, {plural(TAGS, 'tag', 'tags')}"
    yield "A section of its text", f"{grouped(TEXT_CHARACTERS)} characters"
    yield "AE titles of an account", str(MOST_OF_ONE_ACCOUNT)
    if largest := int(named.get("max_body_bytes", 0)):
        yield "Sent over DICOMweb at one time", gigabytes(largest)
    if "rate_limit" in named:
        most = int(named["rate_limit"])
        often = f"{grouped(most)} in a minute" if most else "As many as you like"
        yield "DICOMweb requests without a token", often
    yield "File with all that is yours", f"kept for {plural(KEPT_FOR.days, 'day', 'days')}"
    is_any = site.embed_ancestors == "*"
    yield "Cases can be embedded by", "Any site" if is_any else site.embed_ancestors


def gigabytes(size: int) -> str:
    """Bytes as GB of 1000, or MB where that says more."""
    if size < 10**9:
        # Something is never nothing.
        return f"{size / 1e6:,.1f}{NBSP}MB" if size >= 50_000 or not size else f"0.1{NBSP}MB"
    return f"{size / 1e9:,.1f}".removesuffix(".0") + f"{NBSP}GB"


def _pending(pages: Pages) -> str:
    site = pages.site
    if not site.pending_days:
        return "Stay"
    days = plural(site.pending_days, "day", "days")
    return f"Deleted after {days}; their owner is told {site.pending_notice_days} days before"


def _draw(
    pages: Pages, title: str, text: str, day: str = "", limits: list[tuple[str, str]] | None = None
) -> str:
    filled = Template(text).safe_substitute(_facts(pages), day=day)
    return render_template(
        "text.html", title=title, day=day, html=to_html(filled, below=1), limits=limits, pages=pages
    )


def _facts(pages: Pages) -> dict[str, str]:
    """What is put into the texts."""
    site = pages.site
    days = plural(site.pending_days, "day", "days")
    pending = (
        f"It is deleted {days} after it was made. You are told "
        f"{plural(site.pending_notice_days, 'day', 'days')} before, and its page shows how long is "
        "left. The studies in it that no other case has go with it. Premium accounts are exempt."
        if site.pending_days
        else "It stays until you delete it."
    )
    room = gigabytes(site.private_bytes)
    private = (
        f"Their room is {room}, in which uploads count that are in no case. You are told when it "
        "is nearly used. When it is full, no further case can be made private, nothing can be "
        "added to a private case, and images that are sent for one are refused. Nothing is "
        "deleted, and all else that you send is stored."
    )
    mail = (
        "Messages to you are sent by e-mail; their text is forgotten once they are sent."
        if site.sends_mail
        else "This server sends no e-mail. Messages to you are shown to its administrators, who "
        "pass them on."
    )
    return {
        "operator": site.operator or "its operator",
        "reached": f", {site.contact}" if site.contact else "",
        "terms": url_for("site.terms"),
        "privacy": url_for("site.privacy"),
        "help": url_for("site.help"),
        "account": url_for("account.page"),
        "dicomweb": f"{pages.base()}{pages.dicomweb_root}",
        "export_days": str(KEPT_FOR.days),
        "pending": pending,
        "private": private,
        "mail": mail,
    }


@cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
