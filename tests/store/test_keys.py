"""Keys: one for each owner and upload, for ever, and what becomes of them with the secret."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event

import pytest
from sqlalchemy import select

from store.db import Database
from store.errors import NoSuchUpload, WrongSecret
from store.keys import KeyRing
from store.schema import owner_key, upload

OLD, NEW = b"the old secret of the tests' server", b"the new secret of the tests' server"
NOW = datetime(2026, 5, 12, 14, 30, tzinfo=UTC)

MakeRing = Callable[..., KeyRing]


@pytest.fixture
def ring(database: Database) -> MakeRing:
    def make(secret: bytes = OLD, *in_force: bytes) -> KeyRing:
        return KeyRing(database, secret, os.urandom, lambda: in_force)

    return make


def wrapped(database: Database) -> list[bytes]:
    with database.read() as connection:
        owners = connection.execute(select(owner_key.c.wrapped_key)).scalars().all()
        uploads = connection.execute(select(upload.c.wrapped_key)).scalars().all()
    return [bytes(each) for each in (*owners, *uploads)]


def test_a_key_is_made_once_and_stays(ring: MakeRing) -> None:
    key = ring().key_of(7)
    assert len(key) == 32
    assert ring().key_of(7) == key
    assert ring().key_of(8) != key


def test_each_upload_has_a_key_of_its_own(ring: MakeRing) -> None:
    keys = ring()
    first, second = keys.new_upload(7, NOW), keys.new_upload(7, NOW)
    made = {keys.key_of(7), keys.key_of_upload(first, 7), keys.key_of_upload(second, 7)}
    assert len(made) == 3
    assert ring().key_of_upload(first, 7) == keys.key_of_upload(first, 7)


def test_an_upload_is_its_owners_only(ring: MakeRing) -> None:
    mine = ring().new_upload(7, NOW)
    for keys in (ring(), ring()):
        with pytest.raises(NoSuchUpload):
            keys.key_of_upload(mine, 8)
        with pytest.raises(NoSuchUpload):
            keys.key_of_upload(mine + 1, 7)
        assert len(keys.key_of_upload(mine, 7)) == 32


def test_no_key_lies_open_in_the_database(ring: MakeRing, database: Database) -> None:
    keys = ring()
    opened = [keys.key_of(7), keys.key_of_upload(keys.new_upload(7, NOW), 7)]
    stored = wrapped(database)
    assert len(stored) == 2
    assert not any(key in row for key in opened for row in stored)


def test_rotation_keeps_every_key(ring: MakeRing, database: Database) -> None:
    keys = ring()
    number = keys.new_upload(7, NOW)
    before = [keys.key_of(7), keys.key_of(8), keys.key_of_upload(number, 7)]
    assert ring().rewrap(NEW) == 3
    after = ring(NEW)
    assert [after.key_of(7), after.key_of(8), after.key_of_upload(number, 7)] == before
    # What runs on with the old secret knows the keys that it has seen, and no others.
    assert keys.key_of(7) == before[0]
    with pytest.raises(WrongSecret):
        ring().key_of(7)


def test_the_ring_that_rotated_goes_on_with_the_new_secret(ring: MakeRing) -> None:
    keys = ring()
    keys.key_of(7)
    keys.rewrap(NEW)
    made = keys.key_of(8)
    assert ring(NEW).key_of(8) == made


def test_a_process_with_the_old_secret_makes_no_more_keys(
    ring: MakeRing, database: Database
) -> None:
    running = ring()
    running.key_of(7)
    ring().rewrap(NEW)
    with pytest.raises(WrongSecret):
        running.key_of(9)
    with pytest.raises(WrongSecret):
        running.new_upload(7, NOW)
    assert len(wrapped(database)) == 1


def test_a_running_process_takes_up_the_new_secret(ring: MakeRing) -> None:
    running = ring(OLD, NEW)
    running.key_of(7)
    number = running.new_upload(7, NOW)
    ring().rewrap(NEW)
    made, upload_key = running.key_of(9), running.key_of_upload(number, 7)
    second = running.new_upload(7, NOW)
    after = ring(NEW)
    assert (after.key_of(9), after.key_of_upload(number, 7)) == (made, upload_key)
    assert after.key_of_upload(second, 7) == running.key_of_upload(second, 7)


def test_while_a_rotation_is_not_finished_both_secrets_unwrap(ring: MakeRing) -> None:
    keys = ring()
    key = keys.key_of(7)
    between = ring(NEW, NEW, OLD)
    assert between.key_of(7) == key
    late = between.key_of(8)
    assert between.rewrap(NEW) == 2
    assert (ring(NEW).key_of(7), ring(NEW).key_of(8)) == (key, late)


def test_a_rotation_that_cannot_read_a_key_changes_nothing(
    ring: MakeRing, database: Database
) -> None:
    ring().key_of(7)
    with database.write() as connection:
        row = {"owner_id": 8, "wrapped_key": os.urandom(40)}
        connection.execute(owner_key.insert(), row)
    before = wrapped(database)
    with pytest.raises(WrongSecret):
        ring().rewrap(NEW)
    assert wrapped(database) == before


def test_no_key_is_lost_that_is_made_while_a_rotation_runs(
    ring: MakeRing, database: Database
) -> None:
    ring().key_of(1000)
    begun, rotated = Event(), Event()

    def make(first: int) -> int:
        keys, made = ring(), 0
        while not rotated.is_set():
            try:
                # Lower numbers each time, so that the first row, which is the lock, changes too.
                keys.key_of(first - made)
                keys.new_upload(first, NOW)
            except WrongSecret:
                break
            made += 1
            begun.set()
        return made

    with ThreadPoolExecutor(3) as pool:
        making = [pool.submit(make, first) for first in (900, 600, 300)]
        try:
            assert begun.wait(20)
            ring().rewrap(NEW)
        finally:
            rotated.set()
        assert sum(each.result() for each in making) > 0
    assert ring(NEW).forget_unreadable().owners == 0
    assert len(wrapped(database)) > 2
    assert ring(NEW).forget_unreadable().uploads == 0


def test_after_the_loss_of_the_secret_only_what_it_wrapped_is_given_up(ring: MakeRing) -> None:
    lost = ring()
    lost.key_of(7)
    lost.new_upload(7, NOW)
    found = ring(NEW)
    with pytest.raises(WrongSecret):
        found.key_of(8)
    forgotten = found.forget_unreadable()
    assert (forgotten.owners, forgotten.uploads) == (1, 1)
    key = found.key_of(7)
    assert key != lost.key_of(7)
    again = found.forget_unreadable()
    assert (again.owners, again.uploads) == (0, 0)
    assert ring(NEW).key_of(7) == key
