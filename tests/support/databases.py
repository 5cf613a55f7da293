"""Databases with all tables, empty, without migrating each one anew.

A migration takes longer than most tests. It is run once in each process of tests, and what it made
is copied. Tests of migrations, and of commands that migrate, run the real one.
"""

import tempfile
from functools import cache
from pathlib import Path

from server.migrations import migrate, target
from store.db import Database

__all__ = ["emptied", "ready"]


@cache
def _migrated() -> bytes:
    """The file of an empty SQLite database at the newest revision."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index.sqlite")
        database = Database(f"sqlite:///{path}")
        migrate(database)
        database.dispose()
        return path.read_bytes()


def ready(database: Database) -> None:
    """Give a database all tables; one that is new, and in a file, gets a copy."""
    path = Path(str(database.engine.url.database))
    if database.engine.dialect.name == "sqlite" and not path.exists():
        path.write_bytes(_migrated())
    else:
        migrate(database)


def emptied(database: Database) -> None:
    """Delete every row of a PostgreSQL database, in one round."""
    names = [table.name for table in reversed(target.sorted_tables)]
    with database.write() as connection:
        connection.exec_driver_sql("; ".join(f'DELETE FROM "{name}"' for name in names))
