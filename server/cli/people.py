"""`readingroom account plan`, `export` and `delete`, and `message`: what becomes of accounts.

Invariants: what an operator does to an account is on record, by its number.
Not here: the rules (`accounts.plans`, `cases.leaving`), making accounts (`server.cli.accounts`).
"""

import json
from pathlib import Path

import click

from accounts.messages import Message, message_by_id, messages_of, with_links
from accounts.plans import FREE, PREMIUM, grant
from cases.export import size_of, write_export
from cases.leaving import leave
from server.cli.accounts import account, account_named
from server.cli.database import base_of, ready_services
from server.cli.options import as_json, config_option, data_option
from server.services import now
from store.audit import Deed, record

__all__ = ["account", "message"]

SURE = "Delete this account with all that it has stored and made?"


@account.command("plan")
@click.argument("email")
@click.argument("plan", type=click.Choice([FREE, PREMIUM]))
@as_json
@data_option
@config_option
def plan(email: str, plan: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Grant EMAIL a plan; premium accounts may have private cases."""
    with ready_services(config, data) as services:
        found = account_named(services, email)
        grant(services.database, found.id, premium=plan == PREMIUM)
        record(services.database, Deed(now(), None, f"grant {plan}", str(found.id)))
    said = {"id": found.id, "email": found.email, "plan": plan}
    click.echo(json.dumps(said) if as_json else f"{found.email} has the plan {plan} now.")


@account.command("export")
@click.argument("email")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@as_json
@data_option
@config_option
def export(email: str, file: Path, as_json: bool, data: str | None, config: Path | None) -> None:
    """Write all that is of EMAIL into FILE, a zip."""
    with ready_services(config, data) as services:
        found = account_named(services, email)
        record(services.database, Deed(now(), None, "export account", str(found.id)))
        count, _ = size_of(services.database, found.id)
        write_export(file, services.archive, found.id, clock=now, progress=lambda _done, _all: None)
    said = {"instances": count, "file": str(file)}
    click.echo(json.dumps(said) if as_json else f"Wrote {count} instances and the rest to {file}.")


@account.command("delete")
@click.argument("email")
@click.confirmation_option("--yes", prompt=SURE, help="Do not ask.")
@as_json
@data_option
@config_option
def delete(email: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Delete the account of EMAIL with all that it has stored and made.

    Nobody sees any of it from then on; the running server deletes the files.
    """
    with ready_services(config, data) as services:
        found = account_named(services, email)
        number = leave(services.database, found.id, jobs=services.jobs, clock=now)
    said = {"id": found.id, "job": number}
    click.echo(json.dumps(said) if as_json else f"Deleted the account {found.email}.")


@click.group()
def message() -> None:
    """Mail that waits, or was sent."""


@message.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, help="How many at most.")
@as_json
@data_option
@config_option
def list_all(limit: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """List the messages, the newest first."""
    with ready_services(config, data) as services:
        found = [_described(one) for one in messages_of(services.database, limit)]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        state = "sent" if one["sent_at"] else one["trouble"] or "waiting"
        click.echo(f"{one['id']}  {one['recipient']}  {one['subject']}  ({state})")


@message.command("show")
@click.argument("message_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@as_json
@data_option
@config_option
def show(message_id: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """Print the message of this ID; the text of one that was sent is no longer known."""
    with ready_services(config, data) as services:
        found = message_by_id(services.database, message_id)
        body = with_links(found.body, base_of(services))
    if as_json:
        click.echo(json.dumps({**_described(found), "body": body}))
        return
    click.echo(f"To: {found.recipient}\nSubject: {found.subject}\n\n{body}", nl=False)


def _described(found: Message) -> dict[str, object]:
    return {
        "id": found.id,
        "recipient": found.recipient,
        "subject": found.subject,
        "created_at": found.created_at.isoformat(timespec="seconds"),
        "sent_at": found.sent_at and found.sent_at.isoformat(timespec="seconds"),
        "trouble": found.trouble,
    }
