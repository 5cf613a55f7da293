"""Rows by many numbers: one statement however many they are, and it looks at no other rows."""

import pytest
from sqlalchemy import event, select

from store.db import Database
from store.schema import study
from store.search_among import among, together
from tests.store.rows import add_study

FOUND = select(study.c.id).where(among(study.c.id, "keys")).order_by(study.c.id)


@pytest.mark.parametrize("wanted", [0, 1, 3])
def test_those_rows_are_found_that_are_named(database: Database, wanted: int) -> None:
    keys = [add_study(database) for _ in range(5)][:wanted]
    with database.read() as connection:
        assert list(connection.execute(FOUND, {"keys": [*keys, 999_999]}).scalars()) == keys


def test_the_statement_is_the_same_however_many_there_are(database: Database) -> None:
    asked = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with database.read() as connection:
        for keys in ([1], range(100)):
            connection.execute(FOUND, {"keys": keys})
    assert len(asked) == 2
    assert len(set(asked)) == 1


def test_many_numbers_come_as_one_value(database: Database) -> None:
    made = [add_study(database) for _ in range(3)]
    keys = select(study.c.id).where(among(study.c.id, "keys")).subquery()
    found = select(together(keys.c.id))
    with database.read() as connection:
        rows = connection.execute(found, {"keys": made[1:]}).scalars().all()
        assert [sorted(numbers) for numbers in rows] == [made[1:]]
        assert connection.execute(found, {"keys": []}).scalars().all() == [[]]


def test_sqlite_looks_up_what_is_named(database: Database) -> None:
    if database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL's plan depends on how much there is")
    asked = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2:4]))
    with database.read() as connection:
        connection.execute(FOUND, {"keys": [1]})
        statement, values = asked[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    assert any("SEARCH study USING INTEGER PRIMARY KEY" in row[3] for row in plan)
