"""Makes the results of a search, in the DICOM JSON model, of the rows that were found.

Standard: PS3.18 10.6.3.3 (returned attributes), 8.3.4.3 (includefield), Annex F.
Invariants: required attributes are there even when empty; a result has attributes of its own level
and of those above it only, whatever is asked for; bulk values are never in it. What the index has
no column for is taken from the first visible instance.
Not here: which rows (`store.search_plan`), RetrieveURL (`dicomweb.qido`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, func, select

from store.access import Scope, visible
from store.schema import instance, series, study
from store.search_beyond import data_set, first_instances
from store.search_keys import DEPTH, INSTANCE, KEYS, SERIES, STUDY, Key, Level
from store.search_levels import level_of

__all__ = ["Include", "results"]

Attributes = dict[str, Any]

_AT_ONCE: Final = 500
_LEVEL_KEYS: Final[dict[Level, tuple[Key, ...]]] = {
    "study": STUDY,
    "series": SERIES,
    "instance": INSTANCE,
}
# What is made of other rows, whatever a data set may say.
_MADE: Final = frozenset({0x00080056, 0x00080061, 0x00080062, 0x00201206, 0x00201208, 0x00201209})


class Include:
    """The attributes that are asked for besides those that always come.

    Args:
        level: what is searched for.
        paths: attributes, each after the sequences it is in.
        everything: all that there is at the level and above.
        with_parents: the attributes of the levels above come, too.
    """

    def __init__(
        self,
        level: Level,
        paths: Iterable[tuple[int, ...]],
        *,
        everything: bool,
        with_parents: bool,
    ) -> None:
        self.level = level
        self.everything = everything
        self.with_parents = with_parents
        wanted = [path for path in paths if DEPTH[level_of(path[0])] <= DEPTH[level]]
        self.tags = frozenset(path[0] for path in wanted if len(path) == 1)
        without_column = [path for path in wanted if len(path) > 1 or path[0] not in KEYS]
        self.beyond = [path for path in without_column if path[0] not in _MADE]

    @property
    def needs_metadata(self) -> bool:
        """Whether the columns do not suffice."""
        return self.everything or bool(self.beyond)

    def is_wanted(self, key: Key, value: object) -> bool:
        """Tell whether the value of a column comes into a result."""
        is_above = DEPTH[key.level] < DEPTH[self.level]
        is_asked = self.everything or key.tag in self.tags
        if is_above and not self.with_parents and not is_asked:
            return False
        if key.required:
            return True
        return value not in (None, "") and (key.known or is_asked)

    def chosen(self, attributes: Attributes) -> Attributes:
        """What of a data set comes into a result."""
        if self.everything:
            depth = DEPTH[self.level]
            tags = ((name, int(name, 16)) for name in attributes)
            return _without_bulk(
                {
                    name: attributes[name]
                    for name, tag in tags
                    if DEPTH[level_of(tag)] <= depth and tag not in _MADE
                }
            )
        found: Attributes = {}
        for path in self.beyond:
            _put(found, attributes, [f"{tag:08X}" for tag in path])
        return _without_bulk(found)


def results(
    connection: Connection, scope: Scope, keys: Sequence[int], include: Include
) -> list[Attributes]:
    """The results for rows of the level, by their keys, in this order."""
    made: dict[int, Attributes] = {}
    for at in range(0, len(keys), _AT_ONCE):
        some = keys[at : at + _AT_ONCE]
        rows = _rows(connection, include.level, some)
        for row in rows:
            made[row.row_key] = _of_columns(row, include)
        if include.level == "study" or include.with_parents:
            _add_counts(connection, scope, rows, made)
        if include.needs_metadata:
            for key, metadata in _metadata(connection, scope, include.level, some):
                made[key] |= include.chosen(data_set(bytes(metadata)))
    return [dict(sorted(made[key].items())) for key in keys if key in made]


def _rows(connection: Connection, level: Level, keys: Sequence[int]) -> Sequence[Row[Any]]:
    columns = [study.c.id.label("study_key"), *_labelled(STUDY)]
    if level == "study":
        found = select(study.c.id.label("row_key"), *columns).where(study.c.id.in_(keys))
        return connection.execute(found).all()
    columns += _labelled(SERIES)
    joined = series.join(study, study.c.id == series.c.study_id)
    key: ColumnElement[Any] = series.c.id
    if level == "instance":
        columns += _labelled(INSTANCE)
        joined = joined.join(instance, instance.c.series_id == series.c.id)
        key = instance.c.id
    found = select(key.label("row_key"), *columns).select_from(joined).where(key.in_(keys))
    return connection.execute(found).all()


def _labelled(keys: Iterable[Key]) -> list[ColumnElement[Any]]:
    return [key.column.label(f"t{key.tag:08X}") for key in keys]


def _metadata(
    connection: Connection, scope: Scope, level: Level, keys: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    if level == "instance":
        found = select(instance.c.id, instance.c.metadata).where(instance.c.id.in_(keys))
    else:
        found = first_instances(scope, level, keys)
    for row in connection.execute(found, execution_options={"yield_per": 50}):
        yield row[0], row[1]


def _of_columns(row: Row[Any], include: Include) -> Attributes:
    result: Attributes = {"00080056": {"vr": "CS", "Value": ["ONLINE"]}}
    for level, keys in _LEVEL_KEYS.items():
        if DEPTH[level] > DEPTH[include.level]:
            break
        for key in keys:
            value = row._mapping[f"t{key.tag:08X}"]
            if include.is_wanted(key, value):
                result[f"{key.tag:08X}"] = _attribute(key.vr, value)
    return result


def _attribute(vr: str, value: object) -> Attributes:
    if value is None or value == "":
        return {"vr": vr}
    if vr == "PN":
        names = ("Alphabetic", "Ideographic", "Phonetic")
        groups = zip(names, str(value).split("="), strict=False)
        return {"vr": vr, "Value": [{name: group for name, group in groups if group}]}
    return {"vr": vr, "Value": [value]}


def _add_counts(
    connection: Connection, scope: Scope, rows: Sequence[Row[Any]], made: dict[int, Attributes]
) -> None:
    """Add what is counted of a study's visible series."""
    counted = func.sum(series.c.number_of_series_related_instances).label("instances")
    query = select(series.c.study_id, series.c.modality, func.count().label("series"), counted)
    studies = sorted({row.study_key for row in rows})
    query = query.where(series.c.study_id.in_(studies), visible(scope))
    found: dict[int, list[Any]] = {id_: [] for id_ in studies}
    for child in connection.execute(query.group_by(series.c.study_id, series.c.modality)):
        found[child.study_id].append(child)
    counts = {id_: _counts(children) for id_, children in found.items()}
    for row in rows:
        made[row.row_key] |= counts[row.study_key]


