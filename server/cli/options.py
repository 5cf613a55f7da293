"""The options that many commands share, and the services they lead to.

Not here: what the settings mean (`server.config`).
"""

from pathlib import Path

import click

from server.config import load
from server.migrations import migrate
from server.services import Services

__all__ = ["as_json", "config_option", "data_option", "ready_services"]


config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file of settings.",
)
data_option = click.option("--data", help="The folder of database, blobs and secret.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def ready_services(config: Path | None, data: str | None) -> Services:
    """Services on a database that is at the newest revision."""
    services = Services(load(config, flags={"data": data}))
    migrate(services.database)
    return services
