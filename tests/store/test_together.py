"""Writers that come at the same time go together, and none pays for the mistake of another."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event

import pytest
from sqlalchemy import Connection, event, insert, select

from store.db import Database
from store.errors import StoreBusy, StoreError, StoreFull
from store.schema import doomed_blob
from store.together import Together

WAIT_SECONDS = 20


def adding(key: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.execute(insert(doomed_blob), {"key": key})
        return key

    return work


def keys(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(doomed_blob.c.key)).scalars())


class Crowd:
    """Writers that come while one is at work, which they have to wait for."""

    def __init__(self, database: Database) -> None:
        self.together = Together(database)
        self._pool = ThreadPoolExecutor(16)
        self._at_work, self._go_on = Event(), Event()
        self.first = self._pool.submit(self.together.write, self._slow)
        assert self._at_work.wait(WAIT_SECONDS)

    def _slow(self, connection: Connection) -> str:
        self._at_work.set()
        assert self._go_on.wait(WAIT_SECONDS)
        return adding("first")(connection)

    def come(self, *works: Callable[[Connection], str]) -> list[Future[str]]:
        return [self._pool.submit(self.together.write, work) for work in works]

    def go(self, coming: list[Future[str]]) -> None:
        while len(self.together._waiting) < len(coming):
            assert not any(each.done() for each in coming)
        self._go_on.set()
        wait([self.first, *coming], WAIT_SECONDS)
        self._pool.shutdown()


@pytest.fixture
def sqlite(database: Database) -> Database:
    if not database.writes_in_turn:
        pytest.skip("its writers do not wait for each other")
    return database


def test_one_alone_is_committed(database: Database) -> None:
    assert Together(database).write(adding("a")) == "a"
    assert keys(database) == {"a"}


def test_those_that_wait_share_a_transaction(sqlite: Database) -> None:
    commits: list[object] = []
    event.listen(sqlite.engine, "commit", commits.append)
    crowd = Crowd(sqlite)
    names = [f"{number}" for number in range(8)]
    coming = crowd.come(*map(adding, names))
    crowd.go(coming)
    assert [each.result(0) for each in coming] == names
    assert keys(sqlite) == {"first", *names}
    assert len(commits) == 2


def test_the_mistake_of_one_is_its_own(sqlite: Database) -> None:
    def wrong(_connection: Connection) -> str:
        raise StoreError("a mistake")

    crowd = Crowd(sqlite)
    coming = crowd.come(adding("a"), wrong, adding("b"))
    crowd.go(coming)
    assert keys(sqlite) == {"first", "a", "b"}
    assert isinstance(coming[1].exception(0), StoreError)
    assert (coming[0].result(0), coming[2].result(0)) == ("a", "b")
    assert crowd.together.write(adding("c")) == "c"


def test_who_breaks_a_rule_of_the_index_is_alone_with_it(sqlite: Database) -> None:
    crowd = Crowd(sqlite)
    coming = crowd.come(adding("a"), adding("a"), adding("b"))
    crowd.go(coming)
    assert keys(sqlite) == {"first", "a", "b"}
    errors = [each.exception(0) for each in coming]
    assert sorted(map(type, errors), key=str) == sorted([type(None)] * 2 + [StoreBusy], key=str)


def test_without_a_transaction_nobody_is_tried_again(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []

    def locked() -> None:
        tried.append(None)
        raise StoreFull("no room")

    crowd = Crowd(sqlite)
    monkeypatch.setattr(sqlite, "write_in_turn", locked)
    coming = crowd.come(adding("a"), adding("b"))
    crowd.go(coming)
    assert len(tried) == 1
    assert all(isinstance(each.exception(0), StoreFull) for each in coming)
    monkeypatch.undo()
    assert keys(sqlite) == {"first"}


def test_many_at_once_are_all_committed(database: Database) -> None:
    together = Together(database)
    names = [f"{number}" for number in range(200)]
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(together.write, map(adding, names))) == names
    assert keys(database) == set(names)
