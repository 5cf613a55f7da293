"""What a web worker process runs: the application, from settings in its environment.

Not here: starting the workers (`server.serve`).
"""

from flask import Flask

from server.app import create_app
from server.config import load
from server.processes import exit_with_parent
from server.quiet import silence_libraries
from server.services import Services

__all__ = ["create"]


def create() -> Flask:
    """The application of this worker, which ends when its parent does."""
    exit_with_parent()
    silence_libraries()
    return create_app(Services(load()))
