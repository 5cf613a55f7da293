"""Which series lie in the private place."""

import pytest
from sqlalchemy import select, update

from cases.cases import case_of_owner, delete_case
from cases.private_series import is_private
from cases.publishing import publish
from cases.schema import case
from store.db import Database
from store.schema import series
from tests.cases.rows import (
    NOW,
    OWNER,
    add_case,
    add_pair,
    add_published,
    clock,
    edit,
    showing,
)


def private(database: Database) -> set[str]:
    with database.read() as connection:
        query = select(series.c.series_instance_uid).where(is_private())
        return set(connection.execute(query).scalars())


@pytest.mark.promise("F25")
def test_the_working_copy_and_all_versions_of_a_private_case_count(database: Database) -> None:
    first, second, third = (add_pair(database) for _ in range(3))
    add_pair(database)
    found = add_published(database, pairs=[first])
    assert private(database) == set()
    found = edit(database, found, private=True)
    assert private(database) == {first[1]}
    found = edit(database, found, document=showing(second))
    publish(database, OWNER, found.code, clock=clock)
    edit(database, case_of_owner(database, OWNER, found.code), title="T")
    assert private(database) == {first[1], second[1]}
    add_case(database, pairs=[third], private=True)
    assert private(database) == {first[1], second[1], third[1]}
    delete_case(database, OWNER, found.code)
    assert private(database) == {third[1]}


def test_what_a_published_case_shows_to_everybody_is_not_private(sqlite: Database) -> None:
    pair = add_pair(sqlite)
    add_case(sqlite, pairs=[pair], private=True)
    other = add_case(sqlite, pairs=[pair])
    # Nobody else sees it yet.
    assert private(sqlite) == {pair[1]}
    publish(sqlite, OWNER, other.code, clock=clock)
    assert private(sqlite) == set()
    # Hidden because of a report, it may be shown again.
    with sqlite.write() as connection:
        connection.execute(update(case).where(case.c.id == other.id).values(hidden_at=NOW))
    assert private(sqlite) == set()
    edit(sqlite, case_of_owner(sqlite, OWNER, other.code), private=True)
    assert private(sqlite) == {pair[1]}


def test_a_series_that_only_a_working_copy_shows_stays_private(sqlite: Database) -> None:
    shown, added = add_pair(sqlite), add_pair(sqlite)
    add_case(sqlite, pairs=[shown, added], private=True)
    other = add_published(sqlite, pairs=[shown])
    edit(sqlite, other, document=showing(shown, added))
    assert private(sqlite) == {added[1]}
