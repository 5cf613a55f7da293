"""Turns the Markdown that people write into HTML that may stand on our pages.

Standard: CommonMark 0.31, with tables and strikethrough.
Invariants: what people write is text, never markup: raw HTML is shown as it was typed, there are no
pictures, and links lead to http, https, mailto or within the site, or to a view of the case; the
result is cleaned once more against a list of what may be in it; it takes a bounded time.
Not here: where it stands (`templates`), how long a text may be (`cases.document`).
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from viewer.view_links import VIEW

__all__ = ["to_html"]

LONGEST: Final = 100_000
DEEPEST: Final = 6
SCHEMES: Final = frozenset(("http", "https", "mailto"))
TAGS: Final = {
    *("a", "blockquote", "br", "code", "del", "em", "hr", "li", "ol", "p", "pre", "s", "strong"),
    *("h2", "h3", "h4", "h5", "h6", "table", "tbody", "td", "th", "thead", "tr", "ul"),
}
ATTRIBUTES: Final = {"a": {"href", "title", "data-view"}, "ol": {"start"}}
CLASSES: Final = {"a": {"to-view"}}
#: Within the site; "//host" would leave it without saying so.
RELATIVE: Final = re.compile(r"(?:/(?![/\\])|[?#]|[\w.-]+(?![\w.:%&-])).*")
# They would make a link, or what follows it, read as something else (Unicode UAX 9).
OVERRIDES: Final = dict.fromkeys(range(0x202A, 0x202F))


def to_html(text: str, *, below: int = 2) -> Markup:
    """The HTML of a text.

    Args:
        text: Markdown; what is beyond 100,000 characters is left out.
        below: the level of the heading that it stands under; its own begin one deeper.
    """
    return _rendered(text[:LONGEST], below)


# Published texts never change, and each of their readers has them drawn.
@lru_cache(maxsize=256)
def _rendered(text: str, below: int) -> Markup:
    tokens = _parser.parse(text.translate(OVERRIDES))
    _move_headings(tokens, below)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                _lead_to_view(child)
    drawn = _parser.renderer.render(tokens, _parser.options, {})
    return Markup(  # noqa: S704 - cleaned right here
        nh3.clean(
            drawn,
            tags=TAGS,
            attributes=ATTRIBUTES,
            allowed_classes=CLASSES,
            url_schemes=set(SCHEMES),
            link_rel="nofollow noopener ugc",
        )
    )


def _move_headings(tokens: Sequence[Token], below: int) -> None:
    """The highest heading comes right below the one that the text stands under."""
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    highest = min((int(token.tag[1]) for token in headings), default=1)
    for token in headings:
        token.tag = f"h{min(DEEPEST, int(token.tag[1]) - highest + below + 1)}"


def _lead_to_view(link: Token) -> None:
    found = VIEW.fullmatch(str(link.attrs.get("href", "")))
    if found:
        series, image, look = found.groups()
        more = f"&{look}" if look else ""
        link.attrs["href"] = f"?series={series}&image={image}{more}"
        link.attrs["data-view"] = f"{series}/{image}" + (f"?{look}" if look else "")
        link.attrs["class"] = "to-view"


def _may_be_linked(url: str) -> bool:
    if VIEW.fullmatch(url):
        return True
    scheme, colon, _ = url.partition(":")
    return bool(RELATIVE.fullmatch(url)) or (colon == ":" and scheme.lower() in SCHEMES)


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    parser.disable(["html_block", "html_inline", "image"])
    parser.validateLink = _may_be_linked  # type: ignore[method-assign]
    return parser


_parser: Final = _make_parser()
