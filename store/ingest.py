"""The one door: the only code that writes an instance, whatever brought it.

    bytes ─> Incoming.feed ─> deid ─> blob (settled) ─> index (one transaction) ─> published

Standard: PS3.4 B (Storage), PS3.18 10.5 (Store).
Invariants: every byte goes through the profile, there is no switch; nothing reaches a disk before
it is de-identified; when `Batch.commit` has returned, its instances survive a power cut, and before
that no reader sees them. Sending an instance again stores nothing and is no error.
Not here: the statuses that an edge answers with (`dicomweb.errors`, `dimse.statuses`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import Connection, bindparam, select

from deid import Deidentified, Deidentifier
from deid.encoding import encoding_of
from store import metadata, schema
from store.blobs import Blobs, BlobWriter
from store.db import Database
from store.duplicates import Pixels, is_repetition
from store.errors import DuplicateDiffers
from store.frames import FrameIndex, index_frames, native_index
from store.indexing import INDEXED, Entry, write_entries
from store.keys import KeyRing
from store.streamed import PIXEL_DATA_TAGS, dump_streamed, streamed_values

__all__ = ["Batch", "Incoming", "Ingest", "Received"]


@dataclass(frozen=True)
class Received:
    """What became of one instance.

    Attributes:
        study_instance_uid, series_instance_uid, sop_instance_uid: the new UIDs.
        sop_class_uid: as sent.
        sent_study_instance_uid, sent_sop_instance_uid: as sent; for checking in memory, never to
            be logged, stored or answered to anybody but the sender.
        duplicate: it was stored before; nothing was added.
    """

    study_instance_uid: str
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    sent_study_instance_uid: str
    sent_sop_instance_uid: str
    duplicate: bool


class Incoming:
    """One instance on its way in. Made by `Batch.receive`."""

    def __init__(self, batch: "Batch", key: bytes, transfer_syntax: str | None) -> None:
        self._batch = batch
        self._writer: BlobWriter | None = None
        self._deidentifier = Deidentifier(key, self._write, transfer_syntax=transfer_syntax)

    def feed(self, data: bytes | memoryview) -> None:
        """The next bytes of the instance, in chunks of any size; they are not kept.

        Raises:
            DeidError: it cannot be de-identified.
            StoreError: it cannot be written. In both cases nothing of it is kept.
        """
        with self._nothing_kept_on_error():
            self._deidentifier.feed(data)

    def finish(self) -> Received:
        """Say that all bytes have come.

        Returns:
            The new UIDs; the instance is stored only when its batch is committed.

        Raises:
            DeidError: it cannot be de-identified.
            DuplicateDiffers: its SOP Instance UID is taken by other pixels.
            StoreError: it cannot be written.
        """
        with self._nothing_kept_on_error():
            result = self._deidentifier.finish()
            assert self._writer is not None
            return self._batch.take(result, self._writer)

    def abort(self) -> None:
        """Forget the instance; its sender went away, say. Possible until the batch is committed."""
        if self._writer is not None:
            self._batch.forget(self._writer)
            self._writer.discard()
            self._writer = None

    def _write(self, data: bytes) -> object:
        if self._writer is None:
            self._writer = self._batch.blobs.create()
        return self._writer.write(data)

    @contextmanager
    def _nothing_kept_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.abort()
            raise


class Batch:
    """Instances that become durable together. Made by `Ingest.batch`."""

    def __init__(self, ingest: "Ingest", owner_id: int, came_by: str) -> None:
        self.blobs = ingest.blobs
        self._ingest = ingest
        self._owner_id = owner_id
        self._came_by = came_by
        self._key = ingest.keys.key_of(owner_id)
        self._entries: dict[tuple[str, str, str], Entry] = {}
        self._open: list[Incoming] = []

    def receive(self, transfer_syntax: str | None = None) -> Incoming:
        """Begin an instance.

        Args:
            transfer_syntax: of a bare data set, as C-STORE sends one; None when a Part 10 file
                with its file meta information comes.
        """
        incoming = Incoming(self, self._key, transfer_syntax)
        self._open.append(incoming)
        return incoming

    def take(self, result: Deidentified, writer: BlobWriter) -> Received:
        """Keep a de-identified instance until the commit, unless it is stored already."""
        # The disk works on it while the metadata are made.
        writer.seal()
        entry = self._entry(result, writer)
        stored = self._stored(result)
        if stored is None:
            self._entries[_uids(result)] = entry
        elif is_repetition(_pixels(entry), stored):
            writer.discard()
        else:
            raise DuplicateDiffers(
                "An instance with this SOP Instance UID is stored already, with other pixel data."
            )
        return Received(
            result.study_instance_uid,
            result.series_instance_uid,
            result.sop_instance_uid,
            result.sop_class_uid,
            result.sent_study_instance_uid,
            result.sent_sop_instance_uid,
            duplicate=stored is not None,
        )

    def forget(self, writer: BlobWriter) -> None:
        """Leave an instance that was taken out of the commit."""
        self._entries = {k: e for k, e in self._entries.items() if e.writer is not writer}

    def commit(self) -> None:
        """Return when every instance taken so far is durable and visible.

        Raises:
            StoreError: none of them is stored.
        """
        entries = list(self._entries.values())
        self._open.clear()
        if not entries:
            return
        try:
            self.blobs.settle([entry.writer for entry in entries])
            with self._ingest.database.write() as connection:
                written = write_entries(
                    self._ingest.database,
                    connection,
                    entries,
                    owner_id=self._owner_id,
                    came_by=self._came_by,
                    now=self._ingest.clock(),
                )
        except BaseException:
            self.drop()
            raise
        # A concurrent sender of the same instance may have been first; its blob counts.
        self._entries.clear()
        self.blobs.publish([entry.writer.key for entry in entries if entry.writer.key in written])
        for entry in entries:
            if entry.writer.key not in written:
                entry.writer.discard()

    def drop(self) -> None:
        """Forget everything that was not committed."""
        for incoming in self._open:
            incoming.abort()
        for entry in self._entries.values():
            entry.writer.discard()
        self._entries.clear()
        self._open.clear()

    def _stored(self, result: Deidentified) -> Pixels | None:
        """The pixels of the instance of the same name, in this batch or in the index."""
        own = self._entries.get(_uids(result))
        if own is not None:
            return _pixels(own)
        uids = {"owner": self._owner_id, "study": result.study_instance_uid}
        uids |= {"series": result.series_instance_uid, "instance": result.sop_instance_uid}
        with self._ingest.database.read() as connection:
            row = connection.execute(_STORED, uids).one_or_none()
        if row is None:
            return None
        frames = FrameIndex.unpack(bytes(row.frame_index))
        read = partial(self.blobs.read, row.blob)
        return Pixels(row[0], streamed_values(row.streamed), frames, read)

    def _entry(self, result: Deidentified, writer: BlobWriter) -> Entry:
        path = (
            f"/studies/{result.study_instance_uid}/series/{result.series_instance_uid}"
            f"/instances/{result.sop_instance_uid}"
        )
        attributes = metadata.build(
            result.header,
            result.trailer,
            result.streamed,
            encoding_of(result.transfer_syntax),
            path,
        )
        return Entry(
            writer=writer,
            transfer_syntax=result.transfer_syntax,
            size=result.size,
            # A large batch waits with these only.
            attributes={tag: attributes[tag] for tag in INDEXED & attributes.keys()},
            metadata=metadata.dumps(attributes),
            frame_index=_frame_index(result, attributes, writer),
            streamed=dump_streamed(result.streamed),
        )


class Ingest:
    """Takes instances in; one for a process.

    Args:
        database: the index.
        blobs: where Part 10 files go.
        keys: gives each owner's key.
        clock: gives the present time, with its zone.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        keys: KeyRing,
        clock: Callable[[], datetime],
    ) -> None:
        self.database = database
        self.blobs = blobs
        self.keys = keys
        self.clock = clock

    @contextmanager
    def batch(self, owner_id: int, came_by: str) -> Iterator[Batch]:
        """Instances that are committed together; what was not committed is dropped at the end.

        Args:
            owner_id: to whom they will belong.
            came_by: the way in, shown to the owner: `STOW-RS` or `C-STORE`.
        """
        batch = Batch(self, owner_id, came_by)
        try:
            yield batch
        finally:
            batch.drop()

    def recover(self) -> int:
        """Clear what processes that died left among the blobs; for start-up.

        Returns:
            How many leftovers were cleared.
        """
        return self.blobs.recover(self._known_blobs)

    def _known_blobs(self, keys: Sequence[str]) -> set[str]:
        known: set[str] = set()
        with self.database.read() as connection:
            for at in range(0, len(keys), 500):
                known |= _indexed(connection, keys[at : at + 500])
        return known


