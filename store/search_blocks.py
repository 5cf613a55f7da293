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
    literal,
    literal_column,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement, Executable
from sqlalchemy.sql.functions import FunctionElement

from store.access import OwnerScope, visible_studies
from store.schema import study
from store.search_years import Walk
from store.words import BLOCK

__all__ = ["expected", "with_text"]

BLOCKWISE: Final = 5_000
"""How many studies the planner has to expect for them to be looked up block by block."""

_block: ColumnElement[int] = literal_column(BLOCK, BigInteger)


def with_text(
    scope: OwnerScope, where: list[ColumnElement[bool]], walk: Walk, wanted: int, many: int
) -> Select[Any]:
    """The studies of an owner's that have a text, in order, of which so many are wanted.

    Args:
        scope, where, walk, wanted: which.
        many: how many are expected.
    """
    found = _having(scope, where, walk)
    if many >= BLOCKWISE:
        return _by_block(scope, found, walk, wanted)
    # Sorted afterwards, or the planner is tempted to walk in order until there are enough.
    looked_up = found.cte("looked_up").prefix_with("MATERIALIZED")
    return select(looked_up.c.id).order_by(looked_up.c.id.desc())


def _having(scope: OwnerScope, where: list[ColumnElement[bool]], walk: Walk) -> Select[Any]:
    return select(study.c.id).where(visible_studies(scope), walk.of(study.c.id), *where)


def _by_block(scope: OwnerScope, found: Select[Any], walk: Walk, wanted: int) -> Select[Any]:
    of_owner = select(_block).where(visible_studies(scope), walk.of(study.c.id)).limit(1)
    newest, oldest = (
        of_owner.order_by(key).scalar_subquery() for key in (study.c.id.desc(), study.c.id)
    )
    of_block = found.where(_block == _number).scalar_subquery()
    key = _Blocks(of_block, newest, oldest, literal(wanted)).table_valued("id").c.id
    return select(key).order_by(key.desc())


_number: ColumnElement[int] = literal_column("walked.number", BigInteger)


class _Blocks(FunctionElement[Any]):
    """The studies of one block after the other, until there are enough.

    Written here, as the parts of it take longer to be put together than to be executed.
    """

    inherit_cache = True


@compiles(_Blocks)
def _walked(blocks: _Blocks, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    of_block, newest, oldest, wanted = (
        compiler.process(clause, **options) for clause in blocks.clauses
    )
    # An offset, even of nothing, keeps the planner from looking a block up for each use of it.
    return (
        "(WITH RECURSIVE walked (number, studies, many) AS ("  # noqa: S608 - compiled
        f"SELECT {newest}, ARRAY[]::BIGINT[], 0 UNION ALL "
        "SELECT walked.number - 1, one.studies, walked.many + cardinality(one.studies) "
        f"FROM walked, LATERAL (SELECT ARRAY{of_block} AS studies OFFSET 0) AS one "
        f"WHERE walked.many < {wanted} AND walked.number >= {oldest}) "
        "SELECT unnest(studies) AS id FROM walked)"
    )


class _Explain(Executable, ClauseElement):
    inherit_cache = False

    def __init__(self, statement: Select[Any]) -> None:
        self.statement = statement


@compiles(_Explain)
def _explain(explain: _Explain, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return "EXPLAIN (FORMAT JSON) " + compiler.process(explain.statement, **options)


def expected(
    connection: Connection, scope: OwnerScope, where: list[ColumnElement[bool]], walk: Walk
) -> int:
    """How many studies that have a text the planner expects."""
    plan = connection.execute(_Explain(_having(scope, where, walk))).scalar_one()
    return int(plan[0]["Plan"]["Plan Rows"])
