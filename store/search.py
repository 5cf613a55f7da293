"""Answers searches from the index: studies, series and instances within a scope.

Standard: PS3.18 8.3.4 and 10.6 (matching, paging, returned attributes), PS3.4 C.2.2.2 (matching).
Invariants: the scope is part of the query, so limits, offsets and counts are true for the caller;
the order is stable; one page costs the same however much is stored.
Not here: parsing a query string, RetrieveURL and the Warning header (`dicomweb.qido`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, exists, false, func, select, true

from store.access import Scope, visible
from store.db import Database
from store.errors import NotSearchable
from store.matching import UNIVERSAL, condition
from store.schema import instance, series, study
from store.search_keys import INSTANCE, KEYS, NEVER_STORED, SERIES, STUDY, Key, Level

__all__ = ["ALL", "KEYS", "NEVER_STORED", "Level", "Match", "Page", "Query", "search"]


class _All(Enum):
    ALL = "all"


ALL = _All.ALL
MODALITIES_IN_STUDY = 0x00080061
SOP_CLASSES_IN_STUDY = 0x00080062


@dataclass(frozen=True)
class Match:
    """One attribute and the value it is to match, as QIDO-RS writes values."""

    tag: int
    value: str


@dataclass(frozen=True)
class Query:
    """A search.

    Attributes:
        level: what is looked for.
        matches: conditions, all of which must hold.
        include: further attributes to return, or `ALL`.
        limit: the most results wanted; None for no limit.
        offset: how many results to pass over.
        with_parents: return the attributes of the levels above too, as the resources that are
            not below a study or series do.
    """

    level: Level
    matches: tuple[Match, ...] = ()
    include: frozenset[int] | _All = field(default_factory=frozenset)
    limit: int | None = None
    offset: int = 0
    with_parents: bool = True


@dataclass(frozen=True)
class Page:
    """Results in the DICOM JSON model, and how many more there are behind them."""

    results: list[dict[str, Any]]
    remaining: int


def search(database: Database, scope: Scope, query: Query) -> Page:
    """Find what matches, in the scope.

    Raises:
        NotSearchable: a key that the index does not have, or a value that is not of its form.
    """
    found = _select(scope, query)
    with database.read() as connection:
        page = found.offset(query.offset)
        if query.limit is not None:
            page = page.limit(query.limit)
        rows = connection.execute(page).all() if query.limit != 0 else []
        remaining = _remaining(connection, found, query, len(rows))
        children = _children(connection, scope, rows) if query.level == "study" else {}
    return Page([_result(row, query, children) for row in rows], remaining)


def _select(scope: Scope, query: Query) -> Select[Any]:
    if query.level == "study":
        columns = [study.c.id.label("study_key"), *_labelled(STUDY)]
        in_scope = exists().where(series.c.study_id == study.c.id, visible(scope))
        found = select(*columns).where(in_scope).order_by(study.c.id.desc())
    else:
        columns = [*_labelled(STUDY), *_labelled(SERIES)]
        order: list[ColumnElement[Any]] = [
            study.c.id.desc(),
            series.c.series_number.nulls_last(),
            series.c.id,
        ]
        if query.level == "instance":
            columns += _labelled(INSTANCE)
            order += [instance.c.instance_number.nulls_last(), instance.c.id]
        found = select(*columns).select_from(series).join(study, study.c.id == series.c.study_id)
        if query.level == "instance":
            found = found.join(instance, instance.c.series_id == series.c.id)
        found = found.where(visible(scope)).order_by(*order)
    return found.where(*(_matches(scope, query.level, match) for match in query.matches))


def _matches(scope: Scope, level: Level, match: Match) -> ColumnElement[bool]:
    if match.tag in (MODALITIES_IN_STUDY, SOP_CLASSES_IN_STUDY):
        return _any_in_study(scope, match)
    if match.tag in NEVER_STORED and level != "study":
        return true() if match.value in UNIVERSAL else false()
    key = KEYS.get(match.tag)
    if key is None or _ORDER[key.level] > _ORDER[level]:
        raise NotSearchable(f"({match.tag:08X}) cannot be searched by at {level} level.")
    return condition(key.column, key.vr, match.value)


def _any_in_study(scope: Scope, match: Match) -> ColumnElement[bool]:
    # A second look at the study's series, so that a study found by one modality still lists all.
    other = select(series.c.id).where(series.c.study_id == study.c.id, visible(scope))
    if match.tag == MODALITIES_IN_STUDY:
        found = other.where(condition(series.c.modality, "CS", match.value))
    else:
        found = other.join(instance, instance.c.series_id == series.c.id).where(
            condition(instance.c.sop_class_uid, "UI", match.value)
        )
    return study.c.id.in_(found.with_only_columns(series.c.study_id).correlate(None))


def _remaining(connection: Connection, found: Select[Any], query: Query, page: int) -> int:
    if query.limit is None or page < query.limit:
        return 0
    total = select(func.count()).select_from(found.order_by(None).subquery())
    return max(0, int(connection.execute(total).scalar_one()) - query.offset - page)


def _children(
    connection: Connection, scope: Scope, rows: Iterable[Row[Any]]
) -> dict[int, list[Row[Any]]]:
    ids = [row.study_key for row in rows]
    counted = series.c.number_of_series_related_instances.label("instances")
    found: dict[int, list[Any]] = {id_: [] for id_ in ids}
    for at in range(0, len(ids), 500):
        query = select(series.c.study_id, series.c.modality, counted).where(
            series.c.study_id.in_(ids[at : at + 500]), visible(scope)
        )
        for row in connection.execute(query).all():
            found[row.study_id].append(row)
    return found


_ORDER: dict[Level, int] = {"study": 0, "series": 1, "instance": 2}
_LEVEL_KEYS: dict[Level, tuple[Key, ...]] = {
    "study": STUDY,
    "series": SERIES,
    "instance": INSTANCE,
}


def _labelled(keys: Iterable[Key]) -> list[ColumnElement[Any]]:
    return [key.column.label(f"t{key.tag:08X}") for key in keys]


def _result(row: Row[Any], query: Query, children: dict[int, list[Row[Any]]]) -> dict[str, Any]:
    levels: list[Level] = [query.level]
    if query.with_parents:
        levels = [level for level in _ORDER if _ORDER[level] <= _ORDER[query.level]]
    result: dict[str, Any] = {"00080056": {"vr": "CS", "Value": ["ONLINE"]}}
    for level in levels:
        for key in _LEVEL_KEYS[level]:
            value = row._mapping[f"t{key.tag:08X}"]
            if _wanted(key, value, query):
                result[f"{key.tag:08X}"] = _attribute(key.vr, value)
    if query.level == "study":
        result |= _study_counts(children[row.study_key])
    return dict(sorted(result.items()))


def _wanted(key: Key, value: object, query: Query) -> bool:
    if key.required:
        return True
    if value is None or value == "":
        return False
    asked = query.include is ALL or key.tag in query.include
    return key.known or asked or any(match.tag == key.tag for match in query.matches)


def _attribute(vr: str, value: object) -> dict[str, Any]:
    if value is None or value == "":
        return {"vr": vr}
    if vr == "PN":
        names = ("Alphabetic", "Ideographic", "Phonetic")
        groups = zip(names, str(value).split("="), strict=False)
        return {"vr": vr, "Value": [{name: group for name, group in groups if group}]}
    return {"vr": vr, "Value": [value]}


def _study_counts(rows: list[Row[Any]]) -> dict[str, Any]:
    modalities = sorted({row.modality for row in rows if row.modality})
    counts: dict[str, Any] = {
        "00201206": {"vr": "IS", "Value": [len(rows)]},
        "00201208": {"vr": "IS", "Value": [sum(row.instances for row in rows)]},
    }
    if modalities:
        # Left out when empty: an attribute without a value stops OHIF's whole study list.
        counts["00080061"] = {"vr": "CS", "Value": modalities}
    return counts
