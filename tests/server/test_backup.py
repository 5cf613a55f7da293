"""Backup and restore: what comes back is what was there, to the byte; nothing else does."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from accounts.people import create_account, first_account
from server.backup import back_up, kept_in, place_of
from server.cli import commands
from server.config import Settings, load
from server.errors import CommandFailed
from server.restore import restore
from server.services import Services, now
from store.access import OwnerScope
from store.db import Database
from store.removing import remove
from tests.support.databases import ready
from tests.support.datasets import ct_stack, encoded


class Site:
    """An archive in a folder, on either database."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.services = Services(Settings(data=folder / "data"))
        self.services.__dict__["database"] = database
        assert self.services.secret
        ready(database)
        self.owner = create_account(database, "ines@example.org", clock=now).id

    def put(self, study: str, count: int = 2) -> str:
        with self.services.ingest.batch(self.owner, "STOW-RS") as batch:
            for ds in ct_stack(count, study=study, series=f"{study}.1", size=16):
                incoming = batch.receive()
                incoming.feed(encoded(ds))
                stored = incoming.finish().study_instance_uid
            batch.commit()
        return stored


def files_of(services: Services, owner: int, study: str) -> dict[str, bytes]:
    found = services.archive.instances(OwnerScope(owner), study)
    return {ref.sop_instance_uid: b"".join(services.archive.read(ref)) for ref in found}


def empty_place(site: Site, folder: Path) -> Services:
    """An empty data folder, with the secret in it, on an empty database."""
    data = folder / "restored"
    data.mkdir()
    shutil.copy(site.services.settings.data / "secret", data)
    return Services(replace(site.services.settings, data=data))


def empty_database(site: Site, services: Services) -> None:
    """SQLite is empty in its new folder; PostgreSQL has to be emptied."""
    if site.services.database.engine.dialect.name == "postgresql":
        services.__dict__["database"] = site.services.database
        with site.services.database.write() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")


@pytest.mark.promise("F113")
def test_what_is_restored_is_served_to_the_byte(database: Database, tmp_path: Path) -> None:
    site, folder = Site(database, tmp_path), tmp_path / "backup"
    study = site.put("1.2.3")
    before = files_of(site.services, site.owner, study)
    assert len(before) == 2
    made = back_up(site.services, folder)
    assert (made.blobs, made.copied, made.dropped) == (2, 2, 0)
    assert made.size == sum(map(len, before.values()))
    assert not list(folder.rglob("secret*"))
    # What came after it is not in it.
    later = site.put("1.2.4")

    again = empty_place(site, tmp_path)
    empty_database(site, again)
    assert restore(again, folder).blobs == 2
    owner = first_account(again.database)
    assert owner is not None
    assert files_of(again, owner.id, study) == before
    assert files_of(again, owner.id, later) == {}
    # The secret opens the keys: the same patient is the same again.
    assert again.ingest.keys.key_of(owner.id) == site.services.ingest.keys.key_of(site.owner)
    again.database.dispose()


def test_a_second_backup_copies_what_is_new_and_forgets_what_is_gone(
    database: Database, tmp_path: Path
) -> None:
    site, folder = Site(database, tmp_path), tmp_path / "backup"
    first, second = site.put("1.2.3"), site.put("1.2.4")
    back_up(site.services, folder)
    third = site.put("1.2.5", 3)
    remove(site.services.ingest, OwnerScope(site.owner), first)
    made = back_up(site.services, folder)
    assert (made.blobs, made.copied, made.dropped) == (5, 3, 2)
    assert sum(path.is_file() for path in (folder / "blobs").rglob("*")) == 5
    assert len(kept_in(folder)) == 5
    made = back_up(site.services, folder)
    assert (made.copied, made.dropped) == (0, 0)
    again = empty_place(site, tmp_path)
    wanted = [files_of(site.services, site.owner, study) for study in (second, third)]
    empty_database(site, again)
    restore(again, folder)
    assert [files_of(again, site.owner, study) for study in (second, third)] == wanted
    assert files_of(again, site.owner, first) == {}
    again.database.dispose()


@pytest.fixture
def kept(sqlite: Database, tmp_path: Path) -> tuple[Site, Path]:
    """A backup on SQLite."""
    site, folder = Site(sqlite, tmp_path), tmp_path / "backup"
    site.put("1.2.3")
    back_up(site.services, folder)
    return site, folder


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'index.sqlite'}")


def refused(services: Services, folder: Path) -> str:
    with pytest.raises(CommandFailed) as error:
        restore(services, folder)
    services.database.dispose()
    return str(error.value)


def test_nothing_is_restored_over_something(kept: tuple[Site, Path]) -> None:
    site, folder = kept
    assert "not empty" in refused(site.services, folder)


def test_without_the_secret_nothing_is_restored(kept: tuple[Site, Path], tmp_path: Path) -> None:
    site, folder = kept
    place = empty_place(site, tmp_path)
    (place.settings.data / "secret").unlink()
    assert "The secret is not there" in refused(place, folder)
    (place.settings.data / "secret").write_bytes(b"another secret" * 4)
    assert "not the one of this backup" in refused(place, folder)


@pytest.mark.parametrize("what", ["file", "index", "manifest", "missing"])
def test_damage_is_noticed(kept: tuple[Site, Path], tmp_path: Path, what: str) -> None:
    site, folder = kept
    key = next(iter(kept_in(folder)))
    place = {
        "file": place_of(folder, key),
        "missing": place_of(folder, key),
        "index": folder / "database.sqlite",
        "manifest": folder / "backup.json",
    }[what]
    if what == "missing":
        place.unlink()
    else:
        with open(place, "r+b") as file:
            file.seek(20)
            file.write(b"\xff")
    wanted = {
        "file": "damaged",
        "missing": "missing",
        "index": "not the one that was backed up",
        "manifest": "no whole backup",
    }
    assert wanted[what] in refused(empty_place(site, tmp_path), folder)


def test_the_commands_say_what_they_did(tmp_path: Path) -> None:
    data = tmp_path / "data"
    services = Services(load(environment={"READINGROOM_DATA": str(data)}))
    Site(services.database, tmp_path).put("1.2.3")
    services.database.dispose()

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(commands, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    folder = str(tmp_path / "backup")
    said = run("backup", folder, "--data", str(data))
    assert "2 files" in said
    assert f"The secret is not in it. Keep {data / 'secret'} in another place" in said
    restored = tmp_path / "restored"
    restored.mkdir()
    shutil.copy(data / "secret", restored)
    assert json.loads(run("restore", folder, "--data", str(restored), "--json"))["blobs"] == 2
    assert "owner" not in run("account", "list", "--data", str(restored))
