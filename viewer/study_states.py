"""The states in which the list of studies can be narrowed down to, and how many are in each.

Invariants: a study is narrowed down to within the query, so that pages and counts are true.
Not here: the rows of the list (`viewer.studies`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, cast, final, get_args

from sqlalchemy import ColumnElement, and_, exists, not_, select

from cases.schema import case, case_series
from store.access import OwnerScope, Scope
from store.db import Database
from store.schema import series
from store.search import Query, search
from store.states import State

__all__ = ["SETTLED", "Show", "StateScope", "count_by_state", "scope_of", "show_named"]

Show = Literal["all", "arriving", "held", "ready", "cases"]
#: A study to which nothing was added for this long counts as complete.
SETTLED: Final = timedelta(seconds=10)
COUNTED: Final = 2_000

_any = series.alias("any_of_study")


@final
@dataclass(frozen=True)
class StateScope:
    """Those of an owner's studies that are in a state.

    Attributes:
        owner_id: whose they are, and whose eyes these are.
        show: the state.
        now: the present time, by which studies are still arriving or not.
    """

    owner_id: int
    show: Show
    now: datetime

    def condition(self) -> ColumnElement[bool]:
        """True for the series of these studies."""
        return and_(series.c.owner_id == self.owner_id, _IN[self.show](self))

    def _has(self, condition: ColumnElement[bool]) -> ColumnElement[bool]:
        """True for the series of studies of which a series is like that."""
        studies = select(_any.c.study_id).where(_any.c.owner_id == self.owner_id, condition)
        return series.c.study_id.in_(studies)

    def _arriving(self) -> ColumnElement[bool]:
        return self._has(_any.c.updated_at > self.now - SETTLED)

    def _held(self) -> ColumnElement[bool]:
        return self._has(_any.c.review_state == State.HELD)

    def _in_cases(self) -> ColumnElement[bool]:
        used = exists().where(
            case_series.c.series_id == _any.c.id,
            case.c.id == case_series.c.case_id,
            case.c.owner_id == self.owner_id,
        )
        return self._has(used)

    def _ready(self) -> ColumnElement[bool]:
        taken = (self._arriving(), self._held(), self._in_cases())
        return and_(self._has(_any.c.review_state != State.LEFT_OUT), *map(not_, taken))


_IN: Final[Mapping[Show, Callable[[StateScope], ColumnElement[bool]]]] = MappingProxyType(
    {
        "arriving": StateScope._arriving,
        "held": StateScope._held,
        "ready": StateScope._ready,
        "cases": StateScope._in_cases,
    }
)


def show_named(name: str) -> Show:
    """The state of this name; all, where there is none of it."""
    return cast(Show, name) if name in get_args(Show) else "all"


def scope_of(owner_id: int, show: Show, now: datetime) -> Scope:
    """The owner's studies in a state."""
    return OwnerScope(owner_id) if show == "all" else StateScope(owner_id, show, now)


def count_by_state(database: Database, owner_id: int, now: datetime) -> dict[Show, int]:
    """How many of the owner's studies are in each state; some are in two.

    With very many studies only all of them are counted: each of the others would be looked at.
    """
    counts = {"all": _count(database, OwnerScope(owner_id))}
    if counts["all"] <= COUNTED:
        others = (show for show in get_args(Show) if show != "all")
        counts |= {show: _count(database, StateScope(owner_id, show, now)) for show in others}
    return cast(dict[Show, int], counts)


def _count(database: Database, scope: Scope) -> int:
    found = search(database, scope, Query("study", limit=1, count_all=True))
    return len(found.results) + found.remaining
