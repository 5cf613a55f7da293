"""What rows share: the data, the temporary folders, and servers that are already filled.

Invariants: servers write to a disk, the files that clients read lie in memory where there is room;
everything below the two temporary folders is removed by ``close``.
Not here: the making of data (``bench.data``).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench import data
from bench.peers import PEERS, Peer

SHARED_MEMORY = Path("/dev/shm")
WARM = 12


@dataclass(frozen=True)
class Size:
    """How much work one turn is."""

    slices: int
    studies: int
    seconds: float
    memory: int


FULL = Size(slices=200, studies=50, seconds=3.0, memory=512 << 20)
QUICK = Size(slices=20, studies=5, seconds=0.5, memory=64 << 20)


@dataclass(frozen=True)
class Library:
    """A filled server, and the paths of what it holds (for nginx, of frames alone)."""

    peer: Peer
    series: str
    instances: tuple[str, ...]
    frames: tuple[str, ...]


class Context:
    """Everything that a row needs besides its own work; use as a ``with`` block."""

    def __init__(self, disk: Path, size: Size, rounds: int) -> None:
        self.size = size
        self.rounds = rounds
        self._disk = Path(tempfile.mkdtemp(prefix="bench-", dir=disk))
        self._memory = Path(tempfile.mkdtemp(prefix="bench-", dir=_memory_folder(disk)))
        self.libraries: dict[str, Library] = {}
        self.checked: set[tuple[str, str]] = set()  # row and column whose answer was right
        self._open = ExitStack()

    @cached_property
    def slices(self) -> list[data.Slice]:
        """The CT series of the ingest and frame rows."""
        return data.ct_series(self.size.slices)

    @cached_property
    def warm_slices(self) -> list[data.Slice]:
        """A few small slices of another study, sent before anything is timed."""
        return data.ct_series(WARM, study=2, side=64)

    @cached_property
    def other_studies(self) -> list[data.Slice]:
        """Small studies that, with the CT series, make up the study list."""
        return data.many_studies(self.size.studies - 1)

    def slice_folder(self, parts: int) -> Path:
        """A folder of the CT series as files, in so many folders of a part each."""
        folder = self._memory / f"slices-{parts}"
        if not folder.exists():
            data.write_slices(self.slices, folder, parts)
        return folder

    @cached_property
    def warm_folder(self) -> Path:
        """The warm-up slices as files."""
        folder = self._memory / "warm"
        data.write_slices(self.warm_slices, folder, parts=1)
        return folder

    @cached_property
    def large(self) -> data.Large:
        """The multi-frame instance of the memory rows."""
        return data.large_multiframe(self.size.memory)

    @cached_property
    def large_folder(self) -> Path:
        """A folder with it as a file; on the disk, since it may be larger than the memory."""
        folder = self._disk / "large"
        folder.mkdir()
        with (folder / "large.dcm").open("wb") as file:
            file.writelines(self.large.chunks())
        return folder

    @contextmanager
    def fresh(self, column: str) -> Iterator[Peer]:
        """Start a server on an empty store; stop it afterwards.

        The store stays until ``close``: where files were deleted, ext4 looks for minutes past each
        of their inodes before it makes another, at the cost of whoever comes next.
        """
        folder = Path(tempfile.mkdtemp(prefix=f"{column}-", dir=self._disk))
        with PEERS[column]() as peer:
            peer.start(folder)
            yield peer

    def keep(self, column: str) -> Peer:
        """Start a server on an empty store that runs until ``close``."""
        return self._open.enter_context(self.fresh(column))

    def close(self) -> None:
        """Stop what is left and remove the temporary folders."""
        try:
            self._open.close()
        finally:
            shutil.rmtree(self._disk, ignore_errors=True)
            shutil.rmtree(self._memory, ignore_errors=True)

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _memory_folder(disk: Path) -> Path:
    """Return /dev/shm when the slices fit well, else the disk."""
    enough = 1 << 30
    if SHARED_MEMORY.is_dir() and shutil.disk_usage(SHARED_MEMORY).free > enough:
        return SHARED_MEMORY
    return disk
