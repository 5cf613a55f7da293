"""`readingroom report`, `audit`, `storage`, `settings` and `retention`."""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cases.cases import case_by_code, create_case
from cases.publishing import publish
from cases.reports import report_case
from server.cli import commands
from server.errors import CommandFailed
from server.services import now
from store.access import OwnerScope
from tests.server.sites import EMAIL, Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("READINGROOM_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("READINGROOM_SMTP", "smtp://user:hunter2@mail.example:25")
    return Site(tmp_path, slices=2)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def printed(*arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def add_case(site: Site, days_ago: int = 0) -> str:
    ref = site.services.archive.instances(OwnerScope(site.owner), site.study)[0]
    return create_case(
        site.services.database,
        site.owner,
        title="Reading the scout",
        series=[(ref.study_instance_uid, ref.series_instance_uid)],
        clock=lambda: now() - timedelta(days=days_ago),
        random_bytes=os.urandom,
    ).code


def test_reports_are_listed_and_decided(site: Site) -> None:
    code = add_case(site)
    publish(site.services.database, site.owner, code, clock=now)
    made = report_case(site.services.database, code, kind="anonymity", words="A\nname.", clock=now)
    [found] = printed("report", "list")
    assert (found["id"], found["case"], found["hidden"]) == (made.id, code, True)
    assert run("report", "list").stdout == f"{made.id}  open  {code}  hidden  anonymity  A name.\n"
    decided = printed("report", "decide", str(made.id), "restored", "--reason", "A phantom.")
    assert (decided["state"], decided["hidden"]) == ("restored", False)
    assert case_by_code(site.services.database, code).hidden_at is None
    assert printed("report", "list") == []
    assert len(printed("report", "list", "--decided")) == 1
    for number, reason in ((999, "None."), (made.id, " ")):
        done = run("report", "decide", str(number), "removed", "--reason", reason)
        assert isinstance(done.exception, CommandFailed)

    assert site.services.archive.instances(OwnerScope(site.owner), site.study)
    what = [(one["what"], one["which"]) for one in printed("audit", "list", "--which", code)]
    assert what[:2] == [("restore case", code), ("report case", code)]
    assert len(printed("audit", "list", "--what", "report case")) == 1
    assert len(run("audit", "list", "--limit", "1").stdout.splitlines()) == 1
    removed = ("report", "decide", str(made.id), "removed", "--reason", "A name.")
    assert printed(*removed, "--delete-series")["hidden"]
    assert site.services.archive.instances(OwnerScope(site.owner), site.study) == []
    mine = printed("audit", "list", "--account", EMAIL)
    assert {one["what"] for one in mine} == {"make case", "publish case"}


def test_storage_is_shown(site: Site) -> None:
    found = printed("storage", "show")
    [of_owner] = found["accounts"]
    assert (of_owner["of"], of_owner["series"], of_owner["instances"]) == (EMAIL, 1, 2)
    assert found["modalities"][0]["of"] == "CT"
    assert found["ways"][0]["of"] == "STOW-RS"
    assert found["all"][0]["bytes"] == of_owner["bytes"] > 0
    assert f"accounts  {EMAIL}  1 series  2 instances" in run("storage", "show").stdout


@pytest.mark.usefixtures("site")
def test_settings_are_shown_without_secrets() -> None:
    found = printed("settings", "show")
    assert found["smtp"] == "(set)"
    assert found["database_url"] == ""
    assert found["pending_days"] == "14"
    text = run("settings", "show").stdout
    assert "hunter2" not in text
    assert "* smtp = (set)" in text
    assert "  pending_days = 14" in text


def test_retention_is_looked_at_and_run(site: Site) -> None:
    code = add_case(site, days_ago=12)
    [fate] = printed("retention", "preview", "--days", "7")
    assert (fate["case"], fate["owner"], fate["instances"], fate["told_at"]) == (
        code,
        EMAIL,
        2,
        None,
    )
    assert f"{code}  {EMAIL}  not told  2 instances" in run("retention", "preview").stdout
    assert printed("retention", "run") == {"told": 1, "deleted": 0, "images": 0}
    assert "Told 0, deleted 0 cases" in run("retention", "run").stdout
    assert printed("retention", "preview", "--days", "0") == []


def test_a_case_is_kept_from_deletion_and_released(site: Site) -> None:
    code = add_case(site, days_ago=12)
    kept = printed("retention", "keep", code, "--until", "2126-01-31")
    assert kept == {
        "case": code,
        "title": "Reading the scout",
        "until": "2126-01-31T23:59:59+00:00",
    }
    assert run("retention", "kept").stdout == f"{code}  until 2126-01-31  Reading the scout\n"
    assert printed("retention", "preview", "--days", "30") == []
    assert run("retention", "keep", code).stdout == f"Kept {code} for good.\n"
    assert printed("retention", "kept")[0]["until"] is None
    assert isinstance(
        run("retention", "keep", code, "--until", "2020-01-01").exception, CommandFailed
    )
    assert printed("retention", "release", code) == {"released": code}
    assert run("retention", "kept").stdout == ""
    assert isinstance(run("retention", "release", code).exception, CommandFailed)
