"""Databases with the tables of all modules that are imported, made once and copied.

Not here: what migrations make (`tests.support.databases`).
"""

import tempfile
from functools import cache
from pathlib import Path

from store.db import Database, metadata

__all__ = ["make_tables"]


@cache
def _made(_tables: frozenset[str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "index.sqlite")
        database = Database(f"sqlite:///{path}")
        metadata.create_all(database.engine)
        database.dispose()
        return path.read_bytes()


def make_tables(database: Database) -> None:
    """Give a new SQLite database its tables, as `create_all` does."""
    path = Path(str(database.engine.url.database))
    if not path.exists():
        path.write_bytes(_made(frozenset(metadata.tables)))
