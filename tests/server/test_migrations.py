"""Migrations: one head, and an empty database becomes what the schemas say."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import server.migrations
from server.migrations import migrate, target
from store.db import Database


def test_there_is_one_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(server.migrations.__file__).parent))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_an_empty_database_migrated_to_the_head_equals_the_schemas(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"render_as_batch": True})
        assert compare_metadata(context, target) == []
    database.dispose()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(database)
    migrate(database)
    with database.read() as connection:
        versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    assert len(versions) == 1
    database.dispose()
