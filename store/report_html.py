"""Writes a report as a page that stands alone.

Invariants: every text of the report is escaped; the page loads nothing and runs nothing; it reads
well at any width, in light and dark, with any font size, and on paper.
Not here: reading the report (`store.reports`).
"""

from collections.abc import Callable, Iterator
from html import escape
from itertools import groupby
from typing import Final

from store.reports import Item, Reference, Report

__all__ = ["to_html"]

Link = Callable[[Reference], str | None]

LOWEST_HEADING: Final = 6

_STYLE: Final = """
:root{color-scheme:light dark;--page:light-dark(#f2f3f1,#171d23);
--surface:light-dark(#fcfcfb,#1e262d);--line:light-dark(#d5d9d7,#333e48);
--ink:light-dark(#18212a,#e8ebee);
--ink-3:light-dark(#596570,#98a4af);--link:light-dark(#1b4f7d,#a6cbea)}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:1rem/1.65 "Plex Sans",system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
overflow-wrap:anywhere}
main{max-width:50rem;margin:0 auto;padding:2rem clamp(1rem,4vw,2.5rem) 4.5rem}
h1{font-size:1.75rem;line-height:1.25;font-weight:600;margin:0 0 1.5rem}
h2{font-size:1.125rem;line-height:1.3;font-weight:600;margin:2rem 0 .5rem}
h3,h4,h5,h6{font-size:1rem;line-height:1.3;font-weight:600;margin:1.25rem 0 .25rem}
section section{padding-left:1rem;border-left:1px solid var(--line)}
dl{margin:0}
dl>div{display:grid;grid-template-columns:minmax(8rem,15rem) 1fr;gap:0 1rem;padding:.375rem 0;
border-top:1px solid var(--line)}
dl>div:first-child{border-top:0}
dt{color:var(--ink-3);font-size:.875rem;line-height:1.65rem}
dd{margin:0}
dd dl{margin-top:.25rem;padding-left:.75rem;border-left:1px solid var(--line)}
dd dl>div{grid-template-columns:minmax(6rem,11rem) 1fr;border-top:0;padding:.125rem 0}
.said{white-space:pre-line}
.facts{margin-bottom:1.5rem;background:var(--surface);border:1px solid var(--line);
border-radius:6px;padding:.5rem 1rem;
font-size:.875rem;display:grid;grid-template-columns:repeat(auto-fill,minmax(17rem,1fr));gap:0 2rem}
.facts>div{border-top:0;grid-template-columns:6rem 1fr;padding:.125rem 0}
.facts dd{line-height:1.65rem}
.relation{color:var(--ink-3);font-size:.8125rem;font-weight:400}
a{color:var(--link);text-underline-offset:.15em}
@media(max-width:36rem){dl>div,dd dl>div{grid-template-columns:1fr}
.facts>div{grid-template-columns:6rem 1fr}
h1{font-size:1.375rem}main{padding-top:1.25rem}section section{padding-left:.75rem}}
@media print{body{background:none;font-size:10.5pt}main{max-width:none;padding:0}
dl>div{break-inside:avoid}}
""".replace("\n", "")


def to_html(report: Report, link: Link) -> bytes:
    """Return the page, in UTF-8.

    Args:
        report: what it says.
        link: gives the address under which an instance can be seen, or None.
    """
    title = escape(report.title)
    facts = "".join(_row(escape(name), escape(value)) for name, value in report.facts)
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>"
        f'<dl class="facts">{facts}</dl>{"".join(_content(report.items, link, 2))}'
        "</main></body></html>\n"
    )
    return page.encode("utf-8", "replace")


def _content(items: tuple[Item, ...], link: Link, level: int) -> Iterator[str]:
    for is_container, group in groupby(items, key=lambda item: item.is_container):
        if not is_container:
            yield f"<dl>{''.join(_leaf(item, link) for item in group)}</dl>"
            continue
        for item in group:
            heading = f"h{min(level, LOWEST_HEADING)}"
            yield f"<section><{heading}>{_name(item)}</{heading}>"
            yield from _content(item.items, link, level + 1)
            yield "</section>"


def _leaf(item: Item, link: Link) -> str:
    places = [place for reference in item.references if (place := link(reference))]
    value = escape(item.value)
    if len(places) == 1:
        value = f'<a href="{escape(places[0])}">{value}</a>'
    elif places:
        links = (f'<a href="{escape(place)}">{n}</a>' for n, place in enumerate(places, 1))
        value = f"{value}: {' '.join(links)}"
    said = f'<span class="said">{value}</span>' if value else ""
    return _row(_name(item), said + "".join(_content(item.items, link, LOWEST_HEADING)))


def _row(name: str, value: str) -> str:
    return f"<div><dt>{name}</dt><dd>{value}</dd></div>"


def _name(item: Item) -> str:
    relation = f' <span class="relation">{escape(item.relation)}</span>' if item.relation else ""
    return escape(item.name) + relation
