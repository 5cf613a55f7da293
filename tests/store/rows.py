"""Puts rows into the index as they are wanted, without any files."""

import json
import os
from datetime import UTC, datetime
from itertools import count
from typing import Any

from sqlalchemy import insert, select

from store.changes import bump
from store.db import Database
from store.schema import YEAR, instance, series, study

# Of its own for each process, as several may write one index.
_number = count(os.getpid() * 1_000_000)
CT = "1.2.840.10008.5.1.4.1.1.2"


def add_study(database: Database, owner: int = 7, **columns: object) -> int:
    """A study without series; its key."""
    row = {"owner_id": owner, "study_instance_uid": f"2.25.{next(_number)}", "created_at": _now()}
    return _add(database, study, owner, row | columns)


def add_series(database: Database, study_id: int, owner: int = 7, **columns: object) -> int:
    """A series without instances; its key."""
    row = {"study_id": study_id, "owner_id": owner, "came_by": "STOW-RS"}
    row |= {"series_instance_uid": f"2.25.{next(_number)}", "modality": "CT"}
    with database.read() as connection:
        of_study = select(study.c.study_date).where(study.c.id == study_id)
        row["study_year"] = connection.execute(of_study).scalar_one()[:YEAR]
    return _add(
        database, series, owner, row | {"created_at": _now(), "updated_at": _now()} | columns
    )


def add_instance(
    database: Database,
    series_id: int,
    metadata: dict[str, Any] | None = None,
    owner: int = 7,
    **columns: object,
) -> int:
    """An instance without a file; its key."""
    number = next(_number)
    row = {"series_id": series_id, "sop_instance_uid": f"2.25.{number}", "sop_class_uid": CT}
    row |= {"number_of_frames": 1, "available_transfer_syntax_uid": "1.2.840.10008.1.2.1"}
    row |= {"created_at": _now(), "blob": f"rows/{number}", "size": 1, "streamed": "[]"}
    row |= {"frame_index": b"", "metadata": json.dumps(metadata or {}).encode()}
    return _add(database, instance, owner, row | columns)


def add_all(database: Database, metadata: dict[str, Any] | None = None, **columns: Any) -> int:  # noqa: ANN401
    """A study with a series with an instance; the key of the study."""
    owner = columns.pop("owner", 7)
    key = add_study(database, owner, **columns)
    add_instance(database, add_series(database, key, owner), metadata, owner)
    return key


def _add(database: Database, table: Any, owner: int, row: dict[str, object]) -> int:  # noqa: ANN401
    with database.write() as connection:
        made = connection.execute(insert(table).returning(table.c.id), row).scalar_one()
        bump(connection, owner)
    return int(made)


def _now() -> datetime:
    return datetime.now(UTC)
