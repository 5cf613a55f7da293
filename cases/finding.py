"""Finding the cases that everybody may see: by words, by what they are, and counted.

Invariants: a private, hidden or pending case is neither found nor counted, by the same statement
that finds the others; what was typed is never syntax; a page costs the same whichever it is, short
of walking an index; all counts come from one statement.
Not here: what is looked for (`cases.wanted`), words that were typed (`cases.typed`), one case
(`cases.access`).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, literal, select

from cases.access import is_public
from cases.schema import case, case_tag
from cases.typed import Typed, words_in
from cases.wanted import Count, Found, FoundCase, Order, Wanted
from store.db import Database, in_utc

__all__ = ["cases_shown", "find_cases"]

MOST_VALUES: Final = 40
MOST_OFFSET: Final = 100_000
MOST_RANKED: Final = 1000
"""How many of those that have the words are put in order of how well they fit: the newest."""


_Query = TypeVar("_Query", bound=Select[Any])


@dataclass(frozen=True)
class _Cell:
    """How many cases agree in all that is counted."""

    modality: str
    body_part: str
    reveals: bool
    downloadable: bool
    cases: int


def find_cases(database: Database, wanted: Wanted, *, limit: int = 24, offset: int = 0) -> Found:
    """One page of the public cases that are wanted, and counts of all of them."""
    typed = _typed(database, wanted)
    cells, cells_of_all = _cells(database, wanted, typed)
    total = _sum(cells, _accepts(wanted))
    cases = _page(database, wanted, typed, total, limit, offset) if offset < total else ()
    return Found(
        cases=cases,
        total=total,
        of_all=_sum(cells_of_all, lambda _cell: True),
        modalities=_counts(
            cells, cells_of_all, _accepts(wanted, "modality"), lambda cell: cell.modality
        ),
        body_parts=_counts(
            cells, cells_of_all, _accepts(wanted, "body_part"), lambda cell: cell.body_part
        ),
        reveals=_sum(cells, lambda cell: cell.reveals and _accepts(wanted, "reveals")(cell)),
        downloadable=_sum(
            cells, lambda cell: cell.downloadable and _accepts(wanted, "downloadable")(cell)
        ),
    )


def cases_shown(database: Database, ids: Sequence[int]) -> tuple[FoundCase, ...]:
    """The cases of these numbers, in this order, that everybody may see."""
    query = select(*_SHOWN).where(case.c.id.in_(ids), is_public())
    with database.read() as connection:
        rows = {row.id: row for row in connection.execute(query)}
    return tuple(_found(rows[id_]) for id_ in ids if id_ in rows)


def _page(
    database: Database, wanted: Wanted, typed: Typed | None, total: int, limit: int, offset: int
) -> tuple[FoundCase, ...]:
    # First the numbers alone, which an index has, then the cases.
    offset = min(offset, MOST_OFFSET)
    with database.read() as connection:
        if wanted.order == "relevance" and typed is not None:
            ids = _best(connection, wanted, typed, total, limit, offset)
        else:
            numbers = _chosen(wanted, typed).order_by(*_order(wanted.order))
            ids = _numbers(connection, numbers, limit, offset)
    # One may have been hidden in between.
    return cases_shown(database, ids)


def _best(
    connection: Connection, wanted: Wanted, typed: Typed, total: int, limit: int, offset: int
) -> list[int]:
    """The numbers of a page: the newest `MOST_RANKED` by how well they fit, then all others."""
    numbers, lowest, ids = _chosen(wanted, typed), 0, list[int]()
    if total > MOST_RANKED:
        # How well a case fits costs far more to know than whether it has the words.
        newest = numbers.order_by(case.c.id.desc())
        lowest = next(iter(_numbers(connection, newest, 1, MOST_RANKED - 1)), 0)
    if not lowest or offset < MOST_RANKED:
        ranked = _chosen(wanted, None).join(typed.words, typed.joined)
        ranked = ranked.where(typed.condition, typed.number >= lowest)
        ranked = ranked.order_by(typed.order, *_order("newest"))
        ids += _numbers(connection, ranked, limit, offset)
    if lowest and len(ids) < limit:
        rest = numbers.where(case.c.id < lowest).order_by(*_order("newest"))
        ids += _numbers(connection, rest, limit - len(ids), max(0, offset - MOST_RANKED))
    return ids


def _numbers(connection: Connection, query: Select[Any], limit: int, offset: int) -> list[int]:
    return list(connection.execute(query.limit(limit).offset(offset)).scalars())


def _chosen(wanted: Wanted, typed: Typed | None) -> Select[Any]:
    """The numbers of all cases that are wanted."""
    numbers = _narrowed(select(case.c.id), wanted, typed)
    if wanted.modalities:
        numbers = numbers.where(case.c.modality.in_(wanted.modalities[:MOST_VALUES]))
    if wanted.body_parts:
        numbers = numbers.where(case.c.body_part.in_(wanted.body_parts[:MOST_VALUES]))
    if wanted.reveals:
        numbers = numbers.where(case.c.has_closed_sections.is_(True))
    if wanted.downloadable:
        numbers = numbers.where(case.c.downloadable.is_(True))
    return numbers


def _cells(
    database: Database, wanted: Wanted, typed: Typed | None
) -> tuple[list[_Cell], list[_Cell]]:
    """Everything that can be counted: of what is wanted, and of all."""
    counted = select(*_COUNTED, func.count()).group_by(*_COUNTED)
    all_of = Wanted(owner_id=wanted.owner_id)
    with database.read() as connection:
        of_all = [_Cell(*row) for row in connection.execute(_narrowed(counted, all_of, None))]
        if typed is None and not wanted.tags and not wanted.authors:
            return of_all, of_all
        narrowed = _narrowed(counted, wanted, typed)
        return [_Cell(*row) for row in connection.execute(narrowed)], of_all


def _narrowed(query: _Query, wanted: Wanted, typed: Typed | None) -> _Query:
    """The query among what is wanted, but for what is counted."""
    query = query.where(is_public())
    if wanted.owner_id is not None:
        query = query.where(case.c.owner_id == wanted.owner_id)
    if typed is not None:
        query = query.where(typed.among)
    for tag in wanted.tags[:MOST_VALUES]:
        tagged = select(case_tag.c.case_id).where(case_tag.c.tag == _clean(tag))
        query = query.where(case.c.id.in_(tagged))
    lines = literal("\n") + case.c.authors + "\n"
    for author in wanted.authors[:MOST_VALUES]:
        query = query.where(lines.contains(f"\n{_clean(author)}\n", autoescape=True))
    return query


def _typed(database: Database, wanted: Wanted) -> Typed | None:
    words = words_in(wanted.text)
    return Typed(database, words) if words else None


def _order(order: Order) -> tuple[ColumnElement[Any], ...]:
    first = func.lower(case.c.title) if order == "title" else case.c.published_at.desc()
    return first, case.c.id.desc()


def _accepts(wanted: Wanted, but: str = "") -> Callable[[_Cell], bool]:
    """Whether a cell is wanted, leaving out one of the ways to narrow."""

    def accepts(cell: _Cell) -> bool:
        return (
            (but == "modality" or not wanted.modalities or cell.modality in wanted.modalities)
            and (but == "body_part" or not wanted.body_parts or cell.body_part in wanted.body_parts)
            and (but == "reveals" or not wanted.reveals or cell.reveals)
            and (but == "downloadable" or not wanted.downloadable or cell.downloadable)
        )

    return accepts


def _sum(cells: Iterable[_Cell], accepts: Callable[[_Cell], bool]) -> int:
    return sum(cell.cases for cell in cells if accepts(cell))


def _counts(
    cells: list[_Cell],
    of_all: list[_Cell],
    accepts: Callable[[_Cell], bool],
    value: Callable[[_Cell], str],
) -> tuple[Count, ...]:
    known: Counter[str] = Counter()
    for cell in of_all:
        known[value(cell)] += cell.cases
    left: Counter[str] = Counter()
    for cell in filter(accepts, cells):
        left[value(cell)] += cell.cases
    ordered = sorted(known, key=lambda one: (-known[one], one))
    return tuple(Count(one, left[one]) for one in ordered if one)


def _found(row: Any) -> FoundCase:  # noqa: ANN401 - a row of `_SHOWN`
    return FoundCase(
        row.code,
        row.title,
        row.modality,
        row.body_part,
        tuple(row.authors.splitlines()),
        row.owner_id,
        row.images,
        row.picture != "",
        row.version,
        in_utc(row.published_at),
        in_utc(row.updated_at),
    )


def _clean(text: str) -> str:
    # PostgreSQL has no NUL in a text; what has one is found nowhere.
    return text[:1000].replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


_COUNTED: Final = (
    case.c.modality,
    case.c.body_part,
    case.c.has_closed_sections,
    case.c.downloadable,
)
_SHOWN: Final = (
    *(case.c.id, case.c.code, case.c.title, case.c.modality, case.c.body_part, case.c.authors),
    *(case.c.owner_id, case.c.images, case.c.picture, case.c.version),
    *(case.c.published_at, case.c.updated_at),
)
