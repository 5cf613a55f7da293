"""What `readingroom account` and `message` do, and the jobs about all that is an account's own."""

import json
import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest
from click.testing import CliRunner

from accounts.leaving import is_gone
from accounts.messages import messages_of, send
from accounts.people import account_by_id, create_account
from cases.exports import KEPT_FOR
from cases.leaving import leave
from server.cli import commands
from server.errors import CommandFailed, TransferError
from server.kinds import perform
from server.own_data import exports_of, tidy
from server.services import now
from store.audit import deeds
from store.jobs import Job
from tests.server.sites import EMAIL, Site
from tests.support.datasets import ct_slice


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, slices=2)
    yield made
    made.services.database.dispose()


def do(site: Site, kind: str) -> Job:
    """Do the next job, as the worker does."""
    jobs = site.services.jobs
    job = jobs.take((kind,), "worker")
    assert job is not None
    far: list[tuple[int, int]] = []
    perform(site.services, job, lambda done, total: far.append((done, total)), lambda _kept: None)
    jobs.finish(job.id, "worker")
    assert far
    return job


def test_the_file_is_written_and_its_owner_is_told(site: Site) -> None:
    exports, jobs = exports_of(site.services), site.services.jobs
    exports.ask_for(jobs, site.owner)
    job = do(site, "export")
    path = exports.ready(exports.last(jobs, site.owner), now())
    assert path == exports.path_of(job)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert len([name for name in ZipFile(path).namelist() if name.endswith(".dcm")]) == 2
    [message] = messages_of(site.services.database)
    assert (message.recipient, message.account_id) == (EMAIL, site.owner)
    # The next one takes its place.
    exports.ask_for(jobs, site.owner)
    do(site, "export")
    assert not path.exists()
    assert len(list(path.parent.iterdir())) == 1


def test_nothing_is_begun_where_there_is_no_room(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage(10, 9, 1))
    exports_of(site.services).ask_for(site.services.jobs, site.owner)
    with pytest.raises(TransferError, match="no room"):
        do(site, "export")
    assert list(exports_of(site.services).folder.iterdir()) == []


def test_who_leaves_leaves_no_file(site: Site) -> None:
    exports, services = exports_of(site.services), site.services
    exports.ask_for(services.jobs, site.owner)
    do(site, "export")
    leave(services.database, site.owner, jobs=services.jobs, clock=now)
    do(site, "forget")
    assert list(exports.folder.iterdir()) == []
    assert site.held(site.study) == 0
    # Asked for before, taken up after.
    services.jobs.add(site.owner, "export", {})
    with pytest.raises(TransferError):
        do(site, "export")


def test_each_day_what_is_left_over_goes(site: Site) -> None:
    exports, services = exports_of(site.services), site.services
    exports.ask_for(services.jobs, site.owner)
    path = exports.path_of(do(site, "export"))
    tidy(services)
    assert path.exists()
    tidy(services, lambda: now() + KEPT_FOR)
    assert not path.exists()
    leave(services.database, site.owner, jobs=services.jobs, clock=now)
    do(site, "forget")
    # An association that had begun before goes on.
    study = site.put(ct_slice(9))
    assert site.held(study) == 1
    tidy(services)
    do(site, "forget")
    assert site.held(study) == 0


def test_nobody_who_is_there_is_forgotten(site: Site) -> None:
    site.services.jobs.add(site.owner, "forget", {})
    with pytest.raises(TransferError):
        do(site, "forget")
    assert site.held(site.study) == 2


def test_a_plan_is_granted(site: Site) -> None:
    said = json.loads(site.command("account", "plan", EMAIL, "premium", "--json"))
    assert said == {"id": site.owner, "email": EMAIL, "plan": "premium"}
    found = account_by_id(site.services.database, site.owner)
    assert found is not None
    assert found.premium
    assert "free" in site.command("account", "plan", EMAIL, "free")
    did = [(deed.what, deed.which) for deed in deeds(site.services.database)]
    assert did == [("grant free", str(site.owner)), ("grant premium", str(site.owner))]


def test_all_that_is_somebodys_is_written_where_the_command_says(
    site: Site, tmp_path: Path
) -> None:
    file = tmp_path / "ines.zip"
    said = json.loads(site.command("account", "export", EMAIL, str(file), "--json"))
    assert said == {"instances": 2, "file": str(file)}
    assert "account.json" in ZipFile(file).namelist()


def test_an_account_is_deleted_after_a_question(site: Site) -> None:
    database = site.services.database
    asked = ("account", "delete", EMAIL, "--data", str(site.folder / "data"))
    done = CliRunner().invoke(commands, asked, input="n\n")
    assert done.exit_code != 0
    assert not is_gone(database, site.owner)
    assert json.loads(site.command("account", "delete", EMAIL, "--yes", "--json"))["job"]
    assert is_gone(database, site.owner)
    deed = deeds(database)[0]
    assert (deed.account_id, deed.what, deed.which) == (None, "delete account", str(site.owner))
    # What is stored is in nobody's view already.
    do(site, "forget")
    assert site.held(site.study) == 0
    again = CliRunner().invoke(commands, (*asked, "--yes"))
    assert isinstance(again.exception, CommandFailed)


def test_the_only_administrator_is_not_deleted(site: Site) -> None:
    create_account(site.services.database, "root@example.org", clock=now, admin=True)
    asked = ("account", "delete", "root@example.org", "--yes", "--data", str(site.folder / "data"))
    done = CliRunner().invoke(commands, asked)
    assert isinstance(done.exception, CommandFailed)
    assert "only administrator" in str(done.exception)


def test_messages_are_listed_and_shown(site: Site) -> None:
    database = site.services.database
    number = send(database, EMAIL, "Confirm", "https://example.org/secret\n", clock=now)
    listed = site.command("message", "list")
    assert f"{number}  " in listed
    assert f"{EMAIL}  Confirm  (waiting)" in listed
    assert "secret" not in listed
    [one] = json.loads(site.command("message", "list", "--json"))
    assert (one["id"], one["recipient"], one["sent_at"]) == (number, EMAIL, None)
    assert "body" not in one
    shown = site.command("message", "show", str(number))
    assert shown == f"To: {EMAIL}\nSubject: Confirm\n\nhttps://example.org/secret\n"
    assert json.loads(site.command("message", "show", str(number), "--json"))["body"]
    asked = ("message", "show", "99", "--data", str(site.folder / "data"))
    assert isinstance(CliRunner().invoke(commands, asked).exception, CommandFailed)
