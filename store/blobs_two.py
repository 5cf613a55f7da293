"""Blobs in two places, told apart by their keys: one for all, one for what is private.

    YYYYMMDD/NAME             in the shared place
    privateYYYYMMDD/NAME      in the private one, where its key is YYYYMMDD/NAME

Invariants: what comes in is written to the shared place, and only copied to the private one, as
nobody knows yet in which series it is; whoever reads needs the key and nothing else.
Not here: what lies where (`store.private_blobs`), the places (`store.blobs`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from store.blobs import Blobs, BlobWriter, IsKnown

__all__ = ["PRIVATE", "TwoBlobs"]

PRIVATE: Final = "private"
"""What keys of the private place begin with; no other key does."""


class _PrivateWriter:
    """A writer of the private place, by the key that readers use."""

    def __init__(self, writer: BlobWriter) -> None:
        self.key = PRIVATE + writer.key
        self.writer = writer
        self.write = writer.write
        self.read = writer.read
        self.seal = writer.seal
        self.discard = writer.discard


class TwoBlobs:
    """Two places as one.

    Args:
        shared: for what comes in, and all that is not private.
        private: for what is.
    """

    def __init__(self, shared: Blobs, private: Blobs) -> None:
        self._shared = shared
        self._private = private

    def create(self) -> BlobWriter:
        """Start a new blob in the shared place."""
        return self._shared.create()

    def begin_copy(self, key: str, *, private: bool | None = None) -> BlobWriter:
        """Start a copy of a blob.

        Args:
            key: of the blob.
            private: in which place; None for the one in which the blob lies.
        """
        if key.startswith(PRIVATE) if private is None else private:
            return _PrivateWriter(self._private.begin_copy(key))
        return self._shared.begin_copy(key)

    def settle(self, writers: Sequence[BlobWriter]) -> None:
        """Return when all that was written would survive a power cut."""
        shared = [one for one in writers if not isinstance(one, _PrivateWriter)]
        if shared:
            self._shared.settle(shared)
        if len(shared) < len(writers):
            self._private.settle([one.writer for one in writers if isinstance(one, _PrivateWriter)])

    def publish(self, keys: Sequence[str]) -> None:
        """Move settled blobs, which the index has by now, to their final places."""
        shared = [key for key in keys if not key.startswith(PRIVATE)]
        if shared:
            self._shared.publish(shared)
        if len(shared) < len(keys):
            self._private.publish(
                [key.removeprefix(PRIVATE) for key in keys if key.startswith(PRIVATE)]
            )

    def adopt(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write a whole blob under a key that it has had elsewhere; it is safe when this returns.

        Raises:
            StoreFull: no room is left.
        """
        place, own = self._place(key)
        place.adopt(own, chunks)

    def read(self, key: str, offset: int, length: int) -> bytes:
        """The bytes from `offset`; fewer than `length` at the end of the blob."""
        place, own = self._place(key)
        return place.read(own, offset, length)

    def read_into(self, key: str, offset: int, room: memoryview) -> int:
        """Read bytes from `offset` into `room`; return how many: fewer at the end of the blob."""
        place, own = self._place(key)
        return place.read_into(own, offset, room)

    def stream(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `offset` to the end, or `length` of them, in chunks."""
        place, own = self._place(key)
        return place.stream(own, offset, length)

    def delete(self, key: str) -> None:
        """Remove the blob; removing what is not there is no error."""
        place, own = self._place(key)
        place.delete(own)

    def recover(self, is_known: IsKnown) -> int:
        """Clear what processes that died left behind, in both places; return how much it was."""

        def is_known_private(keys: Sequence[str]) -> set[str]:
            known = is_known([PRIVATE + key for key in keys])
            return {key.removeprefix(PRIVATE) for key in known}

        return self._shared.recover(is_known) + self._private.recover(is_known_private)

    def _place(self, key: str) -> tuple[Blobs, str]:
        if key.startswith(PRIVATE):
            return self._private, key.removeprefix(PRIVATE)
        return self._shared, key
