"""Which instances a retrieval names, among those that the caller may see.

Standard: PS3.4 C.4.2.1.4 and C.4.3.1.4 (identifiers of C-MOVE and C-GET), C.4.2.2.1, C.4.3.2.1
(unique keys).
Invariants: what is outside the scope is not among them, and cannot be told from what does not
exist. A UID needs no unique key of the levels above, whether relational retrieval was agreed on or
not, since it names one thing only; those that are given have to fit.
Not here: encoded identifiers (`dimse.identifiers`), sending (`dimse.fetching`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from dimse import query_statuses
from dimse.identifiers import Element, Identifier, Unfit
from dimse.models import UNIQUE_KEYS, Level, Model
from dimse.query_keys import level_in, single
from store.access import Scope
from store.retrieve import Archive, StoredInstance
from store.search import Level as StoreLevel
from store.search import Match, Query, search

__all__ = ["MOST_INSTANCES", "instances_asked_for"]

MOST_INSTANCES: Final = 50_000
"""The most that one retrieval may name."""

PAGE: Final = 1_000
UIDS_AT_ONCE: Final = 100

_PATIENT, _STUDY, _SERIES, _IMAGE = UNIQUE_KEYS.values()
_LEVELS: Final[dict[Level, StoreLevel]] = {
    "PATIENT": "study",
    "STUDY": "study",
    "SERIES": "series",
    "IMAGE": "instance",
}

Place = tuple[str, str | None]
"""A study, and a series of it if not all of them are meant."""


def instances_asked_for(
    archive: Archive, scopes: Sequence[Scope], identifier: Identifier, model: Model
) -> list[StoredInstance]:
    """Find the instances that an identifier names, those of the first scope first.

    Raises:
        Unfit: it is no identifier of a retrieval in this model, or names too many instances.
    """
    level = level_in(identifier, model)
    above = [
        Match(UNIQUE_KEYS[one], single(identifier, one))
        for one in model.above(level)
        if identifier.get(UNIQUE_KEYS[one], Element("UI")).value
    ]
    queries = [
        Query(
            _LEVELS[level],
            (*above, Match(UNIQUE_KEYS[level], values)),
            frozenset((_STUDY, _SERIES)),
            limit=PAGE,
            with_parents=False,
        )
        for values in _values(identifier, level)
    ]
    found: list[StoredInstance] = []
    for scope in scopes:
        wanted: dict[Place, set[str]] = {}
        for query in queries:
            for place, uid in _named(archive, scope, query):
                wanted.setdefault(place, set()).add(uid)
        for (study, series), uids in wanted.items():
            refs = archive.instances(scope, study, series)
            found += [ref for ref in refs if level != "IMAGE" or ref.sop_instance_uid in uids]
            if len(found) > MOST_INSTANCES:
                raise Unfit(query_statuses.TOO_MANY)
    return found


def _values(identifier: Identifier, level: Level) -> Iterator[str]:
    """The values of the level's unique key: a Patient ID, or UIDs, some at a time."""
    tag = UNIQUE_KEYS[level]
    if level == "PATIENT":
        yield single(identifier, level)
        return
    uids = identifier.get(tag, Element("UI")).value.split("\\")
    if not all(uid and len(uid) <= 64 and not set(uid) - set("0123456789.") for uid in uids):
        raise Unfit(query_statuses.NO_UIDS, tag)
    for at in range(0, len(uids), UIDS_AT_ONCE):
        yield "\\".join(uids[at : at + UIDS_AT_ONCE])


def _named(archive: Archive, scope: Scope, query: Query) -> Iterator[tuple[Place, str]]:
    """Where the named things are, and the SOP Instance UIDs of those that are instances."""
    seen = 0
    while True:
        page = search(archive.database, scope, query)
        for result in page.results:
            uids = [_uid(result, tag) for tag in (_STUDY, _SERIES, _IMAGE)]
            yield (uids[0] or "", uids[1]), uids[2] or ""
        seen += len(page.results)
        if seen > MOST_INSTANCES:
            raise Unfit(query_statuses.TOO_MANY)
        if not page.remaining:
            return
        query = replace(query, offset=query.offset + PAGE)


def _uid(result: dict[str, dict[str, list[str]]], tag: int) -> str | None:
    values = result.get(f"{tag:08X}", {}).get("Value")
    return values[0] if values else None
