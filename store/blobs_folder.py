"""Blobs as files below one folder.

    incoming/PROCESS/NAME     being written; the folder is locked while its process lives
    YYYYMMDD/NA/NAME          published

Invariants: a key is `YYYYMMDD/NAME`, made here, never from input. A blob that was settled but not
yet moved is found by readers in `incoming`, so the index may name it as soon as it is settled.
Not here: the contract and its three steps (`store.blobs`).
"""

import errno
import fcntl
import os
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from threading import Lock

from store.blobs import CHUNK_BYTES, BlobWriter, IsKnown, key_of_copy
from store.errors import StoreError, StoreFull

__all__ = ["FolderBlobs"]

SYNC_THREADS = 8
SPARE_FILES = 64
SMALL_BYTES = 32 * 1024
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class _FileWriter:
    def __init__(self, path: str, syncing: ThreadPoolExecutor) -> None:
        self.key = _key(path.rpartition("/")[2])
        self.path = path
        self._syncing = syncing
        self._synced: Future[None] | None = None
        # A bare handle: the de-identifier writes a header and then large chunks, and a file
        # object costs more than opening and closing it.
        self._handle: int | None = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        # What waits to be written with the next large chunk, so that a header costs no call.
        self._small: list[bytes] = []
        self._waiting = 0

    def write(self, data: bytes | memoryview) -> object:
        if len(data) < SMALL_BYTES and self._waiting < SMALL_BYTES:
            self._small.append(bytes(data))
            self._waiting += len(data)
        else:
            self._write(data)
        return None

    def _write(self, data: bytes | memoryview) -> None:
        assert self._handle is not None
        try:
            _write_all(self._handle, self._take_small(), data)
        except OSError as error:
            raise _translated(error) from None

    def _take_small(self) -> bytes:
        small = b"".join(self._small)
        self._small.clear()
        self._waiting = 0
        return small

    def read(self, offset: int, length: int) -> bytes:
        if self._handle is not None:
            if self._small:
                self._write(b"")
            return os.pread(self._handle, length, offset)
        # The end may still be on its way.
        self.settle()
        handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(handle, length, offset)
        finally:
            os.close(handle)

    def seal(self) -> None:
        # The file is closed, so that a large batch does not hold hundreds of them open.
        if self._handle is not None:
            handle, self._handle = self._handle, None
            self._synced = self._syncing.submit(_finish, handle, self._take_small())

    def settle(self) -> None:
        try:
            if self._synced is not None:
                self._synced.result()
            elif self._handle is not None:
                handle, self._handle = self._handle, None
                _finish(handle, self._take_small())
        except OSError as error:
            raise _translated(error) from None

    def discard(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        with suppress(FileNotFoundError):
            os.unlink(self.path)


class FolderBlobs:
    """Blobs below `root`, for one process.

    Args:
        root: the folder; made if it is not there.
        clock: gives the present time; only the date goes into keys.
    """

    def __init__(self, root: Path, clock: Callable[[], datetime]) -> None:
        self._root = root
        self._clock = clock
        self._incoming = root / "incoming"
        # Syncs that run together cost the disk hardly more than one.
        self._syncing = ThreadPoolExecutor(SYNC_THREADS, "blob-sync")
        self._mine: Path | None = None
        self._spare: list[str] = []
        self._taking = Lock()
        self._making: Future[list[str]] | None = None
        self._lock: int | None = None
        self._incoming.mkdir(parents=True, exist_ok=True)

    def create(self) -> BlobWriter:
        """Take an empty file of this process's own folder."""
        try:
            with self._taking:
                if not self._spare:
                    self._spare = self._made_spare()
                path = self._spare.pop()
                if len(self._spare) < SPARE_FILES // 2 and self._making is None:
                    self._making = self._syncing.submit(self._make_spare)
            return _FileWriter(path, self._syncing)
        except OSError as error:
            raise _translated(error) from None

    def begin_copy(self, key: str) -> BlobWriter:
        """Make an empty file of this process's own folder; its name is safe."""
        try:
            folder = self._own_folder()
            path = f"{folder}/{_flat(key_of_copy(key, self._clock()))}"
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            _sync_folder(folder)
            return _FileWriter(path, self._syncing)
        except OSError as error:
            raise _translated(error) from None

    def settle(self, writers: Sequence[BlobWriter]) -> None:
        """Wait until the bytes of each file are synced; their names are already."""
        for writer in writers:
            assert isinstance(writer, _FileWriter)
            writer.settle()

    def publish(self, keys: Sequence[str]) -> None:
        """Rename the files; a crash before the rename is on disk is mended by `recover`."""
        for key in keys:
            self._move(f"{self._own_folder()}/{_flat(key)}", key)

    def adopt(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write the file beside its place, and move it there when it is safe."""
        final = self._final(key)
        fresh = final.with_name(f"{final.name}.{uuid.uuid4().hex}")
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            with open(fresh, "xb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(fresh, final)
            _sync_folder(final.parent)
        except OSError as error:
            raise _translated(error) from None
        finally:
            fresh.unlink(missing_ok=True)

    def read(self, key: str, offset: int, length: int) -> bytes:
        """The bytes from `offset`; fewer than `length` at the end of the file."""
        handle = self._open(key)
        try:
            return os.pread(handle, length, offset)
        finally:
            os.close(handle)

    def read_into(self, key: str, offset: int, room: memoryview) -> int:
        """Read bytes from `offset` into `room`; return how many: fewer at the end of the file."""
        handle = self._open(key)
        try:
            return os.preadv(handle, [room], offset)
        finally:
            os.close(handle)

    def stream(self, key: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `offset`, in chunks; the file stays readable even if it is deleted."""
        handle = self._open(key)
        try:
            while length is None or length > 0:
                size = CHUNK_BYTES if length is None else min(CHUNK_BYTES, length)
                chunk = os.pread(handle, size, offset)
                if not chunk:
                    return
                offset += len(chunk)
                if length is not None:
                    length -= len(chunk)
                yield chunk
        finally:
            os.close(handle)

    def delete(self, key: str) -> None:
        """Remove the file; once this has returned, a power cut does not bring it back."""
        final = self._final(key)
        # A process that died between commit and rename has left it in `incoming`.
        for path in (*self._incoming.glob(f"*/{_flat(key)}"), final):
            path.unlink(missing_ok=True)
        if final.parent.is_dir():
            _sync_folder(final.parent)

    def recover(self, is_known: IsKnown) -> int:
        """Take up each folder in `incoming` whose process no longer holds its lock."""
        mended = 0
        for lock_file in self._incoming.glob("*.lock"):
            handle = os.open(lock_file, os.O_RDWR)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(handle)
                continue
            folder = lock_file.with_suffix("")
            mended += self._take_up(folder, is_known)
            shutil.rmtree(folder, ignore_errors=True)
            lock_file.unlink(missing_ok=True)
            os.close(handle)
        return mended

    def _take_up(self, folder: Path, is_known: IsKnown) -> int:
        left = {_key(path.name): path for path in folder.glob("*")}
        known = is_known(list(left))
        mended = 0
        for key, path in left.items():
            # A spare file that was never written to is no leftover.
            mended += path.stat().st_size > 0
            if key in known:
                self._move(path, key)
            else:
                path.unlink()
        return mended

    def _made_spare(self) -> list[str]:
        making, self._making = self._making, None
        if making is not None:
            # If there was no room then, there may be by now.
            with suppress(OSError):
                return making.result()
        return self._make_spare()

    def _make_spare(self) -> list[str]:
        """Empty files whose names are safe, so that an instance alone costs no folder sync.

        Their names begin alike, so that they will lie in one folder: a day has 256 of them, and
        making one costs more than all else about its files.
        """
        folder, day, common = self._own_folder(), f"{self._clock():%Y%m%d}", uuid.uuid4().hex[:2]
        names = (f"{day}/{common}{uuid.uuid4().hex[2:]}" for _ in range(SPARE_FILES))
        paths = [f"{folder}/{_flat(name)}" for name in names]
        for path in paths:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        _sync_folder(folder)
        return paths

    def _own_folder(self) -> Path:
        # Made at the first write, so a process that only reads leaves nothing behind.
        if self._mine is None:
            folder = self._incoming / uuid.uuid4().hex
            folder.mkdir()
            # Locked before it has the name that `recover` looks for.
            handle = os.open(folder.with_suffix(".new"), os.O_CREAT | os.O_RDWR, 0o600)
            fcntl.flock(handle, fcntl.LOCK_EX)
            os.rename(folder.with_suffix(".new"), folder.with_suffix(".lock"))
            _sync_folder(self._incoming)
            self._mine, self._lock = folder, handle
        return self._mine

    def _open(self, key: str) -> int:
        # Between the index's commit and the rename the file is still in `incoming`, and it may
        # move between two looks, hence the second look at the final place.
        final = self._place(key)
        try:
            return os.open(final, os.O_RDONLY)
        except FileNotFoundError:
            pass
        for place in (*map(str, self._incoming.glob(f"*/{_flat(key)}")), final):
            try:
                return os.open(place, os.O_RDONLY)
            except FileNotFoundError:
                continue
        raise StoreError("A stored file is missing from the blob folder.")

    def _move(self, path: Path | str, key: str) -> None:
        final = self._place(key)
        try:
            os.rename(path, final)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(final), exist_ok=True)
            os.rename(path, final)

    def _final(self, key: str) -> Path:
        return Path(self._place(key))

    def _place(self, key: str) -> str:
        # A Path is made in the time in which a frame is read.
        day, name = key.split("/")
        return f"{self._root}/{day}/{name[:2]}/{name}"


def _flat(key: str) -> str:
    return key.replace("/", "-")


def _key(flat: str) -> str:
    return flat.replace("-", "/")


def _write_all(handle: int, *pieces: bytes | memoryview) -> None:
    written, whole = os.writev(handle, pieces), sum(map(len, pieces))
    while written < whole:
        # A disk that is nearly full takes a part, and says so at the next call.
        written += os.write(handle, memoryview(b"".join(pieces))[written:])


def _finish(handle: int, rest: bytes) -> None:
    """Write what is left, sync and close."""
    try:
        if rest:
            _write_all(handle, rest)
        os.fdatasync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _translated(error: OSError) -> StoreError:
    if error.errno in NO_ROOM:
        return StoreFull("The blob folder has no room for another instance.")
    return StoreError("The blob folder cannot be written.")
