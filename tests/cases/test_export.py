"""The file with all that is an account's own: whole, in order, and nobody else's."""

import json
import os
from datetime import timedelta
from io import BytesIO
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

import pytest
from pydicom import dcmread
from sqlalchemy import insert

from accounts.ae_titles import add_ae_title
from accounts.people import Account, create_account
from accounts.profile import change_profile
from accounts.schema import sign_in_link
from accounts.terms import accept
from accounts.tokens import create_token
from cases.cases import create_case
from cases.export import size_of, write_export
from cases.exports import KEPT_FOR, Exports
from cases.own_texts import safe_name
from cases.publishing import publish
from cases.schema import playlist, playlist_item, share
from store.access import OwnerScope
from store.audit import Deed, record
from store.errors import StoreError
from store.jobs import Jobs
from store.removing import remove
from tests.cases.rows import NOW, clock, edit
from tests.store.conftest import Store, store
from tests.support.datasets import ct_slice, ct_stack

__all__ = ["store"]

SECRET = b"digest that is nobody's business"


def nothing(_done: int, _total: int) -> None:
    pass


@pytest.fixture
def ines(store: Store) -> Account:
    return create_account(store.database, "ines@example.org", clock=clock)


@pytest.fixture
def jon(store: Store) -> Account:
    return create_account(store.database, "jon@example.org", clock=clock)


def furnish(store: Store, account: Account, mark: str) -> str:
    """Give an account something of everything; the code of its case."""
    database, name = store.database, account.email.partition("@")[0]
    received = store.put(*ct_stack(2), owner=account.id)[0]
    store.put(ct_slice(study="1.2.3.4", series="1.2.3.4.5"), owner=account.id)
    pair = received.study_instance_uid, received.series_instance_uid
    made = create_case(
        database,
        account.id,
        title=f"{mark} case",
        series=[pair],
        clock=clock,
        random_bytes=os.urandom,
    )
    made = edit(database, made, history=f"{mark} history", tags=(f"{mark} tag",))
    publish(database, account.id, made.code, clock=clock, note=f"{mark} note")
    edit(database, made, findings=f"{mark} new")
    change_profile(database, account.id, name=f"{mark} author", channel=name)
    accept(database, account.id, "2026-11-01", of_age=True, clock=clock)
    create_token(database, account.id, random_bytes=os.urandom, clock=clock, name=f"{mark} token")
    add_ae_title(database, name.upper(), account.id, own="READINGROOM")
    record(database, Deed(NOW, account.id, "publish", f"{mark} deed"))
    listed = {"code": f"{name}list", "owner_id": account.id, "title": f"{mark} list"}
    listed |= {"visibility": "private", "created_at": NOW, "updated_at": NOW}
    shared = {"owner_id": account.id, "case_id": made.id, "digest": SECRET + mark.encode()}
    shared |= {"label": f"{mark} link", "downloadable": False, "created_at": NOW}
    link = {"digest": SECRET + name.encode(), "account_id": account.id, "expires_at": NOW}
    with database.write() as connection:
        number = connection.execute(insert(playlist).returning(playlist.c.id), listed).scalar_one()
        item = {"playlist_id": number, "case_id": made.id, "position": 0, "note": f"{mark} between"}
        connection.execute(insert(playlist_item), item)
        connection.execute(insert(share), shared)
        connection.execute(insert(sign_in_link), link)
    return made.code


def exported(store: Store, account: Account, folder: Path) -> ZipFile:
    path = folder / "mine.zip"
    write_export(path, store.archive, account.id, clock=clock, progress=nothing)
    return ZipFile(BytesIO(path.read_bytes()))


@pytest.mark.promise("F111")
def test_everything_is_there_and_nothing_of_others(
    store: Store, ines: Account, jon: Account, tmp_path: Path
) -> None:
    code, other = furnish(store, ines, "Heron"), furnish(store, jon, "Otter")
    into = exported(store, ines, tmp_path)
    assert into.testzip() is None
    texts = {name: into.read(name).decode() for name in into.namelist() if name[-4:] != ".dcm"}
    assert {name for name in texts if not name.startswith("dicom/")} == {
        "README.txt",
        "account.json",
        "audit.jsonl",
        "share-links.json",
        f"cases/{code}/case.json",
        f"cases/{code}/working-copy.md",
        f"cases/{code}/version-1.json",
        f"cases/{code}/version-1.md",
        "playlists/ineslist.json",
        "playlists/ineslist.md",
    }
    everything = "".join(texts.values())
    for thing in ("case", "history", "tag", "note", "new", "author", "token", "link", "deed"):
        assert f"Heron {thing}" in everything
    assert "Heron new" not in texts[f"cases/{code}/version-1.md"], "it was written later"
    assert "## History\n\nHeron history" in texts[f"cases/{code}/version-1.md"]
    assert "Heron between" in texts["playlists/ineslist.md"]
    account = json.loads(texts["account.json"])
    assert account["assent"] == [
        {"terms": "2026-11-01", "at": NOW.isoformat(), "of_age": True},
    ]
    assert account["ae_title"] == [{"title": "INES", "open": False}]
    for foreign in ("Otter", other, "jon", "JON"):
        assert foreign not in everything
    assert SECRET.decode() not in everything
    assert "digest" not in everything


