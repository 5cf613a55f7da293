"""Finds which rows a search finds, in their order, without looking at many more than it returns.

    few studies have what is asked for     they are looked up, and sorted
    an index has all that is asked for     it gives them in order
    many have it                           all are walked, newest first, until there are enough
    those who do are not among the newest  they are looked up in an index, and sorted
    the scope shows some of all owners'    the newest are walked, then what it names is looked up

Standard: PS3.18 8.3.4.4 (paging).
Invariants: what is found does not depend on the way; a way is chosen by counting to `FEW` at most,
and by walking `FIRST_WALK` studies, which find the first page themselves when many match.
Not here: the conditions (`store.search_terms`), the attributes of what was found (`store.search`).
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    column,
    exists,
    func,
    literal,
    select,
    table,
)

from store.access import LeadingScope, OwnerScope, Scope, visible, visible_studies
from store.schema import instance, series, study
from store.search_among import together
from store.search_blocks import expected, with_text
from store.search_first import Walking, first_of_parts, first_of_studies
from store.search_keys import Level
from store.search_terms import Terms, Words
from store.search_years import Walk, Walked, end_of_parts, parts_of, walked_parts
from store.words import OWNER_SHIFT, TABLE

__all__ = ["COUNTED", "Cut", "Found", "count", "find"]

COUNTED: Final = 300
"""How many results behind a page are counted at most."""

FEW: Final = 5_000
MANY: Final = 50_000
"""How many studies are few, and how many an index may lead to if walking is of no use."""

RARE: Final = 500
"""Of how many studies with a text, by what PostgreSQL expects, or of a few days, all are looked up
before any of the newest is looked at."""

FIRST_WALK: Final = 1_000
SHORT_WALK: Final = 10_000
LONG_WALK: Final = 60_000
"""How many studies are walked before an index is asked: first, of all owners', and more if the
first promise it."""

FIRST_OF_YEARS: Final = 2_000
"""The same of studies with a modality in a year, whose rows are not neighbours."""

_PROMISING: Final = 10
_PROMISING_OF_SEVERAL: Final = 1
"""How many of the first walked have to match: one of a hundred; fewer if the index of a condition
leads to many more than match the others, too."""

_words = table(TABLE, column("rowid"), column(TABLE))


@dataclass(frozen=True)
class Cut:
    """Which of the rows are wanted.

    Attributes:
        offset, limit: how many are passed over, and how many wanted at most.
        below: only studies that come behind the one of this key.
    """

    offset: int
    limit: int
    below: int | None = None


@dataclass(frozen=True)
class Found:
    """Keys in order: as many as were wanted, if there are, and some behind them.

    Attributes:
        is_all: there are no more behind these.
    """

    keys: list[int]
    is_all: bool


@dataclass(frozen=True)
class _Order:
    """The studies of an owner's that are walked, the newest first.

    Attributes:
        end: selects the last of those that are walked first.
        matching: those of them that match.
        at_once: walks the first of them, until so many match.
        enough: how many of the first have to match for more to be walked.
        behind: how many behind a page are looked for on the first walk.
    """

    end: Callable[[], Select[Any]]
    matching: Callable[[Walk], Walked]
    at_once: Callable[[int], Walking]
    enough: int
    behind: int


def find(connection: Connection, scope: Scope, level: Level, terms: Terms, cut: Cut) -> Found:
    """The keys of the rows that the columns find."""
    search = _Search(connection, scope, level, terms, cut)
    if terms.one_study:
        return search.run(search.walk())
    if level == "study" and isinstance(scope, OwnerScope):
        return search.of_owner(scope)
    lead = _few(connection, _leads(connection, scope, level, terms))
    if lead is None and isinstance(scope, LeadingScope):
        return search.of_few(scope)
    return search.run(search.walk() if lead is None else search.by_lead(lead))


def count(connection: Connection, scope: Scope, level: Level, terms: Terms) -> int:
    """How many rows the columns find."""
    found = _ordered(scope, level, _where(scope, level, terms), Walk()).order_by(None)
    return int(connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())


class _Search:
    """One search, and the ways it may go."""

    def __init__(
        self, connection: Connection, scope: Scope, level: Level, terms: Terms, cut: Cut
    ) -> None:
        self.connection, self.scope, self.level = connection, scope, level
        self.terms, self.cut = terms, cut
        self.where = _where(scope, level, terms)
        self.looked_up = _where(scope, level, terms, terms.looked_up)
        self.is_sqlite = connection.dialect.name == "sqlite"
        self.expected: int | None = None

    def of_owner(self, scope: OwnerScope) -> Found:
        """Find studies of one owner's."""
        terms, rest = self.terms, Walk(below=self.cut.below)
        if len(terms.modalities) == 1 and self._is_one():
            return self.run(_of_modality(scope, terms.modalities[0], rest))
        if terms.words and self.is_sqlite and _are_all(terms):
            return self.run(_with_words(scope, terms.words, [], rest))
        if not self.where:
            return self.run(self.walk())
        if self._is_one():
            # Of many days, some of the newest studies are, too.
            is_long = terms.study_dates is not None and not terms.led_by_few_days
            if not is_long and (found := self._led(terms.leads[0])) is not None:
                return found
        else:
            is_alone = len(self.where) == 1
            leads, most = (terms.leads, FEW) if is_alone else (terms.led_by_few_days, RARE)
            if (lead := _few(self.connection, leads, most)) is not None:
                return self.run(self.by_lead(lead))
        if not terms.leads and (self.is_sqlite or not terms.indexed):
            return self.run(self._newest(scope, rest), behind=1)
        return self._until_enough(scope)

    def of_few(self, scope: LeadingScope) -> Found:
        """Find what a scope shows that names its studies, of which there may be few or many."""
        wanted = self.cut.limit + self.cut.offset + COUNTED + 1
        if self.level == "study":
            newest = select(study.c.id).order_by(study.c.id.desc())
            floor = self.connection.execute(newest.offset(SHORT_WALK).limit(1)).scalar()
            walk = Walk(floor, self.cut.below)
            keys = self._keys(_ordered(scope, "study", self.where, walk).limit(wanted))
            if len(keys) == wanted or floor is None:
                return Found(keys[self.cut.offset :], is_all=len(keys) < wanted)
        return self.run(self.by_lead(scope.studies()))

    def _led(self, lead: Select[Any]) -> Found | None:
        """What a lead leads to, if it ends soon; it has all that is asked for."""
        key = lead.limit(FEW + 1).subquery().c[0]
        led: list[int] = self.connection.execute(select(together(key))).scalar_one()
        if len(led) > FEW:
            return None
        keys = sorted(set(led))
        if self.cut.below is not None:
            del keys[bisect_left(keys, self.cut.below) :]
        return Found(keys[::-1][self.cut.offset :], is_all=True)

    def _until_enough(self, scope: OwnerScope) -> Found:
        """Walk a little, and as far as it promises; ask an index if that is not enough."""
        rest = Walk(below=self.cut.below)
        if self._is_rare(scope):
            return self.run(self._with_text(scope))
        order = self._by_years(scope, rest) or self._by_study(scope, rest)
        wanted = self.cut.offset + self.cut.limit
        keys, floor = self._first_walk(order, rest, wanted)
        if floor is None:
            return Found(keys[self.cut.offset :], is_all=len(keys) < wanted + order.behind)
        if len(keys) > wanted:
            return Found(keys[self.cut.offset :], is_all=False)
        if len(keys) >= order.enough and self.cut.offset:
            # How far it is to the page, nobody knows: it is walked to.
            return self.run(order.matching(rest), behind=1)
        if len(keys) >= order.enough:
            # About as far as the first walk was, so many times.
            further = floor - (keys[0] - floor + 1) * LONG_WALK // FIRST_WALK
            second = order.matching(Walk(max(0, further), floor))
            keys += self._keys(second.limit(wanted + 1 - len(keys)))
            if len(keys) > wanted:
                return Found(keys, is_all=False)
        return self.run(self._by_index(scope))

    def _is_rare(self, scope: OwnerScope) -> bool:
        """Whether a text is all that is asked for, and PostgreSQL expects few that have it."""
        if self.is_sqlite or len(self.where) > 1 or not self.terms.words:
            return False
        return self._expected(scope) < RARE

    def _expected(self, scope: OwnerScope) -> int:
        if self.expected is None:
            rest = Walk(below=self.cut.below)
            self.expected = expected(self.connection, scope, self.looked_up, rest)
        return self.expected

    def _with_text(self, scope: OwnerScope) -> Select[Any]:
        wanted = self.cut.offset + self.cut.limit + COUNTED + 1
        rest = Walk(below=self.cut.below)
        return with_text(scope, self.looked_up, rest, wanted, self._expected(scope))

    def _first_walk(self, order: _Order, rest: Walk, wanted: int) -> tuple[list[int], int | None]:
        """The keys of what is found on it, and where it ended, if there is more to walk."""
        if not self.is_sqlite:
            walking = order.at_once(max(order.enough, wanted + order.behind))
            return walking.keys, walking.floor
        floor = self.connection.execute(order.end()).scalar()
        if floor is None:
            return self._keys(order.matching(rest).limit(wanted + order.behind)), None
        first = order.matching(Walk(floor, self.cut.below))
        return self._keys(first.limit(max(order.enough, wanted + 1))), floor

    def _by_study(self, scope: OwnerScope, rest: Walk) -> _Order:
        """All studies."""
        return _Order(
            lambda: _ordered(scope, "study", [], rest).offset(FIRST_WALK - 1).limit(1),
            lambda walk: self._newest(scope, walk),
            lambda wanted: first_of_studies(
                self.connection, scope, self.where, rest, FIRST_WALK, wanted
            ),
            _PROMISING if len(self.where) == 1 else _PROMISING_OF_SEVERAL,
            COUNTED + 1,
        )

    def _by_years(self, scope: OwnerScope, rest: Walk) -> _Order | None:
        """Those with a modality in some years, if that is asked for."""
        terms = self.terms
        parts = parts_of(terms.modalities, terms.study_dates)
        if not parts:
            return None
        # What is walked has one of these.
        where = [each for each in self.where if each is not terms.has_modality]

        def walked(walk: Walk) -> Walked:
            return walked_parts(scope, parts, where, walk, is_sqlite=self.is_sqlite)

        return _Order(
            lambda: end_of_parts(scope, parts, rest, FIRST_OF_YEARS),
            walked,
            lambda wanted: first_of_parts(
                self.connection, scope, parts, where, rest, FIRST_OF_YEARS, wanted
            ),
            max(1, _PROMISING * FIRST_OF_YEARS // FIRST_WALK),
            1 if not self.is_sqlite else COUNTED + 1,
        )

    def run(self, found: Walked, behind: int = COUNTED + 1) -> Found:
        """Find the wanted rows, and some behind them."""
        wanted = self.cut.limit + behind
        keys = self._keys(found.offset(self.cut.offset).limit(wanted))
        return Found(keys, is_all=len(keys) < wanted)

    def walk(self) -> Select[Any]:
        """All rows, in their order."""
        return _ordered(self.scope, self.level, self.where, Walk(below=self.cut.below))

    def by_lead(self, lead: Select[Any]) -> Select[Any]:
        """The rows of the studies that a select gives, looked up before they are sorted."""
        if self._is_one():
            # Who is led to has all that is asked for.
            key = lead.subquery().c[0]
            led = select(key).distinct().where(Walk(below=self.cut.below).of(key))
            return led.order_by(key.desc())
        where = [*self.where, study.c.id.in_(lead)]
        found = _ordered(self.scope, self.level, where, Walk(below=self.cut.below))
        if self.level == "study" and not self.is_sqlite:
            return _sorted_last(found)
        return found

    def _by_index(self, scope: OwnerScope) -> Select[Any]:
        """All that match, looked up in an index and sorted."""
        terms, rest = self.terms, Walk(below=self.cut.below)
        if len(self.where) > 1 and (lead := _few(self.connection, terms.leads)) is not None:
            return self.by_lead(lead)
        if self.is_sqlite and not self._is_one():
            lead = _few(self.connection, terms.leads, MANY)
            if lead is None and terms.words:
                return self._newest(scope, rest)
            return self.by_lead(terms.leads[0] if lead is None else lead)
        if self._is_one() or not terms.indexed:
            return self.by_lead(terms.leads[0])
        if terms.words:
            return self._with_text(scope)
        return _sorted_last(_ordered(scope, "study", self.looked_up, rest))

    def _is_one(self) -> bool:
        """Whether there is one condition, and studies that it leads to."""
        is_owner = isinstance(self.scope, OwnerScope) and self.level == "study"
        conditions = len(self.terms.where) + len(self.terms.below)
        return is_owner and conditions == len(self.terms.leads) == 1

    def _newest(self, scope: OwnerScope, walk: Walk) -> Select[Any]:
        if self.terms.words and self.is_sqlite:
            return _with_words(scope, self.terms.words, self.where, walk)
        return _ordered(scope, "study", self.where, walk)

    def _keys(self, found: Walked) -> list[int]:
        return list(self.connection.execute(found).scalars().all())


def _where(
    scope: Scope, level: Level, terms: Terms, where: list[ColumnElement[bool]] | None = None
) -> list[ColumnElement[bool]]:
    below = [_any_below(scope, level, terms)] if terms.below else []
    return [*(terms.where if where is None else where), *below]


def _sorted_last(found: Select[Any]) -> Select[Any]:
    """The same, without tempting PostgreSQL to walk in order until there are enough."""
    looked_up = found.order_by(None).cte("looked_up").prefix_with("MATERIALIZED")
    return select(looked_up.c.id).order_by(looked_up.c.id.desc())


def _ordered(
    scope: Scope, level: Level, where: list[ColumnElement[bool]], walk: Walk
) -> Select[Any]:
    if level == "study":
        found = select(study.c.id).where(visible_studies(scope), walk.of(study.c.id), *where)
        return found.order_by(study.c.id.desc())
    order: list[ColumnElement[Any]] = [study.c.id.desc(), series.c.series_number.nulls_last()]
    order.append(series.c.id)
    found = select(series.c.id).select_from(series).join(study, study.c.id == series.c.study_id)
    if level == "instance":
        found = found.join(instance, instance.c.series_id == series.c.id)
        found = found.with_only_columns(instance.c.id)
        order += [instance.c.instance_number.nulls_last(), instance.c.id]
    if isinstance(scope, OwnerScope):
        # So that the studies can be walked in their order.
        found = found.where(visible_studies(scope))
    return found.where(visible(scope), *where).order_by(*order)


def _any_below(scope: Scope, level: Level, terms: Terms) -> ColumnElement[bool]:
    """True when one series or instance below has everything that is asked of them."""
    if level == "series":
        return exists().where(instance.c.series_id == series.c.id, *terms.below)
    found = exists().where(series.c.study_id == study.c.id, visible(scope), *terms.below)
    if terms.below_level == "instance":
        found = found.where(instance.c.series_id == series.c.id)
    return found.correlate(study)


def _leads(connection: Connection, scope: Scope, level: Level, terms: Terms) -> list[Select[Any]]:
    leads = list(terms.leads)
    if isinstance(scope, LeadingScope):
        leads.insert(0, scope.studies())
    elif not isinstance(scope, OwnerScope):
        leads.insert(0, select(series.c.study_id).where(visible(scope)))
    elif level != "study" and terms.words and connection.dialect.name != "sqlite":
        leads.append(select(study.c.id).where(visible_studies(scope), *terms.indexed))
    elif level != "study" and terms.words:
        leads.append(select(_study_of_words()).where(_holds_words(scope, terms.words, Walk())))
    return leads


def _few(
    connection: Connection, leads: list[Select[Any]], most: int | None = None
) -> Select[Any] | None:
    """The first of the leads that ends soon."""
    most = FEW if most is None else most
    for lead in leads:
        seen = select(func.count()).select_from(lead.limit(most + 1).subquery())
        if (number := connection.execute(seen).scalar_one()) <= most:
            # The limit also keeps databases from joining instead of looking it up first, and
            # tells PostgreSQL's planner how many there are.
            return lead.limit(number + 1)
    return None


def _of_modality(scope: OwnerScope, modality: str, walk: Walk) -> Select[Any]:
    """The studies with a modality, in order, from the index alone."""
    found = select(series.c.study_id).distinct().where(visible(scope))
    found = found.where(walk.of(series.c.study_id))
    return found.where(series.c.modality == modality).order_by(series.c.study_id.desc())


def _are_all(terms: Terms) -> bool:
    """Tell whether words, as they are, are all that is asked for."""
    only = len(terms.where) == len(terms.words) and not terms.below
    return only and all(words.exact for words in terms.words)


def _with_words(
    scope: OwnerScope, words: list[Words], where: list[ColumnElement[bool]], walk: Walk
) -> Select[Any]:
    """The studies that the index of words has them for, in order."""
    found = select(_study_of_words()).where(_holds_words(scope, words, walk))
    if where:
        found = found.join(study, study.c.id == _study_of_words())
        found = found.where(visible_studies(scope), *where)
    return found.order_by(_words.c.rowid.desc())


def _study_of_words() -> ColumnElement[int]:
    return _words.c.rowid.bitwise_and((1 << OWNER_SHIFT) - 1)


def _holds_words(scope: OwnerScope, words: list[Words], walk: Walk) -> ColumnElement[bool]:
    terms = " AND ".join(
        f'{each.column} : "{each.text.replace(chr(34), 2 * chr(34))}"' for each in words
    )
    owner = scope.owner_id << OWNER_SHIFT
    first = owner + (walk.floor or 0)
    last = owner + ((1 << OWNER_SHIFT) if walk.below is None else walk.below) - 1
    within = _words.c.rowid.between(literal(first), literal(last))
    return and_(_words.c[TABLE].op("MATCH")(terms), within)
