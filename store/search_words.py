"""Puts the pieces of SQLite's index of words together, so that a search looks into one of them.

What is stored is indexed in pieces, of which SQLite merges some now and then. Of a million studies
a dozen are left, and a word is looked up in each: that takes twice to four times as long as in one.
Standard: none; https://www.sqlite.org/fts5.html#the_merge_command says what is written here.
Invariants: what is found does not change; who wants to store meanwhile waits for one step only, of
some hundredths of a second.
Not here: the index (`store.words`); when this is done (`server.daily`); PostgreSQL, whose index has
no pieces.
"""

import time
from typing import Any, Final

from store.db import Database
from store.words import TABLE

__all__ = ["merge_words"]

PAGES: Final = 250
"""How many pages of the index are written in one step."""

PAUSE_SECONDS: Final = 0.005
"""After each step, so that who waits has a turn: they look for it every 0.001 s."""

_MERGE: Final = f"INSERT INTO {TABLE} ({TABLE}, rank) VALUES ('merge', ?)"  # noqa: S608 - constant


def merge_words(database: Database, pages: int = PAGES) -> int:
    """Merge all pieces, a few pages at a time.

    Returns:
        How many steps it took.
    """
    if database.engine.dialect.name != "sqlite":
        return 0
    # Less than nothing begins to merge all pieces there are; more goes on with it.
    steps = 0
    while _changed(database, -pages if steps == 0 else pages):
        steps += 1
        time.sleep(PAUSE_SECONDS)
    return steps


def _changed(database: Database, pages: int) -> bool:
    with database.write() as connection:
        driver: Any = connection.connection.driver_connection
        before = driver.total_changes
        connection.exec_driver_sql(_MERGE, (pages,))
        # The command itself is one of them; nothing else was changed when all is merged.
        return bool(driver.total_changes - before > 1)
