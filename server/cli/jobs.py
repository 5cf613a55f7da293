"""`readingroom send`, `import`, `remote` and `job`: studies to and from other servers.

Not here: how studies are sent and fetched (`server.transfers`), the queue (`server.worker`).
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from accounts.people import Account
from cases.cases import case_of_owner
from cases.errors import NoSuchCase
from cases.publishing import published
from server.cli.accounts import account_named, account_option, email_of
from server.cli.database import noted, ready_services
from server.cli.options import as_json, config_option, data_option
from server.dicomweb_client import DicomwebClient, value_of
from server.errors import CommandFailed, TransferError, TryLater
from server.importing import IMPORT, Imported, import_studies
from server.services import Services, now
from server.transfers import KINDS, send_studies
from server.watching import Progress
from server.worker import Reporting, worker_name
from store.job_list import retry
from store.jobs import LEASE, Job, JobState
from store.remotes import Remote

__all__ = ["import_", "job", "remote", "send"]

PAUSES: Final = (10, 60, 300)
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
    with ready_services(config, data) as services, _told():
        owner = account_named(services, email)
        wanted, series = (studies, ()) if code is None else _of_case(services, owner, code)
        number = send_studies(services, owner.id, wanted, series=series, peer=peer, remote=remote)
        found = _waited_for(services, number) if wait else services.jobs.get(number)
        _print(services, found, as_json=as_json)
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


@click.command("import")
@account_option
@click.option("--remote", "name", required=True, metavar="NAME", help="The server to fetch from.")
@click.option("--study", "studies", multiple=True, metavar="UID", help="A study there.")
@click.option(
    "--match",
    "matches",
    multiple=True,
    metavar="KEYWORD=VALUE",
    help="Instead, all studies there that match, as StudyDate=20240101-20240131.",
)
@as_json
@data_option
@config_option
def import_(
    email: str,
    name: str,
    studies: tuple[str, ...],
    matches: tuple[str, ...],
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Fetch studies of another DICOMweb server and store them, de-identified."""
    if bool(studies) == bool(matches) or not all("=" in match for match in matches):
        raise click.UsageError("Give either --study or --match KEYWORD=VALUE.")
    with ready_services(config, data) as services, _told():
        owner = account_named(services, email)
        source = services.remotes.get(owner.id, name)
        wanted = list(studies) or _matching(source, matches)
        imported = _import(services, owner, source, wanted, quiet=as_json)
    if as_json:
        said = ("stored", "duplicates", "failed", "studies")
        click.echo(json.dumps({name: getattr(imported, name) for name in said}))
    else:
        click.echo(_counts(imported))
    if imported.failed:
        sys.exit(1)


@click.group()
def remote() -> None:
    """Other DICOMweb servers, to send to and to import from."""


