"""DELETE: what is gone, for whom, and that it can be sent again."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from store.access import OwnerScope
from store.blobs_folder import FolderBlobs
from store.changes import current_version
from store.db import Database
from store.errors import StoreError
from store.schema import doomed_blob, instance, replaced_instance, series, study
from tests.dicomweb.app import OTHER_TOKEN
from tests.dicomweb.conftest import AUTHORIZED, Caller
from tests.dicomweb.samples import encode, make_file, make_slice

OTHER = {"Authorization": f"Bearer {OTHER_TOKEN}"}


@pytest.fixture
def database(app: Flask) -> Database:
    database: Database = app.extensions["database"]
    return database


def delete(caller: Caller, path: str, headers: dict[str, str] = AUTHORIZED) -> TestResponse:
    return caller.client.delete(f"/dicomweb{path}", headers=headers)


def rows(database: Database) -> list[int]:
    tables = (study, series, instance, doomed_blob)
    with database.read() as connection:
        return [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        ]


def blobs(folder: Path) -> list[Path]:
    files = (folder / "data" / "blobs").rglob("*")
    return [path for path in files if path.is_file() and path.stat().st_size]


def of(path: str, level: str) -> str:
    return {
        "study": path.partition("/series/")[0],
        "series": path.partition("/instances/")[0],
        "instance": path,
    }[level]


@pytest.mark.parametrize(
    ("level", "left"),
    [("instance", [1, 2, 2, 0]), ("series", [1, 1, 1, 0]), ("study", [0, 0, 0, 0])],
)
@pytest.mark.parametrize("slash", ["", "/"])
def test_the_owner_deletes(
    caller: Caller, database: Database, tmp_path: Path, level: str, left: list[int], slash: str
) -> None:
    files = [make_file(1), make_file(2), make_file(1, series=2)]
    first, second, other = caller.stored(files)
    before = current_version(database, OwnerScope(1))

    response = delete(caller, of(first, level) + slash)

    assert (response.status_code, response.data) == (204, b"")
    assert rows(database) == left
    assert len(blobs(tmp_path)) == left[2]
    assert current_version(database, OwnerScope(1)) > before
    assert caller.get(first).status_code == 404
    assert caller.get(f"{first}/frames/1").status_code == 404
    assert caller.get(f"{first}/rendered").status_code == 404
    assert caller.get(second).status_code == (200 if level == "instance" else 404)
    assert caller.get(other).status_code == (404 if level == "study" else 200)
    assert delete(caller, of(first, level)).status_code == 404


def test_counts_are_true_afterwards(caller: Caller) -> None:
    first, second = caller.stored([make_file(1), make_file(2)])
    assert delete(caller, first).status_code == 204
    [found] = caller.get("/studies").get_json(force=True)
    assert found["00201208"]["Value"] == [1]
    assert delete(caller, second).status_code == 204
    assert caller.get("/studies").status_code == 204
    assert caller.get("/series").status_code == 204


@pytest.mark.parametrize("level", ["instance", "series", "study"])
def test_what_was_deleted_can_be_sent_again(caller: Caller, database: Database, level: str) -> None:
    files = [make_file(1), make_file(2)]
    first, second = caller.stored(files)
    delete(caller, of(first, level))
    assert caller.stored(files) == [first, second]
    assert rows(database) == [1, 1, 2, 0]
    assert caller.get(f"{first}/frames/1").status_code == 200


def test_what_had_been_replaced_can_be_sent_again_too(caller: Caller, database: Database) -> None:
    """A masked image is deleted: neither it nor the one under it is known any more."""
    first, second = caller.stored([make_file(1), make_file(2)])
    old = first.rpartition("/")[2]
    with database.write() as connection:
        place = dict(zip(("study", "series", "instance"), second.split("/")[2::2], strict=True))
        connection.execute(
            replaced_instance.insert(),
            {
                "owner_id": 1,
                "study_instance_uid": place["study"],
                "series_instance_uid": place["series"],
                "sop_instance_uid": old,
                "replaced_by": place["instance"],
                "replaced_at": connection.execute(select(study.c.created_at)).scalar_one(),
            },
        )
        connection.execute(series.update().values(replaced=1))
        connection.execute(instance.delete().where(instance.c.sop_instance_uid == old))
        connection.execute(series.update().values(number_of_series_related_instances=1))
    assert caller.stored([make_file(1)]) == [second]

    assert delete(caller, second).status_code == 204

    assert caller.stored([make_file(1)]) == [first]
    assert rows(database) == [1, 1, 1, 0]


def test_who_does_not_own_it_learns_nothing(caller: Caller, database: Database) -> None:
    path = caller.stored([make_file(1)])[0]
    there, nowhere = delete(caller, path, OTHER), delete(caller, "/studies/1.2.3", OTHER)
    assert there.status_code == nowhere.status_code == 404
    assert there.data == nowhere.data
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic x"}):
        response = delete(caller, path, headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert rows(database) == [1, 1, 1, 0]
    assert caller.get(path).status_code == 200


def test_two_owners_of_the_same_study_do_not_touch_each_other(
    caller: Caller, database: Database
) -> None:
    mine = caller.stored([make_file(1)])[0]
    theirs = caller.client.post(
        "/dicomweb/studies",
        data=encode(make_slice(1)),
        content_type="application/dicom",
        headers=OTHER,
    )
    assert theirs.status_code == 200
    assert delete(caller, of(mine, "study")).status_code == 204
    assert rows(database) == [1, 1, 1, 0]


@pytest.mark.parametrize(
    "path",
    ["/studies/x", "/studies/1.2/series/..", "/studies/1/series/2/instances/%00", "/studies/1'"],
)
def test_what_is_no_uid_is_not_there(caller: Caller, path: str) -> None:
    assert delete(caller, path).status_code == 404


@pytest.mark.parametrize("path", ["/studies", "/series", "/instances", ""])
def test_everything_at_once_cannot_be_deleted(caller: Caller, path: str) -> None:
    caller.stored([make_file(1)])
    response = delete(caller, path)
    assert response.status_code == 405
    assert "DELETE" not in response.headers["Allow"]


def test_a_death_before_the_files_are_gone_is_made_good(
    app: Flask, caller: Caller, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = caller.stored([make_file(1)])[0]
    with monkeypatch.context() as patch:
        # What kill -9 leaves after the commit: rows that are gone, and a file.
        patch.setattr(app.extensions["ingest"], "sweep", lambda: 0)
        assert delete(caller, path).status_code == 204
    assert rows(database) == [0, 0, 0, 1]
    assert len(blobs(tmp_path)) == 1
    assert caller.get(path).status_code == 404
    app.extensions["ingest"].recover()
    assert rows(database) == [0, 0, 0, 0]
    assert blobs(tmp_path) == []


def test_a_file_that_cannot_be_deleted_now_is_tried_again(
    app: Flask, caller: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = caller.stored([make_file(1)])[0]

    def fail(*_: object) -> None:
        raise StoreError("not now")

    with monkeypatch.context() as patch:
        patch.setattr(FolderBlobs, "delete", fail)
        assert delete(caller, path).status_code == 204
    assert rows(database) == [0, 0, 0, 1]
    app.extensions["ingest"].sweep()
    assert rows(database) == [0, 0, 0, 0]


def test_pictures_go_with_what_they_were_made_of(tmp_path: Path) -> None:
    from store.pictures import picture_name
    from store.pictures_folder import FolderPictures
    from tests.dicomweb.app import create_app

    pictures = FolderPictures(tmp_path / "pictures", 1 << 20)
    app = create_app(tmp_path / "data", pictures=pictures)
    caller = Caller(app.test_client())
    path = caller.stored([make_file(1)])[0]
    with app.extensions["database"].read() as connection:
        key = connection.execute(select(instance.c.blob)).scalar_one()
    pictures.get_or_make(picture_name([key], "ab"), lambda: b"a picture")
    kept = [p for p in (tmp_path / "pictures").rglob("*") if p.is_file()]
    assert kept
    assert delete(caller, path).status_code == 204
    assert not any(
        p.name.startswith(key.rpartition("/")[2]) for p in (tmp_path / "pictures").rglob("*")
    )
    app.extensions["database"].dispose()
