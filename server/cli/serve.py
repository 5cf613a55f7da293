"""`readingroom serve`, `demo` and `migrate`.

Not here: the processes behind `serve` (`server.serve`), the sample files (`server.demo`).
"""

import sys
from pathlib import Path

import click

from server import demo as samples
from server import serve as server
from server.cli.options import config_option, data_option, ready_services
from server.config import load

__all__ = ["demo", "migrate", "serve"]


@click.command()
@click.option("--http", metavar="HOST:PORT", help="Where pages and DICOMweb listen.")
@click.option("--dimse", metavar="HOST:PORT", help="Where C-STORE and C-ECHO listen.")
@data_option
@config_option
def serve(http: str | None, dimse: str | None, data: str | None, config: Path | None) -> None:
    """Serve pages, DICOMweb and DIMSE until stopped."""
    settings = load(config, flags={"http": http, "dimse": dimse, "data": data})
    ended = server.serve(settings, lambda line: click.echo(line))
    if ended is not None:
        click.echo(f"readingroom: the {ended} process ended; see the lines above.", err=True)
        sys.exit(1)


@click.command()
@click.option("--dimse", metavar="HOST:PORT", help="Where the running server listens.")
@config_option
def demo(dimse: str | None, config: Path | None) -> None:
    """Send sample images to the running server, as a modality would."""
    settings = load(config, flags={"dimse": dimse})
    sent = samples.send(settings.dimse, settings.ae_title)
    click.echo(f"Sent {sent} sample images. They are on the uploads page.")


@click.command()
@data_option
@config_option
def migrate(data: str | None, config: Path | None) -> None:
    """Bring the database to the newest revision."""
    ready_services(config, data)
    click.echo("The database is at the newest revision.")
