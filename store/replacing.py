"""Takes instances out of the index that others replaced, and their blobs and pictures after them.

Invariants: the row goes, and the blob is doomed, in the transaction that brings the replacement;
the blob is deleted after the commit, and a process that dies in between leaves it to the next
`sweep`. A replaced instance stays known by its UIDs, so that it does not come back when it is sent
again.
Not here: who replaces what (`store.masks`), the transaction (`store.ingest`).
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, exists, insert, select, update

from store.blobs import Blobs, name_of
from store.db import Database
from store.errors import Outdated, StoreError
from store.pictures import Pictures
from store.retrieve import StoredInstance
from store.review import after_masking
from store.schema import doomed_blob, instance, replaced_instance, series, study

__all__ = ["Replacement", "sweep", "take_back_replaced", "take_out"]

logger = logging.getLogger(__name__)

AT_ONCE: Final = 500


@dataclass(frozen=True)
class Replacement:
    """What replaces an instance: another of the same series, by its SOP Instance UID."""

    old: StoredInstance
    by: str


def take_out(
    connection: Connection, owner_id: int, replacements: Sequence[Replacement], now: datetime
) -> None:
    """Remove the rows of what was replaced; the replacements are in the index by now.

    Raises:
        Outdated: one of them is no longer there, or its replacement is not.
    """
    places = defaultdict(list)
    for each in replacements:
        places[each.old.study_instance_uid, each.old.series_instance_uid].append(each)
    found: dict[int, tuple[str, str]] = {}
    for study_uid, series_uid in places:
        key = {"owner": owner_id, "study": study_uid, "series": series_uid}
        series_id = connection.execute(_FIND_SERIES, key).scalar()
        if series_id is None:
            raise Outdated("The series is no longer there.")
        found[series_id] = study_uid, series_uid
    for series_id, (study_uid, series_uid) in sorted(found.items()):
        common = {"owner_id": owner_id, "study_instance_uid": study_uid}
        common |= {"series_instance_uid": series_uid, "replaced_at": now}
        _take_out_of(connection, series_id, places[study_uid, series_uid], common)


def _take_out_of(
    connection: Connection,
    series_id: int,
    replacements: Sequence[Replacement],
    common: Mapping[str, Any],
) -> None:
    now, owner_id = common["replaced_at"], common["owner_id"]
    counts = {"of": series_id, "gone": len(replacements), "now": now}
    state = connection.execute(_SUBTRACT, counts).scalar_one()
    keys = []
    for each in replacements:
        # It may lie elsewhere by now, under another key of the same name.
        named = {"of": series_id, "old": each.old.id, "by": each.by}
        key = connection.execute(_REMOVE, named).scalar()
        if key is None or name_of(key) != name_of(each.old.blob):
            raise Outdated("The instance was replaced in the meantime.")
        keys.append(key)
    connection.execute(
        _FOLLOW,
        [
            {"owner": owner_id, "study": common["study_instance_uid"], "by": each.by}
            | {"series": common["series_instance_uid"], "old": each.old.sop_instance_uid}
            for each in replacements
        ],
    )
    connection.execute(
        insert(replaced_instance),
        [
            {**common, "sop_instance_uid": each.old.sop_instance_uid, "replaced_by": each.by}
            for each in replacements
        ],
    )
    connection.execute(insert(doomed_blob), [{"key": key} for key in keys])
    left = select(instance.c.review_reasons).where(instance.c.series_id == series_id).distinct()
    changes = after_masking(state, connection.execute(left).scalars(), owner_id, now)
    connection.execute(update(series).where(series.c.id == series_id).values(changes))


def take_back_replaced(
    connection: Connection, series_id: int, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Remove what was just inserted but had been replaced by then; return the rows that stay.

    Nearly always such an instance is known before (`store.ingest`); here is the rest, whose
    replacement was committed while they came in. The caller has locked the series.
    """
    names = [row["sop_instance_uid"] for row in rows]
    replaced: set[str] = set()
    for at in range(0, len(names), AT_ONCE):
        some = replaced_instance.c.sop_instance_uid.in_(names[at : at + AT_ONCE])
        query = select(replaced_instance.c.sop_instance_uid).select_from(_REPLACED_IN_SERIES)
        replaced |= set(connection.execute(query.where(series.c.id == series_id, some)).scalars())
    for row in rows:
        if row["sop_instance_uid"] in replaced:
            connection.execute(delete(instance).where(instance.c.blob == row["blob"]))
    if replaced:
        fewer = series.c.number_of_series_related_instances - len(replaced)
        change = update(series).where(series.c.id == series_id)
        connection.execute(change.values(number_of_series_related_instances=fewer))
    return [row for row in rows if row["sop_instance_uid"] not in replaced]


def sweep(database: Database, blobs: Blobs, pictures: Pictures) -> int:
    """Delete the blobs that are doomed, of this process or another, and the pictures of them.

    One that cannot be deleted now stays doomed: nobody can reach it, the next sweep tries again.

    Returns:
        How many blobs are gone.
    """
    with database.read() as connection:
        doomed = list(connection.execute(select(doomed_blob.c.key)).scalars())
    gone = []
    for key in doomed:
        try:
            pictures.drop(key)
            blobs.delete(key)
        except (StoreError, OSError):
            logger.warning("A blob that was replaced could not be deleted; it is tried again.")
            continue
        gone.append({"of": key})
    if gone:
        # Left there by a busy index, they are deleted once more, which is no error.
        with suppress(StoreError), database.write() as connection:
            connection.execute(_FORGET, gone)
    return len(gone)


_FIND_SERIES: Final = (
    select(series.c.id)
    .join(study, study.c.id == series.c.study_id)
    .where(study.c.owner_id == bindparam("owner"))
    .where(study.c.study_instance_uid == bindparam("study"))
    .where(series.c.series_instance_uid == bindparam("series"))
)
_counted = series.c.number_of_series_related_instances
# The first thing done to the series, as it is the lock.
_SUBTRACT: Final = (
    update(series)
    .where(series.c.id == bindparam("of"))
    .values(number_of_series_related_instances=_counted - bindparam("gone"))
    .values(replaced=series.c.replaced + bindparam("gone"), updated_at=bindparam("now"))
    .returning(series.c.review_state)
)
_replacement = instance.alias()
_REMOVE: Final = (
    delete(instance)
    .where(
        instance.c.id == bindparam("old"),
        instance.c.series_id == bindparam("of"),
        exists().where(
            _replacement.c.series_id == bindparam("of"),
            _replacement.c.sop_instance_uid == bindparam("by"),
            _replacement.c.id != bindparam("old"),
        ),
    )
    .returning(instance.c.blob)
)
# What the old one itself had replaced is now replaced by the newest.
_FOLLOW: Final = (
    update(replaced_instance)
    .where(replaced_instance.c.owner_id == bindparam("owner"))
    .where(replaced_instance.c.study_instance_uid == bindparam("study"))
    .where(replaced_instance.c.series_instance_uid == bindparam("series"))
    .where(replaced_instance.c.replaced_by == bindparam("old"))
    .values(replaced_by=bindparam("by"))
)
_FORGET: Final = delete(doomed_blob).where(doomed_blob.c.key == bindparam("of"))
_REPLACED_IN_SERIES: Final = (
    replaced_instance.join(
        study,
        (study.c.owner_id == replaced_instance.c.owner_id)
        & (study.c.study_instance_uid == replaced_instance.c.study_instance_uid),
    )
).join(
    series,
    (series.c.study_id == study.c.id)
    & (series.c.series_instance_uid == replaced_instance.c.series_instance_uid),
)
