"""How a case is told to programs that meet its address: schema.org, and the code that embeds it.

Standard: schema.org 28 (LearningResource), oEmbed 1.0 (rich).
Invariants: a section that its author keeps closed is not told; nothing that somebody wrote ends the
element or attribute that it stands in.
Not here: citations (`cases.citing`), the pages themselves (`viewer.public`).
"""

import re
from typing import Any, Final, Literal

from markupsafe import Markup, escape

from cases.document import LICENCES
from cases.vocabulary import body_part_words, modality_words
from viewer.case_page import CasePage
from viewer.words import utc

__all__ = [
    "LICENCE_ADDRESSES",
    "Kind",
    "case_address",
    "embed_code",
    "in_one_line",
    "linked_data",
    "summary",
]

Kind = Literal["case", "playlist"]

SUMMARY_CHARACTERS: Final = 300
EMBED_WIDTH: Final = 960
EMBED_HEIGHT: Final = 720
LICENCE_ADDRESSES: Final = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/",
}
_TARGET: Final = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
_MARKS: Final = re.compile(r"[*_`#>|]+")


def case_address(base: str, code: str) -> str:
    """Where the newest version of a case is."""
    return f"{base}/cases/{code}"


def embed_code(
    base: str,
    code: str,
    title: str,
    width: int = EMBED_WIDTH,
    height: int = EMBED_HEIGHT,
    *,
    kind: Kind = "case",
    secret: str = "",
) -> Markup:
    """What an author of another site puts into a page (F20).

    Args:
        base: the server's address.
        code, title, kind: of what is embedded.
        width, height: of the frame.
        secret: of the share link that shows it; empty for what everybody may see.
    """
    query = f"?share={secret}" if secret else ""
    return Markup(
        '<iframe src="{}/embed/{}/{}{}" width="{}" height="{}" title="{}" loading="lazy"'
        ' allow="fullscreen" allowfullscreen></iframe>'
    ).format(base, kind, code, query, width, height, escape(title))


def summary(page: CasePage) -> str:
    """The first open text of a case, in one line."""
    for section in page.sections:
        if not section.closed:
            return in_one_line(getattr(page.document, section.name))
    return ""


def in_one_line(markdown: str) -> str:
    """The beginning of a text, without its marks."""
    text = _TARGET.sub(r"\1", markdown)
    line = " ".join(_MARKS.sub("", text).split())
    if len(line) <= SUMMARY_CHARACTERS:
        return line
    return line[:SUMMARY_CHARACTERS].rsplit(" ", 1)[0] + " …"


def linked_data(page: CasePage, base: str, operator: str) -> dict[str, Any]:
    """The case as schema.org has it."""
    address = case_address(base, page.code)
    words = [modality_words(page.modality), body_part_words(page.body_part), *page.document.tags]
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "LearningResource",
        "@id": address,
        "url": address,
        "identifier": page.code,
        "name": page.title,
        "abstract": summary(page),
        "learningResourceType": "Teaching case",
        "educationalUse": "Radiology teaching",
        "inLanguage": "",
        "author": [{"@type": "Person", "name": name} for name in page.document.authors],
        "publisher": {"@type": "Organization", "name": operator} if operator else None,
        "keywords": [word for word in words if word],
        "about": _about(page),
        "image": f"{address}/picture.jpg",
        "version": str(page.version),
        "datePublished": _day(page.case.published_at),
        "dateModified": _day(page.date),
        "license": LICENCE_ADDRESSES.get(page.document.licence) or LICENCES[page.document.licence],
        "isAccessibleForFree": True,
        "creditText": page.citation,
    }
    return {name: value for name, value in said.items() if value not in ("", None, [])}


def _about(page: CasePage) -> list[dict[str, str]]:
    part = body_part_words(page.body_part)
    test = modality_words(page.modality)
    about = [{"@type": "AnatomicalStructure", "name": part}] if part else []
    return about + ([{"@type": "ImagingTest", "name": test}] if test else [])


def _day(moment: Any) -> str | None:  # noqa: ANN401 - a moment or None
    return None if moment is None else utc(moment).date().isoformat()
