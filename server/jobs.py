"""What the child processes of `readingroom serve` run: web server, DIMSE listeners, jobs.

Invariants: each imports what it needs and no more; each ends with its parent.
Not here: starting and ending them (`server.processes`).
"""

import os
import resource
import signal
import threading
from dataclasses import dataclass
from multiprocessing import set_start_method
from multiprocessing.synchronize import BoundedSemaphore
from socket import socket
from types import FrameType

from server.config import Settings, to_environment
from server.logs import set_up_log
from server.processes import exit_with_parent
from server.quiet import silence_libraries

__all__ = ["Shared", "run_dimse", "run_jobs", "run_web"]


@dataclass(frozen=True)
class Shared:
    """What the processes that listen for DIMSE have in common.

    Attributes:
        plain: the port, bound.
        secure: the port where TLS is spoken, bound; None for none.
        places: for associations.
    """

    plain: socket
    secure: socket | None
    places: BoundedSemaphore

    def close(self) -> None:
        """Leave the ports to the processes that have been started."""
        self.plain.close()
        if self.secure is not None:
            self.secure.close()


def run_web(settings: Settings) -> None:
    """Run the web workers; they load the application by themselves (`server.wsgi`)."""
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.log import LogLevels
    from granian.server import Server

    from server.edge import edge_of
    from server.metrics import FOLDER, empty
    from server.wsgi import application

    exit_with_parent()
    _raise_file_limit()
    # So that the workers, too, have what this process was forked with.
    set_start_method("fork", force=True)
    os.environ.update(to_environment(settings))
    # So that the workers count together; what is named so is the library's to read.
    counters = settings.data.absolute() / FOLDER
    empty(counters)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(counters)
    edge = edge_of(settings)
    server = Server(
        "server.wsgi:create",
        factory=True,
        interface=Interfaces.WSGI,
        # HTTP/1.1, and HTTP/2: agreed on in TLS, or known before in clear text.
        http=HTTPModes.auto,
        ssl_cert=edge.certificate,
        ssl_key=edge.key,
        # BCP 195: nothing older.
        ssl_protocol_min=SSLProtocols.tls12,
        address=settings.http.host,
        port=settings.http.port,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        # Addresses of requests can hold what somebody searched for.
        log_access=False,
        log_level=LogLevels.error,
    )
    # Here, so that the workers share its memory instead of each making its own.
    application()
    server.serve()


def run_dimse(settings: Settings, shared: Shared) -> None:
    """Listen for associations until SIGTERM; several processes may, on the same ports."""
    from server.listening import Listening
    from server.services import Services

    exit_with_parent()
    _raise_file_limit()
    silence_libraries()
    set_up_log(settings)
    listening = Listening(Services(settings), shared)
    stop = _until_told()
    listening.start()
    stop.wait()
    listening.stop()


def run_jobs(settings: Settings) -> None:
    """Work on what takes its time until SIGTERM."""
    from server.services import Services
    from server.worker import work

    exit_with_parent()
    silence_libraries()
    set_up_log(settings)
    work(Services(settings), _until_told())


def _until_told() -> threading.Event:
    """An event that SIGTERM sets; whoever is at the terminal tells the supervisor."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return stop


def _raise_file_limit() -> None:
    """Take as many open files as the system allows; workers inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
