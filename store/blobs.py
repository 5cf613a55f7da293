"""Blobs: named runs of bytes that are written once, then only read, then perhaps deleted.

The contract that makes ingest durable, in three steps: `settle` makes what was written safe
against a power cut, then the index names the keys in its own transaction, then `publish` moves
them to their places. A process that dies before the index knew a key leaves a blob that nobody
can reach and that `recover` removes; one that dies after it leaves a blob that `recover` publishes.
Invariants: readers may open a key as soon as the index has it. Only de-identified bytes come here.
A blob keeps its name, the last part of its key without what follows 32 digits, when it is copied to
another key; what is kept by name stays right.
Not here: which blob belongs to which instance (`store.schema`), two places told apart by their keys
(`store.blobs_two`).
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

__all__ = ["CHUNK_BYTES", "BlobWriter", "Blobs", "IsKnown", "key_of_copy", "name_of"]

CHUNK_BYTES = 256 * 1024
NAME_CHARACTERS = 32

IsKnown = Callable[[Sequence[str]], set[str]]


def name_of(key: str) -> str:
    """What a blob is called, under whatever key it lies."""
    return key.rpartition("/")[2][:NAME_CHARACTERS]


def key_of_copy(key: str, now: datetime) -> str:
    """A key for a copy of a blob: of the same name, and never used before."""
    return f"{now:%Y%m%d}/{name_of(key)}{uuid.uuid4().hex}"


class BlobWriter(Protocol):
    """One blob being written."""

    @property
    def key(self) -> str:
        """The name under which the blob will be read."""

    def write(self, data: bytes | memoryview) -> object:
        """Append the bytes, which are good during the call only.

        Raises:
            StoreFull: no room is left.
        """

    def read(self, offset: int, length: int) -> bytes:
        """Bytes that were written already, for comparing with what is stored."""

    def seal(self) -> None:
        """Say that all bytes are written; making them safe may begin, next to other work."""

    def discard(self) -> None:
        """Forget the blob and everything written to it. May be called twice."""


class Blobs(Protocol):
    """A place for blobs: a folder (`store.blobs_folder`) or a bucket (`store.blobs_s3`)."""

    def create(self) -> BlobWriter:
        """Start a new blob under a key of its own."""

    def begin_copy(self, key: str) -> BlobWriter:
        """Start a blob that is to hold the same bytes as another, under a new key of its name.

        Args:
            key: of the other, wherever that lies.
        """

    def settle(self, writers: Sequence[BlobWriter]) -> None:
        """Return when all that was written would survive a power cut."""

    def publish(self, keys: Sequence[str]) -> None:
        """Move settled blobs, which the index has by now, to their final places."""

    def adopt(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a whole blob under a key that it has had elsewhere; it is safe when this returns.

        Raises:
            StoreFull: no room is left.
        """

    def read(self, key: str, offset: int, length: int) -> bytes:
        """The bytes from `offset`; fewer than `length` at the end of the blob."""

    def read_into(self, key: str, offset: int, room: memoryview) -> int:
        """Read bytes from `offset` into `room`; return how many: fewer at the end of the blob."""

    def stream(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `offset` to the end, or `length` of them, in chunks."""

    def delete(self, key: str) -> None:
        """Remove the blob; removing what is not there is no error."""

    def recover(self, is_known: IsKnown) -> int:
        """Clear what processes that died left behind.

        Args:
            is_known: given keys, returns those that the index has.

        Returns:
            How many leftovers were removed or moved to their places.
        """
