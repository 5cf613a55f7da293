"""Deleting, on both databases: what is counted, and what comes in at the same moment."""

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from sqlalchemy import Connection, func, select

from store import ingest as ingesting
from store import removing
from store.access import NothingScope, OwnerScope, Scope, SeriesScope
from store.blobs_s3 import S3Blobs
from store.changes import bump
from store.db import Database
from store.errors import StoreBusy
from store.indexing import write_entries
from store.ingest import Ingest
from store.keys import KeyRing
from store.removing import remove
from store.schema import doomed_blob, instance, series, study
from tests.store.conftest import OWNER, SECRET, Store
from tests.store.test_s3 import endpoint
from tests.support.databases import ready
from tests.support.datasets import ct_slice, encoded

__all__ = ["endpoint"]

MINE = OwnerScope(OWNER)


def rows(database: Database) -> list[int]:
    tables = (study, series, instance, doomed_blob)
    with database.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        ]


def check(store: Store) -> int:
    """See that counts and files are true; return how many instances there are."""
    with store.database.read() as connection:
        for of, said in connection.execute(
            select(series.c.id, series.c.number_of_series_related_instances)
        ):
            counted = select(func.count()).where(instance.c.series_id == of)
            assert connection.execute(counted).scalar_one() == said > 0
        empty = select(func.count()).where(study.c.id.not_in(select(series.c.study_id)))
        assert connection.execute(empty).scalar_one() == 0
        keys = connection.execute(select(instance.c.blob)).scalars().all()
    for key in keys:
        assert store.blobs.read(key, 128, 4) == b"DICM"
    return len(keys)


def slices(count: int, *, first: int = 1) -> list[bytes]:
    return [encoded(ct_slice(number)) for number in range(first, first + count)]


def test_a_study_goes_with_all_that_it_has(store: Store) -> None:
    [received, *_] = store.put(*slices(3))
    assert remove(store.ingest, MINE, received.study_instance_uid) == 3
    assert rows(store.database) == [0, 0, 0, 0]
    assert remove(store.ingest, MINE, received.study_instance_uid) == 0


def test_an_instance_goes_alone(store: Store) -> None:
    first, second = store.put(*slices(2))
    uids = first.study_instance_uid, first.series_instance_uid
    assert remove(store.ingest, MINE, *uids, first.sop_instance_uid) == 1
    assert check(store) == 1
    assert remove(store.ingest, MINE, *uids, second.sop_instance_uid) == 1
    assert rows(store.database) == [0, 0, 0, 0]


@pytest.mark.parametrize(
    "scope",
    [
        NothingScope(),
        OwnerScope(OWNER + 1),
        SeriesScope(frozenset({1})),
        SeriesScope(frozenset(), OWNER),
    ],
)
def test_only_an_owner_deletes(store: Store, scope: Scope) -> None:
    [received] = store.put(*slices(1))
    assert remove(store.ingest, scope, received.study_instance_uid) == 0
    assert check(store) == 1


def test_what_comes_while_its_series_is_deleted_is_stored_or_sent_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    [received] = store.put(*slices(1))
    outcome: list[object] = []

    def put() -> None:
        try:
            outcome.append(store.put(*slices(1, first=2)))
        except StoreBusy as busy:
            outcome.append(busy)

    sender = threading.Thread(target=put)

    def wait_and_bump(connection: Connection, owner_id: int) -> None:
        sender.start()
        time.sleep(0.7)
        assert not outcome, "the sender has to wait"
        bump(connection, owner_id)

    monkeypatch.setattr(removing, "bump", wait_and_bump)
    assert remove(store.ingest, MINE, received.study_instance_uid) == 1
    sender.join(20)
    assert len(outcome) == 1
    assert check(store) == (0 if isinstance(outcome[0], StoreBusy) else 1)
    store.put(*slices(2))
    assert check(store) == 2


def test_what_is_deleted_while_more_comes_waits_for_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    [received] = store.put(*slices(1))
    gone: list[int] = []
    remover = threading.Thread(
        target=lambda: gone.append(remove(store.ingest, MINE, received.study_instance_uid))
    )

    def write_and_wait(*arguments: object, **named: object) -> set[str]:
        written = write_entries(*arguments, **named)  # type: ignore[arg-type]
        remover.start()
        time.sleep(0.7)
        assert not gone, "who deletes has to wait"
        return written

    with monkeypatch.context() as patch:
        patch.setattr(ingesting, "write_entries", write_and_wait)
        store.put(*slices(1, first=2))
    remover.join(20)
    assert gone == [2]
    assert rows(store.database) == [0, 0, 0, 0]


def test_the_object_is_gone_from_the_bucket_also_after_a_death(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="deleted")
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)

    def clock() -> datetime:
        return datetime.now(UTC)

    blobs = S3Blobs("deleted", "studies", clock, endpoint)
    ingest = Ingest(database, blobs, KeyRing(database, SECRET, os.urandom), clock)
    for dies in (False, True):
        with ingest.batch(OWNER, "STOW-RS") as batch:
            incoming = batch.receive()
            incoming.feed(encoded(ct_slice()))
            stored = incoming.finish()
            batch.commit()
        assert client.list_objects_v2(Bucket="deleted")["KeyCount"] == 1
        with monkeypatch.context() as patch:
            if dies:
                patch.setattr(Ingest, "sweep", lambda _: 0)
            assert remove(ingest, MINE, stored.study_instance_uid) == 1
        if dies:
            assert client.list_objects_v2(Bucket="deleted")["KeyCount"] == 1
            ingest.recover()
        assert client.list_objects_v2(Bucket="deleted")["KeyCount"] == 0
        assert rows(database) == [0, 0, 0, 0]
    database.dispose()
