"""The row of a case and its working copy, for whoever writes them in a transaction.

Invariants: the rows of `case_series` of the working copy are those of its document; columns that
lists use follow the working copy until the case is published, and from then on what was published.
Not here: what may be written when (`cases.cases`, `cases.publishing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from cases.codes import is_code
from cases.contents import OwnSeries, owned, picture_of, put_series
from cases.document import Document
from cases.errors import NoSuchCase
from cases.schema import WORKING_COPY, case, case_series
from cases.snapshots import snapshot_of
from store.db import in_utc

__all__ = ["Case", "case_of_row", "derived", "locked", "put_working_copy"]


@dataclass(frozen=True)
class Case:
    """A case as its author has it.

    Attributes:
        code: its name in addresses.
        title, modality, body_part: as they are shown now, published or not; the latter two are
            keys of `cases.vocabulary`, or empty.
        private: only its owner, and who has a share link, may see it.
        version: the one that is shown; None while the case is pending.
        changed: the working copy differs from what was published last.
        saved: how often it was saved; whoever saves says upon which of these.
        published_at: when it was first published.
        hidden_at: when it was hidden from others, because of a report.
        warned_at: when its owner was told that it will be deleted.
        kept: an administrator keeps it from that, until `kept_until`; None there is for good.
        document: the working copy.
    """

    id: int
    code: str
    owner_id: int
    title: str
    modality: str
    body_part: str
    private: bool
    version: int | None
    changed: bool
    saved: int
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    hidden_at: datetime | None
    warned_at: datetime | None
    kept: bool
    kept_until: datetime | None
    document: Document


def locked(connection: Connection, owner_id: int, code: str) -> Row[Any]:
    """The row of the owner's case, which nobody else changes until the commit.

    Raises:
        NoSuchCase: the owner has none of this code.
    """
    query = select(case).where(case.c.code == code, case.c.owner_id == owner_id)
    row = connection.execute(query.with_for_update()).first() if is_code(code) else None
    if row is None:
        raise NoSuchCase("There is no such case among yours.")
    return row


def put_working_copy(
    connection: Connection, row: Row[Any], document: Document, now: datetime, **columns: str | bool
) -> Case:
    """Make a document the working copy of a case that is `locked`.

    Args:
        connection: the transaction's.
        row: the case.
        document: what the owner has not is left out of it.
        now: the present time.
        columns: of the case, to be changed with it.
    """
    kept, shown = owned(connection, row.owner_id, document)
    put_series(connection, row.id, WORKING_COPY, shown)
    values: dict[str, Any] = {
        "working": kept.to_json(),
        "saved": row.saved + 1,
        "changed": _differs(connection, row, kept),
        "updated_at": now,
        **columns,
    }
    if row.version is None:
        values |= derived(kept, shown)
    change = update(case).where(case.c.id == row.id).values(values)
    return case_of_row(connection.execute(change.returning(case)).one())


def case_of_row(row: Row[Any]) -> Case:
    """The case of a row of `cases.schema.case`."""
    return Case(
        row.id,
        row.code,
        row.owner_id,
        row.title,
        row.modality,
        row.body_part,
        row.private,
        row.version,
        row.changed,
        row.saved,
        in_utc(row.created_at),
        in_utc(row.updated_at),
        row.published_at and in_utc(row.published_at),
        row.hidden_at and in_utc(row.hidden_at),
        row.warned_at and in_utc(row.warned_at),
        row.kept,
        row.kept_until and in_utc(row.kept_until),
        Document.from_json(row.working),
    )


def derived(document: Document, shown: Sequence[OwnSeries]) -> dict[str, Any]:
    """Columns of a case that follow from the series that it shows."""
    images = sum(one.images for one in shown)
    return {"images": images, "picture": picture_of(document, shown)}


def _differs(connection: Connection, row: Row[Any], document: Document) -> bool:
    """Tell whether a working copy that was just put is another thing than the shown version."""
    if row.version is None:
        return False
    if snapshot_of(connection, row.id, row.version).document != document:
        return True
    # What was deleted and has come again is in the working copy, and not in the version.
    of_case = select(case_series.c.series_id).where(case_series.c.case_id == row.id)
    published = of_case.where(case_series.c.version == row.version)
    more = of_case.where(
        case_series.c.version == WORKING_COPY, case_series.c.series_id.not_in(published)
    )
    return connection.execute(more.limit(1)).first() is not None
