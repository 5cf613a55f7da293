"""The options that many commands share.

Not here: what the settings mean (`server.config`).
"""

from pathlib import Path

import click

__all__ = ["as_json", "config_option", "data_option"]

config_option = click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A TOML file of settings.",
)
data_option = click.option("--data", help="The folder of database, blobs and secret.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
