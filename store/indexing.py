"""Writes instances into the index, within a transaction that the caller holds.

Invariants: the first instance of a study or series fills its row, later ones only add to it; an
instance that is there already, or was replaced, is passed over; a new one that somebody must look
at puts its series back to held. Whoever changes a series locks its row first, by updating it.
Not here: making the attributes (`store.metadata`), the order of blob and index (`store.ingest`),
replacing (`store.replacing`).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from store.blobs import BlobWriter
from store.db import Database
from store.frames import FrameIndex
from store.metadata import Attributes
from store.replacing import take_back_replaced
from store.review import after_arrival
from store.schema import YEAR, instance, series, study

__all__ = ["INDEXED", "Entry", "write_entries"]


@dataclass(frozen=True)
class Entry:
    """An instance that is ready to be indexed.

    Attributes:
        reasons: why somebody must look at it, as `store.review.joined_reasons` joins them.
        upload_id: the upload whose key made its UIDs; None when the owner's key did.
    """

    writer: BlobWriter
    transfer_syntax: str
    size: int
    attributes: Attributes
    metadata: bytes
    frame_index: FrameIndex
    streamed: str
    receipt: str
    reasons: str
    upload_id: int | None


def write_entries(
    database: Database,
    connection: Connection,
    entries: Sequence[Entry],
    *,
    owner_id: int,
    came_by: str,
    now: datetime,
) -> set[str]:
    """Insert the entries.

    Returns:
        The blob keys of those that were new.
    """
    places: dict[tuple[str, str], int] = {}
    rows = []
    for entry in entries:
        uids = _text(entry, "0020000D"), _text(entry, "0020000E")
        if uids not in places:
            key = {"owner_id": owner_id, "study": uids[0], "series": uids[1]}
            found = database.execute(connection, _FIND_SERIES, [key])
            if found:
                places[uids] = found[0][0]
            else:
                places[uids] = _add_series(database, connection, entry, owner_id, came_by, now)
        rows.append(_instance_row(entry, places[uids], now))
    written = _insert_instances(database, connection, rows)
    added = defaultdict(list)
    for row in rows:
        if row["blob"] in written:
            added[row["series_id"]].append(row)
    # In one order everywhere, so that two batches never wait for each other.
    stay = [_add_to_series(database, connection, id_, added[id_], now) for id_ in sorted(added)]
    return set().union(*stay)


_STUDY = {
    "study_date": "00080020",
    "study_time": "00080030",
    "accession_number": "00080050",
    "referring_physician_name": "00080090",
    "patient_name": "00100010",
    "patient_id": "00100020",
    "patient_birth_date": "00100030",
    "patient_sex": "00100040",
    "study_id": "00200010",
    "study_description": "00081030",
    "timezone_offset_from_utc": "00080201",
}
_SERIES = {
    "modality": "00080060",
    "series_description": "0008103E",
    "series_date": "00080021",
    "series_time": "00080031",
    "body_part_examined": "00180015",
    "performed_procedure_step_start_date": "00400244",
    "performed_procedure_step_start_time": "00400245",
}
# Made once: they run for every instance.
_FIND_STUDY = select(study.c.id, study.c.study_date).where(
    study.c.owner_id == bindparam("owner_id"), study.c.study_instance_uid == bindparam("study")
)
_FIND_SERIES = (
    select(series.c.id)
    .join(study, study.c.id == series.c.study_id)
    .where(
        study.c.owner_id == bindparam("owner_id"),
        study.c.study_instance_uid == bindparam("study"),
        series.c.series_instance_uid == bindparam("series"),
    )
)
_counted = series.c.number_of_series_related_instances
_ADD = (
    update(series)
    .where(series.c.id == bindparam("of"))
    .values(number_of_series_related_instances=_counted + bindparam("added"))
    .values(updated_at=bindparam("now"))
    .returning(series.c.review_state, series.c.review_reasons, series.c.replaced)
)
_INSTANCE = ("00080016", "00080018", "00200013", "00280010", "00280011", "00280100")
INDEXED = frozenset(
    (*_STUDY.values(), *_SERIES.values(), *_INSTANCE, "0020000D", "0020000E", "00200011")
)
"""The attributes of the JSON model that the index has."""
INTEGER_RANGE = range(-(2**31), 2**31)


def _add_series(
    database: Database,
    connection: Connection,
    entry: Entry,
    owner_id: int,
    came_by: str,
    now: datetime,
) -> int:
    study_uid, series_uid = _text(entry, "0020000D"), _text(entry, "0020000E")
    common = {"owner_id": owner_id, "created_at": now}
    row = {**common, "study_instance_uid": study_uid, **_columns(entry, _STUDY)}
    row["upload_id"] = entry.upload_id
    database.insert_if_new(connection, study, [row])
    key = {"owner_id": owner_id, "study": study_uid, "series": series_uid}
    study_id, study_date = connection.execute(_FIND_STUDY, key).one()
    row = {**common, "study_id": study_id, "series_instance_uid": series_uid}
    # The study's own: a later instance may say another date, which the study does not take.
    row["study_year"] = study_date[:YEAR]
    row |= {**_columns(entry, _SERIES), "series_number": _number(entry, "00200011")}
    database.insert_if_new(connection, series, [{**row, "came_by": came_by, "updated_at": now}])
    return int(connection.execute(_FIND_SERIES, key).scalar_one())


def _instance_row(entry: Entry, series_id: int, now: datetime) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "sop_instance_uid": _text(entry, "00080018"),
        "sop_class_uid": _text(entry, "00080016"),
        "instance_number": _number(entry, "00200013"),
        "number_of_frames": entry.frame_index.frames,
        "rows": _number(entry, "00280010"),
        "columns": _number(entry, "00280011"),
        "bits_allocated": _number(entry, "00280100"),
        "available_transfer_syntax_uid": entry.transfer_syntax,
        "created_at": now,
        "blob": entry.writer.key,
        "size": entry.size,
        "streamed": entry.streamed,
        "receipt": entry.receipt,
        "review_reasons": entry.reasons,
        "frame_index": entry.frame_index.pack(),
        "metadata": entry.metadata,
    }


def _insert_instances(
    database: Database, connection: Connection, rows: list[dict[str, Any]]
) -> set[str]:
    # Inserting no rows would insert an empty one.
    if not rows:
        return set()
    return set(database.insert_if_new(connection, instance, rows, returning=instance.c.blob))


def _add_to_series(
    database: Database,
    connection: Connection,
    series_id: int,
    rows: list[dict[str, Any]],
    now: datetime,
) -> set[str]:
    """Count the new instances, hold the series for them; return the blobs of those that stay."""
    addition = {"of": series_id, "added": len(rows), "now": now}
    [(state, known, replaced)] = database.execute(connection, _ADD, [addition])
    if replaced:
        rows = take_back_replaced(connection, series_id, rows)
    reasons = {row["review_reasons"] for row in rows}
    changes = after_arrival(state, known, reasons)
    if changes:
        connection.execute(update(series).where(series.c.id == series_id).values(changes))
    return {row["blob"] for row in rows}


def _columns(entry: Entry, tags: dict[str, str]) -> dict[str, str]:
    return {column: _text(entry, tag) for column, tag in tags.items()}


def _value(entry: Entry, tag: str) -> object:
    values = entry.attributes.get(tag, {}).get("Value") or [None]
    return values[0]


def _text(entry: Entry, tag: str) -> str:
    value = _value(entry, tag)
    if isinstance(value, dict):
        value = "=".join(value.get(part, "") for part in ("Alphabetic", "Ideographic", "Phonetic"))
        value = value.rstrip("=")
    return "" if value is None else str(value).replace("\0", "")


def _number(entry: Entry, tag: str) -> int | None:
    value = _value(entry, tag)
    return value if isinstance(value, int) and value in INTEGER_RANGE else None
