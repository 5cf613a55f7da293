"""Files of private series: moved there and back, whatever else happens to them meanwhile."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest
from pydicom.uid import UID
from sqlalchemy import ColumnElement, select, update

from store import private_blobs
from store.access import OwnerScope
from store.blobs import Blobs, BlobWriter
from store.blobs_folder import FolderBlobs
from store.blobs_s3 import S3Blobs
from store.blobs_two import PRIVATE, TwoBlobs
from store.db import Database
from store.errors import StoreError
from store.ingest import Ingest, Received
from store.keys import KeyRing
from store.masks import Rectangle, mask_series
from store.pictures_folder import FolderPictures
from store.private_blobs import doubt, settle, unsettled
from store.removing import remove
from store.retrieve import Archive, StoredInstance
from store.schema import doomed_blob, instance, private_series, series
from tests.store.conftest import OWNER, SECRET
from tests.store.test_s3 import endpoint
from tests.support.databases import ready
from tests.support.datasets import ct_slice, encoded

__all__ = ["endpoint"]

MINE = OwnerScope(OWNER)
BUCKET = "two-places"
ALL: ColumnElement[bool] = series.c.owner_id == OWNER
NONE: ColumnElement[bool] = series.c.owner_id == OWNER + 1


class Died(BaseException):
    """The process is gone."""


def clock() -> datetime:
    return datetime.now(UTC)


@dataclass
class Shelf:
    """An archive with two places for its files."""

    database: Database
    shared: Blobs
    private: Blobs
    blobs: TwoBlobs
    ingest: Ingest
    archive: Archive
    listed: Callable[[str], list[str]]

    def put(self, *numbers: int) -> list[Received]:
        received = []
        with self.ingest.batch(OWNER, "STOW-RS") as batch:
            for number in numbers:
                incoming = batch.receive()
                incoming.feed(encoded(ct_slice(number)))
                received.append(incoming.finish())
            batch.commit()
        return received

    def refs(self, study: str) -> list[StoredInstance]:
        return self.archive.instances(MINE, study)

    def settle(self, is_private: ColumnElement[bool]) -> int:
        return settle(self.ingest, self.blobs, is_private, lambda _done, _total: None)

    def counts(self) -> tuple[int, int]:
        """How many files there are in either place, of whatever kind."""
        return len(self.listed("shared")), len(self.listed("private"))

    def rows(self, column: ColumnElement[str]) -> list[str]:
        with self.database.read() as connection:
            return list(connection.execute(select(column)).scalars())


def in_folders(folder: Path) -> tuple[Blobs, Blobs, Callable[[str], list[str]]]:
    def listed(place: str) -> list[str]:
        found = (folder / place).rglob("*")
        return [path.name for path in found if path.is_file() and path.stat().st_size]

    return FolderBlobs(folder / "shared", clock), FolderBlobs(folder / "private", clock), listed


def in_bucket(folder: Path, endpoint: str) -> tuple[Blobs, Blobs, Callable[[str], list[str]]]:
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=BUCKET)

    def listed(place: str) -> list[str]:
        found = client.list_objects_v2(Bucket=BUCKET, Prefix=f"{folder.name}-{place}/")
        return [item["Key"] for item in found.get("Contents", ())]

    shared, private = (
        S3Blobs(BUCKET, f"{folder.name}-{place}", clock, endpoint)
        for place in ("shared", "private")
    )
    return shared, private, listed


def shelf_of(
    database: Database, folder: Path, places: tuple[Blobs, Blobs, Callable[[str], list[str]]]
) -> Shelf:
    shared, private, listed = places
    blobs = TwoBlobs(shared, private)
    pictures = FolderPictures(folder / "pictures", 1 << 20)
    keys = KeyRing(database, SECRET, os.urandom)
    ingest = Ingest(database, blobs, keys, clock, pictures=pictures)
    archive = Archive(database, blobs, pictures)
    return Shelf(database, shared, private, blobs, ingest, archive, listed)


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)
    yield database
    database.dispose()


@pytest.fixture
def shelf(sqlite: Database, tmp_path: Path) -> Shelf:
    return shelf_of(sqlite, tmp_path, in_folders(tmp_path))


@pytest.fixture(params=["folders", "bucket"])
def either(request: pytest.FixtureRequest, sqlite: Database, tmp_path: Path) -> Shelf:
    if request.param == "folders":
        return shelf_of(sqlite, tmp_path, in_folders(tmp_path))
    return shelf_of(sqlite, tmp_path, in_bucket(tmp_path, request.getfixturevalue("endpoint")))


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_it_is_the_same_on_the_other_database(database: Database, tmp_path: Path) -> None:
    shelf = shelf_of(database, tmp_path, in_folders(tmp_path))
    study = shelf.put(1, 2)[0].study_instance_uid
    [before, _] = shelf.refs(study)
    for is_private, counts in ((ALL, (0, 2)), (NONE, (2, 0)), (ALL, (0, 2))):
        assert shelf.settle(is_private) == 0
        assert shelf.counts() == counts
        assert unsettled(database, is_private) == []
    doubt(database)
    assert unsettled(database, ALL) == []
    assert len(b"".join(shelf.archive.read(before))) == before.size
    assert remove(shelf.ingest, MINE, study) == 2
    assert shelf.counts() == (0, 0)


def whole(shelf: Shelf, refs: list[StoredInstance]) -> list[bytes]:
    return [b"".join(shelf.archive.read(ref)) for ref in refs]


@pytest.mark.promise("F25")
def test_files_go_to_the_private_place_and_back_unchanged(either: Shelf) -> None:
    study = either.put(1, 2, 3)[0].study_instance_uid
    before = either.refs(study)
    bytes_before = whole(either, before)
    assert either.settle(NONE) == 0
    assert either.counts() == (3, 0)

    assert either.settle(ALL) == 0
    private = either.refs(study)
    assert either.counts() == (0, 3)
    assert all(ref.blob.startswith(PRIVATE) for ref in private)
    assert whole(either, private) == bytes_before
    assert [ref.etag for ref in private] == [ref.etag for ref in before]
    assert unsettled(either.database, ALL) == []
    # Whoever sends them again is told that they are here.
    assert [one.duplicate for one in either.put(1, 2)] == [True, True]

    assert either.settle(NONE) == 0
    assert either.counts() == (3, 0)
    assert whole(either, either.refs(study)) == bytes_before
    assert [ref.etag for ref in either.refs(study)] == [ref.etag for ref in before]
    # No place is taken twice, as a sweep elsewhere may still be about to clear it.
    assert not {ref.blob for ref in either.refs(study)} & {ref.blob for ref in before}
    assert either.rows(private_series.c.series_id) == []
    assert either.rows(doomed_blob.c.key) == []


def test_whoever_looked_before_reads_after(either: Shelf) -> None:
    study = either.put(1, 2)[0].study_instance_uid
    first, second = before = either.refs(study)
    frames = [either.archive.frame(ref, 1) for ref in before]
    under_way = either.archive.read(first)
    begun = next(under_way)
    either.settle(ALL)
    assert either.archive.frame(first, 1) == frames[0]
    assert Archive(either.database, either.blobs).frame(second, 1) == frames[1]
    assert whole(either, before)[0] == begun + b"".join(under_way)
    assert either.archive.dataset(second).InstanceNumber == 2
    # Of another instance under the same number in the index nothing is given.
    remove(either.ingest, MINE, study)
    either.put(7, 8)
    assert {ref.id for ref in either.refs(study)} == {ref.id for ref in before}
    with pytest.raises(StoreError):
        whole(either, [first])


@pytest.mark.parametrize("at", ["settle", "publish", "sweep"])
def test_a_process_that_dies_is_taken_over(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    study = shelf.put(1, 2)[0].study_instance_uid
    bytes_before = whole(shelf, shelf.refs(study))
    of = shelf.ingest if at == "sweep" else shelf.blobs

    def die(*_arguments: object) -> None:
        raise Died

    with monkeypatch.context() as dying:
        dying.setattr(of, at, die)
        if at == "settle":
            # Nor does it tidy up.
            dying.setattr("store.blobs_folder._FileWriter.discard", lambda _self: None)
        with pytest.raises(Died):
            shelf.settle(ALL)
    assert len(unsettled(shelf.database, ALL)) == 1
    for place in (shelf.shared, shelf.private):
        lock = getattr(place, "_lock")  # noqa: B009 - what the system does to a process that dies
        os.close(lock)

    again = shelf_of(shelf.database, tmp_path, in_folders(tmp_path))
    assert whole(again, again.refs(study)) == bytes_before
    again.ingest.recover()
    assert again.counts() == ((2, 0) if at == "settle" else (0, 2))
    assert again.settle(ALL) == 0
    assert again.counts() == (0, 2)
    assert whole(again, again.refs(study)) == bytes_before


def test_what_is_deleted_while_it_is_moved_is_deleted(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = shelf.put(1, 2)
    uids = first.study_instance_uid, first.series_instance_uid
    settled = shelf.blobs.settle

    def settle_and_delete(writers: list[BlobWriter]) -> None:
        settled(writers)
        assert remove(shelf.ingest, MINE, *uids, first.sop_instance_uid) == 1

    monkeypatch.setattr(shelf.blobs, "settle", settle_and_delete)
    assert shelf.settle(ALL) == 0
    assert shelf.counts() == (0, 1)
    [left] = shelf.refs(uids[0])
    assert left.sop_instance_uid == second.sop_instance_uid
    assert remove(shelf.ingest, MINE, uids[0]) == 1
    assert shelf.counts() == (0, 0)
    assert shelf.rows(private_series.c.series_id) == []


def test_what_arrives_later_follows(shelf: Shelf) -> None:
    shelf.put(1)
    shelf.settle(ALL)
    shelf.put(2, 3)
    assert shelf.counts() == (2, 1)
    assert [one.images for one in unsettled(shelf.database, ALL)] == [3]
    shelf.settle(ALL)
    assert shelf.counts() == (0, 3)
    assert unsettled(shelf.database, ALL) == []


def test_a_private_series_is_masked(shelf: Shelf) -> None:
    received = shelf.put(1, 2)[0]
    uids = received.study_instance_uid, received.series_instance_uid
    shelf.settle(ALL)
    mask_series(shelf.archive, shelf.ingest, MINE, OWNER, *uids, [Rectangle(0, 0, 40, 2)])
    assert shelf.counts() == (2, 0)
    shelf.settle(ALL)
    assert shelf.counts() == (0, 2)
    assert all(shelf.archive.frame(ref, 1)[:80] == bytes(80) for ref in shelf.refs(uids[0]))


def test_what_was_moved_since_it_was_looked_up_is_replaced(shelf: Shelf) -> None:
    received = shelf.put(1)[0]
    [old] = shelf.refs(received.study_instance_uid)
    shelf.settle(ALL)
    with shelf.ingest.batch(OWNER, "masks") as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ct_slice(2)))
        batch.replace(old, incoming.finish())
        batch.commit()
    assert shelf.counts() == (1, 0)


def test_one_that_cannot_be_moved_keeps_no_other_from_it(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    broken = shelf.put(1)[0]
    other = ct_slice(1, study="1.2.3", series="1.2.3.4")
    other.SOPInstanceUID = UID("1.2.3.4.5")
    with shelf.ingest.batch(OWNER, "STOW-RS") as batch:
        incoming = batch.receive()
        incoming.feed(encoded(other))
        incoming.finish()
        batch.commit()
    right = instance.c.sop_instance_uid == broken.sop_instance_uid
    with shelf.database.write() as connection:
        connection.execute(update(instance).where(right).values(size=instance.c.size + 1))
    assert shelf.settle(ALL) == 1
    assert shelf.counts() == (1, 1)
    assert "1 series could not be moved" in caplog.text
    assert broken.sop_instance_uid not in caplog.text
    with shelf.database.write() as connection:
        connection.execute(update(instance).where(right).values(size=instance.c.size - 1))
    assert shelf.settle(ALL) == 0
    assert shelf.counts() == (0, 2)


def test_what_was_missed_is_found_by_looking_at_every_file(shelf: Shelf) -> None:
    shelf.put(1)
    shelf.settle(ALL)
    shelf.put(2)
    # As if both had come in the same microsecond.
    with shelf.database.write() as connection:
        at = select(series.c.updated_at).scalar_subquery()
        connection.execute(update(private_series).values(settled_at=at))
    assert unsettled(shelf.database, ALL) == []
    doubt(shelf.database)
    assert len(unsettled(shelf.database, ALL)) == 1
    shelf.settle(ALL)
    doubt(shelf.database)
    assert unsettled(shelf.database, ALL) == []
    assert shelf.counts() == (0, 2)


def test_many_and_large_files_are_moved_a_few_at_a_time(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = shelf.put(*range(1, 8))[0].study_instance_uid
    [size, *_] = {ref.size for ref in shelf.refs(study)}
    monkeypatch.setattr(private_blobs, "ROWS_AT_ONCE", 5)
    monkeypatch.setattr(private_blobs, "BYTES_AT_ONCE", 3 * size)
    together: list[int] = []
    settled = shelf.blobs.settle

    def counted(writers: list[BlobWriter]) -> None:
        together.append(len(writers))
        settled(writers)

    monkeypatch.setattr(shelf.blobs, "settle", counted)
    assert shelf.settle(ALL) == 0
    assert sum(together) == 7
    assert max(together) <= 3
    assert shelf.counts() == (0, 7)
