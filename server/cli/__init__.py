"""The command `readingroom`: one module for each group of verbs.

Invariants: every command has --help, says what failed in one line on standard error and exits
non-zero, and takes --json where it prints data. A command's module is imported when it is called,
so that the processes of `serve`, which all begin with this module, carry only what they use.
"""

import sys
from importlib import import_module

import click

from server.errors import ServerError

__all__ = ["main"]

COMMANDS = {
    "serve": ("server.cli.serve", "Serve pages, DICOMweb and DIMSE until stopped."),
    "demo": ("server.cli.serve", "Send sample images to the running server."),
    "migrate": ("server.cli.serve", "Bring the database to the newest revision."),
    "account": ("server.cli.people", "Accounts of people."),
    "message": ("server.cli.people", "Mail that waits, or was sent."),
    "token": ("server.cli.accounts", "Bearer tokens, for programs that use DICOMweb."),
    "aetitle": ("server.cli.ae_titles", "AE titles of this server that belong to accounts."),
    "peer": ("server.cli.ae_titles", "AE titles of others, which send to this server."),
    "share": ("server.cli.sharing", "Share links of cases and playlists."),
    "playlist": ("server.cli.sharing", "Playlists of cases."),
    "send": ("server.cli.sending", "Send studies to a peer or another server."),
    "import": ("server.cli.importing", "Fetch studies of another DICOMweb server."),
    "remote": ("server.cli.remotes", "Other DICOMweb servers."),
    "job": ("server.cli.jobs", "What is being sent and imported."),
    "case": ("server.cli.cases", "Cases of all accounts."),
    "report": ("server.cli.admin", "Reports of problems with cases."),
    "audit": ("server.cli.admin", "Who did what to which."),
    "storage": ("server.cli.admin", "How much is stored."),
    "settings": ("server.cli.admin", "The settings in force."),
    "retention": ("server.cli.retention", "Cases that were never published, and go."),
    "backup": ("server.cli.backup", "Back up everything but the secret."),
    "restore": ("server.cli.backup", "Put a backup back, into an empty place."),
    "deid": ("server.cli.deid", "De-identify files, without a server."),
    "secret": ("server.cli.secret", "The server's secret, which wraps the keys."),
}


class _Commands(click.Group):
    def list_commands(self, _context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        # `import` is a word of the language.
        module = import_module(COMMANDS[name][0])
        command: click.Command = getattr(module, f"{name}_" if name == "import" else name)
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, said) for name, (_, said) in COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="readingroom")
def commands() -> None:
    """Readingroom: a self-hosted teaching PACS."""


def main() -> None:
    """Entry point of the command."""
    try:
        commands(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ServerError as error:
        click.echo(f"readingroom: {error}", err=True)
        sys.exit(1)
