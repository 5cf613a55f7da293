"""Long answers end when what they show may not be shown any more."""

from collections.abc import Iterator
from itertools import islice

import pytest
from flask import Flask
from sqlalchemy import update

from dicomweb.answers import Answer
from dicomweb.resources import Resource
from dicomweb.watching import watched
from store.access import OwnerScope, Scope, SeriesScope
from store.db import Database
from store.schema import series
from store.watching import Watch
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import make_file


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Pieces:
    """An endless body that knows whether it was closed."""

    def __init__(self) -> None:
        self.closed = False
        self.given = 0

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        self.given += 1
        return b"piece"

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def resource(caller: Caller) -> Resource:
    (path,) = caller.stored([make_file(1)])
    _, _, study, _, series_uid, _, _ = path.split("/")
    return Resource(study, series_uid)


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions["database"]
    return found


@pytest.fixture
def scope(database: Database, resource: Resource) -> Scope:
    with database.read() as connection:
        return SeriesScope(frozenset(connection.execute(series.select()).scalars()))


def hold(database: Database) -> None:
    with database.write() as connection:
        connection.execute(update(series).values(review_state="held"))


def test_an_answer_ends_half_a_second_after_its_series_is_hidden(
    database: Database, scope: Scope, resource: Resource
) -> None:
    clock, pieces = Clock(), Pieces()
    answer = watched(Answer(200, [], pieces), database, scope, resource, lambda s: s, clock)
    body = iter(answer.body)
    assert len(list(islice(body, 10))) == 10
    clock.now = 1.0
    assert next(body) == b"piece"
    hold(database)
    clock.now = 1.4
    assert next(body) == b"piece"
    clock.now = 1.6
    assert list(body) == []
    assert pieces.closed
    assert pieces.given == 13


def test_an_answer_ends_when_its_scope_does(
    database: Database, scope: Scope, resource: Resource
) -> None:
    clock, now = Clock(), [scope]
    answer = watched(Answer(200, [], Pieces()), database, scope, resource, lambda _: now[0], clock)
    body = iter(answer.body)
    clock.now = 1.0
    assert next(body) == b"piece"
    now[0] = SeriesScope(frozenset())
    clock.now = 2.0
    assert list(body) == []


def test_the_index_is_asked_twice_a_second_and_not_for_what_is_made_already(
    database: Database, scope: Scope, resource: Resource
) -> None:
    clock, asked = Clock(), []

    def renewed(given: Scope) -> Scope:
        asked.append(clock.now)
        return given

    answer = watched(Answer(200, [], Pieces()), database, scope, resource, renewed, clock)
    for _ in islice(answer.body, 100):
        clock.now += 0.1
    assert 15 <= len(asked) <= 20
    whole = Answer(200, [], [b"all"])
    assert watched(whole, database, scope, resource, renewed, clock) is whole
    owners = Answer(200, [], Pieces())
    assert watched(owners, database, OwnerScope(1), resource, renewed, clock) is owners


def test_an_index_that_does_not_answer_ends_the_answer(
    database: Database, scope: Scope, resource: Resource, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_: Scope) -> Scope:
        raise RuntimeError("a secret")

    clock, pieces = Clock(), Pieces()
    body = iter(watched(Answer(200, [], pieces), database, scope, resource, fails, clock).body)
    next(body)
    clock.now = 1.0
    assert list(body) == []
    assert pieces.closed
    assert "unexpected RuntimeError" in caplog.text
    assert "secret" not in caplog.text


def test_nothing_is_shown_of_what_was_gone_before(database: Database, resource: Resource) -> None:
    nothing = SeriesScope(frozenset())
    watch = Watch(database, nothing, resource.study, resource.series)
    assert not watch.holds(nothing)


def test_one_series_that_goes_ends_the_answer_of_its_study(
    database: Database, caller: Caller, resource: Resource
) -> None:
    caller.stored([make_file(2, series=2)])
    with database.read() as connection:
        numbers = frozenset(connection.execute(series.select()).scalars())
    watch = Watch(database, SeriesScope(numbers), resource.study)
    assert watch.holds(SeriesScope(numbers))
    assert len(numbers) > 1
    assert not watch.holds(SeriesScope(frozenset(sorted(numbers)[:1])))
