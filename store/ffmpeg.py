"""Runs the ffmpeg program, if it is installed, within bounds.

Invariants: what it reads and writes are pipes, and files of this process's choice. It gets no
environment, no network, and a limited time, memory and size of file; it has ended before the call
returns. What it says is never kept. Not more than a few run at once.
Not here: what it is asked to do (`store.moving`).
"""

import resource
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache
from threading import BoundedSemaphore, Timer
from typing import IO, Final

from store.errors import CannotDecode, StoreBusy

__all__ = ["is_installed", "run"]

AT_ONCE: Final = 2
SECONDS_TO_WAIT: Final = 20
SECONDS: Final = 120
MEMORY_BYTES: Final = 3 << 30
FILE_BYTES: Final = 2 << 30
_ALWAYS: Final = ("-nostdin", "-hide_banner", "-loglevel", "quiet", "-y", "-threads", "2")

_running = BoundedSemaphore(AT_ONCE)


@cache
def is_installed() -> bool:
    """Tell whether there is an ffmpeg program."""
    return _program() is not None


def run(
    arguments: Sequence[str], feed: Iterable[bytes] | IO[bytes], *, seconds: float = SECONDS
) -> bytes:
    """Run ffmpeg and return what it writes to its standard output.

    Args:
        arguments: after those that it always gets.
        feed: its standard input: pieces, or an open file, in which it may seek.
        seconds: after which it is ended.

    Raises:
        CannotDecode: it is not installed, does not succeed, or not in time.
        StoreBusy: too many run already.
    """
    program = _program()
    if program is None:
        raise CannotDecode("Films cannot be made here.")
    if not _running.acquire(timeout=SECONDS_TO_WAIT):
        raise StoreBusy("Too many films are being made.")
    try:
        return _run([program, *_ALWAYS, *arguments], feed, seconds)
    finally:
        _running.release()


def _run(command: Sequence[str], feed: Iterable[bytes] | IO[bytes], seconds: float) -> bytes:
    handle = feed.fileno() if hasattr(feed, "fileno") else subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603 - no shell, and no argument is a caller's text
        command,
        stdin=handle,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={},
        cwd="/",
    )
    ending = Timer(seconds, process.kill)
    ending.daemon = True
    ending.start()
    try:
        _limit(process.pid, int(seconds))
        if process.stdin is not None:
            with suppress(BrokenPipeError), process.stdin:
                for piece in feed:
                    process.stdin.write(piece)
        assert process.stdout is not None
        output = process.stdout.read()
        if process.wait() != 0:
            raise CannotDecode("The film cannot be made.")
        return output
    finally:
        ending.cancel()
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _limit(pid: int, seconds: int) -> None:
    with suppress(ProcessLookupError):
        resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        resource.prlimit(pid, resource.RLIMIT_CPU, (2 * seconds, 2 * seconds))


@cache
def _program() -> str | None:
    return shutil.which("ffmpeg")