def _counts(rows: list[Any]) -> Attributes:
    counts: Attributes = {
        "00201206": {"vr": "IS", "Value": [sum(row.series for row in rows)]},
        "00201208": {"vr": "IS", "Value": [int(sum(row.instances for row in rows))]},
    }
    modalities = sorted({row.modality for row in rows if row.modality})
    if modalities:
        # Left out when empty: an attribute without a value stops OHIF's whole study list.
        counts["00080061"] = {"vr": "CS", "Value": modalities}
    return counts


def _put(found: Attributes, attributes: Attributes, path: list[str]) -> None:
    """Copy an attribute, with the items of the sequences it is in but nothing else of them."""
    here, *further = path
    attribute = attributes.get(here)
    if attribute is None:
        return
    if not further:
        found[here] = attribute
        return
    items = [item or {} for item in attribute.get("Value", ())]
    copied = found.setdefault(here, {"vr": "SQ", "Value": [{} for _ in items]})
    for copy, item in zip(copied.get("Value", ()), items, strict=False):
        if copy is not item:
            _put(copy, item, further)


def _without_bulk(attributes: Attributes) -> Attributes:
    kept = {}
    for name, attribute in attributes.items():
        if attribute["vr"] == "SQ" and "Value" in attribute:
            items = [_without_bulk(item or {}) for item in attribute["Value"]]
            kept[name] = {"vr": "SQ", "Value": items}
        elif "BulkDataURI" not in attribute:
            kept[name] = attribute
    return kept
