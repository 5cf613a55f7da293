"""`readingroom aetitle` and `peer`: what they do, print and refuse."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from accounts.peers import Peer, add_peer, peers_of
from accounts.people import create_account
from accounts.reach import Reach
from server.cli import commands
from server.config import load
from server.errors import CommandFailed
from server.services import Services, now
from tests.support.databases import ready

INES, OTTO = ("--account", "ines@example.org"), ("--account", "otto@example.org")


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("READINGROOM_DATA", str(tmp_path / "data"))
    services = Services(load())
    ready(services.database)
    for _, email in (INES, OTTO):
        create_account(services.database, email, clock=now)
    return services


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def printed(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: str) -> str:
    done = run(*arguments)
    assert isinstance(done.exception, CommandFailed)
    return str(done.exception)


@pytest.mark.usefixtures("services")
def test_titles_are_added_listed_and_removed() -> None:
    made = {"ae_title": "INES", "account": INES[1], "open": True}
    assert printed("aetitle", "add", " INES ", *INES, "--open") == made
    assert printed("aetitle", "add", "OTTO", *OTTO)["open"] is False
    assert printed("aetitle", "list") == [
        made,
        {"ae_title": "OTTO", "account": OTTO[1], "open": False},
    ]
    assert run("aetitle", "list").stdout == (
        "INES  ines@example.org  from anybody\nOTTO  otto@example.org  from its peers only\n"
    )
    assert printed("aetitle", "add", "INES", *INES, "--known-only")["open"] is False
    assert printed("aetitle", "remove", "INES") == {"removed": "INES"}
    assert [one["ae_title"] for one in printed("aetitle", "list")] == ["OTTO"]


@pytest.mark.usefixtures("services")
def test_titles_that_cannot_be_given_are_refused() -> None:
    printed("aetitle", "add", "INES", *INES)
    assert "account already" in refused("aetitle", "add", "INES", *OTTO)
    assert "server's own" in refused("aetitle", "add", "READINGROOM", *OTTO)
    assert "1 to 16" in refused("aetitle", "add", "SEVENTEEN-LETTERS", *OTTO)
    assert "no such AE title" in refused("aetitle", "remove", "OTTO")
    assert "no account" in refused("aetitle", "add", "OTTO", "--account", "x@example.org")


@pytest.mark.usefixtures("services")
def test_the_servers_own_title_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READINGROOM_AE_TITLE", "NORTHFIELD")
    assert "server's own" in refused("aetitle", "add", "northfield", *OTTO)
    assert printed("aetitle", "add", "READINGROOM", *OTTO)["account"] == OTTO[1]


def test_peers_are_added_listed_and_removed(services: Services) -> None:
    made = {
        "ae_title": "CT-2",
        "account": INES[1],
        "from": ["10.20.4.17", "fd00::/8"],
        "host": "ct2",
        "port": 104,
        "tls": True,
        "vouched": True,
    }
    hosts = ("--from", "10.20.4.17", "--from", "FD00::/8")
    listens = ("--host", "ct2", "--port", "104", "--tls")
    assert printed("peer", "add", "CT-2", *INES, *hosts, *listens) == made
    plain = run("peer", "add", "MR", *OTTO)
    assert plain.stdout == "What MR sends from any address belongs to otto@example.org.\n"
    assert printed("peer", "list")[0] == made
    assert run("peer", "list").stdout == (
        "CT-2  ines@example.org  from 10.20.4.17, fd00::/8  listens at ct2 port 104 over TLS\n"
        "MR  otto@example.org  from any address\n"
    )
    # The operator's last word counts.
    printed("peer", "add", "CT-2", *OTTO)
    assert printed("peer", "remove", "MR") == {"removed": "MR"}
    [ct] = peers_of(services.database)
    assert ct == Peer("CT-2", ct.account_id, vouched=True)
    assert printed("peer", "list")[0]["account"] == OTTO[1]


def test_what_an_account_has_said_is_listed_as_such(services: Services) -> None:
    account = create_account(services.database, "olga@example.org", clock=now)
    add_peer(services.database, "PACS", account.id, "pacs", 104, reach=Reach())
    assert run("peer", "list").stdout == (
        "PACS  olga@example.org  from any address  listens at pacs port 104, as its account says\n"
    )
    # An address of the inner network, which the account could not have given.
    printed("peer", "add", "PACS", "--account", account.email, "--host", "::1", "--port", "104")
    assert printed("peer", "list")[0]["vouched"] is True


@pytest.mark.usefixtures("services")
def test_peers_that_cannot_be_are_refused() -> None:
    assert "a host and a port" in refused("peer", "add", "CT", *INES, "--host", "ct2")
    done = run("peer", "add", "CT", *INES, "--tls")
    assert (done.exit_code, "give --host and --port" in done.output) == (2, True)
    assert "an address such as" in refused("peer", "add", "CT", *INES, "--from", "ct2")
    assert "no such peer" in refused("peer", "remove", "CT")
    assert printed("peer", "list") == []
