"""`readingroom import`: studies of another DICOMweb server, while one waits.

Not here: how studies are fetched (`server.importing`), the other servers (`server.cli.remotes`).
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Final

import click

from accounts.people import Account
from server.cli.accounts import account_named, account_option
from server.cli.database import ready_services
from server.cli.options import as_json, config_option, data_option
from server.dicomweb_client import DicomwebClient, value_of
from server.errors import CommandFailed, TransferError, TryLater
from server.importing import IMPORT, Imported, import_studies
from server.services import Services
from server.watching import Progress
from server.worker import Reporting, worker_name
from store.remotes import Remote

__all__ = ["import_"]

PAUSES: Final = (10, 60, 300)


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
    with ready_services(config, data) as services:
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


def _matching(source: Remote, matches: tuple[str, ...]) -> list[str]:
    query = dict(match.split("=", 1) for match in matches)
    try:
        with DicomwebClient(source) as client:
            uids = (value_of(one, "0020000D") for one in client.find("/studies", **query))
            found = [uid for uid in uids if isinstance(uid, str)]
    except TransferError as error:
        raise CommandFailed(str(error)) from None
    if not found:
        raise CommandFailed("No study there matches.")
    return found
