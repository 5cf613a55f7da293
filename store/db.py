"""One database, SQLite or PostgreSQL, as the rest of the product uses it.

Invariants: on SQLite every connection runs in WAL mode with full synchronisation, so what was
committed survives a power cut, and a writer takes its lock at the start (BEGIN IMMEDIATE), so two
writers queue instead of failing. Nothing above this module knows which database it is.
Not here: the tables (`store.schema`, `accounts.schema`) and migrations (`server.migrations`).
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
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
    Update,
    create_engine,
    event,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from store.errors import StoreBusy, StoreFull

__all__ = ["Database", "in_utc", "metadata"]

LOCK_WAIT_SECONDS = 30
TURN_SECONDS = 0.001

Statement = Select[Any] | Insert | Update

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
        self._kept: Connection | None = None

    @contextmanager
    def read(self, *, in_pieces: bool = True) -> Iterator[Connection]:
        """A connection for reading; each statement sees one state, and never waits for writers.

        Args:
            in_pieces: results may be read piece by piece (`yield_per`). That takes a transaction,
                which PostgreSQL is told of in two more rounds.
        """
        with self.engine.connect() as connection:
            if not in_pieces and not self.writes_in_turn:
                connection.execution_options(isolation_level="AUTOCOMMIT")
            yield connection

    def row(self, statement: Select[Any], parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """The first row that a statement finds; for the few look-ups that every request makes.

        It goes straight to the driver, on connections kept for it, which are in no transaction: of
        100 us the layers between take 85, and a transaction takes two more rounds to PostgreSQL.

        Args:
            statement: one that is made once, as it is prepared for good.
            parameters: the values of all that it binds.
        """
        found = _prepared(statement, self.engine.dialect, ())
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
        with self._for_writing() as connection, self._transaction(connection):
            yield connection

    @contextmanager
    def write_in_turn(self) -> Iterator[Connection]:
        """The same on a connection that is kept, for who lets one writer in after the other.

        Taking one from the pool and giving it back takes longer than writing an instance's rows.
        """
        connection, self._kept = self._kept or self._for_writing(), None
        try:
            with self._transaction(connection):
                yield connection
        except BaseException:
            connection.close()
            raise
        self._kept = connection

    def _for_writing(self) -> Connection:
        try:
            return self.engine.connect().execution_options(begin_mode="IMMEDIATE")
        except OperationalError as error:
            raise _translated(error) from None

    @contextmanager
    def _transaction(self, connection: Connection) -> Iterator[None]:
        try:
            with connection.begin():
                yield
        except (OperationalError, self.engine.dialect.loaded_dbapi.OperationalError) as error:
            raise _translated(error) from None
        except (IntegrityError, self.engine.dialect.loaded_dbapi.IntegrityError):
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
        if len(rows) == 1 or self.writes_in_turn:
            return [value for (value,) in self.execute(connection, statement, rows)]
        # Where the database is not in this process, one round for all counts for more.
        result = connection.execute(statement, rows)
        return [] if returning is None else list(result.scalars())

    def execute(
        self,
        connection: Connection,
        statement: Statement,
        rows: Sequence[Mapping[str, Any]],
    ) -> list[tuple[Any, ...]]:
        """Execute a statement for each of the rows; for those few that every instance needs.

        As with `row`, it goes straight to the driver, in the transaction of the connection.

        Args:
            connection: that of `write` or `read`.
            statement: one that is made once, as it is prepared for good.
            rows: the values of all that it binds, for an insert those of the columns; all rows
                have the same keys.

        Returns:
            What it found or returns, for all rows.
        """
        if not rows:
            return []
        columns = tuple(rows[0]) if isinstance(statement, Insert) else ()
        found = _prepared(statement, self.engine.dialect, columns)
        cursor = connection.connection.cursor()
        values: list[tuple[Any, ...]] = []
        try:
            for row in rows:
                cursor.execute(found.text, found.bound(row))
                if found.readers:
                    values += map(found.read, cursor.fetchall())
        finally:
            cursor.close()
        return values

    @property
    def writes_in_turn(self) -> bool:
        """Whether writers wait for each other, so that several do better to go together."""
        return self.engine.dialect.name == "sqlite"

    def dispose(self) -> None:
        """Close every connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()
        while self._looking:
            self._looking.pop().close()
        self.engine.dispose()


def in_utc(moment: datetime) -> datetime:
    """A moment that was read, with its zone: SQLite gives back what was stored in UTC without."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_Bind = tuple[str, bool, Any, Callable[[Any], Any] | None]
"""A parameter: its name, whether it has to be given, else its value; how the driver takes it."""


@dataclass(frozen=True)
class _Prepared:
    """A statement as the driver takes it."""

    text: str
    binds: tuple[_Bind, ...]
    positional: bool
    readers: tuple[Callable[[Any], Any] | None, ...]
    are_plain: bool

    def bound(self, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as the driver has it
        values = []
        for name, is_given, constant, write in self.binds:
            value = parameters[name] if is_given else constant
            values.append(value if write is None else write(value))
        if self.positional:
            return values
        return dict(zip([name for name, *_ in self.binds], values, strict=True))

    def read(self, values: Sequence[Any]) -> tuple[Any, ...]:
        if self.are_plain:
            return tuple(values)
        pairs = zip(values, self.readers, strict=True)
        return tuple([value if read is None else read(value) for value, read in pairs])


@cache
def _prepared(statement: Statement, dialect: Dialect, columns: tuple[str, ...]) -> _Prepared:
    compiled = statement.compile(dialect=dialect, column_keys=columns or None)
    names = (compiled.positiontup if compiled.positional else None) or compiled.binds
    binds = [compiled.binds[name] for name in names]
    kinds = [bind.type.dialect_impl(dialect) for bind in binds]
    kinds_read = (column.type.dialect_impl(dialect) for column in statement.exported_columns)
    readers = tuple(kind.result_processor(dialect, None) for kind in kinds_read)
    return _Prepared(
        str(compiled),
        tuple(
            (name, bind.required, bind.value, kind.bind_processor(dialect))
            for name, bind, kind in zip(names, binds, kinds, strict=True)
        ),
        compiled.positional,
        readers,
        not any(readers),
    )


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
    cursor.execute(f"PRAGMA busy_timeout = {int(LOCK_WAIT_SECONDS * 1000)}")
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
        _begin_in_turn(connection.connection.cursor(), mode)


def _begin_in_turn(cursor: Any, mode: str) -> None:  # noqa: ANN401 - the driver's
    """Begin when no other process writes; SQLite itself would look for it every 100 ms only."""
    end = time.monotonic() + LOCK_WAIT_SECONDS
    cursor.execute("PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                cursor.execute(f"BEGIN {mode}")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(TURN_SECONDS)
            else:
                return
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {int(LOCK_WAIT_SECONDS * 1000)}")
        cursor.close()


def _translated(error: Exception) -> Exception:
    # The original carries the statement's parameters; they hold de-identified values only, but
    # they are of no use to a caller, so they end here.
    text = str(error.orig if isinstance(error, DBAPIError) else error).lower()
    if "full" in text or "no space" in text:
        return StoreFull("The index has no room for another instance.")
    return StoreBusy("The index did not answer in time; nothing was stored. Send again.")
