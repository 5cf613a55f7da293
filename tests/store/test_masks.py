"""Series masked for good: new instances in place of the old ones, whose bytes are gone."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import UID, RLELossless
from sqlalchemy import select

from deid.errors import DeidError
from deid.uids import is_own
from store import ingest, schema
from store.access import OwnerScope
from store.db import Database
from store.errors import BadRectangles, CannotMask, NoSuchSeries, Outdated, StoreError, StoreFull
from store.ingest import Received
from store.masked_file import MaskedFile, masked
from store.masks import Rectangle, mask_series
from store.retrieve import StoredInstance
from store.review import Review, State
from tests.store.conftest import OWNER, Store, make_store
from tests.support.databases import ready
from tests.support.datasets import ct_slice, ct_stack, encoded

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

CORNER = Rectangle(0, 0, 40, 3)
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Store]:
    """A store for what is the same on every database."""
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)
    yield make_store(database, tmp_path / "blobs", os.urandom)
    database.dispose()


def mask(store: Store, first: Received, *rectangles: Rectangle) -> list[Received]:
    return mask_series(
        store.archive,
        store.ingest,
        store.scope,
        OWNER,
        first.study_instance_uid,
        first.series_instance_uid,
        rectangles,
    )


def stored(store: Store, first: Received) -> list[StoredInstance]:
    return store.archive.instances(store.scope, first.study_instance_uid, first.series_instance_uid)


def read(store: Store, ref: StoredInstance) -> FileDataset:
    return pydicom.dcmread(io.BytesIO(b"".join(store.archive.read(ref))))


def disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def pixels(ds: Dataset) -> NDArray[Any]:
    return np.frombuffer(ds.PixelData, "<u2").reshape(-1, ds.Rows, ds.Columns)


def state(store: Store, first: Received) -> tuple[State, tuple[str, ...]]:
    review = Review(store.database, store.ingest.clock)
    [found] = review.series(OWNER, first.study_instance_uid)
    return found.state, found.reasons


def ultrasound(number: int = 1, **kwargs: object) -> FileDataset:
    """An image that is held, because text may be burned into it."""
    ds = ct_slice(number, **kwargs)  # type: ignore[arg-type]
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(ULTRASOUND)
    ds.Modality, ds.BurnedInAnnotation = "US", "YES"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    return ds


@pytest.fixture
def untouched(store: Store, tmp_path: Path) -> Iterator[Callable[[Received], None]]:
    """Check that a series is what it was when the test said so first."""
    known: dict[str, object] = {}

    def look(first: Received) -> None:
        refs = stored(store, first)
        now = {ref.sop_instance_uid: b"".join(store.archive.read(ref)) for ref in refs}
        files = [p for p in (tmp_path / "blobs").rglob("*") if p.is_file() and p.stat().st_size]
        assert known.setdefault("instances", now) == now
        assert known.setdefault("files", len(files)) == len(files)
        assert known.setdefault("state", state(store, first)) == state(store, first)

    yield look
    assert known


@pytest.mark.promise("F8")
def test_all_images_are_replaced_and_the_old_bytes_are_gone(store: Store, tmp_path: Path) -> None:
    originals = [ultrasound(number, frames=3) for number in (1, 2, 3)]
    received = store.put(*originals)
    old = stored(store, received[0])
    assert state(store, received[0])[0] is State.HELD

    new = mask(store, received[0], CORNER, Rectangle(60, 60, 100, 100))

    refs = stored(store, received[0])
    assert [ref.sop_instance_uid for ref in refs] == [each.sop_instance_uid for each in new]
    assert not {ref.sop_instance_uid for ref in refs} & {ref.sop_instance_uid for ref in old}
    on_disk = disk(tmp_path)
    for original, ref in zip(originals, refs, strict=True):
        before, after = pixels(original), pixels(read(store, ref))
        assert not after[:, :3, :40].any()
        assert not after[:, 60:, 60:].any()
        outside = np.ones(before.shape, bool)
        outside[:, :3, :40] = outside[:, 60:, 60:] = False
        assert np.array_equal(before[outside], after[outside])
        for frame in before:
            assert frame[0, :40].tobytes() not in on_disk
            assert frame[5].tobytes() in on_disk
    assert state(store, received[0]) == (State.MASKED, ())


def test_the_new_ones_claim_what_is_true(store: Store) -> None:
    [first] = store.put(ultrasound())
    [ref] = stored(store, first)
    before = read(store, ref)
    assert "113101" not in codes(before)
    mask(store, first, CORNER)
    [ref] = stored(store, first)
    ds = read(store, ref)
    assert ds.BurnedInAnnotation == "NO"
    assert "113101" in codes(ds)
    assert ds.ImageType == ["DERIVED", "PRIMARY"]
    assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID == ref.sop_instance_uid
    changed = {e.keyword for e in ds if e.tag not in before or e != before[e.tag]}
    assert changed - {"DeidentificationMethod"} == {
        *("SOPInstanceUID", "ImageType", "PixelData", "BurnedInAnnotation"),
        "DeidentificationMethodCodeSequence",
    }


def codes(ds: Dataset) -> set[str]:
    return {str(item.CodeValue) for item in ds.DeidentificationMethodCodeSequence}


def test_the_new_names_are_own_and_follow_from_the_old_ones_and_the_rectangles(
    store: Store,
) -> None:
    names = []
    for rectangles in ([CORNER, Rectangle(9, 9, 1, 1)], [Rectangle(9, 9, 1, 1), CORNER, CORNER]):
        [first] = store.put(ultrasound(study="1.2.3", series="1.2.3.4"))
        try:
            [new] = mask(store, first, *rectangles)
        finally:
            clear(store)
        names.append(new.sop_instance_uid)
        assert is_own(store.ingest.keys.key_of(OWNER), new.sop_instance_uid)
        assert new.study_instance_uid == first.study_instance_uid
    assert names[0] == names[1]


def clear(store: Store) -> None:
    with store.database.write() as connection:
        for table in (schema.replaced_instance, schema.study):
            connection.execute(table.delete())


def test_a_study_of_an_upload_keeps_the_key_of_the_upload(store: Store) -> None:
    upload = store.ingest.keys.new_upload(OWNER, store.ingest.clock())
    with store.ingest.batch(OWNER, "upload", upload) as batch:
        incoming = batch.receive()
        incoming.feed(encoded(ultrasound()))
        first = incoming.finish()
        batch.commit()
    [new] = mask(store, first, CORNER)
    key = store.ingest.keys.key_of_upload(upload, OWNER)
    assert is_own(key, new.sop_instance_uid)
    assert new.study_instance_uid == first.study_instance_uid
    assert new.series_instance_uid == first.series_instance_uid


def test_images_of_other_sizes_get_what_lies_inside_of_them(store: Store) -> None:
    small, large = ct_slice(1, size=16), ct_slice(2, size=64)
    [first, _] = store.put(small, large)
    mask(store, first, Rectangle(8, 8, 20, 20), Rectangle(40, 0, 10, 1))
    one, other = (pixels(read(store, ref))[0] for ref in stored(store, first))
    expected = pixels(small)[0].copy()
    expected[8:, 8:] = 0
    assert np.array_equal(one, expected)
    expected = pixels(large)[0].copy()
    expected[8:28, 8:28] = expected[0, 40:50] = 0
    assert np.array_equal(other, expected)


def test_an_image_that_no_rectangle_touches_is_replaced_all_the_same(store: Store) -> None:
    small, large = ultrasound(1, size=16), ultrasound(2, size=64)
    [first, _] = store.put(small, large)
    mask(store, first, Rectangle(40, 40, 5, 5))
    one = read(store, stored(store, first)[0])
    assert one.PixelData == small.PixelData
    assert one.BurnedInAnnotation == "NO"
    # Nothing in it was derived.
    assert one.ImageType == ["ORIGINAL", "PRIMARY"]
    assert state(store, first) == (State.MASKED, ())


def test_masks_can_be_added_later(store: Store) -> None:
    [first] = store.put(ct_slice())
    mask(store, first, CORNER)
    [again] = mask(store, first, Rectangle(0, 20, 5, 5))
    [ref] = stored(store, first)
    after = pixels(read(store, ref))[0]
    assert ref.sop_instance_uid == again.sop_instance_uid
    assert not after[:3, :40].any()
    assert not after[20:25, :5].any()


def test_what_was_replaced_does_not_come_back(store: Store) -> None:
    [first] = store.put(ultrasound())
    mask(store, first, CORNER)
    [new] = mask(store, first, Rectangle(50, 50, 3, 3))
    [again] = store.put(ultrasound())
    assert again.duplicate
    assert again.sop_instance_uid == new.sop_instance_uid
    assert len(stored(store, first)) == 1
    with store.database.read() as connection:
        columns = schema.replaced_instance.c
        successors = connection.execute(select(columns.sop_instance_uid, columns.replaced_by))
        assert dict(successors.all())[first.sop_instance_uid] == new.sop_instance_uid


@pytest.mark.parametrize(
    "rectangles",
    [
        [],
        [Rectangle(n, 0, 1, 1) for n in range(64)] + [Rectangle(n, 1, 1, 1) for n in range(37)],
        [Rectangle(0, 0, 0, 5)],
        [Rectangle(0, 0, 5, -1)],
        [CORNER, Rectangle(64, 0, 5, 5)],
        [Rectangle(0, 64, 5, 5)],
        [Rectangle(-5, 0, 5, 5)],
    ],
)
def test_rectangles_that_make_no_sense_change_nothing(
    store: Store, rectangles: list[Rectangle], untouched: Callable[[Received], None]
) -> None:
    [first, _] = store.put(*ct_stack(2))
    untouched(first)
    with pytest.raises(BadRectangles):
        mask(store, first, *rectangles)
    untouched(first)


def test_a_hundred_rectangles_that_reach_over_the_edge_are_taken(store: Store) -> None:
    [first] = store.put(ct_slice())
    mask(store, first, *[Rectangle(-1, n - 1, 2, 2) for n in range(50)], Rectangle(63, 63, 9, 9))
    [ref] = stored(store, first)
    after = pixels(read(store, ref))[0]
    assert not after[:50, 0].any()
    assert after[63, 63] == 0
    assert after[:, 1].all()


def test_a_series_of_somebody_else_is_not_there(
    store: Store, untouched: Callable[[Received], None]
) -> None:
    [first] = store.put(ct_slice())
    untouched(first)
    uids = first.study_instance_uid, first.series_instance_uid
    everything = store.archive, store.ingest
    with pytest.raises(NoSuchSeries):
        mask_series(*everything, OwnerScope(8), 8, *uids, [CORNER])
    with pytest.raises(NoSuchSeries):
        mask_series(*everything, store.scope, 8, *uids, [CORNER])
    with pytest.raises(NoSuchSeries):
        mask_series(*everything, store.scope, OWNER, uids[0], "2.25.1", [CORNER])
    untouched(first)


def test_a_video_is_refused(
    store: Store, shared_data: Path, untouched: Callable[[Received], None]
) -> None:
    [first] = store.put((shared_data / "kinds/video/h264-640x480.dcm").read_bytes())
    untouched(first)
    with pytest.raises(CannotMask, match="video"):
        mask(store, first, CORNER)
    untouched(first)


def test_objects_without_pixels_stay_and_alone_are_refused(store: Store, shared_data: Path) -> None:
    report = pydicom.dcmread(next((shared_data / "kinds/sr").rglob("*.dcm")))
    [first] = store.put(encoded(report))
    with pytest.raises(CannotMask):
        mask(store, first, CORNER)
    image = ct_slice(study=report.StudyInstanceUID, series=report.SeriesInstanceUID)
    image.PatientID, image.PatientName = report.PatientID, report.PatientName
    [other] = store.put(image)
    assert other.series_instance_uid == first.series_instance_uid
    [new] = mask(store, first, CORNER)
    names = {ref.sop_instance_uid for ref in stored(store, first)}
    assert names == {first.sop_instance_uid, new.sop_instance_uid}


@pytest.mark.parametrize("place", ["first", "last", "settle", "index"])
def test_what_fails_in_the_middle_changes_nothing(
    store: Store,
    place: str,
    monkeypatch: pytest.MonkeyPatch,
    untouched: Callable[[Received], None],
) -> None:
    [first, *_] = store.put(*(ultrasound(number, frames=2) for number in (1, 2, 3)))
    untouched(first)
    done = []

    def full(*_args: object) -> None:
        raise StoreFull("No room.")

    def breaking(*args: Any) -> MaskedFile:  # noqa: ANN401
        done.append(args)
        new = masked(*args)
        if len(done) == {"first": 1, "last": 3}.get(place):
            return MaskedFile(new.transfer_syntax, broken(new.data_set))
        return new

    def broken(pieces: Iterator[bytes]) -> Iterator[bytes]:
        yield next(pieces)
        raise CannotMask("A frame is damaged.")

    monkeypatch.setattr("store.masks.masked", breaking)
    if place == "settle":
        monkeypatch.setattr(store.blobs, "settle", full)
    if place == "index":
        monkeypatch.setattr(ingest, "take_out", full)
    with pytest.raises(StoreError):
        mask(store, first, CORNER)
    monkeypatch.undo()
    assert len(done) == (1 if place == "first" else 3)
    untouched(first)
    assert len(mask(store, first, CORNER)) == 3


def test_bytes_that_a_crash_left_go_at_the_next_start(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = ct_slice()
    [first] = store.put(original)
    secret = pixels(original)[0, 0, :40].tobytes()
    monkeypatch.setattr(ingest, "sweep", lambda *_: 0)
    mask(store, first, CORNER)
    assert secret in disk(tmp_path / "blobs")
    monkeypatch.undo()

    store.ingest.recover()

    assert secret not in disk(tmp_path / "blobs")
    [ref] = stored(store, first)
    assert not pixels(read(store, ref))[0, :3, :40].any()


def test_of_two_that_mask_at_once_one_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first, _] = store.put(*ct_stack(2))
    other = Rectangle(30, 30, 4, 4)

    def overtaken(*args: Any) -> MaskedFile:  # noqa: ANN401
        monkeypatch.setattr("store.masks.masked", masked)
        mask(store, first, other)
        return masked(*args)

    monkeypatch.setattr("store.masks.masked", overtaken)
    with pytest.raises(Outdated):
        mask(store, first, CORNER)
    monkeypatch.undo()

    after = [pixels(read(store, ref))[0] for ref in stored(store, first)]
    assert len(after) == 2
    assert not any(image[30:34, 30:34].any() for image in after)
    assert all(image[:3, :40].all() for image in after)


def test_an_image_that_comes_meanwhile_keeps_the_series_held(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    [first] = store.put(ultrasound(1))

    def joined(*args: Any) -> MaskedFile:  # noqa: ANN401
        store.put(ultrasound(2))
        return masked(*args)

    monkeypatch.setattr("store.masks.masked", joined)
    mask(store, first, CORNER)
    assert len(stored(store, first)) == 2
    assert state(store, first)[0] is State.HELD


def test_compressed_images_are_masked(store: Store, tmp_path: Path) -> None:
    ds = ultrasound(frames=4)
    plain = pixels(ds).copy()
    ds.compress(RLELossless, generate_instance_uid=False)
    [first] = store.put(ds)
    before = disk(tmp_path / "blobs")
    [ref] = stored(store, first)
    frames = [store.archive.frame(ref, number) for number in (1, 2, 3, 4)]
    mask(store, first, CORNER)
    [ref] = stored(store, first)
    assert ref.frames == 4
    assert ref.transfer_syntax == RLELossless
    after = read(store, ref).pixel_array
    plain[:, :3, :40] = 0
    assert np.array_equal(after, plain)
    on_disk = disk(tmp_path / "blobs")
    assert all(frame in before and frame not in on_disk for frame in frames)


REAL = ("us/us-cine-65-frames", "seg/*", "enhanced/*", "parametric-map/*", "pet-nm/*", "sc/*")


@pytest.mark.parametrize("name", [*REAL, "cr-dx-mg/*"])
def test_real_series_are_masked(sqlite: Store, shared_data: Path, name: str) -> None:
    store = sqlite
    paths = sorted((shared_data / "kinds").glob(f"{name}.dcm"))
    assert paths
    count = 0
    for path in paths:
        try:
            [received] = store.put(path.read_bytes())
        except DeidError:
            continue
        refs = stored(store, received)
        images = [ref for ref in refs if ref.frames]
        if not images:
            continue
        new = mask(store, received, Rectangle(0, 0, 3, 2))
        count += 1
        assert len(new) == len(images), path.name
        after = stored(store, received)
        assert [ref.frames for ref in after] == [ref.frames for ref in refs], path.name
        # Their own metadata can be read, and each frame.
        assert len(list(store.archive.metadata(after))) == len(after)
        for ref in after:
            assert store.archive.frame(ref, ref.frames) if ref.frames else True
    assert count
