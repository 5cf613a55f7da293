"""The one door: the only code that writes an instance, whatever brought it.

    bytes ─> Incoming.feed ─> deid ─> blob (settled) ─> index (one transaction) ─> published

Standard: PS3.4 B (Storage), PS3.18 10.5 (Store).
Invariants: every byte goes through the profile, there is no switch; nothing reaches a disk before
it is de-identified; when `Batch.commit` has returned, its instances survive a power cut, and before
that no reader sees them. Sending an instance again stores nothing and is no error, also when
another has replaced it since.
Not here: the statuses that an edge answers with (`dicomweb.errors`, `dimse.statuses`).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from sqlalchemy import Connection, select

from deid import Deidentified, Deidentifier
from deid.encoding import encoding_of
from deid.profile import Profile
from store import schema
from store.blobs import Blobs, BlobWriter
from store.changes import bump
from store.db import Database
from store.duplicates import Pixels, Replaced, Uids, find_stored, has_series, is_repetition
from store.errors import DuplicateDiffers, StoreError
from store.frames import FrameIndex, index_frames, native_index
from store.indexing import INDEXED, Entry, write_entries
from store.keys import KeyRing
from store.metadata import FRAME_VALUES, Attributes, HeaderValues
from store.metadata_pieces import Pieces
from store.pictures import NoPictures, Pictures
from store.replacing import Replacement, sweep, take_out
from store.retrieve import StoredInstance
from store.review import joined_reasons
from store.streamed import PIXEL_DATA_TAGS, dump_streamed, streamed_values
from store.together import Together

__all__ = ["Batch", "Incoming", "Ingest", "Named", "Received"]


_DIFFERS: Final = "An instance with this SOP Instance UID is stored already, with other pixel data."


@dataclass(frozen=True)
class Named:
    """An instance that was not stored, by what it would have been called.

    Attributes:
        sop_class_uid: as sent.
        sop_instance_uid: the new one.
    """

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class Received:
    """What became of one instance.

    Attributes:
        study_instance_uid, series_instance_uid, sop_instance_uid: the new UIDs; those of the
            replacement when the instance was replaced.
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

    def __init__(
        self, batch: "Batch", transfer_syntax: str | None, cleaned_pixels: bool = False
    ) -> None:
        self._batch = batch
        # One that was cleaned takes the place of one that was let in.
        self._is_further = not cleaned_pixels
        self._writer: BlobWriter | None = None
        self._deidentifier = Deidentifier(
            batch.key_of_study,
            self._write,
            transfer_syntax=transfer_syntax,
            profile=batch.profile,
            cleaned_pixels=cleaned_pixels,
            pass_on=self._write,
        )

    def feed(self, data: bytes | memoryview) -> None:
        """The next bytes of the instance, in chunks of any size; they are not kept.

        Raises:
            DeidError: it cannot be de-identified.
            StoreError: it cannot be written. In both cases nothing of it is kept.
        """
        # Not a context manager, which would cost as much as the call: pieces come by the dozen.
        try:
            self._deidentifier.feed(data)
        except BaseException:
            self.abort()
            raise

    def finish(self) -> Received:
        """Say that all bytes have come.

        Returns:
            The new UIDs; the instance is stored only when its batch is committed.

        Raises:
            DeidError: it cannot be de-identified.
            DuplicateDiffers: its SOP Instance UID is taken by other pixels.
            NoPrivateRoom: it is not let in.
            StoreError: it cannot be written.
        """
        try:
            result = self._deidentifier.finish()
            assert self._writer is not None
            return self._batch.take(result, self._writer, is_further=self._is_further)
        except BaseException:
            self.abort()
            raise

    @property
    def named(self) -> Named | None:
        """What it is called; known once its header has come, also when it is refused for it."""
        return None if (uids := self._deidentifier.new_uids) is None else Named(*uids)

    def abort(self) -> None:
        """Forget the instance; its sender went away, say. Possible until the batch is committed."""
        if self._writer is not None:
            self._batch.forget(self._writer)
            self._writer.discard()
            self._writer = None

    def _write(self, data: bytes | memoryview) -> object:
        if self._writer is None:
            self._writer = self._batch.blobs.create()
        return self._writer.write(data)


