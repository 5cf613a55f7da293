"""Starts everything that `readingroom serve` runs, and prints where it is.

Invariants: the database is migrated and leftovers are cleared before anything listens.
Not here: what is prepared (`server.prepare`), what the processes run (`server.jobs`), how they end
(`server.processes`), the settings (`server.config`).
"""

import os
import signal
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from importlib import import_module
from multiprocessing import get_context

from server.config import Address, Settings
from server.edge import edge_of
from server.errors import CommandFailed
from server.jobs import run_dimse, run_web
from server.processes import run_together

__all__ = ["serve"]

READY_SECONDS = 120


def serve(settings: Settings, say: Callable[[str], None]) -> str | None:
    """Run until a signal comes.

    Args:
        settings: in force.
        say: prints a line for the person at the terminal.

    Returns:
        None after SIGTERM or SIGINT; otherwise which part ended by itself.

    Raises:
        ConfigError: a setting cannot be used.
        CommandFailed: an address cannot be listened on, or what is stored cannot be used.
    """
    edge = edge_of(settings)
    settings = replace(settings, http=_free(settings.http), dimse=_free(settings.dimse))
    with ProcessPoolExecutor(1, get_context("spawn")) as elsewhere:
        email, link = elsewhere.submit(_prepare, settings).result()
    base = edge.public_base or f"{edge.scheme}://{settings.http}"

    def ready() -> None:
        http, dimse = _reachable(settings.http), _reachable(settings.dimse)
        if not (_answers(f"{edge.scheme}://{http}/healthz") and _listens(dimse)):
            # Web workers that fail are started again for ever; nobody would be told.
            say("The server does not answer; see the lines above.")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        say(f"Pages      {base}/")
        say(f"DICOMweb   {base}/dicomweb")
        say(f"DIMSE      {settings.ae_title} at {settings.dimse}")
        say(f"Sign in as {email}, once: {base}/sign-in/{link}")

    jobs = {"web": partial(run_web, settings), "dimse": partial(run_dimse, settings)}
    return run_together(jobs, lambda: threading.Thread(target=ready, daemon=True).start())


def _prepare(settings: Settings) -> tuple[str, str]:
    # Neither imports the archive into the supervisor, which serves nothing with it, nor returns
    # something of a class for which the supervisor would have to.
    prepared = import_module("server.prepare").prepare(settings)
    return prepared.email, prepared.link


def _free(address: Address) -> Address:
    """The address with a port that nobody listens on yet; names the port if it was 0."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.host, address.port))
        except OSError:
            raise CommandFailed(
                f"Nothing can listen on {address}: it is taken or not ours."
            ) from None
        return replace(address, port=probe.getsockname()[1])


def _reachable(address: Address) -> Address:
    """Where a server that listens there can be asked from this machine."""
    anywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, not bound
    return replace(address, host=anywhere.get(address.host, address.host))


def _listens(address: Address) -> bool:
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection((address.host, address.port), timeout=2).close()
        except OSError:
            time.sleep(0.05)
        else:
            return True
    return False


def _answers(url: str) -> bool:
    end = time.monotonic() + READY_SECONDS
    # The certificate is for the name by which others reach the server, not for this address.
    unchecked = ssl._create_unverified_context()  # noqa: S323 - our own process
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=2, context=unchecked) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False
