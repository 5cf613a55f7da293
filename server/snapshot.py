"""A copy of the index at one moment, and putting it back: SQLite's online backup, or pg_dump.

Invariants: the copy is of one moment, though others write; the keys of blobs that come with it are
those of that moment; passwords of PostgreSQL are in no argument, which others could see.
Not here: the blobs (`server.backup`, `server.restore`).
"""

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import inspect, make_url, select, text

from server.errors import CommandFailed
from store.db import Database
from store.schema import instance

__all__ = ["NAMES", "put_back", "snapshot"]

NAMES: Final = {"sqlite": "database.sqlite", "postgresql": "database.dump"}
"""What the copy is called, by the kind of the database."""

DAMAGED: Final = "The copy of the database is damaged."
AT_ONCE: Final = 10_000


@contextmanager
def snapshot(database: Database, file: Path) -> Iterator[Iterator[tuple[str, int]]]:
    """Write a copy into the file; gives the key and size of each blob that it names.

    Raises:
        CommandFailed: it cannot be written, or pg_dump is missing.
    """
    if database.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(file)) as copy, database.read() as connection:
            source = connection.connection.driver_connection
            assert isinstance(source, sqlite3.Connection)
            source.backup(copy)
            if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise CommandFailed(DAMAGED)
            yield copy.execute("SELECT blob, size FROM instance")
        return
    isolated = database.engine.connect().execution_options(isolation_level="REPEATABLE READ")
    with isolated as connection, connection.begin():
        moment = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        _run(database, "pg_dump", "--format=custom", f"--snapshot={moment}", f"--file={file}")
        rows = connection.execute(
            select(instance.c.blob, instance.c.size).execution_options(yield_per=AT_ONCE)
        )
        yield ((row.blob, row.size) for row in rows)


def put_back(database: Database, file: Path) -> None:
    """Fill an empty database from a copy.

    Raises:
        CommandFailed: it is not empty, or the copy cannot be used.
    """
    if inspect(database.engine).get_table_names():
        raise CommandFailed("The database is not empty; a backup is restored into an empty one.")
    if database.engine.dialect.name != "sqlite":
        _run(database, "pg_restore", "--no-owner", "--exit-on-error", str(file))
        return
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as copy:
        if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise CommandFailed(DAMAGED)
        with database.read() as connection:
            target = connection.connection.driver_connection
            assert isinstance(target, sqlite3.Connection)
            copy.backup(target)


def _run(database: Database, program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise CommandFailed(f"{program} is missing; it comes with the clients of PostgreSQL.")
    url = make_url(database.engine.url)
    where = {"--host": url.host, "--port": url.port, "--username": url.username}
    given = [f"{name}={value}" for name, value in where.items() if value]
    done = subprocess.run(  # noqa: S603 - the arguments are ours, and of the settings
        [found, *arguments, *given, f"--dbname={url.database}", "--no-password"],
        env={"PGPASSWORD": url.password or "", "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailed(f"{program} ended with {done.returncode}.")
