"""Answers searches from the index: studies, series and instances within a scope.

Standard: PS3.18 8.3.4 and 10.6 (matching, paging, returned attributes), PS3.4 C.2.2.2 (matching).
Invariants: the scope is part of the query, so limits, offsets and counts are true for the caller;
the order is stable; one page costs the same however much is stored.
Not here: parsing a query string, RetrieveURL and the Warning header (`dicomweb.qido`).
"""

from dataclasses import dataclass, field
from enum import Enum
from itertools import islice
from typing import Final

from sqlalchemy import Connection

from store.access import Scope
from store.changes import current_version
from store.db import Database
from store.search_beyond import MOST, find_beyond
from store.search_keys import KEYS, Level
from store.search_plan import COUNTED, Cut, Found, count, find
from store.search_positions import positions_of
from store.search_results import Include, Result, results
from store.search_rules import LITERAL, Rules
from store.search_terms import Match, Terms, terms_of

__all__ = ["ALL", "COUNTED", "KEYS", "Level", "Match", "Page", "Query", "search"]


class _All(Enum):
    ALL = "all"


ALL = _All.ALL
_ANY: Final = 2**31


@dataclass(frozen=True)
class Query:
    """A search.

    Attributes:
        level: what is looked for.
        matches: conditions, all of which must hold.
        include: further attributes to return, each alone or after the sequences it is in, or `ALL`.
        limit: the most results wanted; None for no limit.
        offset: how many results to pass over.
        with_parents: return the attributes of the levels above too, as the resources that are
            not below a study or series do.
        rules: how values are taken.
        count_all: count what is behind the page to its end.
    """

    level: Level
    matches: tuple[Match, ...] = ()
    include: frozenset[int | tuple[int, ...]] | _All = field(default_factory=frozenset)
    limit: int | None = None
    offset: int = 0
    with_parents: bool = True
    rules: Rules = LITERAL
    count_all: bool = False


@dataclass(frozen=True)
class Page:
    """Results in the DICOM JSON model.

    Attributes:
        results: those of the page.
        remaining: how many more there are behind them, at least.
        is_counted: there are not more than these.
    """

    results: list[Result]
    remaining: int
    is_counted: bool = True


def search(database: Database, scope: Scope, query: Query, number: int | None = None) -> Page:
    """Find what matches, in the scope.

    Args:
        database, scope, query: what is asked of what.
        number: the scope's number of changes, from who has read it for this request already.

    Raises:
        NotSearchable: a value is not of the form that its attribute has.
        SearchTooBroad: too much would have to be looked at.
    """
    terms = terms_of(scope, query.level, query.matches, query.rules)
    include = _include(query)
    in_pieces = bool(terms.beyond) or include.needs_metadata
    with database.read(in_pieces=in_pieces) as connection:
        if terms.beyond:
            found = _beyond(connection, scope, query, terms)
        else:
            found = _columns(database, connection, scope, query, terms, number)
        keys = found.keys[: query.limit]
        page = results(database, connection, scope, keys, include)
        remaining = len(found.keys) - len(keys)
        if not found.is_all and query.count_all and not terms.beyond:
            total = count(connection, scope, query.level, terms)
            return Page(page, max(0, total - query.offset - len(keys)))
    if remaining > COUNTED:
        return Page(page, COUNTED, is_counted=False)
    return Page(page, remaining, found.is_all)


def _columns(
    database: Database,
    connection: Connection,
    scope: Scope,
    query: Query,
    terms: Terms,
    number: int | None,
) -> Found:
    """What the columns find, from where an earlier page of the same search ended."""
    limit = _ANY if query.limit is None else query.limit
    if query.level != "study":
        return find(connection, scope, query.level, terms, Cut(query.offset, limit))
    # The number is read before the rows: where pages ended is never older than it.
    number = current_version(database, scope) if number is None else number
    positions = positions_of(database)
    asked = (scope, number, query.matches, query.rules)
    known = positions.before(asked, query.offset)
    if known.is_end:
        return Found([], is_all=True)
    cut = Cut(query.offset - known.offset, limit, known.key)
    found = find(connection, scope, "study", terms, cut)
    end = query.offset + len(found.keys) if found.is_all else None
    positions.remember(asked, query.offset, found.keys[:limit], end)
    return found


def _beyond(connection: Connection, scope: Scope, query: Query, terms: Terms) -> Found:
    """What keys beyond columns find, too."""
    looked_at = find(connection, scope, query.level, terms, Cut(0, MOST + 1)).keys[: MOST + 1]
    holding = find_beyond(connection, scope, query.level, terms, looked_at)
    wanted = (_ANY if query.limit is None else query.limit) + COUNTED + 1
    keys = list(islice(holding, query.offset, query.offset + wanted))
    return Found(keys, is_all=len(keys) < wanted)


def _include(query: Query) -> Include:
    matched = [(*match.within, match.tag) for match in query.matches]
    asked = () if query.include is ALL else query.include
    paths = [path if isinstance(path, tuple) else (path,) for path in asked]
    everything = query.include is ALL
    return Include(
        query.level, [*paths, *matched], everything=everything, with_parents=query.with_parents
    )
