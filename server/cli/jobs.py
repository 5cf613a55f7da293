"""`readingroom job`: what is being sent and imported, and all else that takes its time.

Not here: the queue (`server.worker`), what makes such jobs (`server.cli.sending`,
`server.cli.importing`).
"""

import json
from pathlib import Path
from typing import Any

import click

from server.cli.accounts import email_of
from server.cli.database import noted, ready_services
from server.cli.options import as_json, config_option, data_option
from server.importing import IMPORT
from server.services import Services, now
from store.job_list import retry
from store.jobs import Job

__all__ = ["job", "say_job"]


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
        say_job(services, services.jobs.get(number), as_json=as_json)


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


def say_job(services: Services, found: Job, *, as_json: bool) -> None:
    """Print a job, on a line or as JSON."""
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
