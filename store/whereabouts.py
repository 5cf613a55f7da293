"""Reads the file of an instance wherever it lies by now.

A file may be moved while somebody is about to read it (`store.private_blobs`): it then has another
key of the same name, and the old one is deleted.
Invariants: where a key cannot be read, the index is asked once whether the same file has another;
what has begun to be read is read to its end. A file of another instance is never given.
Not here: who may read it (`store.retrieve`).
"""

from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from sqlalchemy import bindparam, select

from store.blobs import Blobs, name_of
from store.db import Database
from store.errors import StoreError
from store.schema import instance

__all__ = ["Placed", "Whereabouts"]


class _HasPlace(Protocol):
    @property
    def id(self) -> int:
        """Its row in the index."""

    @property
    def blob(self) -> str:
        """The key of its file, as it was looked up."""


class Placed(NamedTuple):
    """An instance, and where its file was when it was looked up."""

    id: int
    blob: str


class Whereabouts:
    """Files of instances.

    Args:
        database: the index.
        blobs: where they lie.
    """

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def read(self, ref: _HasPlace, offset: int, length: int) -> bytes:
        """The bytes from `offset`; fewer than `length` at the end of the file."""
        try:
            return self._blobs.read(ref.blob, offset, length)
        except StoreError:
            moved = self._moved(ref)
            if moved is None:
                raise
        return self._blobs.read(moved, offset, length)

    def read_into(self, ref: _HasPlace, offset: int, room: memoryview) -> int:
        """Read bytes from `offset` into `room`; return how many: fewer at the end of the file."""
        try:
            return self._blobs.read_into(ref.blob, offset, room)
        except StoreError:
            moved = self._moved(ref)
            if moved is None:
                raise
        return self._blobs.read_into(moved, offset, room)

    def stream(self, ref: _HasPlace, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `offset` to the end, or `length` of them, in chunks."""
        chunks = self._blobs.stream(ref.blob, offset, length)
        try:
            first = next(chunks, None)
        except StoreError:
            moved = self._moved(ref)
            if moved is None:
                raise
            chunks = self._blobs.stream(moved, offset, length)
            first = next(chunks, None)
        if first is not None:
            yield first
            yield from chunks

    def _moved(self, ref: _HasPlace) -> str | None:
        """The key that the file has by now, if that is another one."""
        found = self._database.row(_KEY, {"instance_id": ref.id})
        if found is None or found[0] == ref.blob or name_of(found[0]) != name_of(ref.blob):
            return None
        return str(found[0])


_KEY: Final = select(instance.c.blob).where(instance.c.id == bindparam("instance_id"))
