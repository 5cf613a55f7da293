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
from server.secret_file import alone, begin_rotation, finish_rotation
from server.services import Services

__all__ = ["secret"]

SET_IT = (
    "Set READINGROOM_SECRET, or `secret` in the settings file, to the new secret wherever this "
    "server runs, and restart it there."
)
COPY_IT = "Nodes with a data folder of their own need a copy of the file `secret` now."
RESTART = "Restart every server process now."
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
        with alone(services.settings):
            count = services.keys.rewrap(new) if from_setting else _rotate_file(services, new)
    if as_json:
        click.echo(json.dumps({"keys": count, "setting": from_setting}))
        return
    click.echo(f"The new secret wraps {count} keys.")
    click.echo(SET_IT if from_setting else COPY_IT)


@secret.command("reset")
@click.confirmation_option("--yes", prompt=LOST, help="Do not ask.")
@as_json
@data_option
@config_option
def reset(as_json: bool, data: str | None, config: Path | None) -> None:
    """After the loss of the secret: give up the keys that it wrapped."""
    with ready_services(config, data) as services, alone(services.settings):
        lost = services.keys.forget_unreadable()
    if as_json:
        click.echo(json.dumps({"owners": lost.owners, "uploads": lost.uploads}))
        return
    click.echo(f"Gave up the keys of {lost.owners} owners and {lost.uploads} uploads.")
    click.echo(RESTART)


def _rotate_file(services: Services, new: bytes) -> int:
    keys, settings = services.keys, services.settings
    # Finishes a rotation that was cut short, and sees that every key can be unwrapped at all.
    keys.rewrap(services.secret)
    finish_rotation(settings)
    begin_rotation(settings, new)
    count = keys.rewrap(new)
    finish_rotation(settings)
    return count


def _from_stdin() -> bytes:
    new = sys.stdin.readline().rstrip("\r\n")
    if len(new) < SECRET_BYTES:
        raise CommandFailed(f"The secret has at least {SECRET_BYTES} characters.")
    return new.encode()
