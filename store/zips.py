"""Pieces of zip archives that are written as a stream, without going back.

Standard: APPNOTE 6.3.10 (4.3.9 data descriptors, 4.4.4 names in UTF-8).
Invariants: entries are stored as they are and have no time of their own, so that the same files
give the same bytes; how long an archive will be is known before it is written, unless it is huge.
Not here: what goes into one (`dicomweb.archives`, `cases.downloads`).
"""

from collections.abc import Sequence
from typing import Final
from zipfile import ZipInfo

__all__ = ["Sink", "entry", "length_of"]

# Of an entry without compression that is written without going back: its header, what follows it,
# and its place in the directory; and the end of the directory.
ENTRY_BYTES: Final = 30 + 16 + 46
END_BYTES: Final = 22
# From here on entries and the directory are longer.
SHORT_BYTES: Final = 2**31
SHORT_FILES: Final = 2**16 - 1


class Sink:
    """Takes what a ZipFile writes; without `tell`, so that it never goes back."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        """Take a piece."""
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def close(self) -> None:
        """A ZipFile leaves what it was given open."""

    def taken(self) -> bytes:
        """What was written since this was asked last."""
        data = b"".join(self._written)
        self._written.clear()
        return data


def entry(name: str) -> ZipInfo:
    """A file of this name."""
    # Without a time of its own an entry has the beginning of 1980, the same for ever.
    info = ZipInfo(name)
    info.external_attr = 0o644 << 16
    return info


def length_of(files: Sequence[tuple[str, int]]) -> int | None:
    """How long an archive of these names and sizes will be; None if it is huge."""
    total = sum(ENTRY_BYTES + 2 * len(name.encode()) + size for name, size in files) + END_BYTES
    # A single file counts as long already when it nearly is.
    is_short = total * 1.05 < SHORT_BYTES and len(files) < SHORT_FILES
    return total if is_short else None
