"""Starts everything that `readingroom serve` runs, and prints where it is.

Invariants: the database is migrated and leftovers are cleared before anything listens; all
processes that listen for DIMSE share one socket for each port.
Not here: what is prepared (`server.prepare`), what the processes run (`server.jobs`), how they end
(`server.processes`), the settings (`server.config`).
"""

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module

from server.config import Address, Settings
from server.dimse_edge import DimseEdge, dimse_edge_of
from server.edge import edge_of
from server.errors import CommandFailed
from server.jobs import Shared, run_dimse, run_jobs, run_web
from server.logs import check_log_format
from server.ports import answers, bound, free, listens, named, reachable
from server.processes import exit_with_parent, run_together, starting

__all__ = ["Parts", "serve"]


@dataclass(frozen=True)
class Parts:
    """What is served."""

    http: bool = True
    dimse: bool = True


EVERYTHING = Parts()


def serve(settings: Settings, say: Callable[[str], None], parts: Parts = EVERYTHING) -> str | None:
    """Run until a signal comes.

    Args:
        settings: in force.
        say: prints a line for the person at the terminal.
        parts: what is served.

    Returns:
        None after SIGTERM or SIGINT; otherwise which part ended by itself.

    Raises:
        ConfigError: a setting cannot be used.
        CommandFailed: an address cannot be listened on, or what is stored cannot be used.
    """
    if not (parts.http or parts.dimse):
        raise CommandFailed("Without HTTP and without DIMSE there is nothing to serve.")
    edge, dimse = edge_of(settings), dimse_edge_of(settings)
    check_log_format(settings)
    shared = None
    if parts.http:
        settings = replace(settings, http=free(settings.http))
    if parts.dimse:
        shared, settings = _shared(settings, dimse)
    with ProcessPoolExecutor(1, starting(), exit_with_parent) as elsewhere:
        email, link = elsewhere.submit(_prepare, settings).result()
    base = edge.public_base or f"{edge.scheme}://{settings.http}"

    def ready() -> None:
        if not _is_ready(settings, edge.scheme, parts):
            # Web workers that fail are started again for ever; nobody would be told.
            say("The server does not answer; see the lines above.")
            os.kill(os.getpid(), signal.SIGTERM)
            return
        if parts.http:
            say(f"Pages      {base}/")
            say(f"DICOMweb   {base}/dicomweb")
        if parts.dimse:
            say(f"DIMSE      {settings.ae_title} at {settings.dimse}")
        if parts.dimse and settings.dimse_tls:
            say(f"DIMSE/TLS  {settings.ae_title} at {settings.dimse_tls}")
        if parts.http:
            say(f"Sign in as {email}, once: {base}/sign-in/{link}")

    def started() -> None:
        if shared is not None:
            shared.close()
        threading.Thread(target=ready, daemon=True).start()

    jobs: dict[str, Callable[[], None]] = {"jobs": partial(run_jobs, settings)}
    if parts.http:
        jobs["web"] = partial(run_web, settings)
    if shared is not None:
        for number in range(1, dimse.processes + 1):
            jobs[f"dimse {number}"] = partial(run_dimse, settings, shared)
    return run_together(jobs, started)


def _prepare(settings: Settings) -> tuple[str, str]:
    # Neither imports the archive into the supervisor, which serves nothing with it, nor returns
    # something of a class for which the supervisor would have to.
    prepared = import_module("server.prepare").prepare(settings)
    return prepared.email, prepared.link


def _shared(settings: Settings, edge: DimseEdge) -> tuple[Shared, Settings]:
    """Take the ports of DIMSE; the settings then name those that were given for 0."""
    plain, secure = bound(settings.dimse), None
    settings = replace(settings, dimse=named(settings.dimse, plain))
    if edge.tls is not None:
        secure = bound(edge.tls.address)
        settings = replace(settings, dimse_tls=str(named(edge.tls.address, secure)))
    places = starting().BoundedSemaphore(edge.associations)
    return Shared(plain, secure, places), settings


def _is_ready(settings: Settings, scheme: str, parts: Parts) -> bool:
    if parts.http and not answers(f"{scheme}://{reachable(settings.http)}/healthz"):
        return False
    if not parts.dimse:
        return True
    tls = [Address.parse(settings.dimse_tls)] if settings.dimse_tls else []
    return all(listens(reachable(address)) for address in (settings.dimse, *tls))
