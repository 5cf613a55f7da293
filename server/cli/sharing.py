"""`readingroom share` and `playlist`: who shares what.

Invariants: the address of a link is printed when it is made, and never again.
Not here: the rules (`cases.sharing`, `cases.playlists`), the pages (`viewer`).
"""

import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from cases.playing import Listed, every_playlist
from cases.share_list import Share, shares_of
from cases.sharing import Wanted, create_share, delete_share, end_of
from server.cli.accounts import account_named, account_option, email_of
from server.cli.database import base_of, ready_services
from server.cli.options import as_json, config_option, data_option
from server.errors import CommandFailed
from server.services import Services, now

__all__ = ["playlist", "share"]

whose = click.option("--account", "email", metavar="EMAIL", help="Only of this account.")


@click.group()
def share() -> None:
    """Share links of cases and playlists."""


@share.command("create")
@account_option
@click.option("--case", "case_code", metavar="CODE", help="Share this case.")
@click.option("--playlist", "playlist_code", metavar="CODE", help="Share this playlist.")
@click.option("--label", required=True, help="Who it is for, to tell it from others.")
@click.option("--expires", type=click.IntRange(1, 36_500), metavar="DAYS", help="When it ends.")
@click.option("--uses", type=click.IntRange(1), help="How often it can be opened.")
@click.option("--password-stdin", is_flag=True, help="Read a password from standard input.")
@click.option("--download", is_flag=True, help="Whoever has it may fetch the files.")
@as_json
@data_option
@config_option
def create(
    email: str,
    case_code: str | None,
    playlist_code: str | None,
    label: str,
    expires: int | None,
    uses: int | None,
    password_stdin: bool,
    download: bool,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Print the address of a new link; it is not shown again."""
    if (case_code is None) == (playlist_code is None):
        raise CommandFailed("Say what is shared: --case or --playlist.")
    wanted = Wanted(
        label,
        None if expires is None else end_of((now() + timedelta(days=expires)).date()),
        sys.stdin.readline().rstrip("\n") if password_stdin else "",
        uses,
        download,
    )
    with ready_services(config, data) as services:
        made, secret = create_share(
            services.database,
            account_named(services, email).id,
            "playlist" if case_code is None else "case",
            case_code or playlist_code or "",
            wanted,
            clock=now,
            random_bytes=os.urandom,
        )
        address = f"{base_of(services)}/share/{secret}"
        described = _described(services, made) | {"address": address}
    click.echo(json.dumps(described) if as_json else address)


@share.command("list")
@whose
@as_json
@data_option
@config_option
def list_shares(email: str | None, as_json: bool, data: str | None, config: Path | None) -> None:
    """List the links, without their addresses."""
    with ready_services(config, data) as services:
        found = [
            _described(services, one) for one in shares_of(services.database, _id(services, email))
        ]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        until = f"until {one['expires_at']}" if one["expires_at"] else "without an end"
        uses = (
            f"{one['uses']} of {one['max_uses']} uses" if one["max_uses"] else f"{one['uses']} uses"
        )
        lock = "  password" if one["password"] else ""
        click.echo(
            f"{one['id']}  {one['account']}  {one['kind']} {one['code']}  {until}  {uses}{lock}"
            f"  {one['label']}"
        )


@share.command("delete")
@click.argument("share_id", metavar="ID", type=click.IntRange(1, 2**63 - 1))
@as_json
@data_option
@config_option
def delete(share_id: int, as_json: bool, data: str | None, config: Path | None) -> None:
    """Delete the link of this ID: it opens nothing from now on."""
    with ready_services(config, data) as services:
        delete_share(services.database, None, share_id, clock=now)
    click.echo(json.dumps({"deleted": share_id}) if as_json else f"Deleted the link {share_id}.")


@click.group()
def playlist() -> None:
    """Playlists of cases."""


@playlist.command("list")
@whose
@as_json
@data_option
@config_option
def list_playlists(email: str | None, as_json: bool, data: str | None, config: Path | None) -> None:
    """List the playlists of all accounts, or of one."""
    with ready_services(config, data) as services:
        listed = every_playlist(services.database, _id(services, email))
        found = [_of_playlist(services, one) for one in listed]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        cases = f"{one['cases']} case" + ("" if one["cases"] == 1 else "s")
        click.echo(f"{one['code']}  {one['account']}  {one['visibility']}  {cases}  {one['title']}")


def _id(services: Services, email: str | None) -> int | None:
    return None if email is None else account_named(services, email).id


def _described(services: Services, found: Share) -> dict[str, Any]:
    return {
        "id": found.id,
        "account": email_of(services, found.owner_id),
        "kind": found.kind,
        "code": found.code,
        "label": found.label,
        "password": found.has_password,
        "download": found.downloadable,
        "uses": found.uses,
        "max_uses": found.max_uses,
        "created_at": found.created_at.isoformat(timespec="seconds"),
        "expires_at": found.expires_at and found.expires_at.isoformat(timespec="seconds"),
        "last_used_at": found.last_used_at and found.last_used_at.isoformat(timespec="seconds"),
    }


def _of_playlist(services: Services, listed: Listed) -> dict[str, Any]:
    found = listed.playlist
    return {
        "code": found.code,
        "account": email_of(services, found.owner_id),
        "title": found.title,
        "visibility": found.visibility,
        "cases": listed.cases,
        "updated_at": found.updated_at.isoformat(timespec="seconds"),
    }
