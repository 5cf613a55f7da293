"""What a sender is told about what it sent, by the names that it knows."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import CTImageStorage, MRImageStorage
from sqlalchemy import event

from deid.uids import map_uid
from store.access import OwnerScope
from store.commitment import Custody, Reference, custody_of
from store.db import Database
from store.masks import Rectangle, mask_series
from store.removing import remove
from tests.store.conftest import OWNER, Store, make_store
from tests.support.datasets import ct_slice, ct_stack, encoded

STORED, UNKNOWN, OTHER_CLASS = Custody.STORED, Custody.UNKNOWN, Custody.OTHER_CLASS


def told(store: Store, *references: Reference, owner: int = OWNER) -> list[Custody]:
    return custody_of(store.database, store.ingest.keys, owner, references)


def reference(ds: FileDataset, sop_class: str = CTImageStorage) -> Reference:
    return Reference(sop_class, ds.SOPInstanceUID)


def test_what_is_stored_is_known_by_the_names_it_came_with(store: Store) -> None:
    slices = ct_stack(4)
    references = [reference(ds) for ds in slices]
    store.put(*slices[:2])
    assert told(store, *references) == [STORED, STORED, UNKNOWN, UNKNOWN]
    assert told(store, *reversed(references)) == [UNKNOWN, UNKNOWN, STORED, STORED]


def test_it_is_known_by_our_names_too(store: Store) -> None:
    ds = ct_slice()
    theirs = reference(ds)
    (received,) = store.put(ds)
    ours = Reference(CTImageStorage, received.sop_instance_uid)
    assert told(store, ours) == [STORED]
    assert told(store, theirs, ours) == [STORED, STORED]


def test_what_another_owner_has_is_unknown(store: Store) -> None:
    ds = ct_slice()
    of_it = reference(ds)
    (received,) = store.put(ds)
    ours = Reference(CTImageStorage, received.sop_instance_uid)
    assert told(store, of_it, ours, owner=OWNER + 1) == [UNKNOWN, UNKNOWN]


def test_even_with_the_same_key_only_the_owners_own_is_looked_at(
    database: Database, tmp_path: Path
) -> None:
    store = make_store(database, tmp_path / "blobs", bytes)
    slices = ct_stack(2)
    references = [reference(ds) for ds in slices]
    (first, _) = store.put(*slices)
    place = first.study_instance_uid, first.series_instance_uid
    mask_series(store.archive, store.ingest, store.scope, OWNER, *place, [Rectangle(0, 0, 4, 4)])
    assert told(store, *references, owner=OWNER + 1) == [UNKNOWN, UNKNOWN]


def test_another_class_is_told(store: Store) -> None:
    ds = ct_slice()
    asked = reference(ds, MRImageStorage), reference(ds)
    store.put(ds)
    assert told(store, *asked) == [OTHER_CLASS, STORED]


def test_a_name_asked_for_twice_is_answered_twice(store: Store) -> None:
    ds = ct_slice()
    asked = reference(ds)
    store.put(ds)
    assert told(store, asked, asked) == [STORED, STORED]


def test_what_was_replaced_counts_as_stored(store: Store) -> None:
    slices = ct_stack(2)
    references = [reference(ds) for ds in slices]
    received = store.put(*slices)
    old = received[0]
    mask_series(
        store.archive,
        store.ingest,
        store.scope,
        OWNER,
        old.study_instance_uid,
        old.series_instance_uid,
        [Rectangle(0, 0, 4, 4)],
    )
    assert told(store, *references) == [STORED, STORED]


def test_what_was_deleted_is_unknown(store: Store) -> None:
    ds = ct_slice()
    asked = reference(ds)
    (received,) = store.put(ds)
    remove(store.ingest, OwnerScope(OWNER), received.study_instance_uid)
    assert told(store, asked) == [UNKNOWN]


def test_what_was_named_with_the_key_of_an_upload_is_known(store: Store) -> None:
    first, second, own = ct_slice(1), ct_slice(2), ct_slice(3, study="1.2.3.4")
    references = [reference(ds) for ds in (first, second, own)]
    store.put(own)
    for ds in (first, second):
        put_into_an_upload(store, ds)
    assert told(store, *references) == [STORED, STORED, STORED]
    assert told(store, *references, owner=OWNER + 1) == [UNKNOWN] * 3


def test_nothing_asked_for_is_nothing_told(store: Store) -> None:
    assert told(store) == []


def put_into_an_upload(store: Store, ds: FileDataset) -> None:
    upload = store.ingest.keys.new_upload(OWNER, datetime.now(UTC))
    with store.ingest.batch(OWNER, "uploads", upload) as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ds))
        incoming.finish()
        batch.commit()


def test_many_are_looked_up_by_a_few_queries(store: Store) -> None:
    slices = ct_stack(3)
    asked = [reference(ds) for ds in slices]
    store.put(*slices)
    for n in range(3):
        put_into_an_upload(store, ct_slice(n, study=f"1.2.3.4.{n}"))
    many = [Reference(CTImageStorage, f"1.2.3.{n}") for n in range(2000)]
    told(store, *asked)
    queries: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        queries.append(statement)

    event.listen(store.database.engine, "before_cursor_execute", count)
    try:
        answers = told(store, *many, *asked)
    finally:
        event.remove(store.database.engine, "before_cursor_execute", count)
    assert answers == [UNKNOWN] * 2000 + [STORED] * 3
    # One for each key; the uploads, and the keys of the uploads.
    looks = [query for query in queries if "replaced_instance" in query]
    assert len(looks) == 4
    assert len(queries) < 12


def test_names_that_nobody_knows_are_not_mapped_without_end(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ct_slice(1), ct_slice(2)
    references = [reference(ds) for ds in (old, new)]
    for ds in (old, new):
        put_into_an_upload(store, ds)
    mapped: list[str] = []

    def counted(key: bytes, name: str) -> str:
        mapped.append(name)
        return map_uid(key, name)

    monkeypatch.setattr("store.commitment.map_uid", counted)
    monkeypatch.setattr("store.commitment._MOST_MAPPED", 50)
    many = [Reference(CTImageStorage, f"1.2.3.{n}") for n in range(20)]
    # The latest uploads come first; what would take more counts as unknown, the safe answer.
    assert told(store, *many, *references) == [UNKNOWN] * 21 + [STORED]
    assert len(mapped) == 2 * 22
    # Of fewer names more keys are tried.
    assert told(store, *many[:10], *references) == [UNKNOWN] * 10 + [STORED] * 2


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_original_name_is_written(store: Store) -> None:
    ds = ct_slice()
    told(store, reference(ds), Reference(CTImageStorage, "1.2.3.4711.99"))
    folder = os.path.dirname(store.database.engine.url.database or "")
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                content = file.read()
            assert ds.SOPInstanceUID.encode() not in content
            assert b"1.2.3.4711.99" not in content
