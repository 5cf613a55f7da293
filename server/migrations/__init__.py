"""Brings a database to the present schema, with Alembic.

Invariants: an empty database migrated to the head has exactly the tables of `store.schema`,
`accounts.schema` and `cases.schema`; there is one head.
Not here: the tables (those modules).
"""

from pathlib import Path

from alembic import command
from alembic.config import Config

import accounts.schema
import cases.schema
import store.schema
from store.db import Database, metadata

__all__ = ["migrate", "target"]

# Importing the schemas is what puts their tables into the metadata.
TABLES_OF = (accounts.schema, cases.schema, store.schema)
target = metadata


def migrate(database: Database) -> None:
    """Upgrade to the newest revision; does nothing when the database is there already."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection.execution_options(begin_mode="IMMEDIATE")
        command.upgrade(config, "head")
