"""`readingroom account invite`, `link`, `list`, `role`, `suspend`, `resume`: who may do what.

Not here: the rules (`accounts.invitations`, `accounts.roles`), making accounts
(`server.cli.accounts`).
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from accounts.errors import NoSuchAccount
from accounts.invitations import invite
from accounts.people import Account, account_by_email
from accounts.roles import Role, accounts, resume, role_of, set_role, suspend
from accounts.signin import create_link
from server.cli.database import base_of, ready_services
from server.cli.options import as_json, config_option, data_option
from server.services import Services, now
from store.audit import Deed, record
from store.db import Database

__all__ = ["account_named", "add_people_commands"]


def add_people_commands(group: click.Group) -> None:
    """Add the commands to the group `account`."""
    for command in (invite_one, sign_in_link, list_all, give_role, suspend_one, resume_one):
        group.add_command(command)


@click.command("invite")
@click.argument("email")
@as_json
@data_option
@config_option
def invite_one(email: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Print a link with which EMAIL makes an account, once, within two weeks."""
    with ready_services(config, data) as services:
        secret = invite(services.database, email, random_bytes=os.urandom, clock=now)
        _note(services, "invite", "")
    link = f"{base_of(services)}/sign-up?invitation={secret}"
    click.echo(json.dumps({"email": email.lower(), "link": link}) if as_json else link)


@click.command("link")
@click.argument("email")
@as_json
@data_option
@config_option
def sign_in_link(email: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Print a link that signs EMAIL in, once, within a day, without password or second step."""
    with ready_services(config, data) as services:
        account = account_named(services, email)
        secret = create_link(services.database, account.id, random_bytes=os.urandom, clock=now)
        _note(services, "sign-in link", str(account.id))
    link = f"{base_of(services)}/sign-in/{secret}"
    click.echo(json.dumps({"email": account.email, "link": link}) if as_json else link)


@click.command("list")
@as_json
@data_option
@config_option
def list_all(as_json: bool, data: str | None, config: Path | None) -> None:
    """List the accounts."""
    with ready_services(config, data) as services:
        found = [_described(one) for one in accounts(services.database)]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        words = [one["role"]]
        words += ["premium"] if one["premium"] else []
        words += [] if one["active"] else ["suspended"]
        words += [] if one["confirmed"] else ["not confirmed"]
        click.echo(f"{one['id']}  {one['email']}  {', '.join(words)}")


@click.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@as_json
@data_option
@config_option
def give_role(email: str, role: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Make EMAIL a member, a moderator or an administrator."""
    with ready_services(config, data) as services:
        account = account_named(services, email)
        set_role(services.database, account.id, Role(role))
        _note(services, f"role {role}", str(account.id))
    said = {"id": account.id, "email": account.email, "role": role}
    click.echo(json.dumps(said) if as_json else f"{account.email} is {_article(role)} {role} now.")


@click.command("suspend")
@click.argument("email")
@as_json
@data_option
@config_option
def suspend_one(email: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Let EMAIL do nothing any more: by page, token or AE title."""
    _stand(email, as_json, data, config, suspend, "suspend")


@click.command("resume")
@click.argument("email")
@as_json
@data_option
@config_option
def resume_one(email: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Let EMAIL, which was suspended, do again what it could."""
    _stand(email, as_json, data, config, resume, "resume")


def account_named(services: Services, email: str) -> Account:
    """The account with this e-mail address.

    Raises:
        NoSuchAccount: there is none.
    """
    found = account_by_email(services.database, email)
    if found is None:
        raise NoSuchAccount("There is no account with this e-mail address.")
    return found


def _stand(
    email: str,
    as_json: bool,
    data: str | None,
    config: Path | None,
    change: Callable[[Database, int], None],
    verb: str,
) -> None:
    with ready_services(config, data) as services:
        account = account_named(services, email)
        change(services.database, account.id)
        _note(services, verb, str(account.id))
    active = verb == "resume"
    said = {"id": account.id, "email": account.email, "active": active}
    done = "may do again what it could" if active else "is suspended"
    click.echo(json.dumps(said) if as_json else f"The account {account.email} {done}.")


def _note(services: Services, verb: str, which: str) -> None:
    record(services.database, Deed(now(), None, verb, which))


def _described(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "email": account.email,
        "name": account.name,
        "role": role_of(account).value,
        "premium": account.premium,
        "active": account.active,
        "confirmed": account.confirmed,
    }


def _article(role: str) -> str:
    return "an" if role == Role.ADMINISTRATOR else "a"
