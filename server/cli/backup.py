"""`readingroom backup` and `restore`.

Not here: what they do (`server.backup`, `server.restore`).
"""

import json
from dataclasses import asdict
from pathlib import Path

import click

from server.backup import back_up
from server.cli.database import ready_services
from server.cli.options import as_json, config_option, data_option
from server.config import load
from server.restore import restore as put_back
from server.services import Services

__all__ = ["backup", "restore"]


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@as_json
@data_option
@config_option
def backup(folder: Path, as_json: bool, data: str | None, config: Path | None) -> None:
    """Back up everything but the secret into FOLDER, while the server runs.

    Done again, it copies only what is new.
    """
    with ready_services(config, data) as services:
        made = back_up(services, folder)
        given = services.settings.secret
        where = "the setting" if given else str(services.settings.data.absolute() / "secret")
    if as_json:
        click.echo(json.dumps(asdict(made)))
        return
    click.echo(f"{made.blobs} files, {made.size} bytes; {made.copied} new, {made.dropped} gone.")
    click.echo(
        f"The secret is not in it. Keep {where} in another place: without it, nothing can be "
        "restored to a server that receives."
    )


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@as_json
@data_option
@config_option
def restore(folder: Path, as_json: bool, data: str | None, config: Path | None) -> None:
    """Put the backup in FOLDER back, into an empty place, before the server is started."""
    services = Services(load(config, flags={"data": data}))
    try:
        found = put_back(services, folder)
    finally:
        services.database.dispose()
    said = f"Restored {found.blobs} files, {found.size} bytes; each was checked."
    click.echo(json.dumps(asdict(found)) if as_json else said)
