"""What the child processes of `readingroom serve` run: the web server, and the DIMSE listener.

Invariants: each imports what it needs and no more; each ends with its parent.
Not here: starting and ending them (`server.processes`).
"""

import os
import resource
import signal
import threading
from types import FrameType

from server.config import Settings, to_environment
from server.processes import exit_with_parent
from server.quiet import silence_libraries

__all__ = ["run_dimse", "run_web"]


def run_web(settings: Settings) -> None:
    """Run the web workers; they load the application by themselves (`server.wsgi`)."""
    from granian.constants import HTTPModes, Interfaces, SSLProtocols
    from granian.log import LogLevels
    from granian.server import Server

    from server.edge import edge_of

    exit_with_parent()
    _raise_file_limit()
    os.environ.update(to_environment(settings))
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
    server.serve()


def run_dimse(settings: Settings) -> None:
    """Listen for associations until SIGTERM."""
    from dimse import Options, StorageListener
    from server.gate import owner_of_peer
    from server.services import Services

    exit_with_parent()
    _raise_file_limit()
    silence_libraries()
    services = Services(settings)
    listener = StorageListener(
        services.ingest,
        owner_of_peer(services.database, settings),
        ae_title=settings.ae_title,
        host=settings.dimse.host,
        port=settings.dimse.port,
        options=Options(answer_coercion=settings.store_warning_status),
    )
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    listener.start()
    stop.wait()
    listener.stop()


def _raise_file_limit() -> None:
    """Take as many open files as the system allows; workers inherit it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