class Batch:
    """Instances that become durable together. Made by `Ingest.batch`."""

    def __init__(
        self, ingest: "Ingest", owner_id: int, came_by: str, upload_id: int | None
    ) -> None:
        self.blobs = ingest.blobs
        self.profile = ingest.profile
        self._ingest = ingest
        self._owner_id = owner_id
        self._came_by = came_by
        self._upload_id = upload_id
        if upload_id is not None:
            # Says at once that there is no such upload.
            self._key(upload_id)
        self._entries: dict[Uids, Entry] = {}
        # Of which series there was something before; None: one instance of it was looked for.
        self._series: dict[tuple[str, str], bool | None] = {}
        self._replacements: list[Replacement] = []
        self._open: list[Incoming] = []
        self._last: Received | None = None
        self._unsealed: BlobWriter | None = None

    def receive(
        self, transfer_syntax: str | None = None, *, cleaned_pixels: bool = False
    ) -> Incoming:
        """Begin an instance.

        Args:
            transfer_syntax: of a bare data set, as C-STORE sends one; None when a Part 10 file
                with its file meta information comes.
            cleaned_pixels: what the pixels said was blacked out, which the instance then claims.
        """
        incoming = Incoming(self, transfer_syntax, cleaned_pixels)
        self._open.append(incoming)
        return incoming

    def replace(self, old: StoredInstance, by: Received | None = None) -> None:
        """Let an instance of this batch take the place of a stored one when it is committed.

        The old one's row goes in the same transaction, its bytes right after it.

        Args:
            old: the stored instance.
            by: what replaces it, of the same series; None for the one received last.

        Raises:
            StoreError: they are not of one series, or are the same.
        """
        by = by or self._last
        if by is None or _series_of(by) != _series_of(old):
            raise StoreError("An instance is replaced by another one of its series.")
        if by.sop_instance_uid == old.sop_instance_uid:
            raise StoreError("An instance does not replace itself.")
        self._replacements.append(Replacement(old, by.sop_instance_uid))

    def key_of_study(self, study_instance_uid: str) -> bytes:
        """The key for instances of a study, by its Study Instance UID as sent."""
        return self._key(self._upload_of(study_instance_uid))

    def take(
        self, result: Deidentified, writer: BlobWriter, *, is_further: bool = True
    ) -> Received:
        """Keep a de-identified instance until the commit, unless it is stored already."""
        if self._unsealed is not None:
            # The disk works on it meanwhile. One that comes alone is settled at once instead:
            # for it, handing it over to a thread takes longer than is gained.
            self._unsealed.seal()
        self._unsealed = writer
        entry = self._entry(result, writer)
        uids = _uids(result)
        stored = self._stored(uids)
        if stored is None:
            if is_further:
                self._ingest.let_in(self._owner_id, *uids[:2])
            self._entries[uids] = entry
        elif isinstance(stored, Replaced) or is_repetition(_pixels(entry), stored):
            writer.discard()
        else:
            raise DuplicateDiffers(_DIFFERS)
        self._last = Received(
            result.study_instance_uid,
            result.series_instance_uid,
            stored.by if isinstance(stored, Replaced) else result.sop_instance_uid,
            result.sop_class_uid,
            result.sent_study_instance_uid,
            result.sent_sop_instance_uid,
            duplicate=stored is not None,
        )
        return self._last

    def forget(self, writer: BlobWriter) -> None:
        """Leave an instance that was taken out of the commit."""
        self._entries = {k: e for k, e in self._entries.items() if e.writer is not writer}

    def commit(self) -> None:
        """Return when every instance taken so far is durable and visible.

        Raises:
            StoreError: none of them is stored, nothing is replaced.
        """
        entries = list(self._entries.values())
        replacements = self._replacements
        self._open.clear()
        if not entries and not replacements:
            return
        try:
            self._look_again()
            self.blobs.settle([entry.writer for entry in entries])
            written = self._ingest.together.write(
                partial(self._index, entries, replacements, self._ingest.clock())
            )
        except BaseException:
            self.drop()
            raise
        # A concurrent sender of the same instance may have been first; its blob counts.
        self._entries.clear()
        self._replacements = []
        self.blobs.publish([entry.writer.key for entry in entries if entry.writer.key in written])
        for entry in entries:
            if entry.writer.key not in written:
                entry.writer.discard()
        if replacements:
            self._ingest.sweep()

    def _look_again(self) -> None:
        """Compare with what others have stored meanwhile in series that were new to this batch.

        Raises:
            DuplicateDiffers: an instance is stored by now, with other pixels.
        """
        database, owner_id = self._ingest.database, self._owner_id
        new = {series for series, had_any in self._series.items() if had_any is False}
        came = {series for series in new if has_series(database, owner_id, (*series, ""))}
        for uids, entry in self._entries.items():
            if uids[:2] in came:
                stored = find_stored(database, self.blobs, owner_id, uids)
                if isinstance(stored, Pixels) and not is_repetition(_pixels(entry), stored):
                    raise DuplicateDiffers(_DIFFERS)

    def _index(
        self,
        entries: Sequence[Entry],
        replacements: Sequence[Replacement],
        now: datetime,
        connection: Connection,
    ) -> set[str]:
        """Write the rows, in a transaction; return the blob keys of those that are new."""
        database, owner_id = self._ingest.database, self._owner_id
        written = write_entries(
            database, connection, entries, owner_id=owner_id, came_by=self._came_by, now=now
        )
        if replacements:
            take_out(connection, owner_id, replacements, now)
        if written or replacements:
            bump(connection, owner_id, database)
        return written

    def drop(self) -> None:
        """Forget everything that was not committed."""
        for incoming in self._open:
            incoming.abort()
        for entry in self._entries.values():
            entry.writer.discard()
        self._entries.clear()
        self._replacements = []
        self._open.clear()

    def _stored(self, uids: Uids) -> Pixels | Replaced | None:
        """What there is under these UIDs, in this batch or in the index."""
        own = self._entries.get(uids)
        if own is not None:
            return _pixels(own)
        series = uids[:2]
        if series not in self._series:
            self._series[series] = None
        elif self._series[series] is None:
            # The second of a series: many may follow, and of a new one none need be looked for.
            self._series[series] = has_series(self._ingest.database, self._owner_id, uids)
        if self._series[series] is False:
            return None
        return find_stored(self._ingest.database, self.blobs, self._owner_id, uids)

    def _upload_of(self, study_instance_uid: str) -> int | None:
        if self._upload_id is not None:
            return self._upload_id
        return self._ingest.keys.upload_of(self._owner_id, study_instance_uid)

    def _key(self, upload_id: int | None) -> bytes:
        if upload_id is None:
            return self._ingest.keys.key_of(self._owner_id)
        return self._ingest.keys.key_of_upload(upload_id, self._owner_id)

    def _entry(self, result: Deidentified, writer: BlobWriter) -> Entry:
        path = (
            f"/studies/{result.study_instance_uid}/series/{result.series_instance_uid}"
            f"/instances/{result.sop_instance_uid}"
        )
        made = self._ingest.pieces.assemble(
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
            attributes=made.values,
            metadata=made.text,
            frame_index=_frame_index(result, made.values, writer),
            streamed=dump_streamed(result.streamed),
            receipt=result.receipt.to_json(),
            reasons=joined_reasons(*result.review),
            upload_id=self._upload_of(result.sent_study_instance_uid),
        )