def test_dicom_files_are_as_they_are_stored(
    store: Store, ines: Account, jon: Account, tmp_path: Path
) -> None:
    furnish(store, ines, "Heron")
    furnish(store, jon, "Otter")
    into = exported(store, ines, tmp_path)
    names = [name for name in into.namelist() if name.endswith(".dcm")]
    assert len(names) == size_of(store.database, ines.id)[0] == 3
    for name in names:
        _, study, series, file = PurePosixPath(name).parts
        ds = dcmread(into.open(name))
        assert (ds.StudyInstanceUID, ds.SeriesInstanceUID) == (study, series)
        assert file == f"{ds.SOPInstanceUID}.dcm"
        refs = store.archive.instances(OwnerScope(ines.id), study, series, ds.SOPInstanceUID)
        assert into.read(name) == b"".join(store.archive.read(refs[0]))
        told = json.loads(into.read(f"dicom/{study}/study.json"))
        assert [one["came_by"] for one in told] == ["STOW-RS"]


@pytest.mark.parametrize(
    "hostile",
    ["../../etc/passwd", "..", ".", "", "/root", "a/b", "C:\\a", "a\0b", "x" * 65, "-rf", "café"],
)
def test_no_name_leads_elsewhere(hostile: str) -> None:
    made = safe_name(hostile)
    assert made == PurePosixPath(made).name
    assert made.isalnum()
    assert safe_name(made) == made
    assert safe_name("2.25.123") == "2.25.123"


def test_a_file_that_was_broken_off_leaves_nothing(
    store: Store, ines: Account, tmp_path: Path
) -> None:
    store.put(*ct_stack(3), owner=ines.id)

    def stops(done: int, total: int) -> None:
        assert total == 3
        if done == 2:
            raise RuntimeError

    path = tmp_path / "mine.zip"
    with pytest.raises(RuntimeError):
        write_export(path, store.archive, ines.id, clock=clock, progress=stops)
    assert [one.name for one in tmp_path.iterdir() if "mine" in one.name] == []


def test_what_is_deleted_meanwhile_is_left_out(store: Store, ines: Account, tmp_path: Path) -> None:
    received = store.put(*ct_stack(2), owner=ines.id)
    scope, study = OwnerScope(ines.id), received[0].study_instance_uid
    last = store.archive.instances(scope, study)[-1]

    def deletes(done: int, _total: int) -> None:
        if done == 1:
            series, uid = last.series_instance_uid, last.sop_instance_uid
            assert remove(store.ingest, scope, study, series, uid) == 1

    path = tmp_path / "mine.zip"
    write_export(path, store.archive, ines.id, clock=clock, progress=deletes)
    names = [name for name in ZipFile(path).namelist() if name.endswith(".dcm")]
    assert len(names) == 1
    assert last.sop_instance_uid not in names[0]


def test_no_file_lacks_what_should_be_there(store: Store, ines: Account, tmp_path: Path) -> None:
    received = store.put(*ct_stack(2), owner=ines.id)
    ref = store.archive.instances(OwnerScope(ines.id), received[0].study_instance_uid)[0]
    store.blobs.delete(ref.blob)
    path = tmp_path / "mine.zip"
    with pytest.raises(StoreError):
        write_export(path, store.archive, ines.id, clock=clock, progress=nothing)
    assert not path.exists()


def test_a_file_is_asked_for_once_and_kept_for_a_week(store: Store, tmp_path: Path) -> None:
    now = [NOW]
    jobs, exports = Jobs(store.database, lambda: now[0]), Exports(tmp_path / "exports")
    number = exports.ask_for(jobs, 7)
    assert exports.ask_for(jobs, 7) == number
    assert exports.ask_for(jobs, 8) != number
    exports.make_room(now[0])
    job = jobs.take(["export"], "worker")
    assert job is not None
    path = exports.path_of(job)
    path.write_bytes(b"zip")
    os.utime(path, (NOW.timestamp(), NOW.timestamp()))
    assert exports.ready(exports.last(jobs, 7), now[0]) is None, "it is not whole"
    jobs.finish(job.id, "worker")
    assert exports.ready(exports.last(jobs, 7), now[0]) == path
    assert exports.ready(exports.last(jobs, 8), now[0]) is None
    now[0] += KEPT_FOR
    assert exports.ready(exports.last(jobs, 7), now[0]) is None
    exports.make_room(now[0])
    assert not path.exists()
    assert exports.ask_for(jobs, 7) != number


def test_an_account_has_one_file_and_leaves_none(tmp_path: Path) -> None:
    exports = Exports(tmp_path)
    for name in ("7-1.zip", "7-2.zip.part", "17-3.zip", "notes.txt"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (NOW.timestamp(), NOW.timestamp()))
    exports.make_room(NOW + timedelta(days=1), account_id=7)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["17-3.zip", "notes.txt"]
