"""`readingroom aetitle` and `peer`: by which names this server is called, and who calls it.

Not here: their rules (`accounts.ae_titles`, `accounts.peers`), what they open (`server.gate`).
"""

import json
from pathlib import Path
from typing import Any

import click

from accounts.ae_titles import AeTitle, add_ae_title, ae_titles_of, remove_ae_title
from accounts.peers import Peer, add_peer, peers_of, remove_peer
from server.cli.accounts import account_named, account_option, email_of
from server.cli.database import noted, ready_services
from server.cli.options import as_json, config_option, data_option
from server.services import Services

__all__ = ["aetitle", "peer"]


@click.group()
def aetitle() -> None:
    """AE titles of this server that belong to accounts.

    What is sent to such a title belongs to its account, whoever sends it if the title is open.
    """


@aetitle.command("add")
@click.argument("title", metavar="NAME")
@account_option
@click.option(
    "--open/--known-only",
    "is_open",
    default=False,
    help="Take from anybody who calls it, or from peers of the account only (the default).",
)
@as_json
@data_option
@config_option
def add_title(
    title: str, email: str, is_open: bool, as_json: bool, data: str | None, config: Path | None
) -> None:
    """Let this server be called NAME, and give what is sent there to an account."""
    with ready_services(config, data) as services:
        owner, own = account_named(services, email), services.settings.ae_title
        made = add_ae_title(services.database, title, owner.id, own=own, open=is_open)
        noted(services, "add AE title", made.title)
        found = _title(services, made)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(f"What is sent to {made.title} belongs to {owner.email}, {_from(made)}.")


@aetitle.command("list")
@as_json
@data_option
@config_option
def list_titles(as_json: bool, data: str | None, config: Path | None) -> None:
    """List the AE titles that belong to accounts."""
    with ready_services(config, data) as services:
        titles = ae_titles_of(services.database)
        found = [_title(services, title) for title in titles]
    if as_json:
        click.echo(json.dumps(found))
        return
    for title, said in zip(titles, found, strict=True):
        click.echo(f"{title.title}  {said['account']}  {_from(title)}")


@aetitle.command("remove")
@click.argument("title", metavar="NAME")
@as_json
@data_option
@config_option
def remove_title(title: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Take the AE title NAME from its account; what was sent there stays."""
    with ready_services(config, data) as services:
        remove_ae_title(services.database, title)
        noted(services, "remove AE title", title)
    title = title.strip()
    click.echo(json.dumps({"removed": title}) if as_json else f"Removed the AE title {title}.")


@click.group()
def peer() -> None:
    """AE titles of others, which send to this server.

    What a peer sends belongs to the account whose peer it is.
    """


@peer.command("add")
@click.argument("ae_title", metavar="AETITLE")
@account_option
@click.option(
    "--from",
    "hosts",
    multiple=True,
    metavar="ADDRESS",
    help="An address or a network from which it calls; more than once for more. By default any.",
)
@click.option("--host", help="Where the peer itself listens.")
@click.option("--port", type=click.IntRange(1, 65535), help="Where the peer itself listens.")
@click.option("--tls", is_flag=True, help="There it speaks TLS.")
@as_json
@data_option
@config_option
def add(
    ae_title: str,
    email: str,
    hosts: tuple[str, ...],
    host: str | None,
    port: int | None,
    tls: bool,
    as_json: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Give what the calling AETITLE sends to an account.

    Where it listens is taken as it is given: the setting peer_hosts is for what accounts give.
    """
    if tls and host is None:
        raise click.UsageError("--tls is about where the peer listens: give --host and --port.")
    with ready_services(config, data) as services:
        owner = account_named(services, email)
        made = add_peer(services.database, ae_title, owner.id, host, port, hosts=hosts, tls=tls)
        noted(services, "set peer", made.ae_title)
        found = _peer(services, made)
    if as_json:
        click.echo(json.dumps(found))
    else:
        click.echo(f"What {made.ae_title} sends {_where(made)} belongs to {owner.email}.")


@peer.command("list")
@as_json
@data_option
@config_option
def list_peers(as_json: bool, data: str | None, config: Path | None) -> None:
    """List the peers of all accounts."""
    with ready_services(config, data) as services:
        peers = peers_of(services.database)
        found = [_peer(services, one) for one in peers]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one, said in zip(peers, found, strict=True):
        click.echo(f"{one.ae_title}  {said['account']}  {_where(one)}{_listens(one)}")


@peer.command("remove")
@click.argument("ae_title", metavar="AETITLE")
@as_json
@data_option
@config_option
def remove(ae_title: str, as_json: bool, data: str | None, config: Path | None) -> None:
    """Know the peer AETITLE no longer; what it sent stays."""
    with ready_services(config, data) as services:
        remove_peer(services.database, ae_title)
        noted(services, "remove peer", ae_title)
    title = ae_title.strip()
    click.echo(json.dumps({"removed": title}) if as_json else f"Removed the peer {title}.")


def _title(services: Services, found: AeTitle) -> dict[str, Any]:
    account = email_of(services, found.account_id)
    return {"ae_title": found.title, "account": account, "open": found.open}


def _peer(services: Services, found: Peer) -> dict[str, Any]:
    return {
        "ae_title": found.ae_title,
        "account": email_of(services, found.account_id),
        "from": list(found.hosts),
        "host": found.host,
        "port": found.port,
        "tls": found.tls,
        "vouched": found.vouched,
    }


def _from(title: AeTitle) -> str:
    return "from anybody" if title.open else "from its peers only"


def _listens(found: Peer) -> str:
    if found.port is None:
        return ""
    over = " over TLS" if found.tls else ""
    by = "" if found.vouched else ", as its account says"
    return f"  listens at {found.host} port {found.port}{over}{by}"


def _where(found: Peer) -> str:
    return f"from {', '.join(found.hosts)}" if found.hosts else "from any address"
