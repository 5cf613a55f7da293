"""Many numbers at once, given to a statement that does not depend on how many, or taken from one.

A list of parameters, one for each number, is written anew for every page; for a hundred of them
that takes longer than finding the rows.
Invariants: the numbers are one value, an array on PostgreSQL and a text of JSON on SQLite.
Not here: what is selected by them (`store.search_results`).
"""

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine, UserDefinedType

__all__ = ["among", "together"]


class _Numbers(TypeDecorator[Iterable[int]]):
    """Numbers as one value."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return what the database has for it."""
        is_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(Text() if is_sqlite else ARRAY(BigInteger()))

    def process_result_value(self, value: Any, dialect: Dialect) -> list[int]:  # noqa: ANN401
        """Return the numbers as they were selected."""
        return list(json.loads(value) if dialect.name == "sqlite" else value or ())


class _Written(UserDefinedType[str]):
    """An array as PostgreSQL writes it: the driver takes as long over one as the search does."""

    cache_ok = True


class _Given(TypeDecorator[Iterable[int]]):
    """Numbers as one parameter."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return what the database has for it."""
        is_sqlite = dialect.name == "sqlite"
        return dialect.type_descriptor(Text() if is_sqlite else _Written())

    def process_bind_param(self, value: Iterable[int] | None, dialect: Dialect) -> str:
        """Return the numbers as the driver takes them."""
        numbers = ",".join(map(str, value or ()))
        return f"[{numbers}]" if dialect.name == "sqlite" else f"{{{numbers}}}"


class _Among(FunctionElement[Any]):
    # Without the type of a truth, of which SQLite would be asked whether it is 1: it would look at
    # each row then.
    inherit_cache = True


@compiles(_Among)
def _in_json(among: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    column, numbers = (compiler.process(clause, **options) for clause in among.clauses)
    return f"{column} IN (SELECT value FROM json_each({numbers}))"  # noqa: S608 - compiled


@compiles(_Among, "postgresql")
def _in_array(among: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    column, numbers = (compiler.process(clause, **options) for clause in among.clauses)
    return f"{column} = ANY ({numbers}::BIGINT[])"


class _Together(FunctionElement[Any]):
    inherit_cache = True
    type = _Numbers()


@compiles(_Together)
def _as_json(together: _Together, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"json_group_array({compiler.process(together.clauses, **options)})"


@compiles(_Together, "postgresql")
def _as_array(together: _Together, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401
    return f"array_agg({compiler.process(together.clauses, **options)})"


def together(column: ColumnElement[int]) -> ColumnElement[list[int]]:
    """All numbers of a column as one value: a row for each takes longer than finding them."""
    return _Together(column)


def among(column: ColumnElement[int], parameter: str) -> ColumnElement[bool]:
    """True for rows whose column has one of the numbers that the parameter is given."""
    return _Among(column, bindparam(parameter, type_=_Given()))
