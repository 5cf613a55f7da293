"""Finds what is stored under a SOP Instance UID; tells a repetition of it from another image.

The same image in another transfer syntax is a repetition; in the same one its pixel data must be
the same, else one of the two would be lost without anybody being told. What was replaced by another
instance can no longer be compared, and counts as repeated.
Invariants: frames are compared, not files: a sender may cut the same compressed frame into other
fragments, or write an offset table; memory is one frame, or one chunk of a native value.
Not here: what becomes of either (`store.ingest`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import bindparam, literal, null, select, union_all

from store.blobs import CHUNK_BYTES, Blobs
from store.db import Database
from store.frames import FrameIndex
from store.schema import instance, replaced_instance, series, study
from store.streamed import (
    PIXEL_DATA_TAGS,
    Read,
    StreamedValue,
    data_set_reader,
    streamed_values,
)
from store.whereabouts import Placed, Whereabouts

__all__ = ["Pixels", "Replaced", "Uids", "find_stored", "has_series", "is_repetition"]

Uids = tuple[str, str, str]
"""Study, Series and SOP Instance UID."""


@dataclass(frozen=True)
class Pixels:
    """The pixel data of a file.

    Attributes:
        transfer_syntax: of the file.
        streamed: its long values.
        frames: where its frames lie.
        read: reads the file.
    """

    transfer_syntax: str
    streamed: Sequence[StreamedValue]
    frames: FrameIndex
    read: Read

    def span(self) -> tuple[int, int]:
        """Where the value begins and how long it is; nothing at all when there is none."""
        for value in self.streamed:
            if value.tag in PIXEL_DATA_TAGS:
                return value.offset, value.end - value.offset
        return 0, 0

    def pieces(self) -> Iterator[bytes]:
        """The frames of compressed pixel data without padding; native ones in chunks."""
        if self.frames.is_encapsulated:
            for number in range(1, self.frames.frames + 1):
                ranges = self.frames.ranges(number)
                yield b"".join(self.read(*each) for each in ranges).rstrip(b"\0")
            return
        read = data_set_reader(self.read, self.transfer_syntax)
        offset, length = self.span()
        for at in range(0, length, CHUNK_BYTES):
            yield read(offset + at, min(CHUNK_BYTES, length - at))


@dataclass(frozen=True)
class Replaced:
    """An instance that is not stored any more, and the SOP Instance UID of what replaced it."""

    by: str


def find_stored(
    database: Database, blobs: Blobs, owner_id: int, uids: Uids
) -> Pixels | Replaced | None:
    """What the owner has under these UIDs."""
    place = dict(zip(("study", "series", "instance"), uids, strict=True))
    row = database.row(_STORED, {"owner": owner_id, **place})
    if row is None:
        return None
    transfer_syntax, streamed, frame_index, id_, blob, replaced_by = row
    if replaced_by is not None:
        return Replaced(replaced_by)
    frames = FrameIndex.unpack(bytes(frame_index))
    read = partial(Whereabouts(database, blobs).read, Placed(id_, blob))
    return Pixels(transfer_syntax, streamed_values(streamed), frames, read)


def has_series(database: Database, owner_id: int, uids: Uids) -> bool:
    """Whether the owner has, or had replaced, anything of the series of these UIDs."""
    place = dict(zip(("study", "series"), uids[:2], strict=True))
    return database.row(_SERIES, {"owner": owner_id, **place}) is not None


def is_repetition(new: Pixels, stored: Pixels) -> bool:
    """Whether nothing is lost when the new one is not stored."""
    if new.transfer_syntax != stored.transfer_syntax:
        return True
    if new.frames.frames != stored.frames.frames:
        return False
    if not new.frames.is_encapsulated and new.span()[1] != stored.span()[1]:
        return False
    return all(a == b for a, b in zip(new.pieces(), stored.pieces(), strict=True))


# Made once, and one statement: the look-up is part of every instance's way in.
_found = union_all(
    select(
        instance.c.available_transfer_syntax_uid,
        instance.c.streamed,
        instance.c.frame_index,
        instance.c.id,
        instance.c.blob,
        null().label("replaced_by"),
    )
    .join(series, series.c.id == instance.c.series_id)
    .join(study, study.c.id == series.c.study_id)
    .where(
        study.c.owner_id == bindparam("owner"),
        study.c.study_instance_uid == bindparam("study"),
        series.c.series_instance_uid == bindparam("series"),
        instance.c.sop_instance_uid == bindparam("instance"),
    ),
    select(null(), null(), null(), null(), null(), replaced_instance.c.replaced_by).where(
        replaced_instance.c.owner_id == bindparam("owner"),
        replaced_instance.c.study_instance_uid == bindparam("study"),
        replaced_instance.c.series_instance_uid == bindparam("series"),
        replaced_instance.c.sop_instance_uid == bindparam("instance"),
    ),
).subquery()
_STORED = select(_found)
_known = union_all(
    select(literal(1).label("known"))
    .select_from(series.join(study, study.c.id == series.c.study_id))
    .where(
        study.c.owner_id == bindparam("owner"),
        study.c.study_instance_uid == bindparam("study"),
        series.c.series_instance_uid == bindparam("series"),
    ),
    select(literal(1)).where(
        replaced_instance.c.owner_id == bindparam("owner"),
        replaced_instance.c.study_instance_uid == bindparam("study"),
        replaced_instance.c.series_instance_uid == bindparam("series"),
    ),
).subquery()
_SERIES = select(_known)
