"""The number that rises with every change of an owner's index."""

from store.access import NothingScope, OwnerScope
from store.changes import bump, current_version
from store.db import Database
from store.review import Review
from tests.store.conftest import OWNER, Store
from tests.support.datasets import ct_slice


def test_nothing_has_changed_at_first(database: Database) -> None:
    assert current_version(database, OwnerScope(OWNER)) == 0
    assert current_version(database, NothingScope()) == 0


def test_a_change_is_its_owners_and_everybodys(database: Database) -> None:
    with database.write() as connection:
        bump(connection, 1)
    with database.write() as connection:
        bump(connection, 1)
        bump(connection, 2)
    assert current_version(database, OwnerScope(1)) == 2
    assert current_version(database, OwnerScope(2)) == 1
    assert current_version(database, OwnerScope(3)) == 0
    assert current_version(database, NothingScope()) == 3


def test_storing_is_a_change_and_storing_again_is_none(store: Store) -> None:
    store.put(ct_slice())
    stored = current_version(store.database, store.scope)
    store.put(ct_slice())
    assert current_version(store.database, store.scope) == stored > 0
    store.put(ct_slice(2))
    assert current_version(store.database, store.scope) > stored


def test_a_decision_is_a_change(store: Store) -> None:
    [received] = store.put(ct_slice())
    before = current_version(store.database, store.scope)
    review = Review(store.database, store.ingest.clock)
    place = received.study_instance_uid, received.series_instance_uid
    review.decide(OWNER, *place, "leave-out", OWNER)
    assert current_version(store.database, store.scope) > before


def test_what_was_rolled_back_is_no_change(database: Database) -> None:
    class Broken(Exception):
        pass

    try:
        with database.write() as connection:
            bump(connection, 1)
            raise Broken
    except Broken:
        pass
    assert current_version(database, OwnerScope(1)) == 0


def test_another_process_sees_the_change_as_soon_as_the_rows(store: Store) -> None:
    other = Database(store.database.engine.url.render_as_string(hide_password=False))
    before = current_version(other, store.scope)
    store.put(ct_slice())
    assert current_version(other, store.scope) > before
    other.dispose()
