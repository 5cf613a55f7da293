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
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection, get_context, parent_process
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from types import FrameType

__all__ = ["exit_with_parent", "run_together", "starting"]

LOOK_EVERY_SECONDS = 0.5
STOP_SECONDS = 20


def starting() -> ForkServerContext:
    """How the processes are started."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["server.preloaded"])
    return context


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
