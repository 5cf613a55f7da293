"""The command `readingroom`: one module for each group of verbs.

Invariants: every command has --help, says what failed in one line on standard error and exits
non-zero, and takes --json where it prints data.
"""

import sys

import click

from accounts.errors import AccountError
from server.cli.accounts import account, peer, token
from server.cli.serve import demo, migrate, serve
from server.config import ConfigError
from store.errors import StoreError

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="readingroom")
def commands() -> None:
    """Readingroom: a self-hosted teaching PACS."""


for command in (serve, demo, migrate, account, token, peer):
    commands.add_command(command)


def main() -> None:
    """Entry point of the command."""
    try:
        commands(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (AccountError, ConfigError, StoreError) as error:
        click.echo(f"readingroom: {error}", err=True)
        sys.exit(1)
