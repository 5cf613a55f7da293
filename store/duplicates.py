"""Tells a repetition from another image under the same SOP Instance UID.

The same image in another transfer syntax is a repetition; in the same one its pixel data must be
the same, else one of the two would be lost without anybody being told.
Invariants: frames are compared, not files: a sender may cut the same compressed frame into other
fragments, or write an offset table; memory is one frame, or one chunk of a native value.
Not here: what becomes of either (`store.ingest`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from store.blobs import CHUNK_BYTES
from store.frames import FrameIndex
from store.streamed import PIXEL_DATA_TAGS, Read, StreamedValue, data_set_reader

__all__ = ["Pixels", "is_repetition"]


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


def is_repetition(new: Pixels, stored: Pixels) -> bool:
    """Whether nothing is lost when the new one is not stored."""
    if new.transfer_syntax != stored.transfer_syntax:
        return True
    if new.frames.frames != stored.frames.frames:
        return False
    if not new.frames.is_encapsulated and new.span()[1] != stored.span()[1]:
        return False
    return all(a == b for a, b in zip(new.pieces(), stored.pieces(), strict=True))
