"""The files of the server's secret, and how one takes the place of another.

    secret             wraps every key that is made
    secret.previous    the one before; there only while a rotation is not finished

Invariants: whenever the machine stops, each key in the database is wrapped by one of the two files;
both names are on disk before any key is wrapped anew; one command at a time changes them.
Not here: reading or making `secret` (`server.config`), wrapping (`store.keys`).
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from server.config import Settings
from server.errors import CommandFailed

__all__ = ["alone", "begin_rotation", "finish_rotation", "secrets_in_force"]


def secrets_in_force(settings: Settings) -> list[bytes]:
    """The secrets by which keys may be wrapped now; the first wraps new ones."""
    if settings.secret:
        return [settings.secret.encode()]
    found = []
    # In this order a rotation that happens in between leaves the same secret twice.
    for path in (_present(settings), _previous(settings)):
        with suppress(FileNotFoundError):
            found.append(path.read_bytes())
    return found


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Keep other commands from changing the secret or the keys.

    Raises:
        CommandFailed: another one does so at present.
    """
    handle = os.open(settings.data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CommandFailed("Another command is changing the secret.") from None
    finally:
        os.close(handle)


def begin_rotation(settings: Settings, new: bytes) -> None:
    """Keep the secret as the previous one and put the new one in its place.

    Raises:
        CommandFailed: the files cannot be written.
    """
    path, fresh = _present(settings), settings.data / f"secret.{os.getpid()}"
    try:
        os.link(path, _previous(settings))
        _sync(settings.data)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, new)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(fresh, path)
        _sync(settings.data)
    except OSError:
        raise CommandFailed("The file of the secret cannot be written.") from None
    finally:
        fresh.unlink(missing_ok=True)


def finish_rotation(settings: Settings) -> None:
    """Forget the previous secret."""
    _previous(settings).unlink(missing_ok=True)
    _sync(settings.data)


def _present(settings: Settings) -> Path:
    return settings.data / "secret"


def _previous(settings: Settings) -> Path:
    return settings.data / "secret.previous"


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
