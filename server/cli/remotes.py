"""`readingroom remote`: other DICOMweb servers, by their names.

Not here: what goes to and fro (`server.cli.sending`, `server.cli.importing`).
"""

import json
import sys
from pathlib import Path

import click

from server.cli.accounts import account_named, account_option, email_of
from server.cli.database import noted, ready_services
from server.cli.options import as_json, config_option, data_option

__all__ = ["remote"]


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
