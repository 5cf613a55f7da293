"""`readingroom send`: studies, or a case, to a peer or another server.

Not here: how they are sent (`server.transfers`), the queue (`server.worker`).
"""

import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import click

from accounts.people import Account
from cases.cases import case_of_owner
from cases.errors import NoSuchCase
from cases.publishing import published
from server.cli.accounts import account_named, account_option
from server.cli.database import ready_services
from server.cli.jobs import say_job
from server.cli.options import as_json, config_option, data_option
from server.errors import CommandFailed, TransferError
from server.services import Services, now
from server.transfers import KINDS, send_studies
from store.jobs import LEASE, Job, JobState

__all__ = ["send"]

NOBODY_AFTER: Final = timedelta(seconds=5)
_OVER: Final = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


@click.command()
@click.argument("studies", metavar="[STUDY]...", nargs=-1)
@account_option
@click.option("--case", "code", metavar="CODE", help="Instead, the series that a case shows.")
@click.option("--peer", metavar="AETITLE", help="Send with C-STORE to this peer.")
@click.option("--remote", metavar="NAME", help="Send with STOW-RS to this server.")
@click.option("--wait", is_flag=True, help="Return when it is done, non-zero unless all went.")
@as_json
@data_option
@config_option
def send(
    studies: tuple[str, ...],
    email: str,
    code: str | None,
    peer: str | None,
    remote: str | None,
    wait: bool,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Have studies sent, by their Study Instance UIDs here; the running server does it."""
    if (peer is None) == (remote is None):
        raise click.UsageError("Give either --peer or --remote.")
    if bool(studies) == bool(code):
        raise click.UsageError("Give either studies or --case.")
    with ready_services(config, data) as services:
        owner = account_named(services, email)
        wanted, series = (studies, ()) if code is None else _of_case(services, owner, code)
        try:
            number = send_studies(
                services, owner.id, wanted, series=series, peer=peer, remote=remote
            )
        except TransferError as error:
            raise CommandFailed(str(error)) from None
        found = _waited_for(services, number) if wait else services.jobs.get(number)
        say_job(services, found, as_json=as_json)
    if wait and found.state is not JobState.DONE:
        sys.exit(1)


def _of_case(
    services: Services, owner: Account, code: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The studies and series of a case: of what is published, else of the working copy."""
    try:
        found = case_of_owner(services.database, owner.id, code)
    except NoSuchCase:
        raise CommandFailed("The account has no such case.") from None
    document = found.document
    if found.version is not None:
        document = published(services.database, found.id).document
    pairs = document.series_uids()
    return tuple(study for study, _ in pairs), tuple(series for _, series in pairs)


def _waited_for(services: Services, number: int) -> Job:
    """The job when it is over; says once when it seems that nobody does it."""
    is_said = False
    while (found := services.jobs.get(number)).state not in _OVER:
        if not is_said and _is_nobodys(services, found):
            is_said = True
            click.echo("No server takes the job; it waits until one runs.", err=True)
        time.sleep(0.2)
    return found


def _is_nobodys(services: Services, found: Job) -> bool:
    """Whether it could be taken, and no server that runs is seen to do anything else."""
    silent = LEASE if found.state is JobState.RUNNING else timedelta()
    is_overdue = found.due_at + silent + NOBODY_AFTER < now()
    return is_overdue and not services.jobs.is_worked_on(tuple(KINDS))
