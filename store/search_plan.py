"""Finds which rows a search finds, in their order, without looking at many more than it returns.

    few studies have what is asked for     they are looked up, and sorted
    a part of a text is asked for          the index of words gives them in order (SQLite)
    otherwise many have it                 all are walked, newest first, until there are enough

Standard: PS3.18 8.3.4.4 (paging).
Invariants: what is found does not depend on the way; a way is chosen by counting to `FEW` at most.
PostgreSQL chooses by itself between walking and its index of words.
Not here: the conditions (`store.search_terms`), the attributes of what was found (`store.search`).
"""

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

from store.access import OwnerScope, Scope, visible, visible_studies
from store.schema import instance, series, study
from store.search_keys import Level
from store.search_terms import Terms, Words
from store.words import OWNER_SHIFT, TABLE

__all__ = ["count", "find"]

FEW: Final = 20_000

_words = table(TABLE, column("rowid"), column(TABLE))


def find(
    connection: Connection, scope: Scope, level: Level, terms: Terms, offset: int, limit: int
) -> list[int]:
    """The keys of the rows that the columns find, from `offset`, `limit` of them at most."""
    found = _select(connection, scope, level, terms)
    return list(connection.execute(found.offset(offset).limit(limit)).scalars().all())


def count(connection: Connection, scope: Scope, level: Level, terms: Terms) -> int:
    """How many rows the columns find."""
    found = _select(connection, scope, level, terms).order_by(None)
    return int(connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())


def _select(connection: Connection, scope: Scope, level: Level, terms: Terms) -> Select[Any]:
    where = list(terms.where)
    if terms.below:
        where.append(_any_below(scope, level, terms))
    if not terms.one_study:
        lead = _few(connection, _leads(connection, scope, level, terms))
        if lead is not None:
            where.append(study.c.id.in_(lead))
        elif level == "study" and isinstance(scope, OwnerScope):
            if terms.modality is not None:
                return _of_modality(scope, terms.modality)
            if terms.words and connection.dialect.name == "sqlite":
                return _with_words(scope, terms.words, where, alone=_are_all(terms))
    return _ordered(scope, level, where)


def _ordered(scope: Scope, level: Level, where: list[ColumnElement[bool]]) -> Select[Any]:
    if level == "study":
        found = select(study.c.id).where(visible_studies(scope), *where)
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
    if not isinstance(scope, OwnerScope):
        leads.insert(0, select(series.c.study_id).where(visible(scope)))
    elif level != "study" and terms.words and connection.dialect.name == "sqlite":
        leads.append(select(_study_of_words()).where(_holds_words(scope, terms.words)))
    return leads


def _few(connection: Connection, leads: list[Select[Any]]) -> Select[Any] | None:
    """The first of the leads that ends soon."""
    for lead in leads:
        ended = lead.limit(FEW + 1)
        seen = select(func.count()).select_from(ended.subquery())
        if connection.execute(seen).scalar_one() <= FEW:
            # The limit also keeps databases from joining instead of looking it up first.
            return ended
    return None


def _of_modality(scope: OwnerScope, modality: str) -> Select[Any]:
    """The studies with a modality, in order, from the index alone."""
    found = select(series.c.study_id).distinct().where(visible(scope))
    return found.where(series.c.modality == modality).order_by(series.c.study_id.desc())


def _are_all(terms: Terms) -> bool:
    """Tell whether words, as they are, are all that is asked for."""
    only = len(terms.where) == len(terms.words) and not terms.below
    return only and all(words.exact for words in terms.words)


def _with_words(
    scope: OwnerScope, words: list[Words], where: list[ColumnElement[bool]], *, alone: bool
) -> Select[Any]:
    found = select(_study_of_words()).where(_holds_words(scope, words))
    if not alone:
        found = found.join(study, study.c.id == _study_of_words())
        found = found.where(visible_studies(scope), *where)
    return found.order_by(_words.c.rowid.desc())


def _study_of_words() -> ColumnElement[int]:
    return _words.c.rowid.bitwise_and((1 << OWNER_SHIFT) - 1)


def _holds_words(scope: OwnerScope, words: list[Words]) -> ColumnElement[bool]:
    terms = " AND ".join(
        f'{each.column} : "{each.text.replace(chr(34), 2 * chr(34))}"' for each in words
    )
    first = scope.owner_id << OWNER_SHIFT
    last = first + (1 << OWNER_SHIFT) - 1
    within = _words.c.rowid.between(literal(first), literal(last))
    return and_(_words.c[TABLE].op("MATCH")(terms), within)
