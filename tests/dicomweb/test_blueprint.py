"""The routes: methods, slashes, links, and what is never told."""

from pathlib import Path

import pytest
from flask import Flask

from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import AUTHORIZED, Caller
from tests.dicomweb.samples import MULTIPART, make_file, multipart


@pytest.fixture
def path(caller: Caller) -> str:
    return caller.stored([make_file(1)])[0]


def test_both_forms_of_a_path_are_answered_without_a_redirect(caller: Caller, path: str) -> None:
    study, series = path.split("/series/")[0], path.split("/instances/")[0]
    for resource in (
        "/studies",
        "/series",
        "/instances",
        study,
        f"{study}/series",
        f"{study}/instances",
        f"{study}/metadata",
        f"{series}/metadata",
        f"{series}/instances",
        path,
        f"{path}/frames/1",
        f"{path}/metadata",
        f"{path}/bulkdata/7FE00010",
    ):
        bare, slashed = caller.get(resource), caller.get(resource + "/")
        assert bare.status_code == slashed.status_code == 200, resource
        assert bare.data == slashed.data
    response = caller.client.post(
        "/dicomweb/studies/",
        data=multipart([make_file(2)]),
        content_type=MULTIPART,
        headers=AUTHORIZED,
    )
    assert response.status_code == 200


def test_head_is_get_without_a_body(caller: Caller, path: str) -> None:
    for resource in ("/studies", path, f"{path}/metadata", f"{path}/frames/1"):
        got = caller.get(resource)
        head = caller.client.head(f"/dicomweb{resource}", headers=AUTHORIZED)
        assert head.status_code == 200
        assert head.data == b""
        assert head.headers["ETag"] == got.headers["ETag"]
        assert head.headers["Content-Type"] == got.headers["Content-Type"]
        assert head.headers.get("Content-Length") == got.headers.get("Content-Length")
    assert caller.client.head("/dicomweb/studies/1.2.3", headers=AUTHORIZED).status_code == 404


def test_options_are_answered_to_anybody(caller: Caller, path: str) -> None:
    for resource, allowed in (
        ("/studies", {"GET", "HEAD", "OPTIONS", "POST"}),
        (path, {"GET", "HEAD", "DELETE", "OPTIONS"}),
        (f"{path}/frames/1", {"GET", "HEAD", "OPTIONS"}),
        ("/nothing", {"OPTIONS"}),
    ):
        response = caller.client.options(f"/dicomweb{resource}")
        assert response.status_code == 204
        assert set(response.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("method", ["PUT", "PATCH", "TRACE", "POST", "PROPFIND"])
def test_other_methods_are_refused(caller: Caller, path: str, method: str) -> None:
    response = caller.client.open(f"/dicomweb{path}", method=method, headers=AUTHORIZED)

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, DELETE, OPTIONS"
    assert response.get_json()["error"]


@pytest.mark.parametrize("resource", ["", "/", "/nothing", "/studies/1.2/nothing"])
def test_what_is_no_resource_is_not_found(caller: Caller, resource: str) -> None:
    response = caller.get(resource)

    assert response.status_code == 404
    assert response.get_json()["error"].endswith(".")
    for path in ("//studies", "///", "/studies//", "/studies/1.2//series", "/%0A", "/a%0Ab/c"):
        assert caller.get(path).status_code == 404
        assert caller.get(path).get_json()["error"] == "There is no such resource."


def test_links_follow_the_host_and_no_proxy_header(caller: Caller, path: str) -> None:
    forged = {"X_Forwarded_Host": "evil.example", "Forwarded": "host=evil.example"}
    response = caller.get("/studies", Host="pacs.example:8443", **forged)

    (study,) = response.get_json(force=True)
    assert study["00081190"]["Value"][0].startswith("http://pacs.example:8443/dicomweb/studies/")
    (metadata,) = caller.get(f"{path}/metadata", Host="[::1]:80").get_json(force=True)
    assert metadata["7FE00010"]["BulkDataURI"].startswith("http://[::1]:80/dicomweb/")


@pytest.mark.parametrize("host", ['a"b', "a b", "a/b", "a\\b", "", "a:x", ".", "a..b", "a" * 64])
def test_host_that_is_none_is_refused(caller: Caller, path: str, host: str) -> None:
    response = caller.client.get(
        "/dicomweb/studies", headers=AUTHORIZED, environ_overrides={"HTTP_HOST": host}
    )
    assert response.status_code == 400
    assert response.get_json()["error"].endswith(".")


def test_configured_address_goes_before_the_host(tmp_path: Path) -> None:
    app = create_app(tmp_path / "other", public_base="https://pacs.example/")
    path = Caller(app.test_client()).stored([make_file(1)])[0]
    (metadata,) = Caller(app.test_client()).get(f"{path}/metadata").get_json(force=True)

    assert metadata["7FE00010"]["BulkDataURI"].startswith("https://pacs.example/dicomweb/studies/")
    app.extensions["database"].dispose()


def test_unexpected_error_says_nothing(
    app: Flask,
    caller: Caller,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("SECRETNAME in a message")

    monkeypatch.setattr(app.extensions["archive"], "instances", fail)
    app.testing = True
    response = caller.get(f"{path}/metadata")

    assert response.status_code == 500
    assert response.get_json() == {"error": "Something went wrong on the server."}
    assert "RuntimeError" in caplog.text
    assert "SECRETNAME" not in caplog.text
    assert "SECRETNAME" not in response.text
