"""Writes instances into the index, within a transaction that the caller holds.

Invariants: the first instance of a study or series fills its row, later ones only add to it; an
instance that is there already is passed over.
Not here: making the attributes (`store.metadata`), the order of blob and index (`store.ingest`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, select, update

from store.blobs import BlobWriter
from store.db import Database
from store.frames import FrameIndex
from store.metadata import Attributes
from store.schema import instance, series, study

__all__ = ["Entry", "write_entries"]


@dataclass(frozen=True)
class Entry:
    """An instance that is ready to be indexed."""

    writer: BlobWriter
    transfer_syntax: str
    size: int
    attributes: Attributes
    metadata: bytes
    frame_index: FrameIndex
    streamed: str


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
    common = {"owner_id": owner_id, "created_at": now}
    studies: dict[str, int] = {}
    all_series: dict[tuple[int, str], int] = {}
    rows = []
    for entry in entries:
        uid = _text(entry, "0020000D")
        if uid not in studies:
            row = {**common, "study_instance_uid": uid, **_columns(entry, _STUDY)}
            key = {"owner_id": owner_id, "study_instance_uid": uid}
            studies[uid] = _get_or_add(database, connection, study, key, row)
        study_id, uid = studies[uid], _text(entry, "0020000E")
        if (study_id, uid) not in all_series:
            key = {"study_id": study_id, "series_instance_uid": uid}
            row = {**common, **key, **_columns(entry, _SERIES), "updated_at": now}
            row |= {"came_by": came_by, "series_number": _number(entry, "00200011")}
            all_series[study_id, uid] = _get_or_add(database, connection, series, key, row)
        rows.append(_instance_row(entry, all_series[study_id, uid], now))
    written = _insert_instances(database, connection, rows)
    _count(connection, [row for row in rows if row["blob"] in written], now)
    return written


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
_FIND = {
    table.name: select(table.c.id).where(*(table.c[name] == bindparam(name) for name in names))
    for table, names in (
        (study, ("owner_id", "study_instance_uid")),
        (series, ("study_id", "series_instance_uid")),
    )
}
_counted = series.c.number_of_series_related_instances
_COUNT = (
    update(series)
    .where(series.c.id == bindparam("of"))
    .values(
        number_of_series_related_instances=_counted + bindparam("added"),
        updated_at=bindparam("now"),
    )
)
INTEGER_RANGE = range(-(2**31), 2**31)


def _get_or_add(
    database: Database,
    connection: Connection,
    table: Table,
    key: dict[str, Any],
    row: dict[str, Any],
) -> int:
    query = _FIND[table.name]
    found = connection.execute(query, key).scalar()
    if found is None:
        database.insert_if_new(connection, table, [row])
        found = connection.execute(query, key).scalar_one()
    return int(found)


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
        "frame_index": entry.frame_index.pack(),
        "metadata": entry.metadata,
    }


def _insert_instances(
    database: Database, connection: Connection, rows: list[dict[str, Any]]
) -> set[str]:
    return set(database.insert_if_new(connection, instance, rows, returning=instance.c.blob))


def _count(connection: Connection, rows: list[dict[str, Any]], now: datetime) -> None:
    added = Counter(row["series_id"] for row in rows)
    if not added:
        return
    counts = [{"of": key, "added": number, "now": now} for key, number in added.items()]
    connection.execute(_COUNT, counts)


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