# Made once: the look-up is part of every instance's way in.
_STORED = (
    select(
        schema.instance.c.available_transfer_syntax_uid,
        schema.instance.c.streamed,
        schema.instance.c.frame_index,
        schema.instance.c.blob,
    )
    .join(schema.series, schema.series.c.id == schema.instance.c.series_id)
    .join(schema.study, schema.study.c.id == schema.series.c.study_id)
    .where(
        schema.study.c.owner_id == bindparam("owner"),
        schema.study.c.study_instance_uid == bindparam("study"),
        schema.series.c.series_instance_uid == bindparam("series"),
        schema.instance.c.sop_instance_uid == bindparam("instance"),
    )
)


def _indexed(connection: Connection, keys: Sequence[str]) -> set[str]:
    query = select(schema.instance.c.blob).where(schema.instance.c.blob.in_(keys))
    return set(connection.execute(query).scalars())


def _uids(result: Deidentified) -> tuple[str, str, str]:
    return result.study_instance_uid, result.series_instance_uid, result.sop_instance_uid


def _pixels(entry: Entry) -> Pixels:
    values = streamed_values(entry.streamed)
    return Pixels(entry.transfer_syntax, values, entry.frame_index, entry.writer.read)


def _frame_index(
    result: Deidentified, attributes: metadata.Attributes, writer: BlobWriter
) -> FrameIndex:
    header = metadata.HeaderValues(attributes)
    for element in result.streamed:
        if element.tag in PIXEL_DATA_TAGS:
            return index_frames(header, element, result.transfer_syntax, writer.read)
    return native_index(0, 0, bits=0, number_of_frames=0)
