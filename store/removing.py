"""Deletes studies, series and instances for their owner.

Invariants: the rows go, and the blobs are doomed, in one transaction; the blobs are deleted after
the commit, and a process that dies in between leaves them to the next `store.ingest.Ingest.sweep`.
Nothing is remembered of what was deleted: sent again, it is stored again. A study without series
and a series without instances go, too.
Not here: who may delete (`store.access.Gate`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, select, update

from store.access import Scope, visible
from store.changes import bump
from store.ingest import Ingest
from store.schema import doomed_blob, instance, replaced_instance, series, study

__all__ = ["remove", "remove_series"]


def remove(
    ingest: Ingest,
    scope: Scope,
    study_instance_uid: str,
    series_instance_uid: str | None = None,
    sop_instance_uid: str | None = None,
) -> int:
    """Delete what of a study, series or instance is in the scope, and its owner's.

    Args:
        ingest: through which it came in.
        scope: what the caller sees; only what belongs to its `owner_id` is deleted.
        study_instance_uid, series_instance_uid, sop_instance_uid: the resource.

    Returns:
        How many instances are gone; 0 when there is nothing of the kind.

    Raises:
        StoreError: nothing was deleted.
    """
    owner_id = scope.owner_id
    if owner_id is None:
        return 0
    found = _FIND.where(visible(scope), study.c.owner_id == owner_id)
    found = found.where(study.c.study_instance_uid == study_instance_uid)
    if series_instance_uid is not None:
        found = found.where(series.c.series_instance_uid == series_instance_uid)
    now, gone = ingest.clock(), 0
    with ingest.database.write() as connection:
        for place in _locked(connection, found):
            gone += _remove_of(connection, place, sop_instance_uid, now)
        if gone:
            bump(connection, owner_id)
    if gone:
        ingest.sweep()
    return gone


def remove_series(connection: Connection, series_ids: Sequence[int], now: datetime) -> int:
    """Remove whole series in the caller's transaction; return how many instances that were.

    The caller says with `store.changes.bump` whose index has changed, and sweeps after the commit.
    """
    places = _locked(connection, _FIND.where(series.c.id.in_(series_ids)))
    return sum(_remove_of(connection, place, None, now) for place in places)


def _locked(connection: Connection, found: Select[Any]) -> Sequence[Row[Any]]:
    """Return the places, which nobody can add to until the commit.

    Who adds an instance waits here, as its row refers to these; then it fails and is sent again.
    """
    places = connection.execute(found.order_by(series.c.id)).all()
    for study_id in sorted({place.study_id for place in places}):
        connection.execute(select(study.c.id).where(study.c.id == study_id).with_for_update())
    for place in places:
        locking = select(series.c.id).where(series.c.id == place.series_id).with_for_update()
        connection.execute(locking)
    return places


def _remove_of(
    connection: Connection, place: Row[Any], sop_instance_uid: str | None, now: datetime
) -> int:
    """Remove a series, or one instance of it; return how many instances that were."""
    chosen = [instance.c.series_id == place.series_id]
    if sop_instance_uid is not None:
        chosen.append(instance.c.sop_instance_uid == sop_instance_uid)
    keys = list(
        connection.execute(delete(instance).where(*chosen).returning(instance.c.blob)).scalars()
    )
    if not keys:
        return 0
    connection.execute(doomed_blob.insert(), [{"key": key} for key in keys])
    forgotten = [
        replaced_instance.c.owner_id == place.owner_id,
        replaced_instance.c.study_instance_uid == place.study_instance_uid,
        replaced_instance.c.series_instance_uid == place.series_instance_uid,
    ]
    if sop_instance_uid is not None:
        # What it had replaced may come again; so may it itself.
        forgotten.append(replaced_instance.c.replaced_by == sop_instance_uid)
    forgot = connection.execute(delete(replaced_instance).where(*forgotten)).rowcount
    of = {"of": place.series_id, "gone": len(keys), "forgot": forgot, "now": now}
    connection.execute(_COUNT, of)
    connection.execute(_DROP_SERIES, of)
    connection.execute(_DROP_STUDY, {"of": place.study_id})
    return len(keys)


_FIND: Final = select(
    study.c.id.label("study_id"),
    study.c.owner_id,
    study.c.study_instance_uid,
    series.c.id.label("series_id"),
    series.c.series_instance_uid,
).join(series, series.c.study_id == study.c.id)
_counted = series.c.number_of_series_related_instances
_COUNT: Final = (
    update(series)
    .where(series.c.id == bindparam("of"))
    .values(number_of_series_related_instances=_counted - bindparam("gone"))
    .values(replaced=series.c.replaced - bindparam("forgot"), updated_at=bindparam("now"))
)
_DROP_SERIES: Final = delete(series).where(
    series.c.id == bindparam("of"), ~exists().where(instance.c.series_id == series.c.id)
)
_DROP_STUDY: Final = delete(study).where(
    study.c.id == bindparam("of"), ~exists().where(series.c.study_id == study.c.id)
)
