"""One database, SQLite or PostgreSQL, as the rest of the product uses it.

Invariants: on SQLite every connection runs in WAL mode with full synchronisation, so what was
committed survives a power cut, and a writer takes its lock at the start (BEGIN IMMEDIATE), so two
writers queue instead of failing. Nothing above this module knows which database it is.
Not here: the tables (`store.schema`, `accounts.schema`) and migrations (`server.migrations`).
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    Engine,
    Insert,
    MetaData,
    Select,
    Table,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from store.errors import StoreBusy, StoreFull

__all__ = ["Database", "metadata"]

LOCK_WAIT_SECONDS = 30

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Database:
    """Connections to the database behind `url`, for reading and for writing.

    Attributes:
        engine: the SQLAlchemy engine, for migrations and tests.
    """

    engine: Engine

    def __init__(self, url: str) -> None:
        self.engine = create_engine(url, pool_size=16, max_overflow=48, pool_pre_ping=False)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)
        else:
            event.listen(self.engine, "connect", _prepare_postgresql)
        self._looking: list[Any] = []

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading; each statement sees one state, and never waits for writers."""
        with self.engine.connect() as connection:
            yield connection

    def row(self, statement: Select[Any], parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row that a statement finds; for the few look-ups that every request makes.

        It goes straight to the driver, on connections kept for it, which are in no transaction: of
        100 us the layers between take 85, and a transaction takes two more rounds to PostgreSQL.

        Args:
            statement: one that is made once, as it is prepared for good.
            parameters: the values of all that it binds.
        """
        found = _prepared(statement, self.engine.dialect)
        try:
            raw = self._looking.pop()
        except IndexError:
            raw = self._for_looking()
        try:
            cursor = raw.cursor()
            cursor.execute(found.text, found.bound(parameters))
            values = cursor.fetchone()
            cursor.close()
        except BaseException:
            raw.close()
            raise
        self._looking.append(raw)
        return None if values is None else found.read(values)

    def _for_looking(self) -> Any:  # noqa: ANN401 - the driver's
        lent = self.engine.raw_connection()
        raw = lent.driver_connection
        lent.detach()
        if self.engine.dialect.name != "sqlite":
            raw.autocommit = True  # type: ignore[union-attr]
        return raw

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection in a write transaction, committed on leaving, rolled back on an error.

        Raises:
            StoreFull: the disk has no room for the transaction.
            StoreBusy: another writer held the lock for too long, or deleted what is referred to.
        """
        try:
            with (
                self.engine.connect().execution_options(begin_mode="IMMEDIATE") as connection,
                connection.begin(),
            ):
                yield connection
        except OperationalError as error:
            raise _translated(error) from None
        except IntegrityError:
            # What a row refers to was deleted while it was being written.
            raise StoreBusy("The index changed in the meantime; nothing was stored.") from None

    def insert_if_new(
        self,
        connection: Connection,
        table: Table,
        rows: Sequence[Mapping[str, Any]],
        returning: Column[Any] | None = None,
    ) -> list[Any]:
        """Insert the rows, passing over those that a unique constraint already holds.

        Returns:
            The values of `returning` in the rows that were inserted, in no order.
        """
        statement = _insert_if_new(self.engine.dialect.name, table, returning)
        result = connection.execute(statement, rows)
        return [] if returning is None else list(result.scalars())

    def dispose(self) -> None:
        """Close every connection."""
        while self._looking:
            self._looking.pop().close()
        self.engine.dispose()


@dataclass(frozen=True)
class _Prepared:
    """A statement as the driver takes it."""

    text: str
    places: tuple[str, ...] | None
    readers: tuple[Callable[[Any], Any] | None, ...]

    def bound(self, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as the driver has it
        if self.places is None:
            return parameters
        return tuple(parameters[name] for name in self.places)

    def read(self, values: Sequence[Any]) -> tuple[Any, ...]:
        pairs = zip(values, self.readers, strict=True)
        return tuple(value if read is None else read(value) for value, read in pairs)


@cache
def _prepared(statement: Select[Any], dialect: Dialect) -> _Prepared:
    compiled = statement.compile(dialect=dialect)
    places = tuple(compiled.positiontup or ()) if compiled.positional else None
    types = (column.type.dialect_impl(dialect) for column in statement.selected_columns)
    readers = tuple(kind.result_processor(dialect, None) for kind in types)
    return _Prepared(str(compiled), places, readers)


@cache
def _insert_if_new(dialect: str, table: Table, returning: Column[Any] | None) -> Insert:
    # Made once for each: it runs for every instance.
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement: Insert = insert(table).on_conflict_do_nothing()
    return statement if returning is None else statement.returning(returning)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own transaction handling begins late and cannot begin IMMEDIATE.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {LOCK_WAIT_SECONDS * 1000}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401 - psycopg's
    # Compiling a search takes longer than searching. Plans are made for the values that they are
    # for: the best one depends on how many rows have them.
    connection.execute("SET jit = off")
    connection.execute("SET plan_cache_mode = force_custom_plan")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin_mode")
    # A statement that only reads is a transaction of its own.
    if mode is not None:
        connection.exec_driver_sql(f"BEGIN {mode}")


def _translated(error: DBAPIError) -> Exception:
    # The original carries the statement's parameters; they hold de-identified values only, but
    # they are of no use to a caller, so they end here.
    text = str(error.orig).lower()
    if "full" in text or "no space" in text:
        return StoreFull("The index has no room for another instance.")
    return StoreBusy("The index did not answer in time; nothing was stored. Send again.")
