"""Walks the studies that have a modality and a date in certain years, in the order of searches.

    modality, year      each of them is a range of one index, which has it in order
    several of them     their orders are merged, and what comes twice is left out

Invariants: a study comes once, and only if it has a series of one of the modalities; its date is in
one of the years, and everything else that is asked for is looked at in its row.
Not here: when studies are walked like this (`store.search_plan`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    column,
    func,
    select,
    true,
    union,
    union_all,
)

from store.access import OwnerScope, visible
from store.schema import YEAR, series, study
from store.search_rules import Span

__all__ = [
    "Part",
    "Walk",
    "Walked",
    "days_of",
    "end_of_parts",
    "parts_of",
    "passed_parts",
    "walked_parts",
]

Walked = Select[Any] | CompoundSelect[Any]
"""Keys of studies in the order of searches."""

MOST_PARTS: Final = 6
"""How many modalities and years are merged at most; the more there are, the more studies match."""

_NARROW: Final = 13
"""One of how many days of the years is too few: the index of dates leads to these at once."""

_DAYS_OF_YEAR: Final = 12 * 31
_newest: ColumnElement[Any] = column("key").desc()


@dataclass(frozen=True)
class Walk:
    """Part of the order: studies from one key, and below another."""

    floor: int | None = None
    below: int | None = None

    def of(self, key: ColumnElement[Any]) -> ColumnElement[bool]:
        """True for keys of this part."""
        bounds = [key >= self.floor] if self.floor is not None else []
        bounds += [key < self.below] if self.below is not None else []
        return and_(true(), *bounds)


@dataclass(frozen=True)
class Part:
    """A modality in a year."""

    modality: str
    year: str


def parts_of(modalities: Sequence[str], dates: Span | None) -> list[Part]:
    """The modalities and years of which studies with such dates are made up.

    Returns:
        None of them when there are too many, or when walking them would pass over too much.
    """
    days = None if dates is None else days_of(dates)
    if dates is None or days is None:
        return []
    years = range(int(dates.first[:YEAR]), int(dates.last[:YEAR]) + 1)
    if len(years) * len(modalities) > MOST_PARTS or days * _NARROW < len(years) * _DAYS_OF_YEAR:
        return []
    return [
        Part(modality, f"{year:04}") for modality in dict.fromkeys(modalities) for year in years
    ]


def passed_parts(scope: OwnerScope, parts: Sequence[Part], walk: Walk) -> Walked:
    """Select the keys of all studies of the parts; those of several of their series come again.

    PostgreSQL only: its parts are merged as they come, which SQLite does more slowly.
    """
    found = [_of_part(scope, part, [], walk) for part in parts]
    every = found[0] if len(found) == 1 else _merged(found)
    return every.order_by(_newest)


def end_of_parts(scope: OwnerScope, parts: Sequence[Part], walk: Walk, many: int) -> Select[Any]:
    """Select down to which key there are so many studies of the parts at most; null: all of them.

    Of each part as many are passed over, so that nothing has to be merged.
    """
    of_each = max(1, many // len(parts))
    ends = (_of_part(scope, part, [], walk).order_by(_newest).offset(of_each - 1) for part in parts)
    found = union_all(*(select(end.limit(1).subquery().c.key) for end in ends)).subquery()
    return select(func.max(found.c.key))


def walked_parts(
    scope: OwnerScope,
    parts: Sequence[Part],
    where: Sequence[ColumnElement[bool]],
    walk: Walk,
    *,
    is_sqlite: bool,
) -> Walked:
    """Select the keys of the parts' studies for which the conditions hold, the newest first."""
    found = [_of_part(scope, part, where, walk) for part in parts]
    if len(found) == 1:
        return found[0].distinct().order_by(_newest)
    if is_sqlite:
        # It merges selects that an index has in this order.
        return union(*found).order_by(_newest)
    # PostgreSQL does not where a UNION leaves out what comes twice.
    merged = _merged(found).subquery()
    return select(merged.c.key).distinct().order_by(merged.c.key.desc())


def _merged(found: Sequence[Select[Any]]) -> CompoundSelect[Any]:
    # PostgreSQL merges what comes in order; of what does not say so it sorts everything.
    return union_all(*(each.order_by(_newest) for each in found))


def _of_part(
    scope: OwnerScope, part: Part, where: Sequence[ColumnElement[bool]], walk: Walk
) -> Select[Any]:
    key = series.c.study_id
    found = select(key.label("key"))
    found = found.where(visible(scope), series.c.modality == part.modality)
    found = found.where(series.c.study_year == part.year, walk.of(key))
    return found.join(study, study.c.id == key).where(*where) if where else found


def days_of(dates: Span) -> int | None:
    """How many days are in a range, of months of 31 days; None if an end of it is open."""
    if not dates.first or not dates.last:
        return None
    first, last = (
        int(date[:4]) * _DAYS_OF_YEAR + int(date[4:6]) * 31 + int(date[6:])
        for date in (dates.first, dates.last)
    )
    return last - first + 1
