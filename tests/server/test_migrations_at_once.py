"""Several commands find an old database at the same time: one migrates, the others wait for it."""

import sys
from subprocess import PIPE, Popen

import pytest
from sqlalchemy import Connection, text

from server.migrations import migrate
from store.db import Database
from tests.server.revisions import upgrade

MIGRATE = """
import sys
from server.migrations import migrate
from store.db import Database
print("ready", flush=True)
sys.stdin.read(1)
migrate(Database(sys.argv[1]))
"""


def test_one_of_several_migrates(database: Database) -> None:
    upgrade(database, "0003")
    url = database.engine.url.render_as_string(hide_password=False)
    # Processes, as Alembic takes one thread of each at a time.
    commands = [
        Popen([sys.executable, "-c", MIGRATE, url], stdin=PIPE, stdout=PIPE, text=True)
        for _ in range(3)
    ]
    for command in commands:
        assert command.stdout is not None
        assert command.stdout.readline() == "ready\n"
    for command in commands:
        assert command.stdin is not None
        command.stdin.write("x")
        command.stdin.flush()
    for command in commands:
        command.communicate(timeout=60)
    assert [command.returncode for command in commands] == [0, 0, 0]
    with database.read() as connection:
        assert connection.execute(text("SELECT count(*) FROM alembic_version")).scalar_one() == 1


def test_an_upgrade_that_fails_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade(database, "0014")
    before = _tables(database)
    executed = Connection.execute

    def fails_late(self: Connection, statement: object, *rest: object) -> object:
        if "FROM job" in str(statement):
            raise RuntimeError("no more room, say")
        return executed(self, statement, *rest)  # type: ignore[call-overload]

    monkeypatch.setattr(Connection, "execute", fails_late)
    with pytest.raises(RuntimeError):
        migrate(database)
    monkeypatch.undo()
    assert _tables(database) == before
    migrate(database)
    assert _tables(database) > before


def _tables(database: Database) -> set[str]:
    names = "SELECT name FROM sqlite_master"
    if database.engine.dialect.name == "postgresql":
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    with database.read() as connection:
        return set(connection.execute(text(names)).scalars())
