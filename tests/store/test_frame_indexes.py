"""A frame costs the same whether it is one of ten or of many: what is read is counted."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID
from sqlalchemy import event, select

from store.errors import NoSuchFrame
from store.frame_indexes import PAGE_BYTES, PAGES, WHOLE_ONES, FrameIndexes
from store.frames import HEAD_BYTES, encapsulated_index
from store.retrieve import Archive, StoredInstance
from store.schema import instance
from tests.store.conftest import Store

MANY = 100_000
RLE = "1.2.840.10008.1.2.5"


def tiles(frames: int, table: str) -> bytes:
    """A slide of tiles of one pixel, with the table of that name."""
    segment = struct.pack("<16I", 1, 64, *[0] * 14) + b"\0"
    fragments = [segment + bytes([number % 251]) for number in range(frames)]
    size = len(fragments[0])
    offsets = [number * (size + 8) for number in range(frames)]
    ds = Dataset()
    ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.77.1.6")
    ds.SOPInstanceUID = UID(f"2.25.{frames}{len(table)}")
    ds.StudyInstanceUID, ds.SeriesInstanceUID = UID("2.25.1"), UID("2.25.2")
    ds.Modality = "SM"
    ds.Rows = ds.Columns = 1
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation, ds.NumberOfFrames = 7, 0, frames
    if table == "extended":
        ds.ExtendedOffsetTable = struct.pack(f"<{frames}Q", *offsets)
        ds.ExtendedOffsetTableLengths = struct.pack(f"<{frames}Q", *[size] * frames)
    basic = struct.pack(f"<{frames}I", *offsets) if table == "basic" else b""
    item = struct.Struct("<HHI").pack
    ds.PixelData = b"".join(
        [item(0xFFFE, 0xE000, len(basic)), basic]
        + [item(0xFFFE, 0xE000, size) + fragment for fragment in fragments]
    )
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(RLE)
    out = io.BytesIO()
    pydicom.dcmwrite(out, ds, implicit_vr=False, little_endian=True, enforce_file_format=True)
    return out.getvalue()


@dataclass
class Counted:
    """What was read: ranges of blobs, and values of the index."""

    ranges: list[tuple[int, int]] = field(default_factory=list)
    queries: int = 0

    def clear(self) -> None:
        self.ranges.clear()
        self.queries = 0


def watched(store: Store, monkeypatch: pytest.MonkeyPatch) -> tuple[Archive, Counted]:
    """An archive as a process has it that has just begun."""
    counted = Counted()

    def reading(key: str, offset: int, length: int) -> bytes:
        counted.ranges.append((offset, length))
        return offset.to_bytes(8, "little").ljust(length, b"x")

    def executed(*_: object) -> None:
        counted.queries += 1

    monkeypatch.setattr(store.blobs, "read", reading)
    event.listen(store.database.engine, "before_cursor_execute", executed)
    return Archive(store.database, store.blobs), counted


def with_frames(store: Store, frames: int, groups: bool = False) -> StoredInstance:
    """An instance whose row in the index says that it has so many frames."""
    (received,) = store.put(tiles(10, "basic"))
    size = 70
    fragments = [(1000 + number * (size + 8), size) for number in range(frames * (1 + groups))]
    index = encapsulated_index(
        fragments,
        transfer_syntax=RLE,
        number_of_frames=frames,
        offsets=[number * 2 * (size + 8) for number in range(frames)] if groups else (),
        peek=lambda offset, length: b"",
    )
    with store.database.write() as connection:
        connection.execute(
            instance.update().values(number_of_frames=frames, frame_index=index.pack())
        )
    (ref,) = store.archive.instances(store.scope, received.study_instance_uid)
    assert ref.frames == frames
    return ref


@pytest.mark.parametrize("groups", [False, True])
@pytest.mark.parametrize("frames", [10, 5000, MANY])
def test_a_frame_costs_the_same_whatever_the_instance_has(
    store: Store, monkeypatch: pytest.MonkeyPatch, frames: int, groups: bool
) -> None:
    ref = with_frames(store, frames, groups)
    archive, counted = watched(store, monkeypatch)
    each = 1 + groups
    for number in (frames, 1, frames // 2, frames // 2 + 1):
        places = [1000 + ((number - 1) * each + part) * 78 for part in range(each)]
        expected = b"".join(place.to_bytes(8, "little").ljust(70, b"x") for place in places)
        assert archive.frame(ref, number) == expected
        assert counted.ranges == [(place, 70) for place in places]
        # Its head, and a page or two of each of its two tables.
        assert counted.queries <= (1 if frames == 10 else 5)
        counted.clear()
        assert archive.frame(ref, number) == expected
        assert counted.queries == 0
        counted.clear()
    for number in (0, frames + 1):
        with pytest.raises(NoSuchFrame):
            archive.frame(ref, number)
        assert counted.queries == 0


def test_what_is_read_of_the_index_is_bounded(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = with_frames(store, MANY)
    indexes = FrameIndexes(store.database)
    parts: list[int] = []
    query = indexes._query

    def measured(instance_id: int, blob: str, at: int, size: int) -> tuple[int, bytes]:
        found = query(instance_id, blob, at, size)
        parts.append(len(found[1]))
        return found

    monkeypatch.setattr(indexes, "_query", measured)
    index = indexes.of(ref.id, ref.blob)
    for number in range(1, MANY, 997):
        assert index.ranges(number) == ((1000 + (number - 1) * 78, 70),)
    assert max(parts) <= PAGE_BYTES + HEAD_BYTES
    assert sum(parts) < 4 * MANY + 3 * PAGE_BYTES
    # What all of it can come to in one process.
    assert WHOLE_ONES * (PAGE_BYTES + HEAD_BYTES) + PAGES * PAGE_BYTES < 48 << 20


def test_a_slice_may_lie_across_pages(store: Store) -> None:
    ref = with_frames(store, MANY)
    with store.database.read() as connection:
        packed = bytes(connection.execute(select(instance.c.frame_index)).scalar_one())
    indexes = FrameIndexes(store.database)
    for start, stop in ((0, 8), (PAGE_BYTES - 4, PAGE_BYTES + 4), (10, 3 * PAGE_BYTES), (7, 7)):
        part = packed[HEAD_BYTES + start : HEAD_BYTES + stop]
        assert indexes.part(ref.id, ref.blob, start, stop) == part
    assert indexes.of(ref.id, ref.blob).pack() == packed


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_hundred_thousand_tiles_are_stored_and_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    (received,) = store.put(tiles(MANY, "basic"))
    (ref,) = store.archive.instances(store.scope, received.study_instance_uid)
    assert ref.frames == MANY
    for number in (1, 2, 2049, MANY // 2, MANY):
        assert store.archive.frame(ref, number)[64:] == bytes([0, (number - 1) % 251])


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
def test_every_table_gives_the_same_frames(store: Store, table: str) -> None:
    (received,) = store.put(tiles(3000, table))
    (ref,) = store.archive.instances(store.scope, received.study_instance_uid)
    for number in (1, 2047, 2048, 2049, 3000):
        assert store.archive.frame(ref, number)[64:] == bytes([0, (number - 1) % 251])
