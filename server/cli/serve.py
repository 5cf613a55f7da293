"""`readingroom serve`, `demo` and `migrate`.

The process of `serve` stays small, so what the other two need is imported when they are called.
Not here: the processes behind `serve` (`server.serve`), the sample files (`server.demo`).
"""

import sys
from pathlib import Path

import click

from server.cli.options import config_option, data_option
from server.config import load
from server.serve import Parts
from server.serve import serve as run

__all__ = ["demo", "migrate", "serve"]


@click.command()
@click.option("--http", metavar="HOST:PORT", help="Where pages and DICOMweb listen.")
@click.option("--dimse", metavar="HOST:PORT", help="Where DIMSE listens.")
@click.option("--no-http", is_flag=True, help="Serve DIMSE alone.")
@click.option("--no-dimse", is_flag=True, help="Serve pages and DICOMweb alone.")
@data_option
@config_option
def serve(
    http: str | None,
    dimse: str | None,
    no_http: bool,
    no_dimse: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Serve pages, DICOMweb and DIMSE until stopped."""
    settings = load(config, flags={"http": http, "dimse": dimse, "data": data})
    ended = run(settings, click.echo, Parts(http=not no_http, dimse=not no_dimse))
    if ended is not None:
        click.echo(f"readingroom: the {ended} process ended; see the lines above.", err=True)
        sys.exit(1)


@click.command()
@click.option("--dimse", metavar="HOST:PORT", help="Where the running server listens.")
@config_option
def demo(dimse: str | None, config: Path | None) -> None:
    """Send sample images to the running server, as a modality would."""
    from server import demo as samples

    settings = load(config, flags={"dimse": dimse})
    sent = samples.send(settings.dimse, settings.ae_title)
    click.echo(f"Sent {sent} sample images. They are on the uploads page.")


@click.command()
@data_option
@config_option
def migrate(data: str | None, config: Path | None) -> None:
    """Bring the database to the newest revision."""
    from server.cli.database import ready_services

    with ready_services(config, data):
        pass
    click.echo("The database is at the newest revision.")
