"""How a version of a case is cited: in words, BibTeX, RIS, CSL JSON, and as DataCite has it.

Standard: CSL 1.0.2 data schema; RIS as Reference Manager wrote it (tag, two spaces, dash, space);
DataCite Metadata Schema 4.5.
Invariants: every form names the version and the address of just that version; nothing that an
author wrote can end a field and begin another.
Not here: fetching the version (`cases.publishing`).
"""

import json
import re
import unicodedata
from datetime import UTC
from typing import Any, Final

from cases.document import LICENCES
from cases.publishing import Published
from cases.vocabulary import (
    BODY_PART_CODES,
    body_part_words,
    modality_words,
)

__all__ = ["address", "bibtex", "citation", "csl_json", "datacite", "ris"]

_LICENCE_ADDRESSES: Final = {
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/legalcode",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/legalcode",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/legalcode",
    "CC-BY-NC-4.0": "https://creativecommons.org/licenses/by-nc/4.0/legalcode",
    "CC-BY-NC-SA-4.0": "https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode",
}
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_TEX: Final = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
} | {letter: f"\\{letter}" for letter in "&%$#_"}
_AND: Final = re.compile(r"(^|\s)and(\s|$)", re.IGNORECASE)
_ABSTRACT_CHARACTERS: Final = 2000


def address(code: str, number: int, base: str) -> str:
    """Where a version stays to be found.

    Args:
        code: of the case.
        number: of the version.
        base: the address of the site.
    """
    return f"{base.rstrip('/')}/cases/{code}/versions/{number}"


def citation(published: Published, code: str, base: str, operator: str) -> str:
    """The version in one sentence, for a person to copy.

    Args:
        published: the version.
        code: of the case.
        base: the address of the site.
        operator: who runs the site, its publisher; may be empty.
    """
    when = published.published_at.astimezone(UTC)
    day = f"{when.day} {_MONTHS[when.month - 1]} {when.year}"
    parts = [
        ", ".join(published.document.authors),
        f"{published.title} (version {published.number})",
        _publisher(operator),
        f"{day}, {address(code, published.number, base)}",
    ]
    return " ".join(_ended(part) for part in parts[:-1] if part) + " " + parts[-1]


def bibtex(published: Published, code: str, base: str, operator: str) -> str:
    """The version as an entry of BibTeX; the arguments are those of `citation`."""
    when = published.published_at.astimezone(UTC)
    fields = {
        "title": f"{{{_tex(published.title)}}}",
        "author": " and ".join(_tex_name(name) for name in published.document.authors),
        "howpublished": _tex(_publisher(operator)),
        "year": str(when.year),
        "month": str(when.month),
        "version": str(published.number),
        "note": f"Version {published.number}",
        "url": _tex_address(address(code, published.number, base)),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@misc{{readingroom-{code}-v{published.number},\n" + ",\n".join(lines) + "\n}\n"


def ris(published: Published, code: str, base: str, operator: str) -> str:
    """The version as a record of RIS; the arguments are those of `citation`."""
    when = published.published_at.astimezone(UTC)
    fields = [
        ("TY", "ELEC"),
        ("TI", published.title),
        *(("AU", name) for name in published.document.authors),
        ("PB", _publisher(operator)),
        ("PY", str(when.year)),
        ("DA", f"{when:%Y/%m/%d}"),
        ("ET", f"Version {published.number}"),
        ("AB", _abstract(published)),
        *(("KW", word) for word in _keywords(published)),
        ("UR", address(code, published.number, base)),
        ("ER", ""),
    ]
    lines = [f"{tag}  - {_line(value)}" for tag, value in fields if value or tag == "ER"]
    return "\r\n".join(lines) + "\r\n"


def csl_json(published: Published, code: str, base: str, operator: str) -> str:
    """The version as CSL JSON, a list of one item; the arguments are those of `citation`."""
    when = published.published_at.astimezone(UTC)
    item: dict[str, Any] = {
        "id": f"readingroom-{code}-v{published.number}",
        "type": "dataset",
        "title": published.title,
        "author": [{"literal": name} for name in published.document.authors],
        "publisher": _publisher(operator),
        "issued": {"date-parts": [[when.year, when.month, when.day]]},
        "version": str(published.number),
        "abstract": _abstract(published),
        "keyword": ", ".join(_keywords(published)),
        "URL": address(code, published.number, base),
    }
    return json.dumps([{name: value for name, value in item.items() if value}], ensure_ascii=False)


def datacite(published: Published, code: str, base: str, operator: str) -> dict[str, Any]:
    """The version as DataCite is told of it when a DOI is asked for, without the DOI.

    The arguments are those of `citation`.
    """
    when = published.published_at.astimezone(UTC)
    people = published.document.authors or (_publisher(operator),)
    kind = "Personal" if published.document.authors else "Organizational"
    subjects: list[dict[str, str]] = [{"subject": word} for word in _keywords(published)]
    if part := BODY_PART_CODES.get(published.body_part):
        subject = body_part_words(published.body_part)
        of_part = {"subjectScheme": "SNOMED CT", "schemeUri": "http://snomed.info/sct"}
        subjects = [one for one in subjects if one["subject"] != subject]
        subjects.append({"subject": subject, **of_part, "classificationCode": part})
    text, licence = _abstract(published), published.document.licence
    rights = {"rights": LICENCES[licence]}
    if licence:
        rights |= {"rightsUri": _LICENCE_ADDRESSES[licence], "rightsIdentifier": licence}
        rights |= {"rightsIdentifierScheme": "SPDX", "schemeUri": "https://spdx.org/licenses/"}
    return {
        "creators": [{"name": name, "nameType": kind} for name in people],
        "titles": [{"title": published.title}],
        "publisher": {"name": _publisher(operator)},
        "publicationYear": when.year,
        "types": {"resourceTypeGeneral": "Dataset", "resourceType": "Teaching case"},
        "dates": [{"date": f"{when:%Y-%m-%d}", "dateType": "Issued"}],
        "version": str(published.number),
        "url": address(code, published.number, base),
        "subjects": subjects,
        "rightsList": [rights],
        "descriptions": [{"description": text, "descriptionType": "Abstract"}] if text else [],
        "schemaVersion": "http://datacite.org/schema/kernel-4",
    }


def _publisher(operator: str) -> str:
    return operator or "Readingroom"


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _keywords(published: Published) -> list[str]:
    words = [modality_words(published.modality), body_part_words(published.body_part)]
    return list(dict.fromkeys(word for word in (*words, *published.document.tags) if word))


def _abstract(published: Published) -> str:
    """Return the description as plain text; a section that its author keeps closed is not told."""
    if "description" in published.document.closed:
        return ""
    text = re.sub(r"!?\[([^\]\n]*)\]\([^)\n]*\)", r"\1", published.document.description)
    return " ".join(re.sub(r"[*_`#>]+", "", text).split())[:_ABSTRACT_CHARACTERS]


def _line(text: str) -> str:
    """Return the text as one line without control characters, which end a field of RIS."""
    kept = (" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    return " ".join("".join(kept).split())


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in _line(text))


def _tex_name(name: str) -> str:
    """Return a name; a word that would end it there, and begin another, is kept in braces."""
    return f"{{{_tex(name)}}}" if _AND.search(name) else _tex(name)


def _tex_address(text: str) -> str:
    return "".join(f"%{ord(letter):02X}" if letter in "{}\\" else letter for letter in text)
