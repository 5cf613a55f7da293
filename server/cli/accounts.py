"""`readingroom account` and `token`: who may do what.

Not here: the rules of accounts (`accounts`), invitations, roles and suspension
(`server.cli.roles`), AE titles (`server.cli.ae_titles`).
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from accounts.people import account_by_id, create_account
from accounts.tokens import ALL_SCOPES, Token, TokenScope, create_token, revoke_token, tokens_of
from server.cli.database import noted, ready_services
from server.cli.options import as_json, config_option, data_option
from server.cli.roles import account_named, add_people_commands
from server.services import Services, now

__all__ = ["account", "account_named", "account_option", "email_of", "token"]

account_option = click.option(
    "--account", "email", required=True, metavar="EMAIL", help="Whose it is."
)


@click.group()
def account() -> None:
    """Accounts of people."""


@account.command("create")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
@click.option("--admin", is_flag=True, help="May administer the server.")
@click.option("--premium", is_flag=True, help="May have private cases.")
@as_json
@data_option
@config_option
def create(
    email: str,
    password_stdin: bool,
    admin: bool,
    premium: bool,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Create an account for EMAIL."""
    password = sys.stdin.readline().rstrip("\n") if password_stdin else None
    with ready_services(config, data) as services:
        made = create_account(
            services.database, email, clock=now, password=password, admin=admin, premium=premium
        )
        noted(services, "make account", str(made.id))
    if as_json:
        click.echo(json.dumps({"id": made.id, "email": made.email, "admin": made.admin}))
    else:
        click.echo(f"Created the account {made.email}.")


add_people_commands(account)


@click.group()
def token() -> None:
    """Bearer tokens, for programs that use DICOMweb."""


@token.command("create")
@account_option
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in TokenScope]),
    help="What it may do; more than once for more. By default all that the account may.",
)
@click.option("--name", default="", help="What it is for, to tell it from others.")
@click.option("--expires", type=click.IntRange(1, 36_500), metavar="DAYS", help="When it ends.")
@as_json
@data_option
@config_option
def create_for(
    email: str,
    scopes: tuple[str, ...],
    name: str,
    expires: int | None,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Print a new token; it is not shown again."""
    with ready_services(config, data) as services:
        owner = account_named(services, email)
        made = create_token(
            services.database,
            owner.id,
            random_bytes=os.urandom,
            clock=now,
            scopes=[TokenScope(scope) for scope in scopes] or ALL_SCOPES,
            name=name,
            lifetime=None if expires is None else timedelta(days=expires),
        )
        number = max(one.id for one in tokens_of(services.database, owner.id))
        noted(services, "make token", f"token {number}")
    click.echo(json.dumps({"token": made}) if as_json else made)


@token.command("list")
@as_json
@data_option
@config_option
def list_all(as_json: bool, data: str | None, config: Path | None) -> None:
    """List the tokens, without their secrets."""
    with ready_services(config, data) as services:
        found = [_described(services, one) for one in tokens_of(services.database)]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        until = f"until {one['expires_at']}" if one["expires_at"] else "without an end"
        allowed = ", ".join(one["scopes"])
        click.echo(f"{one['id']}  {one['account']}  {allowed}  {until}  {one['name']}".rstrip())


@token.command("revoke")
@click.argument("token_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@as_json
@data_option
@config_option
def revoke(token_id: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """Make the token of this ID void, from the next request on."""
    with ready_services(config, data) as services:
        revoke_token(services.database, token_id)
        noted(services, "revoke token", f"token {token_id}")
    click.echo(json.dumps({"revoked": token_id}) if as_json else f"Revoked the token {token_id}.")


def email_of(services: Services, account_id: int) -> str:
    """The e-mail address of an account; empty when it has gone in the meantime."""
    owner = account_by_id(services.database, account_id)
    return "" if owner is None else owner.email


def _described(services: Services, found: Token) -> dict[str, Any]:
    return {
        "id": found.id,
        "account": email_of(services, found.account_id),
        "name": found.name,
        "scopes": [scope.value for scope in TokenScope if scope in found.scopes],
        "created_at": found.created_at.isoformat(timespec="seconds"),
        "expires_at": found.expires_at and found.expires_at.isoformat(timespec="seconds"),
    }
