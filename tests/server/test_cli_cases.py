"""`readingroom case`: what it lists, does, prints and refuses."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from accounts.people import create_account
from cases.cases import Case, case_by_code, count_of_owner
from server.cli import commands
from server.config import load
from server.errors import CommandFailed
from server.services import Services, now
from store.audit import deeds
from store.db import Database
from tests.cases.rows import add_case, add_pair, add_published, edit
from tests.support.databases import ready

INES = "ines@example.org"


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("migrated")
    database = Database(f"sqlite:///{folder / 'readingroom.sqlite'}")
    ready(database)
    create_account(database, INES, clock=now)
    database.dispose()
    return folder


@pytest.fixture
def services(migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    shutil.copytree(migrated, tmp_path / "data")
    monkeypatch.setenv("READINGROOM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("READINGROOM_PUBLIC_BASE", "https://cases.example.org")
    monkeypatch.setenv("READINGROOM_OPERATOR", "Northfield")
    services = Services(load())
    yield services
    services.database.dispose()


def run(*arguments: str, **given: Any) -> Result:  # noqa: ANN401
    return CliRunner().invoke(commands, arguments, **given)


def printed(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def refused(*arguments: str) -> str:
    done = run(*arguments)
    assert isinstance(done.exception, CommandFailed), done.output
    return str(done.exception)


def published_case(services: Services, **fields: Any) -> Case:  # noqa: ANN401
    return add_published(services.database, 1, **fields)


def test_cases_are_listed_with_their_state(services: Services) -> None:
    pending = add_case(services.database, 1, title="Fall from a horse")
    shown = published_case(services, title="Wrist")
    private = published_case(services, title="Secret", private=True)
    listed = printed("case", "list")
    assert [(one["code"], one["title"], one["state"], one["account"]) for one in listed] == [
        (private.code, "", "published, version 1, private", INES),
        (shown.code, "Wrist", "published, version 1", INES),
        (pending.code, "Fall from a horse", "pending", INES),
    ]
    assert [one["code"] for one in printed("case", "list", "--show", "pending")] == [pending.code]
    assert [one["code"] for one in printed("case", "list", "horse")] == [pending.code]
    assert [one["code"] for one in printed("case", "list", "--limit", "1", "--offset", "1")] == [
        shown.code
    ]
    assert run("case", "list", "horse").stdout == (
        f"{pending.code}  {INES}  pending  Fall from a horse\n"
    )


def test_a_case_is_shown_with_its_versions_and_what_it_lacks(services: Services) -> None:
    found = published_case(services, title="Wrist", note="First")
    said = printed("case", "show", found.code)
    assert (said["title"], said["state"], said["changed"]) == (
        "Wrist",
        "published, version 1",
        False,
    )
    assert said["series"] == [list(pair) for pair in found.document.series_uids()]
    assert [(one["number"], one["note"]) for one in said["versions"]] == [(1, "First")]
    assert said["blockers"] == ["Nothing has changed since version 1."]
    lines = run("case", "show", found.code).stdout.splitlines()
    assert lines[:2] == ["Wrist", f"{INES}, published, version 1"]
    assert lines[2].startswith("Version 1 of ")
    assert lines[2].endswith(": First")
    assert lines[3] == "Nothing has changed since version 1."


def test_a_case_is_published_for_its_author(services: Services) -> None:
    found = add_case(services.database, 1)
    assert run("case", "publish", found.code).exit_code != 0
    affirmed = ("case", "publish", found.code, "--rights-affirmed")
    assert printed(*affirmed, "--note", "First") == {"code": found.code, "version": 1}
    assert case_by_code(services.database, found.code).version == 1
    assert "Nothing has changed" in refused(*affirmed)
    held = add_case(
        services.database, 1, pairs=[add_pair(services.database, 1, review_state="held")]
    )
    assert "held for review" in refused("case", "publish", held.code, "--rights-affirmed")


def test_a_case_is_deleted_once_that_is_sure(services: Services) -> None:
    found = published_case(services)
    assert run("case", "delete", found.code, input="n\n").exit_code != 0
    assert count_of_owner(services.database, 1) == 1
    assert printed("case", "delete", found.code, "--yes") == {"deleted": found.code}
    assert count_of_owner(services.database, 1) == 0
    deed = deeds(services.database)[0]
    assert (deed.account_id, deed.what, deed.which) == (None, "delete case", found.code)


def test_a_case_is_taken_down_and_shown_again(services: Services) -> None:
    found = published_case(services)
    made = printed("case", "take-down", found.code, "--reason", "A name in the picture.")
    assert case_by_code(services.database, found.code).hidden_at is not None
    printed("report", "decide", str(made["report"]), "restored", "--reason", "It was none.")
    assert case_by_code(services.database, found.code).hidden_at is None
    assert "Say why" in refused("case", "take-down", found.code, "--reason", " ")


def test_metadata_are_printed_in_each_form(services: Services) -> None:
    found = published_case(services, title="Wrist", authors=("Ines Ferreira",))
    edit(services.database, found, title="Wrist, again")
    printed("case", "publish", found.code, "--rights-affirmed")

    def exported(*options: str) -> str:
        done = run("case", "export-metadata", found.code, *options)
        assert done.exit_code == 0, done.output
        return done.stdout

    address = f"https://cases.example.org/cases/{found.code}/versions"
    said = json.loads(exported())
    assert (said["titles"][0]["title"], said["url"]) == ("Wrist, again", f"{address}/2")
    assert said["publisher"] == {"name": "Northfield"}
    assert json.loads(exported("--format", "csl"))[0]["version"] == "2"
    assert exported("--format", "bibtex", "--version", "1").startswith("@misc{")
    assert f"UR  - {address}/1" in exported("--format", "ris", "--version", "1")
    assert exported("--format", "text", "--version", "1").startswith(
        "Ines Ferreira. Wrist (version 1). Northfield. "
    )
    assert "never published in this version" in refused(
        "case", "export-metadata", found.code, "--version", "3"
    )


@pytest.mark.usefixtures("services")
@pytest.mark.parametrize("command", ["show", "publish", "delete", "export-metadata"])
def test_a_case_that_there_is_not_is_refused(command: str) -> None:
    options = {"publish": ["--rights-affirmed"], "delete": ["--yes"]}.get(command, [])
    for code in ("22222222", "no-code"):
        assert refused("case", command, code, *options) == "There is no such case."


def test_a_private_case_tells_its_title_when_it_is_asked_for(services: Services) -> None:
    found = published_case(services, title="Secret", private=True)
    assert printed("case", "show", found.code)["title"] == "Secret"
    assert printed("case", "list", "secret") == []
