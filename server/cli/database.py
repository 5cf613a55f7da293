"""The services that a command works on, and how their errors end it.

Not here: the services themselves (`server.services`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from accounts.errors import AccountError
from cases.errors import CaseError
from server.config import load
from server.edge import edge_of
from server.errors import CommandFailed
from server.migrations import migrate
from server.services import Services, now
from store.audit import Deed, record
from store.errors import StoreError

__all__ = ["base_of", "noted", "ready_services"]


@contextmanager
def ready_services(config: Path | None, data: str | None) -> Iterator[Services]:
    """Services on a database that is at the newest revision.

    Raises:
        CommandFailed: in place of the errors of accounts, cases and store.
    """
    services = Services(load(config, flags={"data": data}))
    try:
        migrate(services.database)
        yield services
    except (AccountError, CaseError, StoreError) as error:
        raise CommandFailed(str(error)) from None


def base_of(services: Services) -> str:
    """The address of the pages that commands print, without a slash at its end."""
    edge = edge_of(services.settings)
    return edge.public_base or f"{edge.scheme}://{services.settings.http}"


def noted(services: Services, what: str, which: str) -> None:
    """Note in the audit what a command did, as done by nobody who was signed in."""
    record(services.database, Deed(now(), None, what, which))
