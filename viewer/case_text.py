"""The texts of a case as its page shows them.

Not here: HTML of Markdown (`viewer.markdown`).
"""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from cases.document import SECTIONS, Document
from viewer.markdown import to_html

__all__ = ["Section", "sections_of"]

HEADINGS: Final = {
    "description": "Description",
    "history": "History",
    "findings": "Findings",
    "diagnosis": "Diagnosis",
    "discussion": "Discussion",
}
WORDS_A_MINUTE: Final = 200


@dataclass(frozen=True)
class Section:
    """A text of the case.

    Attributes:
        name: one of `cases.document.SECTIONS`.
        heading: above it; empty for none.
        html: the text.
        closed: it stays closed until the reader opens it.
        minutes: how long reading it takes.
    """

    name: str
    heading: str
    html: Markup
    closed: bool
    minutes: int


def sections_of(document: Document) -> tuple[Section, ...]:
    """The texts of a document that are not empty, in order."""
    names = [name for name in SECTIONS if getattr(document, name).strip()]
    return tuple(_section(document, name) for name in names)


def _section(document: Document, name: str) -> Section:
    text, closed = getattr(document, name), name in document.closed
    # What a case begins with needs no heading that says so.
    heading = "" if name == SECTIONS[0] and not closed else HEADINGS[name]
    html = to_html(text, below=2 if heading else 1)
    return Section(name, heading, html, closed, max(1, round(len(text.split()) / WORDS_A_MINUTE)))
