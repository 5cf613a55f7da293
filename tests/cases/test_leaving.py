"""An account that leaves takes all that is its own along, and nothing else."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Column, Connection, Table, insert, select, update
from sqlalchemy.types import Boolean, DateTime, Integer, LargeBinary

import cases.schema
from accounts.errors import LastAdministrator, NoSuchAccount
from accounts.leaving import GONE, is_gone
from accounts.people import Account, account_by_id, create_account, first_account
from accounts.roles import accounts
from accounts.schema import account as account_table
from cases.leaving import forget, forget_left_over, leave
from store.access import OwnerScope
from store.db import Database, metadata
from store.errors import StoreError
from store.jobs import Jobs, JobState
from tests.cases.rows import NOW, add_case, clock
from tests.store.conftest import Store, store
from tests.support.datasets import ct_slice, ct_stack

__all__ = ["store"]

OF = ("owner_id", "account_id")
STAY = {
    # Who did what to which, by numbers only.
    "deed",
    # How often the index changed: a smaller number would be taken for an older state.
    "change",
}
Rows = dict[str, list[dict[str, Any]]]


def owned_tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if _whose(table) is not None]


def _whose(table: Table) -> Column[Any] | None:
    return next((table.c[name] for name in OF if name in table.c), None)


def fill(connection: Connection, account_id: int) -> None:
    """Put a row of the account into every table, present or future, that has rows of accounts."""
    made: dict[str, Any] = {"account": account_id}
    for table in metadata.sorted_tables:
        needed = {key.column.table.name for key in table.foreign_keys}
        if table.name in made or not (_whose(table) is not None or needed) or needed - made.keys():
            continue
        row = {column.name: _value(column, account_id, made) for column in table.c}
        row = {name: value for name, value in row.items() if value is not None}
        key = next(iter(table.primary_key.columns))
        made[table.name] = connection.execute(insert(table).returning(key), row).scalar_one()


def _value(column: Column[Any], account_id: int, made: dict[str, Any]) -> Any:  # noqa: ANN401
    if column.name in OF:
        return account_id
    if column.foreign_keys:
        return made[next(iter(column.foreign_keys)).column.table.name]
    if column.primary_key and isinstance(column.type, Integer) and column.name == "id":
        return None
    text = f"{column.table.name} {column.name} {account_id}"
    if column.name in ("blob", "key"):
        return f"20260512/{account_id}"
    kinds = ((Boolean, False), (DateTime, NOW), (LargeBinary, text.encode()), (Integer, 1))
    return next((value for kind, value in kinds if isinstance(column.type, kind)), text)


def rows_of(database: Database, account_id: int) -> Rows:
    found: Rows = {}
    with database.read() as connection:
        for table in owned_tables():
            whose = _whose(table)
            assert whose is not None
            query = select(table).where(whose == account_id)
            found[table.name] = [dict(row) for row in connection.execute(query).mappings()]
    return found


def unowned(database: Database) -> dict[str, int]:
    """How many rows there are of what belongs to cases, series and so on."""
    tables = [table for table in metadata.sorted_tables if _whose(table) is None]
    with database.read() as connection:
        return {table.name: len(connection.execute(select(table)).all()) for table in tables}


@pytest.fixture
def people(database: Database) -> Sequence[Account]:
    return [
        create_account(database, f"{name}@example.org", clock=clock, admin=name == "owner")
        for name in ("owner", "ines", "jon")
    ]


@pytest.fixture
def jobs(database: Database) -> Jobs:
    return Jobs(database, clock)


def nothing(_done: int, _total: int) -> None:
    pass


@pytest.mark.promise("F107")
def test_every_table_is_rid_of_the_account_and_of_nobody_else(
    store: Store, people: Sequence[Account], jobs: Jobs
) -> None:
    database, (_, ines, jon) = store.database, people
    with database.write() as connection:
        fill(connection, jon.id)
    others, alone = rows_of(database, jon.id), unowned(database)
    assert all(others.values()), "each table has a row of each"
    with database.write() as connection:
        fill(connection, ines.id)
    leave(database, ines.id, jobs=jobs, clock=clock)
    assert forget(store.ingest, ines.id, nothing)
    left = rows_of(database, ines.id)
    assert {name for name, rows in left.items() if rows} == STAY | {"job"}
    assert [row["kind"] for row in left["job"]] == ["forget"]
    assert rows_of(database, jon.id) == others
    # What stays of her: the row with her number, and that something was reported.
    assert unowned(database) == alone
    with database.read() as connection:
        reports = connection.execute(select(cases.schema.report)).all()
    assert [(row.account_id, row.contact) for row in reports] == [
        (jon.id, f"report contact {jon.id}"),
        (None, ""),
    ]


def test_what_remains_is_a_number(
    database: Database, people: Sequence[Account], jobs: Jobs
) -> None:
    owner, ines, jon = people
    values = {column.name: "x" for column in account_table.c if str(column.type) == "TEXT"}
    del values["email"]
    with database.write() as connection:
        mine = account_table.c.id == ines.id
        connection.execute(update(account_table).where(mine).values(values | {"premium": True}))
    leave(database, ines.id, jobs=jobs, clock=clock)
    with database.read() as connection:
        row = connection.execute(select(account_table).where(mine)).mappings().one()
    told = {name: value for name, value in row.items() if value}
    assert told.keys() == {"id", "email", "created_at"}
    assert told["email"] == f"{GONE}{ines.id}"
    assert is_gone(database, ines.id)
    assert not is_gone(database, jon.id)
    assert [one.id for one in accounts(database)] == [owner.id, jon.id]
    # Its address is free again, and its number is not.
    again = create_account(database, ines.email, clock=clock)
    assert again.id not in (owner.id, ines.id, jon.id)


def test_an_account_leaves_once_and_not_as_the_last_administrator(
    database: Database, people: Sequence[Account], jobs: Jobs
) -> None:
    owner, ines, _ = people
    with pytest.raises(LastAdministrator):
        leave(database, owner.id, jobs=jobs, clock=clock)
    assert account_by_id(database, owner.id) == owner
    leave(database, ines.id, jobs=jobs, clock=clock)
    with pytest.raises(NoSuchAccount):
        leave(database, ines.id, jobs=jobs, clock=clock)
    create_account(database, "second@example.org", clock=clock, admin=True)
    leave(database, owner.id, jobs=jobs, clock=clock)
    first = first_account(database)
    assert first is not None
    assert first.email == "jon@example.org"


def test_what_is_stored_is_deleted_study_by_study(
    store: Store, people: Sequence[Account], jobs: Jobs
) -> None:
    _, ines, jon = people
    first = store.put(*ct_stack(2), owner=ines.id)
    second = store.put(ct_slice(study="1.2.3.4", series="1.2.3.4.5"), owner=ines.id)
    studies = {one.study_instance_uid for one in first + second}
    hers = [r for uid in studies for r in store.archive.instances(OwnerScope(ines.id), uid)]
    assert len(hers) == 3
    received = store.put(ct_slice(), owner=jon.id)
    assert not forget(store.ingest, ines.id, nothing), "she is still there"
    number = leave(store.database, ines.id, jobs=jobs, clock=clock)
    told: list[tuple[int, int]] = []
    assert forget(store.ingest, ines.id, lambda done, total: told.append((done, total)))
    assert told[-1][0] == told[-1][1] == len(told) - 1
    assert jobs.get(number).state is JobState.QUEUED
    kept = store.archive.instances(OwnerScope(jon.id), received[0].study_instance_uid)
    assert len(kept) == 1
    assert b"".join(store.archive.read(kept[0]))
    for ref in hers:
        with pytest.raises(StoreError):
            list(store.archive.read(ref))


def test_what_came_in_meanwhile_is_deleted_later(
    store: Store, people: Sequence[Account], jobs: Jobs
) -> None:
    _, ines, jon = people
    leave(store.database, ines.id, jobs=jobs, clock=clock)
    forget(store.ingest, ines.id, nothing)
    assert forget_left_over(store.database, jobs) == 0
    store.put(ct_slice(), owner=ines.id)
    store.put(ct_slice(), owner=jon.id)
    assert forget_left_over(store.database, jobs) == 1
    forget(store.ingest, ines.id, nothing)
    assert forget_left_over(store.database, jobs) == 0


def test_cases_of_others_leave_their_playlists(
    database: Database, people: Sequence[Account], jobs: Jobs
) -> None:
    _, ines, jon = people
    hers, his = add_case(database, ines.id), add_case(database, jon.id)
    table, items = cases.schema.playlist, cases.schema.playlist_item
    row = {"code": "bcdfghjk", "owner_id": jon.id, "title": "Wrists", "visibility": "public"}
    with database.write() as connection:
        values = row | {"created_at": NOW, "updated_at": NOW}
        number = connection.execute(insert(table).returning(table.c.id), values).scalar_one()
        for position, one in enumerate((hers, his)):
            item = {"playlist_id": number, "case_id": one.id, "position": position}
            connection.execute(insert(items), item)
    leave(database, ines.id, jobs=jobs, clock=clock)
    with database.read() as connection:
        left = connection.execute(select(items.c.case_id)).scalars().all()
    assert left == [his.id]