def _let_in_all(_owner_id: int, _study_uid: str, _series_uid: str) -> None:
    """Any account may have any number of instances."""


class Ingest:
    """Takes instances in; one for a process.

    Args:
        database: the index.
        blobs: where Part 10 files go.
        keys: gives the keys of owners and uploads.
        clock: gives the present time, with its zone.
        profile: the profile that is applied; None for the default one.
        pictures: what was made of the files, which goes with them; by default nothing is kept.
        let_in: is asked with owner, Study and Series Instance UID for each instance that is new,
            and raises a `StoreError` for one that may not come in; by default all may.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        keys: KeyRing,
        clock: Callable[[], datetime],
        profile: Profile | None = None,
        pictures: Pictures | None = None,
        let_in: Callable[[int, str, str], None] = _let_in_all,
    ) -> None:
        self.profile = profile
        self.let_in = let_in
        self._pictures = pictures or NoPictures()
        self.database = database
        self.blobs = blobs
        self.keys = keys
        self.clock = clock
        self.together = Together(database)
        self.pieces = Pieces(INDEXED | FRAME_VALUES)

    @contextmanager
    def batch(self, owner_id: int, came_by: str, upload_id: int | None = None) -> Iterator[Batch]:
        """Instances that are committed together; what was not committed is dropped at the end.

        Args:
            owner_id: to whom they will belong.
            came_by: the way in, shown to the owner: `STOW-RS` or `C-STORE`.
            upload_id: the owner's upload that they are part of, if any (`KeyRing.new_upload`).

        Raises:
            NoSuchUpload: the owner has begun no such upload.
        """
        batch = Batch(self, owner_id, came_by, upload_id)
        try:
            yield batch
        finally:
            batch.drop()

    def recover(self) -> int:
        """Clear what processes that died left among the blobs; for start-up.

        Returns:
            How many leftovers were cleared.
        """
        return self.blobs.recover(self._known_blobs) + self.sweep()

    def sweep(self) -> int:
        """Delete the files that were replaced or deleted; return how many are gone."""
        return sweep(self.database, self.blobs, self._pictures)

    def _known_blobs(self, keys: Sequence[str]) -> set[str]:
        known: set[str] = set()
        with self.database.read() as connection:
            for at in range(0, len(keys), 500):
                known |= _indexed(connection, keys[at : at + 500])
        return known


def _indexed(connection: Connection, keys: Sequence[str]) -> set[str]:
    query = select(schema.instance.c.blob).where(schema.instance.c.blob.in_(keys))
    return set(connection.execute(query).scalars())


def _series_of(instance: Received | StoredInstance) -> tuple[str, str]:
    return instance.study_instance_uid, instance.series_instance_uid


def _uids(result: Deidentified) -> Uids:
    return result.study_instance_uid, result.series_instance_uid, result.sop_instance_uid


def _pixels(entry: Entry) -> Pixels:
    values = streamed_values(entry.streamed)
    return Pixels(entry.transfer_syntax, values, entry.frame_index, entry.writer.read)


def _frame_index(result: Deidentified, attributes: Attributes, writer: BlobWriter) -> FrameIndex:
    header = HeaderValues(attributes)
    for element in result.streamed:
        if element.tag in PIXEL_DATA_TAGS:
            return index_frames(header, element, result.transfer_syntax, writer.read)
    return native_index(0, 0, bits=0, number_of_frames=0)
