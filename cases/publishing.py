"""Versions of a case: publishing the working copy, listing what was published, going back.

Invariants: a published version never changes, and its number is never used again; a version is
shown with all that is derived from it, or not at all (one transaction).
Not here: who may see which version (`cases.access`), what differs between two (`cases.comparing`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from cases.contents import OwnSeries, owned, put_series
from cases.document import SECTIONS, Document
from cases.errors import InvalidText, NoSuchVersion, NotReady
from cases.readiness import blockers, reasons_against
from cases.schema import WORKING_COPY, case, case_tag, case_version
from cases.snapshots import Snapshot, snapshot_of
from cases.working import Case, case_of_row, derived, locked, put_working_copy
from store import audit
from store.changes import bump
from store.db import Database, in_utc

__all__ = [
    "NOTE_CHARACTERS",
    "Published",
    "Version",
    "blockers",
    "discard",
    "publish",
    "published",
    "restore",
    "versions_of",
]

NOTE_CHARACTERS: Final = 500


@dataclass(frozen=True)
class Version:
    """One row of the list of versions; `note` is what is new in it, in its author's words."""

    number: int
    note: str
    published_at: datetime


@dataclass(frozen=True)
class Published:
    """A version as it is read.

    Attributes:
        number: its number, from 1.
        title, modality, body_part: of the version's time; of the version that is shown, those
            that the case has now.
        document: everything else.
        note: what is new in it, in its author's words.
        published_at: when it was published.
    """

    number: int
    title: str
    modality: str
    body_part: str
    document: Document
    note: str
    published_at: datetime


def publish(
    database: Database,
    owner_id: int,
    code: str,
    *,
    clock: Callable[[], datetime],
    note: str = "",
) -> int:
    """Make the working copy a new version, and show it.

    Whoever calls this has made sure that the author affirms to hold the rights, and that the people
    in the pictures consented or cannot be recognised; that this was said is recorded.

    Args:
        database: where the case is kept.
        owner_id, code: the case.
        clock: gives the present time.
        note: what is new, in one line.

    Returns:
        The number of the version.

    Raises:
        NoSuchCase: the owner has none of this code.
        NotReady: it cannot be published as it is.
        InvalidText: the note is too long or not one line.
    """
    note, now = " ".join(note.split()), clock()
    if len(note) > NOTE_CHARACTERS or not note.isprintable():
        raise InvalidText(f"A note is one line of at most {NOTE_CHARACTERS} characters.")
    with database.write() as connection:
        row = locked(connection, owner_id, code)
        found = case_of_row(row)
        document, shown = owned(connection, owner_id, found.document)
        if sentences := reasons_against(connection, found, shown):
            raise NotReady(" ".join(sentences))
        number = _last_number(connection, found.id) + 1
        said = Snapshot(found.title, found.modality, found.body_part, document)
        version = {"case_id": found.id, "number": number, "document": said.to_json()}
        version |= {"note": note, "published_at": now, "published_by": owner_id}
        connection.execute(insert(case_version).values(version))
        put_series(connection, found.id, number, shown)
        put_series(connection, found.id, WORKING_COPY, shown)
        _show(connection, row, number, document, shown, now)
        which = f"{code}, version {number}; rights affirmed"
        audit.note(connection, audit.Deed(now, owner_id, "publish case", which))
        bump(connection, owner_id)
    return number


def versions_of(database: Database, case_id: int) -> list[Version]:
    """The versions of a case, the newest first."""
    query = select(case_version.c.number, case_version.c.note, case_version.c.published_at)
    query = query.where(case_version.c.case_id == case_id).order_by(case_version.c.number.desc())
    with database.read() as connection:
        return [Version(n, note, in_utc(at)) for n, note, at in connection.execute(query)]


def published(database: Database, case_id: int, number: int | None = None) -> Published:
    """A version of a case; without a number, the one that is shown.

    Raises:
        NoSuchVersion: the case was never published, or not in this version.
    """
    query = (
        select(case_version, case.c.version, case.c.title, case.c.modality, case.c.body_part)
        .join(case, case.c.id == case_version.c.case_id)
        .where(case.c.id == case_id)
        .where(case_version.c.number == (case.c.version if number is None else number))
    )
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None:
        raise NoSuchVersion("The case was never published in this version.")
    said = Snapshot.from_json(row.document)
    # What an author saves of these three applies at once, so that is what is shown.
    of = row if row.number == row.version else said
    return Published(
        row.number,
        of.title,
        of.modality,
        of.body_part,
        said.document,
        row.note,
        in_utc(row.published_at),
    )


def restore(
    database: Database, owner_id: int, code: str, number: int, *, clock: Callable[[], datetime]
) -> Case:
    """Make a published version the working copy again; readers see it when it is published.

    Title, modality and body part stay, as they would apply at once.

    Raises:
        NoSuchCase: the owner has none of this code.
        NoSuchVersion: it was never published in this version.
    """
    with database.write() as connection:
        row = locked(connection, owner_id, code)
        document, now = snapshot_of(connection, row.id, number).document, clock()
        made = put_working_copy(connection, row, document, now)
        which = f"{code}, version {number}"
        audit.note(connection, audit.Deed(now, owner_id, "take back version", which))
        bump(connection, owner_id)
    return made


def discard(database: Database, owner_id: int, code: str, *, clock: Callable[[], datetime]) -> Case:
    """Make the working copy again what readers see.

    Raises:
        NoSuchCase: the owner has none of this code.
        NoSuchVersion: it was never published.
    """
    with database.write() as connection:
        row = locked(connection, owner_id, code)
        if row.version is None:
            raise NoSuchVersion("The case was never published.")
        document, now = snapshot_of(connection, row.id, row.version).document, clock()
        made = put_working_copy(connection, row, document, now)
        audit.note(connection, audit.Deed(now, owner_id, "discard changes", code))
        bump(connection, owner_id)
    return made


def _last_number(connection: Connection, case_id: int) -> int:
    query = select(func.max(case_version.c.number)).where(case_version.c.case_id == case_id)
    return int(connection.execute(query).scalar() or 0)


def _show(
    connection: Connection,
    row: Row[Any],
    number: int,
    document: Document,
    shown: Sequence[OwnSeries],
    now: datetime,
) -> None:
    """Let readers see a version; all columns and rows that lists and searches use follow it."""
    values = {
        "working": document.to_json(),
        "version": number,
        "changed": False,
        "updated_at": now,
        "published_at": row.published_at or now,
        "warned_at": None,
        "words": words_of(document),
        "authors": "\n".join(document.authors),
        "downloadable": document.downloadable,
        "has_closed_sections": any(getattr(document, name).strip() for name in document.closed),
        **derived(document, shown),
    }
    connection.execute(update(case).where(case.c.id == row.id).values(values))
    connection.execute(delete(case_tag).where(case_tag.c.case_id == row.id))
    if document.tags:
        tags = [{"case_id": row.id, "tag": tag} for tag in document.tags]
        connection.execute(insert(case_tag), tags)


def words_of(document: Document) -> str:
    """The text by which a case is found: its sections without targets of links, tags, and names."""
    names = [study.name for study in document.studies]
    names += [one.name for study in document.studies for one in study.series]
    texts = [_TARGET.sub(r"\1", getattr(document, name)) for name in SECTIONS]
    return "\n".join(text for text in (*texts, *document.tags, *names) if text.strip())


_TARGET: Final = re.compile(r"!?\[([^\]\n]*)\]\([^)\n]*\)")
