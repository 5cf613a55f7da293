"""The processes of one `readingroom serve`, and how they end together.

    supervisor (this command) ─┬─ web ── web workers
                               ├─ dimse 1, 2
                               └─ jobs

Each is forked from a process that has imported, once for all of them, what they need
(`server.preloaded`): a start costs one import instead of seven, and they share its memory.
Invariants: when the supervisor is gone, however it went, its children end within seconds; when a
child ends by itself, the supervisor ends the others and fails.
Not here: what the processes do (`server.jobs`).
"""

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection, forkserver, get_context, parent_process
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess
from types import FrameType

__all__ = ["exit_with_parent", "run_together", "starting"]

LOOK_EVERY_SECONDS = 0.5
LONGEST_FOLDER = 60
STOP_SECONDS = 20


def starting() -> ForkServerContext | SpawnContext:
    """How the processes are started: forked, or afresh where that is not possible."""
    folder = _folder_of_socket()
    if folder is None:
        return get_context("spawn")
    context = get_context("forkserver")
    context.set_forkserver_preload(["server.preloaded"])
    # It makes its socket in the folder for temporary files, and nothing else is there by then.
    usual, tempfile.tempdir = tempfile.tempdir, folder
    try:
        forkserver.ensure_running()
    finally:
        tempfile.tempdir = usual
    return context


def _folder_of_socket() -> str | None:
    """A folder whose path leaves room for a socket's: 107 bytes are all it may have (unix(7))."""
    for folder in (tempfile.gettempdir(), "/tmp", "/dev/shm"):  # noqa: S108 - no data go there
        if len(os.fsencode(folder)) <= LONGEST_FOLDER and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return None


def exit_with_parent() -> None:
    """End this process, which multiprocessing started, when its parent has ended."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        # Returns at once when the parent was gone before this process had begun.
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def run_together(jobs: Mapping[str, Callable[[], None]], ready: Callable[[], None]) -> str | None:
    """Run each job in a process of its own until a signal comes or one of them ends.

    Args:
        jobs: by name; each must be picklable.
        ready: called when all are started.

    Returns:
        The name of the job that ended by itself; None after SIGTERM or SIGINT.
    """
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    context = starting()
    processes = {name: context.Process(target=job, name=name) for name, job in jobs.items()}
    for process in processes.values():
        process.start()
    ready()
    ended = _wait(processes, stop)
    _end(list(processes.values()))
    return ended


def _wait(processes: Mapping[str, BaseProcess], stop: threading.Event) -> str | None:
    sentinels = {process.sentinel: name for name, process in processes.items()}
    while not stop.is_set():
        ended = connection.wait(list(sentinels), LOOK_EVERY_SECONDS)
        if ended and not stop.is_set():
            return sentinels[int(ended[0])]  # type: ignore[arg-type]
    return None


def _end(processes: Sequence[BaseProcess]) -> None:
    for process in processes:
        if process.is_alive():
            process.terminate()
    end = time.monotonic() + STOP_SECONDS
    for process in processes:
        process.join(max(0.1, end - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
