"""Reads what is stored, within a scope: instances, metadata, frames and bulk values.

Standard: PS3.18 10.4 (Retrieve), 8.7.3 (what frames and bulk data look like).
Invariants: metadata and frames are byte ranges of what was prepared at ingest; no DICOM is parsed
to give them. What is outside the scope is answered like what does not exist.
Not here: decoding and re-encoding (`store.pixels`, `store.render`, `store.transcode`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from itertools import chain
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID
from sqlalchemy import Select, bindparam, select

from deid.encoding import encoding_of
from store.access import OwnerScope, Scope, SeriesScope, visible
from store.blobs import CHUNK_BYTES, Blobs, name_of
from store.bulk import BulkValue, DataSet, Range, bulk_paths, fragments_of
from store.byteorder import WORD_BYTES, swap_words
from store.changes import current_version
from store.db import Database
from store.frame_indexes import FrameIndexes
from store.headers import Header, Headers
from store.kept import Kept
from store.pictures import NoPictures, Pictures
from store.schema import instance, series, study
from store.streamed import (
    DEFLATED,
    Bookmarks,
    Read,
    StreamedValue,
    data_set_reader,
    streamed_values,
)
from store.whereabouts import Whereabouts

__all__ = ["Archive", "StoredInstance"]

METADATA_ROWS = 50
KEPT_BYTES = 64 * 1024 * 1024
KEPT_REFS = 50_000
DEFLATED_KNOWN = 4


@dataclass(frozen=True)
class StoredInstance:
    """An instance that the caller may see.

    Attributes:
        id: its row in the index.
        study_instance_uid, series_instance_uid, sop_instance_uid, sop_class_uid: its UIDs.
        transfer_syntax: as stored.
        modality: of its series.
        frames: how many frames can be had one by one; 0 when it is no image.
        size: bytes of the stored Part 10 file.
        blob: where that file lies.
    """

    id: int
    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax: str
    modality: str
    frames: int
    size: int
    blob: str

    @property
    def etag(self) -> str:
        """Changes when the bytes behind the UID do, which is never, short of a new instance."""
        return name_of(self.blob)


class Archive:
    """Reads from the index and the blobs.

    Args:
        database: the index.
        blobs: where the Part 10 files are.
        pictures: keeps what was rendered; by default nothing is kept.

    Attributes:
        kept: answers made of the index, by names that change with what they are made of.
    """

    def __init__(self, database: Database, blobs: Blobs, pictures: Pictures | None = None) -> None:
        self.database = database
        self.pictures = pictures or NoPictures()
        self.kept = Kept[bytes](KEPT_BYTES)
        self._refs = Kept[tuple[int, list[StoredInstance]]](KEPT_REFS)
        self._blobs = blobs
        self._files = Whereabouts(database, blobs)
        # Frame indexes never change, and who may see one is asked before each use.
        self._frame_index = FrameIndexes(database).of
        self._headers = Headers()
        self._bookmarks = lru_cache(maxsize=DEFLATED_KNOWN)(lambda _blob: Bookmarks())
        self._fragments = lru_cache(maxsize=64)(self._read_fragments)

    def instances(
        self,
        scope: Scope,
        study_instance_uid: str,
        series_instance_uid: str | None = None,
        sop_instance_uid: str | None = None,
    ) -> list[StoredInstance]:
        """The instances of a study, series or single instance; empty when none is visible.

        In order of series number, instance number, and arrival.
        """
        uids = (study_instance_uid, series_instance_uid, sop_instance_uid)
        if not isinstance(scope, OwnerScope | SeriesScope):
            # Not every change of what another scope shows may be counted.
            return self._find(scope, *uids)
        # Asked before the rows, the number is never newer than they are.
        number = current_version(self.database, scope)
        kept = self._refs.get((scope, uids))
        if kept is None or kept[0] != number:
            kept = number, self._find(scope, *uids)
            self._refs.put((scope, uids), kept, len(kept[1]) + 1)
        return list(kept[1])

    def metadata(self, refs: Sequence[StoredInstance]) -> Iterator[bytes]:
        """The JSON text of each instance, in the order given.

        Each BulkDataURI begins with `store.metadata.ROOT_MARK` in place of the DICOMweb root.
        """
        if len(refs) == 1:
            found_one = self.database.row(_METADATA, {"instance_id": refs[0].id})
            if found_one is not None:
                yield bytes(found_one[0])
            return
        for at in range(0, len(refs), METADATA_ROWS):
            ids = [ref.id for ref in refs[at : at + METADATA_ROWS]]
            query = select(instance.c.id, instance.c.metadata).where(instance.c.id.in_(ids))
            with self.database.read() as connection:
                found = {row.id: bytes(row.metadata) for row in connection.execute(query)}
            # One that was deleted since the caller looked is simply no longer there.
            yield from (found[id_] for id_ in ids if id_ in found)

    def read(self, ref: StoredInstance, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The stored Part 10 file from `start` to `end`, in chunks."""
        return self._files.stream(ref, start, None if end is None else end - start)

    def frame(self, ref: StoredInstance, number: int) -> bytes:
        """One frame, in the stored transfer syntax; native frames as little-endian bytes.

        Args:
            ref: the instance.
            number: counted from 1.

        Raises:
            NoSuchFrame: the instance does not have this frame.
        """
        index = self._frame_index(ref.id, ref.etag)
        ranges = index.ranges(number)
        read = self._reader(ref)
        if len(ranges) == 1:
            return index.frame_bytes(number, read(*ranges[0]))
        return index.frame_bytes(number, b"".join(read(*span) for span in ranges))

    def frame_within(
        self, ref: StoredInstance, number: int, around: Callable[[int], tuple[bytes, bytes]]
    ) -> bytes:
        """One frame as `frame` gives it, with what comes before and after it.

        It is read to its place, as copying it there would take as long as reading it.

        Args:
            ref: the instance.
            number: counted from 1.
            around: gives the bytes before and after it, for its length.

        Raises:
            NoSuchFrame: the instance does not have this frame.
        """
        span = self._frame_index(ref.id, ref.etag).span(number)
        if span is not None and ref.transfer_syntax != DEFLATED:
            offset, length = span
            before, after = around(length)
            start, end = len(before), len(before) + length
            whole = BytesIO(before)
            whole.seek(end)
            whole.write(after)
            with whole.getbuffer() as room, room[start:end] as place:
                read = self._files.read_into(ref, offset, place)
            if read == length:
                return whole.getvalue()
        frame = self.frame(ref, number)
        before, after = around(len(frame))
        return b"".join((before, frame, after))

    def data_set(self, ref: StoredInstance) -> DataSet:
        """Where the values of an instance lie; for one use, as it keeps what it has read."""
        encoding = encoding_of(ref.transfer_syntax)
        fragments = partial(self._fragments, ref)
        return DataSet(self._reader(ref), encoding, self._streamed(ref), fragments)

    def bulk_paths(self, ref: StoredInstance) -> list[str]:
        """The paths of the values that the metadata of an instance name by a BulkDataURI."""
        return [path for text in self.metadata([ref]) for path in bulk_paths(text)]

    def bulk_bytes(
        self, ref: StoredInstance, value: BulkValue, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        """The bytes of a value from `start` to `end`, little-endian; fragments are joined."""
        end = value.length if end is None else end
        encoding = encoding_of(ref.transfer_syntax)
        word = 1 if encoding.little else WORD_BYTES.get(value.vr, 1)
        # Words can be swapped only as a whole.
        first, last = start - start % word, min(end + -end % word, value.length)
        chunks = chain.from_iterable(self._chunks(ref, *span) for span in value.within(first, last))
        if word == 1:
            return chunks
        return _cut((swap_words(chunk, word) for chunk in chunks), start - first, end - start)

    def bulkdata(self, ref: StoredInstance, path: str) -> Iterator[bytes]:
        """The bytes of one value, as `bulk_bytes` gives them.

        Raises:
            NoSuchBulkdata: no such value.
        """
        return self.bulk_bytes(ref, self.data_set(ref).value(path))

    def header(self, ref: StoredInstance) -> Header:
        """The header, by keyword, from the prepared metadata; costs far less than `dataset`."""
        return self._headers.of(ref, self.metadata, self.bulkdata)

    def dataset(self, ref: StoredInstance) -> Dataset:
        """The header as a pydicom data set, without the values that lie past it."""
        encoding = encoding_of(ref.transfer_syntax)
        header = BytesIO(self.data_set(ref).header())
        ds = read_dataset(header, not encoding.explicit, encoding.little)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = UID(ref.sop_class_uid)
        ds.file_meta.MediaStorageSOPInstanceUID = UID(ref.sop_instance_uid)
        ds.file_meta.TransferSyntaxUID = UID(ref.transfer_syntax)
        return ds

    def _find(
        self, scope: Scope, study_uid: str, series_uid: str | None, instance_uid: str | None
    ) -> list[StoredInstance]:
        if isinstance(scope, OwnerScope) and series_uid is not None and instance_uid is not None:
            # What viewers ask for most, and for the first time one by one.
            named = {"owner": scope.owner_id, "study": study_uid, "series": series_uid}
            found = self.database.row(_OWN_INSTANCE, {**named, "instance": instance_uid})
            return [] if found is None else [StoredInstance(*found)]
        query = _INSTANCES.where(study.c.study_instance_uid == study_uid, visible(scope))
        if series_uid is not None:
            query = query.where(series.c.series_instance_uid == series_uid)
        if instance_uid is not None:
            query = query.where(instance.c.sop_instance_uid == instance_uid)
        with self.database.read() as connection:
            return [StoredInstance(*row) for row in connection.execute(query).all()]

    def _streamed(self, ref: StoredInstance) -> list[StreamedValue]:
        query = select(instance.c.streamed).where(instance.c.id == ref.id)
        with self.database.read() as connection:
            return streamed_values(connection.execute(query).scalar() or "[]")

    def _chunks(self, ref: StoredInstance, offset: int, length: int) -> Iterator[bytes]:
        if ref.transfer_syntax == DEFLATED:
            return _steps(self._reader(ref), offset, length)
        # Chunks are a multiple of every word's width but for the last.
        return self._files.stream(ref, offset, length)

    def _reader(self, ref: StoredInstance) -> Read:
        marks = self._bookmarks(ref.blob) if ref.transfer_syntax == DEFLATED else None
        return data_set_reader(partial(self._files.read, ref), ref.transfer_syntax, marks)

    def _read_fragments(self, ref: StoredInstance, value: StreamedValue) -> tuple[Range, ...]:
        return fragments_of(partial(self._files.read, ref), value)


def _instances_query() -> Select[Any]:
    return (
        select(
            instance.c.id,
            study.c.study_instance_uid,
            series.c.series_instance_uid,
            instance.c.sop_instance_uid,
            instance.c.sop_class_uid,
            instance.c.available_transfer_syntax_uid,
            series.c.modality,
            instance.c.number_of_frames,
            instance.c.size,
            instance.c.blob,
        )
        .join(series, series.c.id == instance.c.series_id)
        .join(study, study.c.id == series.c.study_id)
        .order_by(
            series.c.series_number.nulls_last(),
            series.c.id,
            instance.c.instance_number.nulls_last(),
            instance.c.id,
        )
    )


_INSTANCES = _instances_query()
_OWN_INSTANCE = _INSTANCES.where(
    study.c.study_instance_uid == bindparam("study"),
    series.c.series_instance_uid == bindparam("series"),
    instance.c.sop_instance_uid == bindparam("instance"),
    # The condition is the scope's own; only whose it is, is filled in each time.
    visible(OwnerScope(bindparam("owner"))),  # type: ignore[arg-type]
)
_METADATA = select(instance.c.metadata).where(instance.c.id == bindparam("instance_id"))


def _steps(read: Read, offset: int, length: int) -> Iterator[bytes]:
    for at in range(0, length, CHUNK_BYTES):
        yield read(offset + at, min(CHUNK_BYTES, length - at))


def _cut(chunks: Iterable[bytes], skip: int, length: int) -> Iterator[bytes]:
    for chunk in chunks:
        piece = chunk[skip : skip + length]
        skip = max(0, skip - len(chunk))
        length -= len(piece)
        yield piece
