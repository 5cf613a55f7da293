"""`readingroom account`: invitations, roles, suspension."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli import commands
from server.errors import CommandFailed

EMAIL = "ines@example.org"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    run(tmp_path, "account", "create", EMAIL, "--admin")
    run(tmp_path, "account", "create", "otto@example.org")
    return tmp_path


def attempted(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(commands, [*arguments, "--data", str(folder / "data")])


def run(folder: Path, *arguments: str) -> str:
    done = attempted(folder, *arguments)
    assert done.exit_code == 0, done.output
    return done.output.strip()


def described(folder: Path) -> dict[str, dict[str, object]]:
    listed = json.loads(run(folder, "account", "list", "--json"))
    return {one["email"]: one for one in listed}


def test_an_invitation_is_a_link(folder: Path) -> None:
    link = run(folder, "account", "invite", "Rosa@example.org")
    assert link.startswith("http://127.0.0.1:8080/sign-up?invitation=")
    told = json.loads(run(folder, "account", "invite", "rosa@example.org", "--json"))
    assert told["email"] == "rosa@example.org"
    assert told["link"] != link
    assert isinstance(attempted(folder, "account", "invite", EMAIL).exception, CommandFailed)


def test_a_link_signs_in_whoever_is_locked_out(folder: Path) -> None:
    link = run(folder, "account", "link", "otto@example.org")
    assert link.startswith("http://127.0.0.1:8080/sign-in/")
    told = json.loads(run(folder, "account", "link", "otto@example.org", "--json"))
    assert told["link"] != link


def test_roles_are_given_and_listed(folder: Path) -> None:
    said = run(folder, "account", "role", "otto@example.org", "administrator")
    assert said == "otto@example.org is an administrator now."
    run(folder, "account", "role", EMAIL, "moderator", "--json")
    found = described(folder)
    assert [found[email]["role"] for email in (EMAIL, "otto@example.org")] == [
        "moderator",
        "administrator",
    ]
    assert "moderator" in run(folder, "account", "list")
    refused = attempted(folder, "account", "role", "otto@example.org", "member").exception
    assert "Nobody else" in str(refused)


def test_an_account_is_suspended_and_resumed(folder: Path) -> None:
    told = json.loads(run(folder, "account", "suspend", "otto@example.org", "--json"))
    assert told["active"] is False
    assert described(folder)["otto@example.org"]["active"] is False
    assert "suspended" in run(folder, "account", "list")
    run(folder, "account", "resume", "otto@example.org")
    assert described(folder)["otto@example.org"]["active"] is True
