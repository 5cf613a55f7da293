"""Tells a sender whether what it sent is stored, by the names that the sender knows.

Standard: PS3.4 J.3 (storage commitment), PS3.3 C.14.1.1 (why it is not given).
Invariants: original UIDs are mapped in memory by the owner's keys, as they were when the instance
came in, and are written nowhere; a row of the index is an instance that survives a power cut
(docs/decisions/0008-durable-ingest.md), and only the owner's rows are looked at. What was replaced
counts as stored: it is what the sender sent, with something blacked out.
Not here: who asks, and how it is answered (`dimse.commitment`).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from sqlalchemy import Select, null, select

from deid.uids import map_uid
from store.db import Database
from store.keys import KeyRing
from store.schema import instance, replaced_instance, series, study

__all__ = ["Custody", "LookUp", "Reference", "custody_of"]

_AT_ONCE: Final = 500
#: An instance of an older upload counts as unknown, so that its sender keeps it.
_LATEST_UPLOADS: Final = 100


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
    if missing:
        # What came for a study of an upload was named with that upload's key (`store.ingest`).
        for upload_id in _uploads(database, owner_id):
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
    rest = list(sent)
    stored = select(instance.c.sop_instance_uid, instance.c.sop_class_uid).join(
        series, series.c.id == instance.c.series_id
    )
    replaced: Select[Any] = select(replaced_instance.c.sop_instance_uid, null())
    tables = (
        (stored, series.c.owner_id, instance.c.sop_instance_uid),
        (replaced, replaced_instance.c.owner_id, replaced_instance.c.sop_instance_uid),
    )
    for query, owner, uid in tables:
        for some in _portions(rest):
            with database.read() as connection:
                rows = connection.execute(query.where(owner == owner_id, uid.in_(some))).all()
            for mapped, sop_class in rows:
                for name in sent[mapped]:
                    found.setdefault(name, set()).add(sop_class)
        rest = [mapped for mapped in rest if sent[mapped][0] not in found]
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


def _portions(names: Sequence[str]) -> Iterable[Sequence[str]]:
    return (names[at : at + _AT_ONCE] for at in range(0, len(names), _AT_ONCE))
