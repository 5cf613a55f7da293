"""Starts everything that `readingroom serve` runs, and prints where it is.

Invariants: the database is migrated and leftovers are cleared before anything listens; the first
start makes the owner's account.
Not here: ending the processes (`server.processes`), the settings (`server.config`).
"""

import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from types import FrameType

from granian.constants import Interfaces
from granian.server import Server

from accounts.people import Account, create_account, first_account
from accounts.signin import create_link
from dimse import Options, StorageListener
from server.config import Address, ConfigError, Settings, to_environment
from server.gate import owner_of_peer
from server.migrations import migrate
from server.processes import exit_with_parent, run_together
from server.quiet import silence_libraries
from server.services import Services, now

__all__ = ["OWNER_EMAIL", "prepare", "serve"]

OWNER_EMAIL = "owner@localhost"
READY_SECONDS = 60


def prepare(services: Services) -> Account:
    """Migrate, clear leftovers, make the owner's account if there is none.

    Returns:
        The owner's account.
    """
    migrate(services.database)
    services.ingest.recover()
    owner = first_account(services.database)
    if owner is None:
        owner = create_account(services.database, OWNER_EMAIL, clock=now, admin=True)
    services.ingest.keys.key_of(owner.id)
    return owner


def serve(settings: Settings, say: Callable[[str], None]) -> str | None:
    """Run until a signal comes.

    Args:
        settings: in force.
        say: prints a line for the person at the terminal.

    Returns:
        None after SIGTERM or SIGINT; otherwise which part ended by itself.

    Raises:
        ConfigError: an address cannot be listened on.
    """
    settings = replace(settings, http=_free(settings.http), dimse=_free(settings.dimse))
    services = Services(settings)
    owner = prepare(services)
    link = create_link(services.database, owner.id, random_bytes=os.urandom, clock=now)
    # The children open connections of their own.
    services.database.dispose()
    base = settings.public_base.rstrip("/") or f"http://{settings.http}"

    def ready() -> None:
        if not _answers(f"http://{_reachable(settings.http)}/healthz"):
            # Web workers that fail are started again for ever; nobody would be told.
            say("The pages do not answer; see the lines above.")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        say(f"Pages      {base}/")
        say(f"DICOMweb   {base}/dicomweb")
        say(f"DIMSE      {settings.ae_title} at {settings.dimse}")
        say(f"Sign in as {owner.email}, once: {base}/sign-in/{link}")

    jobs = {
        "web": partial(run_web, settings),
        "dimse": partial(run_dimse, settings),
    }
    return run_together(jobs, lambda: threading.Thread(target=ready, daemon=True).start())


def run_web(settings: Settings) -> None:
    """The process that runs the web workers."""
    exit_with_parent()
    os.environ.update(to_environment(settings))
    server = Server(
        "server.wsgi:create",
        factory=True,
        interface=Interfaces.WSGI,
        address=settings.http.host,
        port=settings.http.port,
        workers=settings.web_workers,
        blocking_threads=settings.web_threads,
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        # Addresses of requests can hold what somebody searched for.
        log_access=False,
        log_level="error",  # type: ignore[arg-type]
    )
    server.serve()


def run_dimse(settings: Settings) -> None:
    """The process that listens for associations."""
    exit_with_parent()
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


def _free(address: Address) -> Address:
    """The address with a port that nobody listens on yet; names the port if it was 0."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError:
            raise ConfigError(
                f"Nothing can listen on {address}: it is taken or not ours."
            ) from None
        return replace(address, port=probe.getsockname()[1])


def _reachable(address: Address) -> Address:
    """Where a server that listens there can be asked from this machine."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return replace(address, host=anywhere.get(address.host, address.host))


def _answers(url: str) -> bool:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own address
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False
