"""What a web worker process runs: the application, from settings in its environment.

Invariants: making the application opens no connection and starts no thread, so that workers can be
forked from a process that has made it (`server.jobs`), and share it.
Not here: starting the workers (`server.serve`).
"""

import gc
import signal
from functools import cache

from flask import Flask

from server.app import create_app
from server.config import load
from server.logs import set_up_log
from server.processes import exit_with_parent
from server.quiet import silence_libraries
from server.services import Services

__all__ = ["application", "create"]


@cache
def application() -> Flask:
    """The application; made once in a process, and in those that are forked from it."""
    app = create_app(Services(load()))
    # What is there now stays; the collector of garbage need not look at it again and again.
    gc.collect()
    gc.freeze()
    return app


def create() -> Flask:
    """The application of this worker, which ends when its parent does."""
    # What the server's process does about it, which this one is a copy of, would end nothing here;
    # granian says what to do when the application is there.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    exit_with_parent()
    silence_libraries()
    set_up_log(load())
    return application()
