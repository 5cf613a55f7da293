"""Makes the results of a search, in the DICOM JSON model, of the rows that were found.

Standard: PS3.18 10.6.3.3 (returned attributes), 8.3.4.3 (includefield), Annex F.
Invariants: required attributes are there even when empty; a result has attributes of its own level
and of those above it only, whatever is asked for; bulk values are never in it. What the index has
no column for is taken from the first visible instance. Results that were made of the same values
are the same object, which nobody may change.
Not here: which rows (`store.search_plan`), RetrieveURL (`dicomweb.qido`).
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, Select, bindparam, func, select

from store.access import OwnerScope, Scope, visible, visible_later
from store.db import Database
from store.schema import instance, series, study
from store.search_among import among
from store.search_beyond import data_set, first_instances
from store.search_keys import DEPTH, INSTANCE, KEYS, SERIES, STUDY, Key, Level
from store.search_levels import level_of

__all__ = ["Include", "Result", "results"]

Attributes = dict[str, Any]

_AT_ONCE: Final = 500
_KINDS: Final = 4
_KEPT: Final = 2048
_NAME_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_SELECTED: Final[dict[Level, tuple[Key, ...]]] = {
    "study": STUDY,
    "series": (*STUDY, *SERIES),
    "instance": (*STUDY, *SERIES, *INSTANCE),
}
_COUNTED: Final = (
    select(
        series.c.study_id,
        series.c.modality,
        func.count(),
        func.sum(series.c.number_of_series_related_instances),
    )
    .where(among(series.c.study_id, "studies"))
    .group_by(series.c.study_id, series.c.modality)
)
_COUNTED_OF_OWNER: Final = _COUNTED.where(visible_later(bindparam("owner", type_=BigInteger)))
# What is made of other rows, whatever a data set may say.
_MADE: Final = frozenset({0x00080056, 0x00080061, 0x00080062, 0x00201206, 0x00201208, 0x00201209})


class Result(dict[str, Any]):
    """A result in the DICOM JSON model, with its attributes in order.

    Attributes:
        kept: what was made of it, by what it was made for; whoever puts something there bounds it.
    """

    __slots__ = ("kept",)

    def __init__(self, attributes: Attributes) -> None:
        super().__init__(sorted(attributes.items()))
        self.kept: dict[Hashable, str] = {}


class _Counts(NamedTuple):
    series: int
    instances: int
    modalities: tuple[str, ...]


_NOTHING: Final = _Counts(0, 0, ())


class _Wanted(NamedTuple):
    place: int
    name: str
    vr: str
    required: bool
    known: bool


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

    def columns(self, keys: Sequence[Key]) -> tuple[_Wanted, ...]:
        """Which of the columns, selected in this order, come into a result."""
        found = []
        for place, key in enumerate(keys):
            is_above = DEPTH[key.level] < DEPTH[self.level]
            is_asked = self.everything or key.tag in self.tags
            if is_asked or not is_above or self.with_parents:
                known = key.known or is_asked
                found.append(_Wanted(place, f"{key.tag:08X}", key.vr, key.required, known))
        return tuple(one for one in found if one.required or one.known)

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
    database: Database,
    connection: Connection,
    scope: Scope,
    keys: Sequence[int],
    include: Include,
) -> list[Result]:
    """The results for rows of the level, by their keys, in this order."""
    made: dict[int, Result] = {}
    make = _maker(include.columns(_SELECTED[include.level]))
    for at in range(0, len(keys), _AT_ONCE):
        some = keys[at : at + _AT_ONCE]
        rows = database.execute(connection, _rows(include.level), [{"keys": some}])
        counts: dict[int, _Counts] = {}
        if include.level == "study" or include.with_parents:
            studies = sorted({row[1] for row in rows})
            counts = _counts(studies, _counted(database, connection, scope, studies))
        for row in rows:
            made[row[0]] = make(row[2:], counts.get(row[1]))
        if include.needs_metadata:
            for key, metadata in _metadata(connection, scope, include.level, some):
                made[key] = Result(made[key] | include.chosen(data_set(bytes(metadata))))
    return [made[key] for key in keys if key in made]


@cache
def _rows(level: Level) -> Select[Any]:
    """Selects the key of the row and of its study, then the columns of the level and above."""
    columns = [key.column for key in _SELECTED[level]]
    if level == "study":
        found = select(study.c.id, study.c.id.label("study"), *columns)
        return found.where(among(study.c.id, "keys"))
    joined = series.join(study, study.c.id == series.c.study_id)
    own: ColumnElement[Any] = series.c.id
    if level == "instance":
        joined = joined.join(instance, instance.c.series_id == series.c.id)
        own = instance.c.id
    found = select(own, study.c.id.label("study"), *columns).select_from(joined)
    return found.where(among(own, "keys"))


def _metadata(
    connection: Connection, scope: Scope, level: Level, keys: Sequence[int]
) -> Iterator[tuple[int, bytes]]:
    if level == "instance":
        found = select(instance.c.id, instance.c.metadata).where(instance.c.id.in_(keys))
    else:
        found = first_instances(scope, level, keys)
    for row in connection.execute(found, execution_options={"yield_per": 50}):
        yield row[0], row[1]


@lru_cache(maxsize=_KINDS)
def _maker(wanted: tuple[_Wanted, ...]) -> Callable[[tuple[Any, ...], _Counts | None], Result]:
    """Return what makes results of the columns that are wanted, or finds them made already."""

    @lru_cache(maxsize=_KEPT)
    def make(values: tuple[Any, ...], counts: _Counts | None) -> Result:
        return Result(_of_columns(values, wanted) | _of_counts(counts))

    return make


def _of_columns(values: Sequence[Any], wanted: Sequence[_Wanted]) -> Attributes:
    result: Attributes = {"00080056": {"vr": "CS", "Value": ["ONLINE"]}}
    for place, name, vr, required, _ in wanted:
        value = values[place]
        if value is None or value == "":
            if required:
                result[name] = {"vr": vr}
        elif vr == "PN":
            groups = zip(_NAME_GROUPS, value.split("="), strict=False)
            result[name] = {"vr": vr, "Value": [{name: group for name, group in groups if group}]}
        else:
            result[name] = {"vr": vr, "Value": [value]}
    return result


def _counted(
    database: Database, connection: Connection, scope: Scope, studies: Sequence[int]
) -> Iterable[Sequence[Any]]:
    """How many series of each modality are visible in each study, and instances."""
    if isinstance(scope, OwnerScope):
        owner = {"studies": studies, "owner": scope.owner_id}
        return database.execute(connection, _COUNTED_OF_OWNER, [owner])
    return connection.execute(_COUNTED.where(visible(scope)), {"studies": studies}).all()


def _counts(studies: Sequence[int], counted: Iterable[Sequence[Any]]) -> dict[int, _Counts]:
    """What is counted of the visible series of each study."""
    found = dict.fromkeys(studies, _NOTHING)
    for id_, modality, number, instances in counted:
        known = found[id_]
        modalities = (*known.modalities, modality) if modality else known.modalities
        if len(modalities) > 1:
            modalities = tuple(sorted(modalities))
        # PostgreSQL's sums are decimals.
        found[id_] = _Counts(known.series + number, known.instances + int(instances), modalities)
    return found


def _of_counts(counts: _Counts | None) -> Attributes:
    if counts is None:
        return {}
    made: Attributes = {
        "00201206": {"vr": "IS", "Value": [counts.series]},
        "00201208": {"vr": "IS", "Value": [counts.instances]},
    }
    if counts.modalities:
        # Left out when empty: an attribute without a value stops OHIF's whole study list.
        made["00080061"] = {"vr": "CS", "Value": list(counts.modalities)}
    return made


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
