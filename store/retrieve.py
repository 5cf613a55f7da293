"""Reads what is stored, within a scope: instances, metadata, frames and bulk values.

Standard: PS3.18 10.4 (Retrieve), 8.7.3 (what frames and bulk data look like).
Invariants: metadata and frames are byte ranges of what was prepared at ingest; no DICOM is parsed
to give them. What is outside the scope is answered like what does not exist.
Not here: decoding and re-encoding (`store.pixels`, `store.render`, `store.transcode`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.uid import UID
from sqlalchemy import Select, select

from deid.encoding import Encoding, elements, encoding_of, items
from store.access import Scope, visible
from store.blobs import CHUNK_BYTES, Blobs
from store.byteorder import WORD_BYTES, swap_words
from store.db import Database
from store.errors import NoSuchBulkdata
from store.frames import FrameIndex
from store.pictures import NoPictures, Pictures
from store.schema import instance, series, study
from store.streamed import (
    DEFLATED,
    Read,
    StreamedValue,
    data_set_reader,
    data_set_start,
    streamed_values,
)

__all__ = ["Archive", "StoredInstance"]

METADATA_ROWS = 200


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
        return self.blob.partition("/")[2]


class Archive:
    """Reads from the index and the blobs.

    Args:
        database: the index.
        blobs: where the Part 10 files are.
        pictures: keeps what was rendered; by default nothing is kept.
    """

    def __init__(self, database: Database, blobs: Blobs, pictures: Pictures | None = None) -> None:
        self.database = database
        self.pictures = pictures or NoPictures()
        self._blobs = blobs
        # Frame indexes never change, and who may see one is asked before each use.
        self._frame_index = lru_cache(maxsize=4096)(self._read_frame_index)

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
        query = _INSTANCES.where(study.c.study_instance_uid == study_instance_uid, visible(scope))
        if series_instance_uid is not None:
            query = query.where(series.c.series_instance_uid == series_instance_uid)
        if sop_instance_uid is not None:
            query = query.where(instance.c.sop_instance_uid == sop_instance_uid)
        with self.database.read() as connection:
            return [StoredInstance(*row) for row in connection.execute(query).all()]

    def metadata(self, refs: Sequence[StoredInstance]) -> Iterator[bytes]:
        """The JSON text of each instance, in the order given.

        Each BulkDataURI begins with `store.metadata.ROOT_MARK` in place of the DICOMweb root.
        """
        for at in range(0, len(refs), METADATA_ROWS):
            ids = [ref.id for ref in refs[at : at + METADATA_ROWS]]
            query = select(instance.c.id, instance.c.metadata).where(instance.c.id.in_(ids))
            with self.database.read() as connection:
                found = {row.id: bytes(row.metadata) for row in connection.execute(query)}
            # One that was deleted since the caller looked is simply no longer there.
            yield from (found[id_] for id_ in ids if id_ in found)

    def read(self, ref: StoredInstance) -> Iterator[bytes]:
        """The stored Part 10 file, in chunks."""
        return self._blobs.stream(ref.blob)

    def read_range(self, ref: StoredInstance, offset: int, length: int) -> bytes:
        """Bytes of the file; in the deflated syntax, of the file with its data set inflated."""
        return self._reader(ref)(offset, length)

    def frame(self, ref: StoredInstance, number: int) -> bytes:
        """One frame, in the stored transfer syntax; native frames as little-endian bytes.

        Args:
            ref: the instance.
            number: counted from 1.

        Raises:
            NoSuchFrame: the instance does not have this frame.
        """
        index = self._frame_index(ref.id, ref.blob)
        ranges = index.ranges(number)
        read = self._reader(ref)
        if len(ranges) == 1:
            return index.frame_bytes(number, read(*ranges[0]))
        return index.frame_bytes(number, b"".join(read(*span) for span in ranges))

    def bulkdata(self, ref: StoredInstance, path: str) -> Iterator[bytes]:
        """The bytes of one value, little-endian; of an encapsulated one, a fragment after another.

        Args:
            ref: the instance.
            path: tags and item numbers, `00281201` or `54000100/1/54001010`, as in the
                BulkDataURI behind `/bulkdata/`.

        Raises:
            NoSuchBulkdata: no such value.
        """
        steps = path.strip("/").split("/")
        if len(steps) == 1:
            for value in self._streamed(ref):
                if steps[0].upper() == f"{value.tag:08X}":
                    return self._streamed_value(ref, value)
        header = self._header(ref)
        vr, start, end = _find(header, steps, encoding_of(ref.transfer_syntax))
        return iter([self._little(ref, vr, header[start:end])])

    def dataset(self, ref: StoredInstance) -> Dataset:
        """The header as a pydicom data set, without the values that lie past it."""
        encoding = encoding_of(ref.transfer_syntax)
        header = BytesIO(self._header(ref))
        ds = read_dataset(header, not encoding.explicit, encoding.little)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.MediaStorageSOPClassUID = UID(ref.sop_class_uid)
        ds.file_meta.MediaStorageSOPInstanceUID = UID(ref.sop_instance_uid)
        ds.file_meta.TransferSyntaxUID = UID(ref.transfer_syntax)
        return ds

    def _header(self, ref: StoredInstance) -> bytes:
        """The encoded data set up to the first value that lies past it, without the file meta."""
        read = self._reader(ref)
        start = data_set_start(read(0, 256))
        end = min((v.offset for v in self._streamed(ref)), default=None)
        if end is None:
            return b"".join(_to_the_end(read, start))
        # Tag, VR and length of the first streamed element end where its value begins.
        end -= 12 if encoding_of(ref.transfer_syntax).explicit else 8
        return read(start, end - start)

    def _streamed(self, ref: StoredInstance) -> list[StreamedValue]:
        query = select(instance.c.streamed).where(instance.c.id == ref.id)
        with self.database.read() as connection:
            return streamed_values(connection.execute(query).scalar() or "[]")

    def _streamed_value(self, ref: StoredInstance, value: StreamedValue) -> Iterator[bytes]:
        if value.encapsulated:
            return (self.frame(ref, number) for number in range(1, ref.frames + 1))
        length = value.end - value.offset
        if ref.transfer_syntax == DEFLATED:
            return _steps(self._reader(ref), value.offset, length)
        chunks = self._blobs.stream(ref.blob, value.offset, length)
        if encoding_of(ref.transfer_syntax).little:
            return chunks
        # Chunks are a multiple of every word's width but for the last.
        return (self._little(ref, value.vr, chunk) for chunk in chunks)

    def _little(self, ref: StoredInstance, vr: str, value: bytes) -> bytes:
        little = encoding_of(ref.transfer_syntax).little
        return value if little else swap_words(value, WORD_BYTES.get(vr, 1))

    def _reader(self, ref: StoredInstance) -> Read:
        return data_set_reader(partial(self._blobs.read, ref.blob), ref.transfer_syntax)

    def _read_frame_index(self, instance_id: int, blob: str) -> FrameIndex:
        # By its blob, too: SQLite gives the number of a row that went to another.
        query = select(instance.c.frame_index).where(
            instance.c.id == instance_id, instance.c.blob == blob
        )
        with self.database.read() as connection:
            return FrameIndex.unpack(bytes(connection.execute(query).scalar_one()))


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


def _steps(read: Read, offset: int, length: int) -> Iterator[bytes]:
    for at in range(0, length, CHUNK_BYTES):
        yield read(offset + at, min(CHUNK_BYTES, length - at))


def _to_the_end(read: Read, offset: int) -> Iterator[bytes]:
    while chunk := read(offset, CHUNK_BYTES):
        offset += len(chunk)
        yield chunk


def _find(header: bytes, steps: Sequence[str], encoding: Encoding) -> tuple[str, int, int]:
    start, end = 0, len(header)
    try:
        for depth in range(0, len(steps), 2):
            tag = int(steps[depth], 16)
            vr, start, end = next(
                (vr, a, b) for t, vr, a, b in elements(header, start, end, encoding) if t == tag
            )
            if depth + 1 < len(steps):
                spans = list(items(header, start, end, encoding))
                start, end = spans[int(steps[depth + 1]) - 1]
    except (StopIteration, ValueError, IndexError):
        raise NoSuchBulkdata("The instance has no value at this place.") from None
    if len(steps) % 2 == 0 or vr == "SQ":
        raise NoSuchBulkdata("The instance has no value at this place.")
    return vr, start, end
