"""Roots with a scope of their own: a share of some series, an upload; what they show, and links."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from store.schema import series, study
from tests.dicomweb.app import OTHER_TOKEN, TokenGate
from tests.dicomweb.conftest import AUTHORIZED, Caller
from tests.dicomweb.samples import MULTIPART, encode, make_file, make_slice, multipart

OTHER = {"Authorization": f"Bearer {OTHER_TOKEN}"}
SECRET = "s3cret_of-the-share"


@dataclass
class Roots:
    """Two series of one study and one of another; the first is shared."""

    app: Flask
    client: FlaskClient
    gate: TokenGate
    shared: str
    beside: str
    elsewhere: str

    def get(
        self, path: str, headers: dict[str, str] | None = None, share: str = SECRET
    ) -> TestResponse:
        return self.client.get(f"/share/{share}/dicomweb{path}", headers=headers or {})

    def series_id(self, path: str) -> int:
        uid = path.split("/")[4]
        query = select(series.c.id).where(series.c.series_instance_uid == uid)
        with self.app.extensions["database"].read() as connection:
            return int(connection.execute(query).scalar_one())

    def hold(self, path: str) -> None:
        change = update(series).where(series.c.id == self.series_id(path))
        with self.app.extensions["database"].write() as connection:
            connection.execute(change.values(review_state="held"))


@pytest.fixture
def roots(app: Flask, caller: Caller) -> Roots:
    shared, beside = caller.stored([make_file(1), make_file(1, series=2)])
    elsewhere = caller.stored([encode(make_slice(1, study="1.2.826.0.1.3680043.8.498.2"))])[0]
    gate: TokenGate = app.extensions["gate"]
    roots = Roots(app, caller.client, gate, shared, beside, elsewhere)
    gate.shares[SECRET] = frozenset({roots.series_id(shared)})
    return roots


def of(path: str, level: str) -> str:
    study_path = path.partition("/series/")[0]
    return {"study": study_path, "series": path.partition("/instances/")[0], "instance": path}[
        level
    ]


def test_searches_see_exactly_the_set(roots: Roots) -> None:
    for resource in ("/studies", "/series", "/instances"):
        [found] = roots.get(resource).get_json(force=True)
        assert found["00081190"]["Value"][0].startswith(
            f"http://localhost/share/{SECRET}/dicomweb/"
        )
    [found] = roots.get("/studies").get_json(force=True)
    assert found["00201206"]["Value"] == [1]
    assert found["00201208"]["Value"] == [1]
    [found] = roots.get(f"{of(roots.shared, 'study')}/series").get_json(force=True)
    assert found["0020000E"]["Value"] == [roots.shared.split("/")[4]]
    assert roots.get(f"{of(roots.elsewhere, 'study')}/series").status_code == 204


@pytest.mark.parametrize("level", ["series", "instance"])
@pytest.mark.parametrize(
    "part", ["", "/metadata", "/rendered", "/thumbnail", "/bulkdata", "/pixeldata"]
)
def test_retrieval_sees_exactly_the_set(roots: Roots, level: str, part: str) -> None:
    assert roots.get(of(roots.shared, level) + part).status_code == 200
    assert roots.get(of(roots.beside, level) + part).status_code == 404
    assert roots.get(of(roots.elsewhere, level) + part).status_code == 404
    assert roots.get(of(roots.elsewhere, "study") + part).status_code == 404
    whole = roots.get(of(roots.shared, "study") + part)
    assert whole.status_code == 200
    assert roots.beside.split("/")[4].encode() not in whole.data


def test_frames_values_and_wado_uri_see_exactly_the_set(roots: Roots) -> None:
    for path, status in ((roots.shared, 200), (roots.beside, 404), (roots.elsewhere, 404)):
        assert roots.get(f"{path}/frames/1").status_code == status
        assert roots.get(f"{path}/bulkdata/7FE00010").status_code == status
        _, _, study_uid, _, series_uid, _, instance_uid = path.split("/")
        names = f"studyUID={study_uid}&seriesUID={series_uid}&objectUID={instance_uid}"
        for place in ("/wado", ""):
            asked = f"{place}?requestType=WADO&{names}&contentType=application/dicom"
            assert roots.get(asked).status_code == status


def test_links_stay_in_the_root_that_was_asked(roots: Roots) -> None:
    """Also with all that is kept for the sake of speed: the roots differ, so do the bytes."""
    for _ in range(2):
        for root, headers in ((f"/share/{SECRET}/dicomweb", {}), ("/dicomweb", AUTHORIZED)):
            answers = [
                roots.client.get(f"{root}{path}", headers=headers)
                for path in ("/studies", "/series", "/instances", f"{roots.shared}/metadata")
            ]
            links = [link for each in answers for link in _links(json.loads(each.data))]
            assert len(links) > 3
            assert all(link.startswith(f"http://localhost{root}/studies/") for link in links)
            value = roots.client.get(links[-1].removeprefix("http://localhost"), headers=headers)
            assert value.status_code == 200
            frame = roots.client.get(f"{root}{roots.shared}/frames/1", headers=headers)
            assert f"Content-Location: http://localhost{root}/".encode() in frame.data
    mine = roots.client.get(f"/dicomweb{roots.shared}/metadata", headers=AUTHORIZED)
    theirs = roots.get(f"{roots.shared}/metadata")
    assert mine.headers["ETag"] != theirs.headers["ETag"]


def _links(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _links(each)
    if isinstance(value, dict):
        if "BulkDataURI" in value:
            yield value["BulkDataURI"]
        if value.get("vr") == "UR":
            yield from value["Value"]
        for each in value.values():
            yield from _links(each)


def test_revoking_is_immediate(roots: Roots) -> None:
    metadata = roots.get(f"{roots.shared}/metadata")
    del roots.gate.shares[SECRET]
    for path in ("/studies", roots.shared, f"{roots.shared}/metadata", f"{roots.shared}/frames/1"):
        response = roots.get(path, {"If-None-Match": metadata.headers["ETag"]})
        assert response.status_code == 404
        assert SECRET not in response.text
    assert roots.client.get(f"/dicomweb{roots.shared}", headers=AUTHORIZED).status_code == 200


def test_a_held_series_is_nobodys_but_its_owners_in_any_root(roots: Roots) -> None:
    roots.hold(roots.shared)
    for headers in ({}, OTHER):
        assert roots.get("/studies", headers).status_code == 204
        assert roots.get(roots.shared, headers).status_code == 404
        assert roots.get(f"{roots.shared}/frames/1", headers).status_code == 404
    assert roots.get(roots.shared, AUTHORIZED).status_code == 200


def test_nothing_is_stored_through_a_share(roots: Roots) -> None:
    for headers in ({}, AUTHORIZED, OTHER):
        response = roots.client.post(
            f"/share/{SECRET}/dicomweb/studies",
            data=multipart([make_file(5)]),
            content_type=MULTIPART,
            headers=headers,
        )
        assert response.status_code == 403
        assert response.get_json()["error"].endswith(".")
    assert (
        len(roots.client.get("/dicomweb/instances", headers=AUTHORIZED).get_json(force=True)) == 3
    )


def test_deleting_through_a_share_takes_what_it_shows_and_no_more(roots: Roots) -> None:
    def delete(path: str, headers: dict[str, str]) -> int:
        return roots.client.delete(f"/share/{SECRET}/dicomweb{path}", headers=headers).status_code

    assert delete(of(roots.shared, "study"), {}) == 401
    assert delete(of(roots.shared, "study"), OTHER) == 404
    assert delete(of(roots.beside, "series"), AUTHORIZED) == 404
    assert delete(of(roots.elsewhere, "study"), AUTHORIZED) == 404
    assert delete(of(roots.shared, "study"), AUTHORIZED) == 204
    for path, status in ((roots.shared, 404), (roots.beside, 200), (roots.elsewhere, 200)):
        assert roots.client.get(f"/dicomweb{path}", headers=AUTHORIZED).status_code == status


@pytest.mark.parametrize("share", ["nobodys", "a.b", "%2e%2e", "x" * 200, "%00", "ü"])
def test_a_share_that_there_is_not_is_not_found(roots: Roots, share: str) -> None:
    for path in ("", "/", "/studies", roots.shared, "/nothing"):
        response = roots.get(path, share=share)
        assert response.status_code == 404
        assert response.get_json()["error"].endswith(".")


def test_an_upload_is_a_root_for_its_owner(
    app: Flask, caller: Caller, roots: Roots, clock: Callable[[], datetime]
) -> None:
    database, ingest = app.extensions["database"], app.extensions["ingest"]
    upload = ingest.keys.new_upload(1, clock())
    with ingest.batch(1, "upload", upload) as batch:
        incoming = batch.receive()
        incoming.feed(make_file(7))
        received = incoming.finish()
        batch.commit()
    with database.read() as connection:
        query = select(study.c.upload_id).where(
            study.c.study_instance_uid == received.study_instance_uid
        )
        assert connection.execute(query).scalar_one() == upload
    roots.gate.uploads["key"] = (upload, 1)

    [found] = caller.client.get("/uploads/key/dicomweb/studies", headers=AUTHORIZED).get_json(
        force=True
    )
    assert found["0020000D"]["Value"] == [received.study_instance_uid]
    url = found["00081190"]["Value"][0]
    assert url.startswith("http://localhost/uploads/key/dicomweb/studies/")
    assert caller.client.get(url, headers=AUTHORIZED).status_code == 200
    hidden = f"/uploads/key/dicomweb{roots.shared}"
    assert caller.client.get(hidden, headers=AUTHORIZED).status_code == 404
    for headers in ({}, OTHER):
        assert caller.client.get(url, headers=headers).status_code == 404
    assert caller.client.delete(hidden, headers=AUTHORIZED).status_code == 404
    assert caller.client.delete(url, headers=AUTHORIZED).status_code == 204
    assert caller.client.get("/uploads/key/dicomweb/studies", headers=AUTHORIZED).status_code == 204


@pytest.fixture
def clock() -> Callable[[], datetime]:
    return lambda: datetime(2026, 5, 1, tzinfo=UTC)
