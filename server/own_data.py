"""The jobs about all that is an account's own: writing it into a file, and deleting it.

Invariants: a file is begun only where there is room for it; its owner is told when it is there.
Not here: what is written (`cases.export`) and deleted (`cases.leaving`).
"""

import shutil
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from accounts.leaving import is_gone
from accounts.messages import send
from accounts.people import account_by_id
from cases.export import size_of, write_export
from cases.exports import EXPORT, KEPT_FOR, Exports
from cases.leaving import FORGET, forget, forget_left_over
from server.errors import TransferError
from server.services import Services, now
from server.watching import Progress
from store.jobs import Job

__all__ = ["EXPORT", "FORGET", "exports_of", "perform_export", "perform_forget", "tidy"]

SPARE: Final = 1024**3
"""How much room a file has to leave to others."""

READY: Final = "All that is yours is ready to download"
_BODY: Final = """\
The file with all that this server has of your account is on your account page, under "Your data":

{address}

It stays there for {days} days.
"""


def exports_of(services: Services) -> Exports:
    """Where the files lie."""
    return Exports(services.settings.data / "exports")


def tidy(services: Services, clock: Callable[[], datetime] = now) -> None:
    """Delete files that are too old, and have deleted what came in for accounts that are gone."""
    exports_of(services).make_room(clock())
    forget_left_over(services.database, services.jobs)


def perform_export(
    services: Services, job: Job, progress: Progress, _keep: Callable[[Any], None]
) -> None:
    """Write an account's file.

    Raises:
        TransferError: there is no room for it, or the account is gone.
    """
    exports = exports_of(services)
    account = account_by_id(services.database, job.owner_id)
    if account is None or not account.active:
        raise TransferError("There is no such account.")
    exports.make_room(now(), job.owner_id)
    _, size = size_of(services.database, job.owner_id)
    if shutil.disk_usage(exports.folder).free < size + SPARE:
        raise TransferError("There is no room for the file on this server.")
    path = exports.path_of(job)
    write_export(path, services.archive, job.owner_id, clock=now, progress=progress)
    if is_gone(services.database, job.owner_id):
        path.unlink()
        raise TransferError("There is no such account.")
    address = f"{services.settings.public_base.rstrip('/')}/account#data"
    body = _BODY.format(address=address, days=KEPT_FOR.days)
    send(services.database, account.email, READY, body, account_id=account.id, clock=now)


def perform_forget(
    services: Services, job: Job, progress: Progress, _keep: Callable[[Any], None]
) -> None:
    """Delete what an account that is gone has stored.

    Raises:
        TransferError: it is not gone.
    """
    exports_of(services).make_room(now(), job.owner_id)
    if not forget(services.ingest, job.owner_id, progress):
        raise TransferError("The account is still there.")
