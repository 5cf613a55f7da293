"""Brings a database to an older revision than the newest, for tests of what comes after."""

from pathlib import Path

from alembic import command
from alembic.config import Config

import server.migrations
from store.db import Database


def configuration() -> Config:
    """Alembic's, for the migrations of the product."""
    config = Config()
    config.set_main_option("script_location", str(Path(server.migrations.__file__).parent))
    return config


def upgrade(database: Database, revision: str) -> None:
    """Bring a database to a revision."""
    config = configuration()
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection.execution_options(begin_mode="IMMEDIATE")
        command.upgrade(config, revision)
