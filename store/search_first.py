"""Walks the newest studies on PostgreSQL, and tells where it ended, in one statement.

Each round to a database that is not in this process takes as long as a hundred rows.
Invariants: where the walk ended is looked for only if too few were found on it.
Not here: SQLite, for which two statements cost no more than one; when and how far is walked, and
what follows (`store.search_plan`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    column,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from store.access import OwnerScope, visible_studies_later
from store.schema import study
from store.search_years import Part, Walk, passed_parts

__all__ = ["Walking", "first_of_parts", "first_of_studies"]

_ABOVE_ALL: Final = 2**62


@dataclass(frozen=True)
class Walking:
    """A first walk, and how it went.

    Attributes:
        keys: those on it that match, as many as were wanted at most.
        floor: the last study of the walk; None if there are no more studies, or if as many as were
            wanted were found.
    """

    keys: list[int]
    floor: int | None


def first_of_studies(
    connection: Connection,
    scope: OwnerScope,
    where: Sequence[ColumnElement[bool]],
    walk: Walk,
    first: int,
    wanted: int,
) -> Walking:
    """Walk the first of an owner's studies."""
    found = _FOUND.where(*where).scalar_subquery()
    values = {"owner": scope.owner_id, "below": walk.below or _ABOVE_ALL, "first": first}
    walked = _Walked(found, _LAST, _WANTED, _NEWEST)
    return _walking(connection, walked, {**values, "last": first - 1, "wanted": wanted})


def first_of_parts(
    connection: Connection,
    scope: OwnerScope,
    parts: Sequence[Part],
    where: Sequence[ColumnElement[bool]],
    walk: Walk,
    first: int,
    wanted: int,
) -> Walking:
    """Walk the first of the studies that have a modality in a year."""
    passed = passed_parts(scope, parts, walk)
    key = passed.limit(first).subquery("passed").c.key
    found = select(key).distinct().join(study, study.c.id == key).where(*where)
    found = found.order_by(key.desc()).limit(_WANTED)
    last = passed.offset(first - 1).limit(1).scalar_subquery()
    return _walking(connection, _Walked(found.scalar_subquery(), last, _WANTED), {"wanted": wanted})


class _Walked(FunctionElement[Any]):
    """What matches, where the walk ended, how many are wanted, and the newest studies.

    Written here, as the parts of it take longer to be put together than to be executed.
    """

    inherit_cache = True


@compiles(_Walked)
def _compiled(walked: _Walked, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    found, last, wanted, *newest = (
        compiler.process(clause, **options) for clause in walked.clauses
    )
    # By the name of the table, so that the conditions, which name the table, are about these.
    begin = f"WITH study AS NOT MATERIALIZED {newest[0]} " if newest else ""
    # An offset, even of nothing, keeps the planner from walking for each use of it.
    return (
        f"({begin}SELECT one.matching, "  # noqa: S608 - compiled
        f"CASE WHEN cardinality(one.matching) < {wanted} THEN {last} END AS floor "
        f"FROM (SELECT ARRAY{found} AS matching OFFSET 0) AS one)"
    )


def _walking(connection: Connection, walked: _Walked, values: Mapping[str, Any]) -> Walking:
    found = walked.table_valued(*_COLUMNS)
    matching, floor = connection.execute(select(found.c.matching, found.c.floor), values).one()
    return Walking(matching, floor)


def _given(name: str) -> Any:  # noqa: ANN401 - a parameter of any use
    return bindparam(name, type_=BigInteger)


_COLUMNS: Final = (column("matching", ARRAY(BigInteger)), column("floor", BigInteger))
_WANTED: Final = _given("wanted")
_KEYS: Final[Select[Any]] = select(study.c.id).order_by(study.c.id.desc())
_FOUND: Final = _KEYS.limit(_WANTED)
_LAST: Final = _KEYS.offset(_given("last")).limit(1).scalar_subquery()
_NEWEST: Final[ColumnElement[Any]] = (
    select(literal_column("study.*"))
    .select_from(study)
    .where(visible_studies_later(_given("owner")), study.c.id < _given("below"))
    .order_by(study.c.id.desc())
    .limit(_given("first"))
    .scalar_subquery()
)
