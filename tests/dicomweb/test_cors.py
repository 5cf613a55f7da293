"""Pages of other origins: what browsers are told, also when they are refused."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import AUTHORIZED, Caller
from tests.dicomweb.samples import make_file

LISTED = {"Origin": "https://viewer.example"}
UNLISTED = {"Origin": "https://other.example"}
EXPOSED = (
    "Content-Type, Content-Length, Content-Range, Content-Location, ETag, Warning, Location, "
    "Retry-After, RateLimit, RateLimit-Policy"
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[FlaskClient]:
    app = create_app(tmp_path / "data", cors_origins=["https://viewer.example"])
    yield app.test_client()
    app.extensions["database"].dispose()


def preflight(
    client: FlaskClient, path: str, origin: dict[str, str], method: str
) -> dict[str, str]:
    asked = {
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "authorization,accept",
    }
    response = client.options(f"/dicomweb{path}", headers=origin | asked)
    assert response.status_code == 204
    assert response.data == b""
    assert "Access-Control-Allow-Credentials" not in response.headers
    return {
        name.removeprefix("Access-Control-"): value
        for name, value in response.headers
        if name.startswith("Access-Control-")
    }


@pytest.mark.parametrize("path", ["", "/", "/studies", "/studies/1.2", "/nothing", "/studies/"])
def test_a_listed_page_may_send_tokens(client: FlaskClient, path: str) -> None:
    said = preflight(client, path, LISTED, "GET")
    assert said["Allow-Origin"] == "https://viewer.example"
    assert said["Allow-Headers"] == (
        "Authorization, Accept, Content-Type, Range, If-None-Match, Cache-Control"
    )
    assert said["Max-Age"] == "7200"
    assert "OPTIONS" in said["Allow-Methods"]


def test_a_listed_page_may_use_what_the_resource_has(client: FlaskClient) -> None:
    assert preflight(client, "/studies", LISTED, "POST")["Allow-Methods"] == (
        "GET, HEAD, POST, OPTIONS"
    )
    assert "DELETE" in preflight(client, "/studies/1.2", LISTED, "DELETE")["Allow-Methods"]


def test_any_other_page_may_read_without_a_token(client: FlaskClient) -> None:
    said = preflight(client, "/studies", UNLISTED, "POST")
    assert said["Allow-Origin"] == "*"
    assert said["Allow-Methods"] == "GET, HEAD"
    assert "Authorization" not in said["Allow-Headers"]
    assert "Accept" in said["Allow-Headers"]


@pytest.mark.parametrize("path", ["/studies", "/studies/1.2.3/metadata", "/nothing", "/wado?x=1"])
@pytest.mark.parametrize("origin", [UNLISTED, {}])
def test_what_a_stranger_sees_may_be_read_from_anywhere(
    client: FlaskClient, path: str, origin: dict[str, str]
) -> None:
    response = client.get(f"/dicomweb{path}", headers=origin)
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Expose-Headers"] == EXPOSED
    assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize(
    ("headers", "cookie"),
    [
        (UNLISTED | AUTHORIZED, None),
        (UNLISTED | {"Authorization": "Bearer wrong"}, None),
    ],
)
def test_what_came_for_a_token_is_not_given_to_any_page(
    client: FlaskClient, headers: dict[str, str], cookie: str | None
) -> None:
    response = client.get("/dicomweb/studies", headers=headers)
    assert "Access-Control-Allow-Origin" not in response.headers
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-site"
    assert "Origin" in response.headers["Vary"]


def test_what_came_for_a_cookie_is_not_shown_by_pages_of_other_sites(client: FlaskClient) -> None:
    client.set_cookie("readingroom", "a session")
    response = client.get("/dicomweb/studies", headers=UNLISTED)
    assert "Access-Control-Allow-Credentials" not in response.headers
    assert response.headers["Cross-Origin-Resource-Policy"] == "same-site"


def test_only_listed_pages_may_change_something(client: FlaskClient) -> None:
    for origin, allowed in ((UNLISTED, None), (LISTED, "https://viewer.example")):
        response = client.post("/dicomweb/studies", headers=origin)
        assert response.status_code == 401
        assert response.headers.get("Access-Control-Allow-Origin") == allowed


def test_a_listed_page_can_read_answers_and_refusals(client: FlaskClient) -> None:
    path = Caller(client).stored([make_file(1)])[0]
    for headers, resource, status in (
        (AUTHORIZED, path, 200),
        (AUTHORIZED, f"{path}/frames/1", 200),
        (AUTHORIZED, f"{path}/frames/9", 404),
        (AUTHORIZED, "/studies?limit=x", 400),
        (AUTHORIZED | {"Accept": "text/nothing"}, f"{path}/metadata", 406),
        ({"Authorization": "Bearer wrong"}, path, 401),
        ({}, path, 404),
    ):
        response = client.get(f"/dicomweb{resource}", headers=LISTED | headers)
        assert response.status_code == status, resource
        assert response.headers["Access-Control-Allow-Origin"] == "https://viewer.example"
        assert response.headers["Access-Control-Expose-Headers"] == EXPOSED
        assert "Origin" in response.headers["Vary"]


@pytest.mark.parametrize("origin", ["null", "https://viewer.example.evil", "http://viewer.example"])
def test_an_origin_is_compared_as_a_whole(client: FlaskClient, origin: str) -> None:
    headers = AUTHORIZED | {"Origin": origin}
    response = client.get("/dicomweb/studies", headers=headers)
    assert "Access-Control-Allow-Origin" not in response.headers
