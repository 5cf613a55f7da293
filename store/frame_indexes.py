"""Keeps the frame indexes of instances at hand, in memory that has a bound.

Standard: none; PS3.18 10.4.1.1.6 (frames) is what it is for.
Invariants: an index never changes, so what was read once is right for as long as it is kept. Of the
index of an instance with many frames only the part around the wanted one is read and kept: what a
frame costs does not depend on how many there are.
Not here: what an index says (`store.frames`), who may see it (`store.retrieve`).
"""

from functools import lru_cache

from sqlalchemy import Integer, bindparam, func, select

from store.blobs import name_of
from store.db import Database
from store.errors import NoSuchFrame
from store.frames import HEAD_BYTES, FrameIndex
from store.schema import instance

__all__ = ["FrameIndexes"]

# About a thousand frames, or two. All that is kept is at most 40 MB: in practice little, since most
# instances have one frame and an index of 30 bytes.
PAGE_BYTES = 8192
WHOLE_ONES = 4096
PAGES = 1024

# With its blob, whose name is compared: SQLite gives the number of a row that went to another.
_PART = select(
    func.length(instance.c.frame_index),
    func.substr(
        instance.c.frame_index, bindparam("at", type_=Integer), bindparam("size", type_=Integer)
    ),
    instance.c.blob,
).where(instance.c.id == bindparam("instance_id"))


class FrameIndexes:
    """Reads frame indexes from the index of instances.

    Args:
        database: the index.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.of = lru_cache(maxsize=WHOLE_ONES)(self._read)
        self._page = lru_cache(maxsize=PAGES)(self._read_page)

    def part(self, instance_id: int, blob: str, start: int, stop: int) -> bytes:
        """Bytes of a long index, counted from the end of its head."""
        number, at = divmod(start, PAGE_BYTES)
        found = self._page(instance_id, blob, number)[at : at + stop - start]
        if len(found) == stop - start:
            return found
        return found + self.part(instance_id, blob, start + len(found), stop)

    def _read(self, instance_id: int, blob: str) -> FrameIndex:
        size, start = self._query(instance_id, blob, 0, HEAD_BYTES + PAGE_BYTES)
        if size <= len(start):
            return FrameIndex.unpack(start)
        marks = _Marks(self, instance_id, blob, size - HEAD_BYTES)
        return FrameIndex.over(start, marks)

    def _read_page(self, instance_id: int, blob: str, number: int) -> bytes:
        at = HEAD_BYTES + number * PAGE_BYTES
        return self._query(instance_id, blob, at, PAGE_BYTES)[1]

    def _query(self, instance_id: int, blob: str, at: int, size: int) -> tuple[int, bytes]:
        found = self._database.row(_PART, {"instance_id": instance_id, "at": at + 1, "size": size})
        if found is None or name_of(found[2]) != name_of(blob):
            raise NoSuchFrame("the instance is no longer there")
        length, part, _ = found
        return int(length), bytes(part)


class _Marks:
    """What follows the head of a long index, read where it is looked at."""

    def __init__(self, indexes: FrameIndexes, instance_id: int, blob: str, size: int) -> None:
        self._indexes = indexes
        self._named = instance_id, blob
        self._size = size

    def __getitem__(self, part: slice) -> bytes:
        start, stop, _ = part.indices(self._size)
        return self._indexes.part(*self._named, start, stop)
