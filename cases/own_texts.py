"""What an owner has written, as files: cases in all versions, playlists, share links.

Invariants: a name has nothing in it that a file system could take for a path elsewhere; each text
is there twice, as JSON with all that is known and as Markdown for people.
Not here: the archive that they go into (`cases.export`), DICOM files.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import select

from cases.cases import case_by_code
from cases.document import LICENCES, SECTIONS, Document
from cases.publishing import published, versions_of
from cases.schema import case, playlist, playlist_item
from cases.share_list import shares_of
from cases.vocabulary import body_part_words, modality_words
from cases.working import Case
from store.db import Database, in_utc

__all__ = ["as_json", "own_texts", "safe_name"]

NAME: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
Texts = Iterator[tuple[str, str]]


def own_texts(database: Database, owner_id: int) -> Texts:
    """Name and content of each file, one after the other."""
    yield from _cases(database, owner_id)
    yield from _playlists(database, owner_id)
    shares = [asdict(one) for one in shares_of(database, owner_id)]
    yield "share-links.json", as_json(shares)


def safe_name(text: str) -> str:
    """The text, if a file can be called so anywhere; else a name that is made of it."""
    return text if NAME.fullmatch(text) else sha256(text.encode()).hexdigest()[:32]


def as_json(value: object) -> str:
    """A value as JSON that people can read."""

    def plain(other: object) -> str:
        return in_utc(other).isoformat() if isinstance(other, datetime) else str(other)

    return json.dumps(value, ensure_ascii=False, indent=1, default=plain) + "\n"


def _cases(database: Database, owner_id: int) -> Texts:
    query = select(case.c.code).where(case.c.owner_id == owner_id).order_by(case.c.id)
    with database.read() as connection:
        codes = list(connection.execute(query).scalars())
    for code in codes:
        found = case_by_code(database, code)
        folder = f"cases/{safe_name(code)}"
        yield f"{folder}/case.json", as_json(asdict(found))
        yield f"{folder}/working-copy.md", _read_as(found, found.document)
        for version in versions_of(database, found.id):
            shown = published(database, found.id, version.number)
            name = f"{folder}/version-{version.number}"
            yield f"{name}.json", as_json(asdict(shown))
            yield f"{name}.md", _read_as(shown, shown.document, version.note)


def _read_as(said: Any, document: Document, note: str = "") -> str:  # noqa: ANN401 - case, version
    facts = {
        "Modality": modality_words(said.modality) if said.modality else "",
        "Body part": body_part_words(said.body_part) if said.body_part else "",
        "Authors": ", ".join(document.authors),
        "Tags": ", ".join(document.tags),
        "Licence": LICENCES[document.licence],
        "Published": "" if isinstance(said, Case) else in_utc(said.published_at).isoformat(),
        "New in this version": note,
    }
    lines = [f"# {said.title or 'Without a title'}", ""]
    lines += [f"- {name}: {value}" for name, value in facts.items() if value]
    for section in SECTIONS:
        if text := getattr(document, section):
            lines += ["", f"## {section.capitalize()}", "", text]
    return "\n".join(lines) + "\n"


def _playlists(database: Database, owner_id: int) -> Texts:
    query = select(playlist).where(playlist.c.owner_id == owner_id).order_by(playlist.c.id)
    with database.read() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    for one in found:
        # Of others' cases, nothing but the address is the owner's to take along.
        listed = (
            select(case.c.code, playlist_item.c.note)
            .join(case, case.c.id == playlist_item.c.case_id)
            .where(playlist_item.c.playlist_id == one.pop("id"))
            .order_by(playlist_item.c.position)
        )
        with database.read() as connection:
            items = [dict(row) for row in connection.execute(listed).mappings()]
        name = f"playlists/{safe_name(one['code'])}"
        yield f"{name}.json", as_json(one | {"cases": items})
        lines = [f"# {one['title']}", "", one["description"], ""]
        for number, item in enumerate(items, 1):
            lines += [f"{number}. Case {item['code']}", "", item["note"], ""]
        yield f"{name}.md", "\n".join(lines)
