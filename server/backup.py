"""Backup into a folder, in one go, while the server runs.

    FOLDER/database.sqlite or database.dump   the index
    FOLDER/blobs/YYYYMMDD/NA/NAME             Part 10 files, each copied once
    FOLDER/blobs.txt                          SHA-256, size and key of each of them
    FOLDER/backup.json                        when it was made, of what, and its checks

Invariants: what is in the folder is a whole backup at any time: files are added first, then the
index takes the place of the one before, then files that it does not name go, so that what was
deleted here is not kept there. Blobs never change, so each is read once over all backups. The
secret is not in it.
Not here: putting it back (`server.restore`), the copy of the index (`server.snapshot`).
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from server.errors import CommandFailed
from server.services import Services, now
from server.snapshot import NAMES, snapshot
from store.errors import StoreError

__all__ = [
    "BLOBS",
    "LISTED",
    "MANIFEST",
    "BackedUp",
    "Kept",
    "back_up",
    "digest_of_file",
    "kept_in",
    "place_of",
]

BLOBS: Final = "blobs"
LISTED: Final = "blobs.txt"
MANIFEST: Final = "backup.json"
TRIES: Final = 5
MOVED_ON: Final = "Too much was deleted meanwhile. Make the backup again."


@dataclass(frozen=True)
class BackedUp:
    """What a backup did.

    Attributes:
        blobs, size: how many files it has, and their bytes.
        copied, dropped: how many are new in it, and how many went.
    """

    blobs: int
    size: int
    copied: int
    dropped: int


@dataclass(frozen=True)
class Kept:
    """A file in a backup."""

    digest: str
    size: int


def back_up(services: Services, folder: Path) -> BackedUp:
    """Make, or bring up to date, the backup in a folder.

    Raises:
        CommandFailed: it cannot be written, or something that is named is missing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _alone(folder):
            return _back_up(services, folder)
    except OSError:
        raise CommandFailed("The backup cannot be written there.") from None


def kept_in(folder: Path) -> dict[str, Kept]:
    """The files that a backup lists, by key."""
    try:
        lines = (folder / LISTED).read_text("ascii").splitlines()
    except FileNotFoundError:
        return {}
    rows = (line.split(" ") for line in lines)
    return {key: Kept(digest, int(size)) for digest, size, key in rows}


def place_of(folder: Path, key: str) -> Path:
    """Where the file of a key lies."""
    day, _, name = key.partition("/")
    if not (day.isalnum() and name.isalnum()):
        raise CommandFailed("The index names a file in a way that this version does not know.")
    return folder / BLOBS / day / name[:2] / name


def digest_of_file(path: Path) -> str:
    """Its SHA-256."""
    with open(path, "rb") as file:
        found = sha256()
        while chunk := file.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()


def _back_up(services: Services, folder: Path) -> BackedUp:
    kind = services.database.engine.dialect.name
    fresh = folder / f"{NAMES[kind]}.new"
    before, kept = kept_in(folder), kept_in(folder)
    for _ in range(TRIES):
        fresh.unlink(missing_ok=True)
        with snapshot(services.database, fresh) as blobs:
            named, missing = _copy(services, folder, blobs, kept)
        if not missing:
            break
    else:
        raise CommandFailed(MOVED_ON)
    _sync(fresh)
    made = {key: kept[key] for key in named}
    _write(folder / LISTED, "".join(f"{k.digest} {k.size} {key}\n" for key, k in kept.items()))
    os.replace(fresh, folder / NAMES[kind])
    size = sum(one.size for one in made.values())
    said = {
        "made_at": now().isoformat(timespec="seconds"),
        "database": NAMES[kind],
        "sha256": digest_of_file(folder / NAMES[kind]),
        "blobs": len(made),
        "bytes": size,
    }
    _write(folder / MANIFEST, json.dumps(said, indent=2) + "\n")
    gone = kept.keys() - made.keys()
    for key in gone:
        place_of(folder, key).unlink(missing_ok=True)
    _write(folder / LISTED, "".join(f"{k.digest} {k.size} {key}\n" for key, k in made.items()))
    return BackedUp(len(made), size, len(made.keys() - before.keys()), len(gone))


def _copy(
    services: Services, folder: Path, blobs: Iterator[tuple[str, int]], kept: dict[str, Kept]
) -> tuple[set[str], bool]:
    """Copy what is named and not kept yet; what is named, and whether something is missing."""
    named, missing = set(), False
    for key, size in blobs:
        named.add(key)
        place = place_of(folder, key)
        known = kept.get(key)
        if known is not None and known.size == size and place.is_file():
            continue
        try:
            kept[key] = _copied(services, key, place)
        except StoreError:
            # Deleted since the copy of the index; the next copy does not name it.
            missing = True
    return named, missing


def _copied(services: Services, key: str, place: Path) -> Kept:
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh, digest, size = place.with_suffix(".new"), sha256(), 0
    with open(fresh, "wb") as file:
        for chunk in services.blobs.stream(key):
            digest.update(chunk)
            size += file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, place)
    return Kept(digest.hexdigest(), size)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CommandFailed("Another backup is being made there.") from None
    finally:
        os.close(handle)


def _write(path: Path, said: str) -> None:
    fresh = path.with_suffix(f"{path.suffix}.new")
    fresh.write_text(said, "ascii")
    _sync(fresh)
    os.replace(fresh, path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
