"""The index of what is written in a study: finds rows by a part of a text, however many there are.

On SQLite it is an FTS5 table of trigrams that triggers keep. Its rows are numbered by owner and
study, so that one owner's are neighbours and come in the order of searches. On PostgreSQL it is a
GIN index of pg_trgm and btree_gin, where these extensions can be had. It gives rows in no order,
but knows which block of studies, by that same number, each is in: asked for one block after the
other, it need not give all.
Invariants: it holds what `store.schema.study` holds, from the same transaction. Without the
extensions PostgreSQL finds the same, only slower.
Not here: when it is used (`store.search_plan`); migrations make it by statements of their own.
"""

# ruff: noqa: S608 - the statements are made of the constants of this file
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection, Table, event
from sqlalchemy.exc import DBAPIError

__all__ = ["BLOCK", "COLUMNS", "OWNER_SHIFT", "TABLE", "keep_words_of"]

TABLE: Final = "study_words"
OWNER_SHIFT: Final = 40
BLOCK: Final = f"(((owner_id << {OWNER_SHIFT}) | id) >> 15)"
COLUMNS: Final = (
    "patient_name",
    "patient_id",
    "accession_number",
    "study_description",
    "study_id",
    "referring_physician_name",
)

_names: Final = ", ".join(COLUMNS)
_new: Final = f"(new.owner_id << {OWNER_SHIFT}) | new.id, " + ", ".join(
    f"new.{name}" for name in COLUMNS
)
_old: Final = _new.replace("new.", "old.")
_insert: Final = f"INSERT INTO {TABLE} (rowid, {_names}) VALUES ({_new});"
_delete: Final = f"INSERT INTO {TABLE} ({TABLE}, rowid, {_names}) VALUES ('delete', {_old});"
_SQLITE: Final = (
    f"CREATE VIRTUAL TABLE {TABLE} USING fts5({_names}, content='', tokenize='trigram')",
    f"CREATE TRIGGER {TABLE}_insert AFTER INSERT ON study BEGIN {_insert} END",
    f"CREATE TRIGGER {TABLE}_delete AFTER DELETE ON study BEGIN {_delete} END",
    f"CREATE TRIGGER {TABLE}_update AFTER UPDATE OF {_names} ON study "
    f"BEGIN {_delete} {_insert} END",
)
_POSTGRESQL: Final = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE EXTENSION IF NOT EXISTS btree_gin",
    # Without a list of what is pending, which every search would have to read.
    f"CREATE INDEX ix_{TABLE} ON study USING gin "
    f"({BLOCK}, {', '.join(f'{name} gin_trgm_ops' for name in COLUMNS)}) WITH (fastupdate = off)",
)


def keep_words_of(study: Table) -> None:
    """Have the index made whenever the table is made without migrations, as tests do."""
    event.listen(study, "after_create", _create)


def _create(_study: Table, connection: Connection, **_options: object) -> None:
    if connection.dialect.name == "sqlite":
        for statement in _SQLITE:
            connection.exec_driver_sql(statement)
        return
    # An extension may not be installed, or may not be allowed; searches do without.
    with suppress(DBAPIError), connection.begin_nested():
        for statement in _POSTGRESQL:
            connection.exec_driver_sql(statement)
