"""How long answers may be kept, by whom they are for."""

from dataclasses import dataclass

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
from store.access import OwnerScope, Scope
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


@pytest.mark.parametrize(("account", "expected"), [(None, "no-cache"), (5, "private, no-cache")])
def test_others_ask_each_time_whether_it_may_still_be_shown(
    app: Flask, resource: Resource, account: int | None, expected: str
) -> None:
    for name, answer in _answers(app, PublishedScope(account), resource).items():
        assert answer.status == 200
        assert dict(answer.headers)["Cache-Control"] == expected, name
