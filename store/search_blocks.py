"""Finds studies by the text in them on PostgreSQL, whose index of words gives rows in no order.

    few have the text      all are looked up at once, and sorted
    many have it           one block of studies after the other, the newest first, until there are
                           enough; no block behind the last is looked at

Invariants: what is found does not depend on the way, which the planner's own statistics choose.
Not here: SQLite, whose index gives rows in order (`store.search_plan`); the index (`store.words`).
"""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable

from store.access import OwnerScope, visible_studies
from store.schema import study
from store.search_years import Walk
from store.words import BLOCK

__all__ = ["with_text"]

BLOCKWISE: Final = 5_000
"""How many studies the planner has to expect for them to be looked up block by block."""

_block: ColumnElement[int] = literal_column(BLOCK, BigInteger)


def with_text(
    connection: Connection,
    scope: OwnerScope,
    where: list[ColumnElement[bool]],
    walk: Walk,
    wanted: int,
) -> Select[Any]:
    """The studies of an owner's that have a text, in order, of which so many are wanted."""
    found = select(study.c.id).where(visible_studies(scope), walk.of(study.c.id), *where)
    if _expected(connection, found) >= BLOCKWISE:
        return _by_block(scope, found, walk, wanted)
    # Sorted afterwards, or the planner is tempted to walk in order until there are enough.
    looked_up = found.cte("looked_up").prefix_with("MATERIALIZED")
    return select(looked_up.c.id).order_by(looked_up.c.id.desc())


def _by_block(scope: OwnerScope, found: Select[Any], walk: Walk, wanted: int) -> Select[Any]:
    of_owner = select(_block).where(visible_studies(scope), walk.of(study.c.id)).limit(1)
    newest, oldest = (
        of_owner.order_by(key).scalar_subquery() for key in (study.c.id.desc(), study.c.id)
    )
    none = literal([], ARRAY(BigInteger))
    walked = select(
        (newest + 1).label("number"), none.label("studies"), literal(0).label("many")
    ).cte("walked", recursive=True)
    number = walked.c.number - 1
    of_block = found.where(_block == number).correlate(walked).scalar_subquery()
    studies = func.array(of_block, type_=ARRAY(BigInteger)).label("studies")
    # An offset, even of nothing, keeps the planner from looking a block up for each use of it.
    one = select(studies).offset(0).lateral("one")
    step = select(number, one.c.studies, walked.c.many + func.cardinality(one.c.studies)).where(
        walked.c.many < wanted, walked.c.number > oldest
    )
    every = walked.union_all(step)
    key = select(func.unnest(every.c.studies).label("id")).subquery("found")
    return select(key.c.id).order_by(key.c.id.desc())


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain)
def _explain(explain: _Explain, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return "EXPLAIN (FORMAT JSON) " + compiler.process(explain.statement, **options)


def _expected(connection: Connection, found: Select[Any]) -> int:
    """How many rows the planner expects."""
    plan = connection.execute(_Explain(found)).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])
