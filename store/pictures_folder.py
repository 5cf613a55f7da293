"""Keeps finished pictures below a folder, up to so many bytes; all processes share it.

    NA/NAME            a picture, after eight bytes that tell whether it is whole; or a film
    making/UUID        a folder in which a process is making a film

Invariants: a picture that is not whole, because it is being written or its writer was killed, is
taken for none, and written anew by whoever asks for it; a film gets its name when it is finished.
What was not asked for longest goes first. No fault of the folder is an error for who asks: the
picture is then made and not kept.
Not here: names (`store.pictures`), who may see a picture (`store.access`).
"""

import errno
import fcntl
import os
import shutil
import struct
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, NamedTuple
from zlib import crc32

from store.blobs import name_of
from store.pictures import MANY, NoPictures

__all__ = ["FolderPictures"]

# Several processes may each add this share of the whole, or of what a sweep left free if that is
# more, before one of them looks at all that there is.
SHARE_BEFORE_SWEEP: Final = 64
FREE_BEFORE_SWEEP: Final = 16
LARGEST_SHARE: Final = 4
# After a sweep this share of the room, over eight, is in use at most.
EIGHTHS_KEPT: Final = 7
# When a picture was last asked for need not be known better than this.
SECONDS_OF_USE: Final = 3600
SECONDS_OF_MAKING: Final = 3600

_TO_WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_HEAD: Final = struct.Struct(">4sI")
_MARK: Final = b"pic1"


class _Kept(NamedTuple):
    used: float
    size: int
    path: str


class FolderPictures:
    """Pictures below `folder`.

    Args:
        folder: made if it is not there.
        max_bytes: what all pictures together may take.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._making = folder / "making"
        self._max_bytes = max_bytes
        # The first picture of a process sweeps, so that a smaller limit is kept to at once.
        self._before_sweep = 0

    def get_or_make(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Return the picture, from its file if there is one."""
        path = self._path(name)
        kept = _read(path)
        if kept is not None:
            return kept
        picture = make()
        if len(picture) <= self._max_bytes // LARGEST_SHARE:
            with suppress(OSError):
                self._keep(path, picture)
        return picture

    def open_or_write(self, name: str, write: Callable[[Path], None]) -> IO[bytes]:
        """Open the film; it stays readable, even when its file is removed meanwhile."""
        path = Path(self._path(name))
        with suppress(OSError):
            film = open(path, "rb")  # noqa: SIM115 - the caller's
            _note_use(film.fileno())
            return film
        room = self._making / uuid.uuid4().hex
        try:
            room.mkdir(parents=True)
        except OSError:
            return NoPictures().open_or_write(name, write)
        try:
            made = room / "film"
            write(made)
            film = open(made, "rb")  # noqa: SIM115 - the caller's
            size = os.fstat(film.fileno()).st_size
            if size <= self._max_bytes // LARGEST_SHARE:
                with suppress(OSError):
                    os.fsync(film.fileno())
                    self._publish(made, path, size)
            return film
        finally:
            shutil.rmtree(room, ignore_errors=True)

    def drop(self, blob: str) -> None:
        """Remove the files whose names begin with the blob's, and those made of several blobs."""
        for first in (name_of(blob), MANY):
            for path in (self._folder / first[:2]).glob(f"{first}.*"):
                path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what was not asked for longest, and what processes that died were making."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._folder / ".sweeping", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another process is at it
        else:
            self._sweep()
        finally:
            os.close(handle)

    def _sweep(self) -> None:
        kept = list(_files(self._folder, self._making.name))
        total = sum(one.size for one in kept)
        excess = total - self._max_bytes * EIGHTHS_KEPT // 8
        for one in sorted(kept) if excess > 0 else ():
            if excess <= 0:
                break
            with suppress(OSError):
                os.unlink(one.path)
            excess -= one.size
        # Looking at every file costs, so it is done often only when there is hardly room left.
        free = (self._max_bytes - total) // FREE_BEFORE_SWEEP
        self._before_sweep = max(self._before_sweep, free)
        for left in self._making.glob("*"):
            with suppress(OSError):
                if left.stat().st_mtime < time.time() - SECONDS_OF_MAKING:
                    shutil.rmtree(left, ignore_errors=True)

    def _keep(self, path: str, picture: bytes) -> None:
        # Under its name at once: renaming would cost as much as writing. Who reads it meanwhile
        # sees that it is not whole, and who writes it meanwhile writes the same.
        try:
            handle = os.open(path, _TO_WRITE, 0o666)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            handle = os.open(path, _TO_WRITE, 0o666)
        try:
            content = _HEAD.pack(_MARK, crc32(picture)) + picture
            if os.write(handle, content) < len(content):
                raise OSError(errno.ENOSPC, "not all could be written")
        except OSError:
            os.unlink(path)
            raise
        finally:
            os.close(handle)
        self._note_added(len(picture))

    def _publish(self, made: Path, path: Path, size: int) -> None:
        try:
            os.rename(made, path)
        except FileNotFoundError:
            path.parent.mkdir(exist_ok=True)
            os.rename(made, path)
        self._note_added(size)

    def _note_added(self, size: int) -> None:
        self._before_sweep -= size
        if self._before_sweep < 0:
            self._before_sweep = self._max_bytes // SHARE_BEFORE_SWEEP
            self.sweep()

    def _path(self, name: str) -> str:
        return f"{self._folder}/{name[:2]}/{name}"


def _read(path: str) -> bytes | None:
    """Return the picture in a file; None when there is none, or not the whole of it."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        size = _note_use(handle)
        kept = os.read(handle, size)
    except OSError:
        return None
    finally:
        os.close(handle)
    if len(kept) < _HEAD.size:
        return None
    mark, check = _HEAD.unpack_from(kept)
    picture = kept[_HEAD.size :]
    return picture if mark == _MARK and check == crc32(picture) else None


def _note_use(handle: int) -> int:
    """Say that a file was asked for, so that it stays; not more often than need be.

    Returns:
        Its size.
    """
    found = os.fstat(handle)
    if found.st_mtime < time.time() - SECONDS_OF_USE:
        with suppress(OSError):
            os.utime(handle)
    return found.st_size


def _files(folder: Path, passed_over: str) -> Iterator[_Kept]:
    for shelf in os.scandir(folder):
        if not shelf.is_dir() or shelf.name == passed_over:
            continue
        for entry in os.scandir(shelf.path):
            with suppress(OSError):
                found = entry.stat()
                yield _Kept(found.st_mtime, found.st_size, entry.path)
