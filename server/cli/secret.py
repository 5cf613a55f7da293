"""`readingroom secret`: another secret for the same keys, or new keys when the secret is lost.

Not here: the keys (`store.keys`), the files (`server.secret_file`); what an operator should know is
in docs/reference/keys.md.
"""

import json
import os
import sys
from pathlib import Path

import click

from server.cli.database import ready_services
from server.cli.options import as_json, config_option, data_option
from server.config import SECRET_BYTES
from server.errors import CommandFailed
from server.secret_file import begin_rotation, finish_rotation
from server.services import Services

__all__ = ["secret"]

RESTART = "Restart every server process now."
SET_IT = (
    "Set READINGROOM_SECRET, or `secret` in the settings file, to the new secret wherever this "
    "server runs."
)
LOST = (
    "Give up the keys that the present secret does not unwrap? New instances of known patients "
    "will then not join the studies that are stored, and the old secret, should it turn up, is of "
    "no more use."
)


@click.group()
def secret() -> None:
    """The server's secret, which wraps the keys of UIDs and dates."""


@secret.command("rotate")
@click.option("--stdin", is_flag=True, help="Read the new secret from standard input, one line.")
@as_json
@data_option
@config_option
def rotate(stdin: bool, as_json: bool, data: str | None, config: Path | None) -> None:
    """Wrap all keys by a new secret; the keys, and so all UIDs, stay."""
    with ready_services(config, data) as services:
        from_setting = bool(services.settings.secret)
        if from_setting and not stdin:
            raise CommandFailed("The secret is a setting; give the new one with --stdin.")
        new = _from_stdin() if stdin else os.urandom(SECRET_BYTES)
        count = services.keys.rewrap(new) if from_setting else _rotate_file(services, new)
    if as_json:
        click.echo(json.dumps({"keys": count, "setting": from_setting}))
        return
    click.echo(f"The new secret wraps {count} keys.")
    if from_setting:
        click.echo(SET_IT)
    click.echo(RESTART)


@secret.command("reset")
@click.confirmation_option("--yes", prompt=LOST, help="Do not ask.")
@as_json
@data_option
@config_option
def reset(as_json: bool, data: str | None, config: Path | None) -> None:
    """After the loss of the secret: give up the keys that it wrapped."""
    with ready_services(config, data) as services:
        lost = services.keys.forget_unreadable()
    if as_json:
        click.echo(json.dumps({"owners": lost.owners, "uploads": lost.uploads}))
        return
    click.echo(f"Gave up the keys of {lost.owners} owners and {lost.uploads} uploads.")
    click.echo(RESTART)


def _rotate_file(services: Services, new: bytes) -> int:
    # Finishes a rotation that was cut short, and sees that every key can be unwrapped at all.
    services.keys.rewrap(services.secret)
    finish_rotation(services.settings)
    begin_rotation(services.settings, new)
    count = services.keys.rewrap(new)
    finish_rotation(services.settings)
    return count


def _from_stdin() -> bytes:
    new = sys.stdin.readline().rstrip("\r\n")
    if len(new) < SECRET_BYTES:
        raise CommandFailed(f"The secret has at least {SECRET_BYTES} characters.")
    return new.encode()
