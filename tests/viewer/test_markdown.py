"""Markdown: what may stand on a page, and what people who mean harm do not get there."""

import re
from html.parser import HTMLParser

import pytest

from viewer.markdown import LONGEST, to_html


class Found(HTMLParser):
    """The tags of a piece of HTML, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def links(self) -> list[str | None]:
        return [attributes.get("href") for tag, attributes in self.tags if tag == "a"]

    def names(self) -> set[str]:
        return {tag for tag, _ in self.tags}


def test_what_commonmark_and_tables_have_is_drawn() -> None:
    html = to_html("*a* **b** ~~c~~ `d`\n\n> e\n\n3. f\n\n| g | h |\n|---|--:|\n| 1 | 2 |\n\n---\n")
    assert Found(html).names() >= {"em", "strong", "s", "code", "blockquote", "ol", "table", "hr"}
    assert '<ol start="3">' in html
    assert "style" not in html


def test_headings_come_below_the_one_that_the_text_stands_under() -> None:
    assert to_html("# a\n\n### b") == "<h3>a</h3>\n<h5>b</h5>\n"
    assert to_html("## a", below=1) == "<h2>a</h2>\n"
    assert "h6" in to_html("# a\n\n###### b")
    assert "h1" not in to_html("# a", below=1)


def test_a_link_to_a_view_becomes_one_of_the_page_and_of_the_viewer() -> None:
    [(_, _), (tag, attributes)] = Found(to_html("See [image 10](view:1/10).")).tags
    assert tag == "a"
    assert attributes["class"] == "to-view"
    assert attributes["data-view"] == "1/10"
    assert attributes["href"] == "?series=1&image=10"


@pytest.mark.promise("N5")
@pytest.mark.parametrize("look", ["window=-600,1500.5", "window=40,400&zoom=1.5", "zoom=2"])
def test_a_link_to_a_view_may_have_a_window_and_a_zoom(look: str) -> None:
    [(_, _), (_, attributes)] = Found(to_html(f"[x](view:1.2.34.5/7?{look})")).tags
    assert attributes["href"] == f"?series=1.2.34.5&image=7&{look}"
    assert attributes["data-view"] == f"1.2.34.5/7?{look}"


@pytest.mark.parametrize(
    "view",
    [
        *("view:0/1", "view:1", "view:1/2/3", "view:1/-2", "view:a/b", "view:1.2/1"),
        *("view:1/1?", "view:1/1?zoom=a", "view:1/1?zoom=1&window=1,2", "view:1/1?x=1"),
    ],
)
def test_what_is_no_view_is_no_link(view: str) -> None:
    assert Found(to_html(f"[x]({view})")).links() == []


@pytest.mark.parametrize(
    "link", ["https://a.example/b?c=d", "http://a.example", "mailto:a@b.example", "/cases/x", "#y"]
)
def test_good_links_lead_there_and_vouch_for_nothing(link: str) -> None:
    [(_, _), (_, attributes)] = Found(to_html(f"[x]({link})")).tags
    assert attributes == {"href": link, "rel": "nofollow noopener ugc"}


@pytest.mark.parametrize(
    "hostile",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](&#106;avascript:alert(1))",
        "[x](&#x6A&#x61vascript:alert(1))",
        "[x](java&Tab;script:alert(1))",
        "[x](<java\tscript:alert(1)>)",
        "[x](\x01javascript:alert(1))",
        "[x](vbscript:x)",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "[x](file:///etc/passwd)",
        "[x](blob:https://a.example/1)",
        "[x](//evil.example/)",
        "[x](///evil.example/)",
        "<javascript:alert(1)>",
        "<data:text/html,x>",
        "[x]\n\n[x]: javascript:alert(1)",
        "[x](javascript&colon;alert(1))",
        '[x](view:1/1"onclick=alert(1))',
    ],
)
def test_no_link_leads_to_code_or_to_another_site_unsaid(hostile: str) -> None:
    assert Found(to_html(hostile)).links() == []


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onmouseover=alert(1)>b</b>",
        "<svg><style><img src=x onerror=alert(1)></style></svg>",
        "<!-- --><iframe srcdoc=x>",
        "<a href=javascript:alert(1)>x</a>",
        "`<script>`",
        "    <script>",
        "```html\n<script>alert(1)</script>\n```",
        "|<script>|b|\n|-|-|\n|<iframe>|d|",
        '[x](https://a.example "\\" onclick=alert(1) \\"")',
        '[x](https://a.example/"onclick="alert(1))',
        "![x](https://a.example/pixel.png)",
        '![x](x "onerror=alert(1)")',
        "<math><mtext></p><style>x",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "*<*script>alert(1)<*/*script>",
        '<https://a.example/"><script>alert(1)</script>>',
    ],
)
def test_what_is_typed_as_markup_is_shown_as_text(hostile: str) -> None:
    found = Found(to_html(hostile))
    allowed = {"a", "code", "em", "p", "pre", "table", "tbody", "td", "th", "thead", "tr"}
    assert found.names() <= allowed
    for _, attributes in found.tags:
        assert set(attributes) <= {"href", "rel", "title"}


def test_what_turns_the_reading_direction_is_left_out_and_right_to_left_text_stays() -> None:
    html = to_html("invoice\u202egnp.exe\u202c and \u05e9\u05dc\u05d5\u05dd\u200f")
    assert not re.search("[\u202a-\u202e]", html)
    assert "\u05e9\u05dc\u05d5\u05dd\u200f" in html


def test_nul_does_not_reach_the_page() -> None:
    assert "\0" not in to_html("a\0b")


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 9000,
        "[a](" * 3000,
        "*a **" * 2000,
        "".join("`" * count + " " for count in range(1, 140)),
        "> " * 5000,
        "".join("  " * depth + "* a\n" for depth in range(120)),
        "|a" * 200 + "|\n" + "|-" * 200 + "|\n" + "a\n" * 300,
        "![" * 4000,
        "<a " * 3000,
    ],
)
def test_what_is_made_to_be_slow_or_deep_ends_and_stays_within_bounds(hostile: str) -> None:
    # A row of a table may be filled up with empty cells; the parser ends at 65,536 of them.
    assert len(to_html(hostile)) < 20 * len(hostile) + 65_536 * 12


def test_beyond_its_limit_a_text_is_cut() -> None:
    assert to_html("a" * (LONGEST + 10)).count("a") == LONGEST
