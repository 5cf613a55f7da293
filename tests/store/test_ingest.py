"""The one door: stored once, durable together, nothing kept of what failed."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from deid import DeidError, Truncated
from store import schema
from store.access import NothingScope, OwnerScope
from store.errors import DuplicateDiffers, StoreError
from store.keys import KeyRing
from tests.store.conftest import OWNER, Store
from tests.support.datasets import PLANTED, ct_slice, ct_stack, encoded

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")


def count(store: Store) -> int:
    with store.database.read() as connection:
        query = select(func.count()).select_from(schema.instance)
        return int(connection.execute(query).scalar_one())


def files(folder: Path) -> list[Path]:
    """Files that hold something; names made ahead of their bytes do not count."""
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_batch_is_visible_after_its_commit_and_not_before(store: Store) -> None:
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ct_slice()))
        received = incoming.finish()
        assert store.archive.instances(store.scope, received.study_instance_uid) == []
        batch.commit()
    [ref] = store.archive.instances(store.scope, received.study_instance_uid)
    assert ref.sop_instance_uid == received.sop_instance_uid
    assert ref.frames == 1


def test_what_was_not_committed_leaves_nothing(store: Store, tmp_path: Path) -> None:
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ct_slice()))
        incoming.finish()
    assert count(store) == 0
    assert files(tmp_path / "blobs") == []


def test_an_aborted_instance_leaves_nothing_and_the_others_stay(
    store: Store, tmp_path: Path
) -> None:
    whole, cut = (encoded(ds) for ds in ct_stack(2, size=512))
    with store.ingest.batch(OWNER, "C-STORE") as batch:
        first, second = batch.receive(), batch.receive()
        first.feed(whole)
        second.feed(cut[:300_000])
        first.finish()
        second.abort()
        batch.commit()
    assert count(store) == 1
    assert len(files(tmp_path / "blobs")) == 1


def test_an_instance_can_be_withdrawn_until_the_commit(store: Store, tmp_path: Path) -> None:
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        for number in (1, 2):
            incoming = batch.receive()
            incoming.feed(encoded(ct_slice(number)))
            incoming.finish()
        incoming.abort()
        batch.commit()
    assert count(store) == 1
    assert len(files(tmp_path / "blobs")) == 1


def test_a_truncated_instance_is_refused_and_the_batch_goes_on(
    store: Store, tmp_path: Path
) -> None:
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        cut = batch.receive()
        cut.feed(encoded(ct_slice(1))[:-10])
        with pytest.raises(Truncated):
            cut.finish()
        whole = batch.receive()
        whole.feed(encoded(ct_slice(2)))
        whole.finish()
        batch.commit()
    assert count(store) == 1
    assert len(files(tmp_path / "blobs")) == 1


def test_the_same_instance_is_stored_once(store: Store, tmp_path: Path) -> None:
    [first] = store.put(ct_slice())
    [again] = store.put(ct_slice())
    twice = store.put(ct_slice(2), ct_slice(2))
    assert (first.duplicate, again.duplicate) == (False, True)
    assert [received.duplicate for received in twice] == [False, True]
    assert again.sop_instance_uid == first.sop_instance_uid
    assert count(store) == 2
    assert len(files(tmp_path / "blobs")) == 2


def test_other_pixels_under_the_same_name_are_refused(store: Store) -> None:
    store.put(ct_slice())
    other = ct_slice()
    other.PixelData = bytes(len(other.PixelData))
    with pytest.raises(DuplicateDiffers):
        store.put(other)
    with pytest.raises(DuplicateDiffers):
        store.put(ct_slice(2), _black(2))
    assert count(store) == 1


def _black(number: int) -> bytes:
    ds = ct_slice(number)
    ds.PixelData = bytes(len(ds.PixelData))
    return encoded(ds)


def test_two_owners_get_two_studies_that_cannot_be_linked(store: Store) -> None:
    [mine], [theirs] = store.put(ct_slice()), store.put(ct_slice(), owner=8)
    assert mine.study_instance_uid != theirs.study_instance_uid
    assert store.archive.instances(store.scope, theirs.study_instance_uid) == []
    assert len(store.archive.instances(OwnerScope(8), theirs.study_instance_uid)) == 1
    assert store.archive.instances(NothingScope(), mine.study_instance_uid) == []


def test_a_downloaded_instance_that_is_sent_again_is_a_repetition(store: Store) -> None:
    [first] = store.put(ct_slice())
    [ref] = store.archive.instances(store.scope, first.study_instance_uid)
    [again] = store.put(b"".join(store.archive.read(ref)))
    assert again.duplicate
    assert again.sop_instance_uid == first.sop_instance_uid


def test_no_planted_identity_is_in_the_index_or_the_blobs(store: Store, tmp_path: Path) -> None:
    store.put(*ct_stack(3))
    with pytest.raises(DeidError):
        store.put(encoded(ct_slice(4))[:-3])
    disk = b"".join(path.read_bytes() for path in files(tmp_path))
    assert b"Anonymized^^" in disk
    assert [text for text in PLANTED if text.encode() in disk] == []


def test_counts_and_attributes_are_indexed(store: Store) -> None:
    store.put(*ct_stack(3))
    store.put(ct_slice(4), ct_slice(2))
    with store.database.read() as connection:
        [study] = connection.execute(select(schema.study)).all()
        [series] = connection.execute(select(schema.series)).all()
    assert study.patient_name == "Anonymized^^"
    assert study.patient_id == "0"
    assert study.study_description == "CT HEAD WITHOUT CONTRAST"
    assert series.number_of_series_related_instances == 4
    assert (series.modality, series.series_number) == ("CT", 2)


def test_the_wrong_secret_is_noticed(store: Store) -> None:
    store.put(ct_slice())
    ring = KeyRing(store.database, b"another secret, of another server", lambda n: bytes(n))
    with pytest.raises(StoreError, match="secret"):
        ring.key_of(OWNER)
