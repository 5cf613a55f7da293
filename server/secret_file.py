"""The files of the server's secret, and how one takes the place of another.

    secret             wraps every key that is made
    secret.previous    the one before; there only while a rotation is not finished

Invariants: whenever the machine stops, each key in the database is wrapped by one of the two files;
both names are on disk before any key is wrapped anew.
Not here: reading or making `secret` (`server.config`), wrapping (`store.keys`).
"""

import os
from pathlib import Path

from server.config import Settings
from server.errors import CommandFailed

__all__ = ["begin_rotation", "finish_rotation", "previous_secret"]


def previous_secret(settings: Settings) -> bytes | None:
    """The secret before the present one, while a rotation is not finished."""
    if settings.secret:
        return None
    try:
        return _previous(settings).read_bytes()
    except FileNotFoundError:
        return None


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