@remote.command("add")
@click.argument("name")
@click.argument("url")
@account_option
@click.option("--token-stdin", is_flag=True, help="Read its bearer token from standard input.")
@as_json
@data_option
@config_option
def add_remote(
    name: str,
    url: str,
    email: str,
    token_stdin: bool,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Call the DICOMweb root at URL by a NAME."""
    token = sys.stdin.readline().strip() if token_stdin else None
    with ready_services(config, data) as services:
        services.remotes.add(account_named(services, email).id, name, url, token or None)
        noted(services, "set server", name)
    said = {"name": name, "url": url, "account": email}
    click.echo(json.dumps(said) if as_json else f"{name} is {url}.")


@remote.command("list")
@as_json
@data_option
@config_option
def list_remotes(as_json: bool, data: str | None, config: Path | None) -> None:
    """List the other servers, without their tokens."""
    with ready_services(config, data) as services:
        found = [
            {
                "name": one.name,
                "url": one.url,
                "account": email_of(services, one.owner_id),
                "token": one.token is not None,
            }
            for one in services.remotes.all()
        ]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(f"{one['name']}  {one['url']}  {one['account']}")


@remote.command("remove")
@click.argument("name")
@account_option
@as_json
@data_option
@config_option
def remove_remote(
    name: str, email: str, as_json: bool, data: str | None, config: Path | None
) -> None:
    """Forget another server."""
    with ready_services(config, data) as services:
        services.remotes.remove(account_named(services, email).id, name)
        noted(services, "remove server", name)
    click.echo(json.dumps({"removed": name}) if as_json else f"Forgot {name}.")


@click.group()
def job() -> None:
    """What is being sent and imported."""


@job.command("list")
@as_json
@data_option
@config_option
def list_jobs(as_json: bool, data: str | None, config: Path | None) -> None:
    """List the last jobs, the newest first."""
    with ready_services(config, data) as services:
        found = [_described(services, one) for one in services.jobs.newest()]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(_line(one))


@job.command("show")
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@as_json
@data_option
@config_option
def show(number: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """Show a job."""
    with ready_services(config, data) as services:
        _print(services, services.jobs.get(number), as_json=as_json)


@job.command("cancel")
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@as_json
@data_option
@config_option
def cancel(number: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """End a job; what it has sent stays sent."""
    with ready_services(config, data) as services:
        services.jobs.cancel(number)
        noted(services, "cancel job", f"job {number}")
    click.echo(json.dumps({"cancelled": number}) if as_json else f"Cancelled the job {number}.")


@job.command("retry")
@click.argument("number", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@as_json
@data_option
@config_option
def retry_one(number: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """Have a job done again that failed or was cancelled; the running server does it."""
    with ready_services(config, data) as services:
        retry(services.database, number, but_not=(IMPORT,), clock=now)
        noted(services, "retry job", f"job {number}")
    click.echo(json.dumps({"waits": number}) if as_json else f"The job {number} waits.")


def _import(
    services: Services, owner: Account, source: Remote, studies: list[str], *, quiet: bool
) -> Imported:
    name = worker_name()
    number = services.jobs.add(owner.id, IMPORT, {"from": source.name}, worker=name)
    reporting = Reporting(services.jobs, number, name, threading.Event())
    imported = Imported()

    def progress(done: int, total: int) -> None:
        reporting(done, total)
        if not quiet:
            click.echo(f"\r{done} of {total} instances", nl=False, err=True)

    try:
        with reporting.beating():
            _again(services, owner, source, studies, progress, imported)
    except TransferError as error:
        services.jobs.fail(number, name, str(error))
        raise CommandFailed(f"{error} {_counts(imported)}") from None
    except BaseException:
        services.jobs.fail(number, name, "It was broken off.")
        raise
    finally:
        if not quiet:
            click.echo(err=True)
    services.jobs.finish(number, name)
    return imported


def _again(
    services: Services,
    owner: Account,
    source: Remote,
    studies: list[str],
    progress: Progress,
    imported: Imported,
) -> None:
    for pause in PAUSES:
        try:
            import_studies(services, owner.id, source, studies, progress, imported)
        except TryLater as error:
            # What is stored is not stored again.
            click.echo(f"{error} Trying again in {pause} s.", err=True)
            time.sleep(pause)
        else:
            return
    import_studies(services, owner.id, source, studies, progress, imported)


def _counts(imported: Imported) -> str:
    return (
        f"Stored {imported.stored} instances of {len(imported.studies)} studies; "
        f"{imported.duplicates} were there before, {imported.failed} could not be stored."
    )


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


def _matching(source: Remote, matches: tuple[str, ...]) -> list[str]:
    query = dict(match.split("=", 1) for match in matches)
    with DicomwebClient(source) as client:
        uids = (value_of(one, "0020000D") for one in client.find("/studies", **query))
        found = [uid for uid in uids if isinstance(uid, str)]
    if not found:
        raise CommandFailed("No study there matches.")
    return found


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except TransferError as error:
        raise CommandFailed(str(error)) from None


def _print(services: Services, found: Job, *, as_json: bool) -> None:
    described = _described(services, found)
    click.echo(json.dumps(described) if as_json else _line(described))


def _line(one: dict[str, Any]) -> str:
    line = f"{one['id']}  {one['kind']}  {one['account']}  {one['state']}"
    return f"{line}  {one['done']} of {one['total']}  {one['trouble']}".rstrip()


def _described(services: Services, found: Job) -> dict[str, Any]:
    return {
        "id": found.id,
        "account": email_of(services, found.owner_id),
        "kind": found.kind,
        **found.arguments,
        "state": found.state.value,
        "done": found.done,
        "total": found.total,
        "attempts": found.attempts,
        "trouble": found.trouble,
        "created_at": found.created_at.isoformat(timespec="seconds"),
        "finished_at": found.finished_at and found.finished_at.isoformat(timespec="seconds"),
    }
