"""Tells a sender whether what it sent is stored, by the names that the sender knows.

Standard: PS3.4 J.3 (storage commitment), PS3.3 C.14.1.1 (why it is not given).
Invariants: original UIDs are mapped in memory by the owner's keys, as they were when the instance
came in, and are written nowhere; a row of the index is an instance that survives a power cut
(docs/decisions/0008-durable-ingest.md), and only the owner's rows are looked at. What was replaced
counts as stored: it is what the sender sent, with something blacked out.
Not here: who asks, and how it is answered (`dimse.commitment`).
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from sqlalchemy import CompoundSelect, Text, bindparam, column, null, select, union_all
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from deid.uids import map_uid
from store.db import Database
from store.keys import KeyRing
from store.schema import instance, replaced_instance, series, study

__all__ = ["Custody", "LookUp", "Reference", "custody_of"]

_AT_ONCE: Final = 5000
#: An instance of an older upload counts as unknown, so that its sender keeps it.
_LATEST_UPLOADS: Final = 100
#: Names times keys, of one request: anybody may ask who may store, so it has to be cheap. The
#: latest uploads come first, and what is left counts as unknown.
_MOST_MAPPED: Final = 50_000


@dataclass(frozen=True)
class Reference:
    """An instance by the names that its sender knows; for memory only."""

    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)


class Custody(Enum):
    """What the store has under a reference."""

    STORED = "stored"
    UNKNOWN = "unknown"
    OTHER_CLASS = "of another SOP class"


LookUp = Callable[[int, Sequence[Reference]], list[Custody]]
"""`custody_of` for an owner and references."""


def custody_of(
    database: Database, keys: KeyRing, owner_id: int, references: Sequence[Reference]
) -> list[Custody]:
    """Tell of each instance whether the owner has it.

    Args:
        database: the index.
        keys: by which names were given.
        owner_id: the owner.
        references: what is asked for.

    Raises:
        StoreError: it cannot be looked up now.
    """
    names = {reference.sop_instance_uid for reference in references}
    found = _classes(database, owner_id, names, keys.key_of(owner_id))
    missing = names - found.keys()
    mapped = len(names)
    if missing:
        # What came for a study of an upload was named with that upload's key (`store.ingest`).
        for upload_id in _uploads(database, owner_id):
            mapped += len(missing)
            if mapped > _MOST_MAPPED:
                break
            key = keys.key_of_upload(upload_id, owner_id)
            found |= _classes(database, owner_id, missing, key)
            missing -= found.keys()
            if not missing:
                break
    return [_custody(reference, found.get(reference.sop_instance_uid)) for reference in references]


def _custody(reference: Reference, classes: set[str | None] | None) -> Custody:
    if not classes:
        return Custody.UNKNOWN
    # Of one that was replaced the class is not known any more.
    if reference.sop_class_uid in classes or None in classes:
        return Custody.STORED
    return Custody.OTHER_CLASS


def _classes(
    database: Database, owner_id: int, names: Collection[str], key: bytes
) -> dict[str, set[str | None]]:
    """The SOP classes of what is stored, by the sender's names; None for what was replaced."""
    # An instance may be asked for by the name that it came with and by ours at once.
    sent: dict[str, list[str]] = {}
    for name in names:
        sent.setdefault(map_uid(key, name), []).append(name)
    found: dict[str, set[str | None]] = {}
    asked = list(sent)
    for at in range(0, len(asked), _AT_ONCE):
        some = asked[at : at + _AT_ONCE]
        with database.read() as connection:
            rows = connection.execute(_STORED, {"owner": owner_id, "names": json.dumps(some)})
            for mapped, sop_class in rows:
                for name in sent[mapped]:
                    found.setdefault(name, set()).add(sop_class)
    return found


def _uploads(database: Database, owner_id: int) -> Sequence[int]:
    query = (
        select(study.c.upload_id)
        .where(study.c.owner_id == owner_id, study.c.upload_id.is_not(None))
        .distinct()
        .order_by(study.c.upload_id.desc())
        .limit(_LATEST_UPLOADS)
    )
    with database.read() as connection:
        return [int(row[0]) for row in connection.execute(query)]


class _EachName(FunctionElement[Any]):
    """The texts of an array of JSON, as rows: one parameter, however many they are."""

    inherit_cache = True
    name = "each_name"


@compiles(_EachName)
def _each_on_sqlite(each: _EachName, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"json_each({compiler.process(each.clauses, **options)})"


@compiles(_EachName, "postgresql")
def _each_on_postgresql(each: _EachName, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"jsonb_array_elements_text(CAST({compiler.process(each.clauses, **options)} AS JSONB))"


def _stored() -> CompoundSelect[Any]:
    names = _EachName(bindparam("names", type_=Text())).table_valued(column("value", Text()))
    stored = (
        select(instance.c.sop_instance_uid, instance.c.sop_class_uid)
        .join(series, series.c.id == instance.c.series_id)
        .where(series.c.owner_id == bindparam("owner"))
        .where(instance.c.sop_instance_uid.in_(select(names.c.value)))
    )
    replaced = (
        select(replaced_instance.c.sop_instance_uid, null())
        .where(replaced_instance.c.owner_id == bindparam("owner"))
        .where(replaced_instance.c.sop_instance_uid.in_(select(names.c.value)))
    )
    return union_all(stored, replaced)


_STORED: Final = _stored()
