"""`readingroom share` and `playlist`: what they do, print and refuse."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from accounts.people import Account, create_account
from cases.playlists import create_playlist
from cases.share_list import shares_of
from server.cli import commands
from server.config import load
from server.errors import CommandFailed
from server.services import Services, now
from tests.support.databases import ready

INES = ("--account", "ines@example.org")


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Services:
    monkeypatch.setenv("READINGROOM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("READINGROOM_PUBLIC_BASE", "https://pacs.example.org")
    services = Services(load())
    ready(services.database)
    return services


@pytest.fixture
def owner(services: Services) -> Account:
    return create_account(services.database, INES[1], clock=now)


@pytest.fixture
def code(services: Services, owner: Account) -> str:
    return create_playlist(
        services.database,
        owner.id,
        title="Wrists",
        visibility="public",
        clock=now,
        random_bytes=os.urandom,
    ).code


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(commands, arguments, input=stdin)


def printed(*arguments: str, stdin: str = "") -> Any:  # noqa: ANN401 - JSON
    done = run(*arguments, "--json", stdin=stdin)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: str, stdin: str = "") -> str:
    done = run(*arguments, stdin=stdin)
    assert isinstance(done.exception, CommandFailed)
    return str(done.exception)


def test_a_link_is_made_listed_and_deleted(services: Services, code: str) -> None:
    create = ("share", "create", *INES, "--playlist", code, "--label")
    done = run(*create, "Trainees")
    assert re.fullmatch(r"https://pacs\.example\.org/share/[\w-]{43}\n", done.stdout)
    wishes = ("--expires", "30", "--uses", "5", "--password-stdin", "--download")
    made = printed(*create, "Exam", *wishes, stdin="carpal arcs\n")
    assert made.pop("address").startswith("https://pacs.example.org/share/")
    assert made["password"] is made["download"] is True
    assert (made["kind"], made["code"], made["max_uses"]) == ("playlist", code, 5)
    assert made["expires_at"].endswith("T23:59:59+00:00")
    exam, trainees = printed("share", "list", *INES)
    assert (exam, trainees["label"]) == (made, "Trainees")
    lines = run("share", "list").stdout.splitlines()
    assert lines[1] == (
        f"{trainees['id']}  ines@example.org  playlist {code}  without an end  0 uses  Trainees"
    )
    assert "0 of 5 uses  password  Exam" in lines[0]
    assert printed("share", "delete", str(exam["id"])) == {"deleted": exam["id"]}
    assert run("share", "delete", str(trainees["id"])).stdout == (
        f"Deleted the link {trainees['id']}.\n"
    )
    assert shares_of(services.database) == []


def test_what_cannot_be_is_refused_in_one_line(code: str) -> None:
    create = ("share", "create", *INES, "--label", "x")
    assert "--case or --playlist" in refused(*create)
    assert "--case or --playlist" in refused(*create, "--case", code, "--playlist", code)
    assert "no such case" in refused(*create, "--case", code)
    assert "8 to 200" in refused(*create, "--playlist", code, "--password-stdin", stdin="short\n")
    assert "no such link" in refused("share", "delete", "99")
    assert "no account" in refused("share", "list", "--account", "nobody@example.org")


def test_playlists_are_listed(services: Services, code: str) -> None:
    create_account(services.database, "otto@example.org", clock=now)
    (found,) = printed("playlist", "list")
    assert (found["code"], found["account"], found["cases"]) == (code, INES[1], 0)
    assert run("playlist", "list", *INES).stdout == (
        f"{code}  ines@example.org  public  0 cases  Wrists\n"
    )
    assert printed("playlist", "list", "--account", "otto@example.org") == []
