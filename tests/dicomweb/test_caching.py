"""How long answers may be kept, by whom they are for."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, true

from dicomweb.answers import Answer, Asked
from dicomweb.bulk import answer_bulkdata, answer_bulkdata_of, answer_pixeldata
from dicomweb.frames import answer_frames
from dicomweb.metadata import answer_metadata
from dicomweb.resources import Resource
from dicomweb.wado import answer_instances
from dicomweb.wado_uri import answer_wado_uri
from store.access import NothingScope, OwnerScope, Scope, SeriesScope
from store.changes import bump
from store.schema import series
from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import make_file

ROOT = "http://h/dicomweb"


@dataclass(frozen=True)
class PublishedScope:
    """Everything is published, and anybody may look, signed in or not."""

    owner_id: int | None = None

    def condition(self) -> ColumnElement[bool]:
        return true()


@pytest.fixture
def resource(caller: Caller) -> Resource:
    (path,) = caller.stored([make_file(1)])
    _, _, study, _, series, _, instance = path.split("/")
    return Resource(study, series, instance)


def _answers(app: Flask, scope: Scope, resource: Resource) -> dict[str, Answer]:
    archive, asked = app.extensions["archive"], Asked(ROOT)
    study = Resource(resource.study)
    uids = (("studyUID", resource.study), ("seriesUID", resource.series or ""))
    query = (("requestType", "WADO"), *uids, ("objectUID", resource.instance or ""))
    file = (*query, ("contentType", "application/dicom"))
    return {
        "instance": answer_instances(archive, scope, resource, asked),
        "alone": answer_instances(archive, scope, resource, Asked(ROOT, "application/dicom")),
        "archive": answer_instances(archive, scope, resource, Asked(ROOT, "application/zip")),
        "frame": answer_frames(archive, scope, resource, "1", asked),
        "bulkdata": answer_bulkdata_of(archive, scope, resource, asked),
        "pixeldata": answer_pixeldata(archive, scope, resource, asked),
        "value": answer_bulkdata(archive, scope, resource, "7FE00010", asked),
        "file": answer_wado_uri(archive, scope, Asked(ROOT, query=file)),
        "study": answer_instances(archive, scope, study, asked),
        "studies' bulkdata": answer_bulkdata_of(archive, scope, study, asked),
        "metadata": answer_metadata(archive, scope, resource, asked),
    }


CHANGE = {"study", "studies' bulkdata", "metadata"}


def test_owners_keep_what_cannot_change(app: Flask, resource: Resource) -> None:
    for name, answer in _answers(app, OwnerScope(1), resource).items():
        headers = dict(answer.headers)
        expected = "private, no-cache" if name in CHANGE else "private, max-age=31536000, immutable"
        assert headers["Cache-Control"] == expected, name
        # The next one to use the browser is perhaps another one.
        assert ("Cookie" in headers["Vary"]) == (name not in CHANGE)
        assert headers["ETag"]


@pytest.mark.parametrize(
    ("account", "expected"), [(None, "public, no-cache"), (5, "private, no-cache")]
)
def test_others_ask_each_time_whether_it_may_still_be_shown(
    app: Flask, resource: Resource, account: int | None, expected: str
) -> None:
    for name, answer in _answers(app, PublishedScope(account), resource).items():
        assert answer.status == 200
        assert dict(answer.headers)["Cache-Control"] == expected, name


def test_what_another_process_changes_is_seen_at_once(
    app: Flask, caller: Caller, resource: Resource, tmp_path: Path
) -> None:
    place = f"/studies/{resource.study}/series/{resource.series}"
    assert len(caller.get(f"{place}/metadata").get_json(force=True)) == 1
    other = create_app(tmp_path / "data", max_body_bytes=4 * 1024 * 1024)

    Caller(other.test_client()).stored([make_file(2)])
    assert len(caller.get(f"{place}/metadata").get_json(force=True)) == 2

    frame = f"{place}/instances/{resource.instance}/frames/1"
    assert caller.get(frame).status_code == 200
    with other.extensions["database"].write() as connection:
        connection.execute(series.delete())
        bump(connection, 1)
    assert caller.get(frame).status_code == 404
    assert caller.get(f"{place}/metadata").status_code == 404
    other.extensions["database"].dispose()


def test_what_was_found_for_one_is_not_found_for_another(
    app: Flask, caller: Caller, resource: Resource
) -> None:
    archive = app.extensions["archive"]
    uids = (resource.study, resource.series, resource.instance)
    own = archive.instances(OwnerScope(1), *uids)
    assert len(own) == 1
    own.clear()
    assert len(archive.instances(OwnerScope(1), *uids)) == 1
    assert archive.instances(OwnerScope(2), *uids) == []
    assert archive.instances(NothingScope(), *uids) == []
    assert archive.instances(SeriesScope(frozenset()), *uids) == []


def test_what_was_opened_is_not_when_it_is_held_again(
    app: Flask, caller: Caller, resource: Resource
) -> None:
    archive, database = app.extensions["archive"], app.extensions["database"]
    with database.read() as connection:
        number = connection.execute(series.select()).one().id
    scope = SeriesScope(frozenset({number}))
    assert len(archive.instances(scope, resource.study)) == 1
    with database.write() as connection:
        connection.execute(series.update().values(review_state="held"))
        bump(connection, 1)
    assert archive.instances(scope, resource.study) == []
