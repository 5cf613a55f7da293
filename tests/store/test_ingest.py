"""The one door: stored once, durable together, nothing kept of what failed."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import UID
from sqlalchemy import ColumnElement, Executable, Row, Table, event, func, select

from deid import DeidError, Truncated
from store import schema
from store.access import NothingScope, OwnerScope
from store.db import Database
from store.errors import DuplicateDiffers, NoSuchUpload, Outdated, StoreError
from store.ingest import Received
from store.keys import KeyRing
from store.retrieve import StoredInstance
from store.review import Decision, Review
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


@pytest.mark.promise("F3")
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


@pytest.mark.parametrize("differs", [True, False])
def test_what_another_sender_stored_meanwhile_is_compared(store: Store, differs: bool) -> None:
    with store.ingest.batch(OWNER, came_by="test") as batch:
        # From the second on, instances of a series that is new are not looked for one by one.
        for data in (encoded(ct_slice(1)), encoded(ct_slice(2)), encoded(ct_slice(3))):
            incoming = batch.receive()
            incoming.feed(data)
            incoming.finish()
        store.put(_black(3) if differs else ct_slice(3))
        if differs:
            with pytest.raises(DuplicateDiffers):
                batch.commit()
        else:
            batch.commit()
    assert count(store) == (1 if differs else 3)


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


@pytest.mark.promise("F99")
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


def us_slice(number: int = 1) -> FileDataset:
    """An image that somebody must look at, of a series of its own."""
    ds = ct_slice(number, series="1.2.826.0.1.3680043.8.498.1.3")
    ds.Modality = "US"
    return ds


def one(store: Store, table: Table) -> Row[Any]:
    with store.database.read() as connection:
        return connection.execute(select(table)).one()


def test_a_receipt_and_the_reasons_of_each_instance_are_kept(store: Store) -> None:
    store.put(us_slice())
    row = one(store, schema.instance)
    receipt = json.loads(row.receipt)
    assert len(receipt["sha256"]) == 64
    assert receipt["review"] == ["modality"]
    assert row.review_reasons == "modality"
    assert not any(text in row.receipt for text in PLANTED)


def test_a_new_instance_with_a_reason_holds_its_series_again(store: Store) -> None:
    def now() -> tuple[str, str, bool]:
        row = one(store, schema.series)
        return row.review_state, row.review_reasons, row.reviewed_at is None

    clean = us_slice(1)
    clean.Modality = "CT"
    store.put(clean)
    assert now() == ("free", "", True)
    store.put(us_slice(2))
    assert now() == ("held", "modality", True)
    _decide(store, "attest")
    assert now() == ("attested", "modality", False)
    store.put(us_slice(2), clean)
    assert now() == ("attested", "modality", False), "a repetition is nothing new"
    burned = us_slice(3)
    burned.BurnedInAnnotation = "YES"
    store.put(burned)
    assert now() == ("held", "burned-in-annotation modality", True)
    _decide(store, "leave-out")
    store.put(us_slice(4))
    assert now() == ("left-out", "burned-in-annotation modality", False)


def _decide(store: Store, decision: Decision) -> None:
    [study_uid] = _all(store, schema.study.c.study_instance_uid)
    [series_uid] = _all(store, schema.series.c.series_instance_uid)
    review = Review(store.database, lambda: datetime.now(UTC))
    review.decide(OWNER, study_uid, series_uid, decision, by=OWNER)


def _all(store: Store, column: ColumnElement[Any]) -> list[Any]:
    with store.database.read() as connection:
        return list(connection.execute(select(column)).scalars())


def test_concurrent_batches_hold_a_series_for_all_their_reasons(store: Store) -> None:
    burned = us_slice(2)
    burned.Modality, burned.BurnedInAnnotation = "CT", "YES"
    scanned = us_slice(3)
    scanned.Modality, scanned.ConversionType = "CT", "SD"
    several = [encoded(ds) for ds in (us_slice(1), burned, scanned, us_slice(4))]
    start = Barrier(len(several))

    def put(file: bytes) -> None:
        with store.ingest.batch(OWNER, "STOW-RS") as batch:
            incoming = batch.receive()
            incoming.feed(file)
            incoming.finish()
            start.wait(20)
            batch.commit()

    with ThreadPoolExecutor(len(several)) as pool:
        list(pool.map(put, several))
    row = one(store, schema.series)
    assert row.number_of_series_related_instances == 4
    assert row.review_reasons == "burned-in-annotation modality scanned-document"
    assert row.review_state == "held"


@pytest.mark.promise("F5", "F61")
def test_an_upload_has_a_key_of_its_own_and_its_instances_join(store: Store) -> None:
    now = datetime.now(UTC)
    first, second = (store.ingest.keys.new_upload(OWNER, now) for _ in range(2))
    [direct] = store.put(ct_slice(1))
    [one_] = _upload(store, first, ct_slice(1))
    [again] = _upload(store, first, ct_slice(2))
    [other] = _upload(store, second, ct_slice(1))
    studies = {direct.study_instance_uid, one_.study_instance_uid, other.study_instance_uid}
    assert len(studies) == 3
    assert again.study_instance_uid == one_.study_instance_uid
    assert count(store) == 4
    assert sorted(_all(store, schema.study.c.upload_id), key=str) == sorted(
        (None, first, second), key=str
    )


def _upload(store: Store, upload_id: int, *data_sets: FileDataset | bytes) -> list[Received]:
    received = []
    with store.ingest.batch(OWNER, "STOW-RS", upload_id) as batch:
        for ds in data_sets:
            incoming = batch.receive()
            incoming.feed(ds if isinstance(ds, bytes) else encoded(ds))
            received.append(incoming.finish())
        batch.commit()
    return received


def test_nobody_adds_to_the_upload_of_another(store: Store) -> None:
    theirs = store.ingest.keys.new_upload(OWNER + 1, datetime.now(UTC))
    with pytest.raises(NoSuchUpload), store.ingest.batch(OWNER, "STOW-RS", theirs):
        pytest.fail("a batch began")


def test_what_a_viewer_stores_back_joins_the_study_of_an_upload(store: Store) -> None:
    upload_id = store.ingest.keys.new_upload(OWNER, datetime.now(UTC))
    [first] = _upload(store, upload_id, ct_slice(1))
    [ref] = store.archive.instances(store.scope, first.study_instance_uid)
    stored = dcmread(BytesIO(b"".join(store.archive.read(ref))))
    dates = stored.StudyDate, stored.ContentDate
    stored.SOPInstanceUID = stored.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    stored.SeriesInstanceUID, stored.SeriesNumber = "1.2.3.5", 99
    [back] = store.put(encoded(stored))
    assert back.study_instance_uid == first.study_instance_uid
    assert back.series_instance_uid not in (first.series_instance_uid, "1.2.3.5")
    [_, made] = store.archive.instances(store.scope, first.study_instance_uid)
    ds = store.archive.dataset(made)
    assert (ds.StudyDate, ds.ContentDate) == dates, "shifted once, not twice"
    assert ds.FrameOfReferenceUID == stored.FrameOfReferenceUID
    [repeated] = store.put(b"".join(store.archive.read(ref)))
    assert repeated.duplicate
    assert repeated.sop_instance_uid == first.sop_instance_uid


def test_the_study_of_anothers_upload_is_not_joined(store: Store) -> None:
    upload_id = store.ingest.keys.new_upload(OWNER, datetime.now(UTC))
    [first] = _upload(store, upload_id, ct_slice(1))
    [ref] = store.archive.instances(store.scope, first.study_instance_uid)
    [theirs] = store.put(b"".join(store.archive.read(ref)), owner=8)
    assert theirs.study_instance_uid != first.study_instance_uid


def masked(store: Store, ref: StoredInstance, name: str) -> bytes:
    """The stored instance under another name, all black."""
    ds = dcmread(BytesIO(b"".join(store.archive.read(ref))))
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = UID(name)
    ds.PixelData = bytes(len(ds.PixelData))
    return encoded(ds)


def replace_all(store: Store, refs: Sequence[StoredInstance], name: str) -> list[Received]:
    made = []
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        for number, ref in enumerate(refs):
            incoming = batch.receive(cleaned_pixels=True)
            incoming.feed(masked(store, ref, f"{name}.{number}"))
            made.append(incoming.finish())
            batch.replace(ref)
        batch.commit()
    return made


def test_a_replaced_instance_is_gone_with_its_bytes(store: Store, tmp_path: Path) -> None:
    received = store.put(us_slice(1), us_slice(2))
    refs = store.archive.instances(store.scope, received[0].study_instance_uid)
    old = [b"".join(store.archive.read(ref)) for ref in refs]
    made = replace_all(store, refs, "1.2.3")
    now = store.archive.instances(store.scope, received[0].study_instance_uid)
    assert [ref.sop_instance_uid for ref in now] == [each.sop_instance_uid for each in made]
    assert {ref.sop_instance_uid for ref in refs}.isdisjoint(r.sop_instance_uid for r in now)
    kept = [path.read_bytes() for path in files(tmp_path / "blobs")]
    assert len(kept) == 2
    assert not any(pixels in kept for pixels in old)
    row = one(store, schema.series)
    assert (row.review_state, row.review_reasons) == ("masked", "")
    assert (row.number_of_series_related_instances, row.reviewed_by) == (2, OWNER)
    assert _all(store, schema.doomed_blob.c.key) == []
    assert store.archive.frame(now[0], 1).count(0) == len(store.archive.frame(now[0], 1))


def test_a_replaced_instance_that_is_sent_again_is_a_repetition(
    store: Store, tmp_path: Path
) -> None:
    [first] = store.put(us_slice())
    [ref] = store.archive.instances(store.scope, first.study_instance_uid)
    downloaded = b"".join(store.archive.read(ref))
    [second] = replace_all(store, [ref], "1.2.3")
    [ref] = store.archive.instances(store.scope, first.study_instance_uid)
    once_masked = b"".join(store.archive.read(ref))
    [third] = replace_all(store, [ref], "1.2.4")
    assert third.sop_instance_uid != second.sop_instance_uid
    for sent in (us_slice(), downloaded, once_masked):
        [again] = store.put(sent)
        assert (again.duplicate, again.sop_instance_uid) == (True, third.sop_instance_uid)
    assert count(store) == len(files(tmp_path / "blobs")) == 1
    assert one(store, schema.series).review_state == "masked"
    store.put(us_slice(2))
    assert one(store, schema.series).review_state == "held"


def test_a_series_stays_held_while_one_image_is_not_masked(store: Store) -> None:
    [first, _] = store.put(us_slice(1), us_slice(2))
    refs = store.archive.instances(store.scope, first.study_instance_uid)
    replace_all(store, refs[:1], "1.2.3")
    assert one(store, schema.series).review_state == "held"
    replace_all(store, refs[1:], "1.2.4")
    assert one(store, schema.series).review_state == "masked"


def test_what_is_left_out_stays_so_when_it_is_masked(store: Store) -> None:
    [first] = store.put(us_slice())
    _decide(store, "leave-out")
    replace_all(store, store.archive.instances(store.scope, first.study_instance_uid), "1.2.3")
    assert one(store, schema.series).review_state == "left-out"


def test_of_two_that_replace_the_same_the_second_changes_nothing(
    store: Store, tmp_path: Path
) -> None:
    [first] = store.put(us_slice())
    refs = store.archive.instances(store.scope, first.study_instance_uid)
    bytes_of_old = masked(store, refs[0], "1.2.4")
    [winner] = replace_all(store, refs, "1.2.3")
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        incoming = batch.receive(cleaned_pixels=True)
        incoming.feed(bytes_of_old)
        incoming.finish()
        batch.replace(refs[0])
        with pytest.raises(Outdated):
            batch.commit()
    [left] = store.archive.instances(store.scope, first.study_instance_uid)
    assert left.sop_instance_uid == winner.sop_instance_uid
    assert len(files(tmp_path / "blobs")) == 1


def test_an_instance_replaces_only_another_of_its_series(store: Store) -> None:
    [first, second] = store.put(ct_slice(), us_slice())
    refs = store.archive.instances(store.scope, first.study_instance_uid)
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        with pytest.raises(StoreError):
            batch.replace(refs[0])
        with pytest.raises(StoreError):
            batch.replace(refs[0], by=second)
        with pytest.raises(StoreError):
            batch.replace(refs[0], by=first)
    assert count(store) == 2


def test_nobody_replaces_what_another_owns(store: Store) -> None:
    [mine] = store.put(us_slice())
    [ref] = store.archive.instances(store.scope, mine.study_instance_uid)
    by = replace(mine, sop_instance_uid="2.25.1")
    with store.ingest.batch(8, "STOW-RS") as batch:
        batch.replace(ref, by=by)
        with pytest.raises(Outdated):
            batch.commit()
    assert count(store) == 1


class Killed(BaseException):
    """Stands for the end of the process."""


@pytest.mark.parametrize("error", [Killed, OSError, StoreError])
def test_bytes_that_were_not_deleted_after_the_commit_go_at_the_next_start(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def fail(_key: str) -> None:
        raise error

    [first] = store.put(us_slice())
    refs = store.archive.instances(store.scope, first.study_instance_uid)
    with monkeypatch.context() as patch:
        patch.setattr(store.blobs, "delete", fail)
        with pytest.raises(Killed) if error is Killed else nullcontext():
            replace_all(store, refs, "1.2.3")
    [now] = store.archive.instances(store.scope, first.study_instance_uid)
    assert now.sop_instance_uid != first.sop_instance_uid
    assert _all(store, schema.doomed_blob.c.key) == [refs[0].blob]
    assert len(files(tmp_path / "blobs")) == 2
    assert store.ingest.recover() == 1
    assert _all(store, schema.doomed_blob.c.key) == []
    assert len(files(tmp_path / "blobs")) == 1
    assert b"".join(store.archive.read(now))


def test_an_instance_that_was_replaced_while_it_came_in_does_not_come_back(
    store: Store, tmp_path: Path
) -> None:
    with store.ingest.batch(OWNER, "C-STORE") as slow:
        for number in (1, 2):
            incoming = slow.receive()
            incoming.feed(encoded(us_slice(number)))
            incoming.finish()
        [first] = store.put(us_slice(1))
        refs = store.archive.instances(store.scope, first.study_instance_uid)
        [made] = replace_all(store, refs, "1.2.3")
        slow.commit()
    now = store.archive.instances(store.scope, first.study_instance_uid)
    assert {ref.sop_instance_uid for ref in now} == {
        made.sop_instance_uid,
        incoming_uid(store, made),
    }
    assert one(store, schema.series).number_of_series_related_instances == 2
    assert len(files(tmp_path / "blobs")) == 2


def incoming_uid(store: Store, made: Received) -> str:
    uids = _all(store, schema.instance.c.sop_instance_uid)
    [other] = [uid for uid in uids if uid != made.sop_instance_uid]
    return str(other)


def test_an_aborted_replacement_replaces_nothing(store: Store, tmp_path: Path) -> None:
    [first] = store.put(us_slice())
    [ref] = store.archive.instances(store.scope, first.study_instance_uid)
    with store.ingest.batch(OWNER, "STOW-RS") as batch:
        incoming = batch.receive(cleaned_pixels=True)
        incoming.feed(masked(store, ref, "1.2.3"))
        incoming.finish()
        batch.replace(ref)
        incoming.abort()
        with pytest.raises(Outdated):
            batch.commit()
    assert store.archive.instances(store.scope, first.study_instance_uid) == [ref]
    assert len(files(tmp_path / "blobs")) == 1


def test_the_statements_of_an_instances_way_in_are_few(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put(ct_slice(1))
    said: list[str] = []

    def note(*args: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        said.append(str(args[2]).split()[0])

    def noting(name: str) -> None:
        known = getattr(Database, name)

        def noted(*args: Any) -> Any:  # noqa: ANN401 - whatever it takes and gives
            statement = next(each for each in args if isinstance(each, Executable))
            times = len(args[-1]) if name == "execute" else 1
            said.extend([str(statement).split()[0]] * times)
            return known(*args)

        monkeypatch.setattr(Database, name, noted)

    noting("row")
    noting("execute")
    event.listen(store.database.engine, "before_cursor_execute", note)
    store.put(*(ct_slice(number) for number in (2, 3, 4)))
    # The last raises the number of the owner's changes (store.changes).
    inserts = ["INSERT"] * (3 if store.database.engine.dialect.name == "sqlite" else 1)
    behind = ["SELECT", *inserts, "UPDATE", "INSERT"]
    # Each is looked for, and before the second whether there was anything of the series.
    assert said == ["SELECT"] * 4 + behind
    # Of a new series only the first is looked for, however many there are.
    looked = []
    for count in (3, 6):
        said.clear()
        store.put(*(ct_slice(number, series=f"2.25.{count}") for number in range(count)))
        looked.append(said.count("SELECT"))
    event.remove(store.database.engine, "before_cursor_execute", note)
    assert looked[0] == looked[1]
