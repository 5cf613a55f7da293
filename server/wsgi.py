"""What a web worker process runs: the application, from settings in its environment.

Not here: starting the workers (`server.serve`).
"""

import gc

from flask import Flask

from server.app import create_app
from server.config import load
from server.logs import set_up_log
from server.processes import exit_with_parent
from server.quiet import silence_libraries
from server.services import Services

__all__ = ["create"]


def create() -> Flask:
    """The application of this worker, which ends when its parent does."""
    exit_with_parent()
    silence_libraries()
    settings = load()
    set_up_log(settings)
    app = create_app(Services(settings))
    # What is there now stays; the collector of garbage need not look at it again and again.
    gc.collect()
    gc.freeze()
    return app
