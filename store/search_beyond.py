"""Searches by attributes that the index has no column for: looks at stored metadata, one by one.

Standard: PS3.4 C.2.2.2.6 (sequence matching), PS3.18 8.3.4.1 (any attribute, private ones).
Invariants: what is looked at is what the columns found, in their order; of attributes that all
instances of a study or series share, one instance is looked at; never more than `MOST` are. A study
or series is found when all of these keys hold in one of its visible instances.
Not here: how a value matches (`store.search_values`).
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, CursorResult, Select, func, select

from store.access import Scope, visible
from store.errors import SearchTooBroad
from store.schema import instance, series
from store.search_keys import DEPTH, Level
from store.search_terms import Beyond, Terms
from store.search_values import Attributes, found_at

__all__ = ["MOST", "data_set", "find_beyond", "first_instances", "key_of"]

MOST: Final = 10_000
"""The most data sets that one search looks at."""

_AT_ONCE: Final = 200
_PRIVATE_BLOCKS: Final = range(0x10, 0x100)


def find_beyond(
    connection: Connection, scope: Scope, level: Level, terms: Terms, found: Sequence[int]
) -> Iterator[int]:
    """Those of the rows that the keys beyond columns match, too.

    Args:
        connection, scope, level, terms: the search.
        found: the rows that the columns found, in order; one more than `MOST` if there are more.

    Raises:
        SearchTooBroad: when the most that is looked at did not suffice.
    """
    looked_at = 0
    rows = iter(found)
    while batch := list(islice(rows, _AT_ONCE)):
        holding = set()
        with _metadata(connection, scope, level, terms, batch) as looked_through:
            for row in looked_through:
                key, metadata = tuple(row)
                looked_at += 1
                if looked_at > MOST:
                    raise SearchTooBroad("The search would have to look at too many data sets.")
                if key not in holding and _holds(terms.beyond, metadata):
                    holding.add(key)
        yield from (key for key in batch if key in holding)
    if len(found) > MOST:
        raise SearchTooBroad("The search would have to look at too many data sets.")


def first_instances(scope: Scope, level: Level, keys: Sequence[int]) -> Select[Any]:
    """The key of each row and the metadata of its first visible instance."""
    first = select(func.min(instance.c.id)).select_from(_joined()).where(visible(scope))
    first = first.where(key_of(level).in_(keys)).group_by(key_of(level))
    found = select(key_of(level), instance.c.metadata).select_from(_joined())
    return found.where(instance.c.id.in_(first.correlate(None)))


def data_set(metadata: bytes) -> dict[str, Any]:
    """The attributes that stored metadata hold."""
    # Not strict: the mark before each BulkDataURI is a control character.
    found: dict[str, Any] = json.loads(metadata, strict=False)
    return found


def key_of(level: Level) -> ColumnElement[Any]:
    """The key of the row of a level that an instance belongs to."""
    if level == "study":
        return series.c.study_id
    return instance.c.series_id if level == "series" else instance.c.id


def _metadata(
    connection: Connection, scope: Scope, level: Level, terms: Terms, keys: Sequence[int]
) -> CursorResult[Any]:
    needed = max((key.level for key in terms.beyond), key=DEPTH.__getitem__)
    found = select(key_of(level), instance.c.metadata).select_from(_joined())
    found = found.where(visible(scope), key_of(level).in_(keys), *terms.below)
    if needed != "instance" and level != "instance":
        group = key_of(max(level, needed, key=DEPTH.__getitem__))
        first = select(func.min(instance.c.id)).select_from(_joined())
        first = first.where(visible(scope), key_of(level).in_(keys), *terms.below)
        found = found.where(instance.c.id.in_(first.group_by(group).correlate(None)))
    return connection.execute(found, execution_options={"yield_per": 50})


def _joined() -> Any:  # noqa: ANN401 - SQLAlchemy's Join
    return series.join(instance, instance.c.series_id == series.c.id)


def _holds(keys: Sequence[Beyond], metadata: bytes) -> bool:
    # Most data sets end here, unread: the attribute's name is not in the text.
    for key in keys:
        if key.needed and key.creator is None and f'"{key.path[-1]}"'.encode() not in metadata:
            return False
    attributes = data_set(bytes(metadata))
    return all(_matches(key, attributes) for key in keys)


def _matches(key: Beyond, attributes: Attributes) -> bool:
    if key.creator is None:
        return any(key.test(found) for found in found_at(attributes, key.path))
    group, element = key.path[0][:4], key.path[0][6:]
    for block in _PRIVATE_BLOCKS:
        creator = attributes.get(f"{group}00{block:02X}", {}).get("Value")
        if creator == [key.creator] and key.test(attributes.get(f"{group}{block:02X}{element}")):
            return True
    return False
