"""What is answered before the framework is answered as the framework would."""

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from accounts.people import create_account
from accounts.tokens import TokenScope, create_token
from server.app import create_app
from server.config import load
from server.services import Services, now
from tests.dicomweb.samples import MULTIPART, make_file, make_rle_file, multipart
from tests.support.databases import ready

Given = tuple[str, dict[str, str], bytes]
FRAME = "multipart/related; type=application/octet-stream; transfer-syntax=*"


class Site:
    """A server with two instances of an account that has a token."""

    def __init__(self, app: Flask, secret: str) -> None:
        self.app = app
        self.authorization = f"Bearer {secret}"
        stored = self.client_post(multipart([make_file(1, frames=3), make_rle_file(2)]))
        items = stored["00081199"]["Value"]
        urls = [item["00081190"]["Value"][0] for item in items]
        self.paths = [url.partition("/dicomweb")[2] for url in urls]

    def client_post(self, body: bytes) -> Any:  # noqa: ANN401 - any JSON
        return (
            self.app.test_client()
            .post(
                "/dicomweb/studies",
                data=body,
                content_type=MULTIPART,
                headers={"Authorization": self.authorization},
            )
            .get_json(force=True)
        )

    def ask(self, path: str, *, directly: bool, **more: Any) -> Given:  # noqa: ANN401
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": f"/dicomweb{path}",
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "localhost",
            "HTTP_AUTHORIZATION": self.authorization,
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(),
        }
        environ |= more
        environ = {name: value for name, value in environ.items() if value is not None}
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *_: object) -> Any:  # noqa: ANN401
            started.append((status, headers))

        framework = Flask.wsgi_app.__get__(self.app)
        body = (self.app.wsgi_app if directly else framework)(environ, start)
        content = b"".join(body)
        ((status, headers),) = started
        assert len({name for name, _ in headers}) == len(headers)
        return status, dict(headers), content


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    patch = pytest.MonkeyPatch()
    patch.setenv("READINGROOM_DATA", str(tmp_path_factory.mktemp("data")))
    services = Services(load())
    ready(services.database)
    account = create_account(services.database, "ines@example.org", clock=now)
    secret = create_token(
        services.database,
        account.id,
        random_bytes=os.urandom,
        clock=now,
        scopes=[TokenScope.READ, TokenScope.STORE],
    )
    yield Site(create_app(services), secret)
    services.database.dispose()
    patch.undo()


DIRECT: list[tuple[str, dict[str, Any]]] = [
    ("/frames/1", {}),
    ("/frames/1", {"HTTP_ACCEPT": FRAME}),
    ("/frames/2", {"HTTP_ACCEPT": "application/octet-stream"}),
    ("/frames/2", {"HTTP_ACCEPT": "application/octet-stream", "HTTP_RANGE": "bytes=3-9"}),
    ("/frames/2,1", {"HTTP_ACCEPT": FRAME}),
    ("/frames/1", {"HTTP_IF_NONE_MATCH": "*"}),
    ("/metadata", {}),
    ("/metadata", {"HTTP_ACCEPT": "application/json", "HTTP_ACCEPT_ENCODING": "gzip"}),
    ("/metadata", {"HTTP_ACCEPT": 'multipart/related; type="application/dicom+xml"'}),
    ("/metadata", {"HTTP_IF_NONE_MATCH": "*"}),
    ("/../metadata", {}),
    ("/../instances", {"QUERY_STRING": "includefield=NumberOfFrames"}),
    ("/metadata", {"QUERY_STRING": "accept=application/json"}),
    ("", {}),
    ("/rendered", {}),
    ("/frames/1/rendered", {"QUERY_STRING": "accept=image/png&viewport=9,9"}),
    ("/thumbnail", {}),
    ("/pixeldata", {}),
    ("/bulkdata", {}),
    ("/frames/1", {"HTTP_HOST": "pacs.example:8080", "wsgi.url_scheme": "https"}),
]
FAILED: list[tuple[str, dict[str, Any]]] = [
    ("/frames/9", {}),
    ("/frames/0", {}),
    ("/frames/1,,2", {}),
    ("/frames/1", {"HTTP_ACCEPT": "text/html"}),
    ("/frames/1", {"HTTP_ACCEPT": "application/octet-stream", "HTTP_RANGE": "bytes=99999-"}),
    ("/metadata", {"HTTP_ACCEPT": "text/html"}),
    ("/metadata", {"HTTP_HOST": "no host"}),
    ("/metadata", {"QUERY_STRING": "accept=%FF"}),
    ("/metadata", {"HTTP_AUTHORIZATION": "Bearer wrong"}),
    ("/metadata", {"HTTP_AUTHORIZATION": "Basic wrong"}),
]
LEFT: list[tuple[str, dict[str, Any]]] = [
    ("/metadata", {"HTTP_AUTHORIZATION": None}),
    ("/metadata", {"HTTP_ORIGIN": "https://elsewhere.example"}),
    ("/metadata", {"REQUEST_METHOD": "HEAD"}),
    ("/metadata", {"REQUEST_METHOD": "OPTIONS"}),
    ("/metadata", {"CONTENT_LENGTH": "3", "wsgi.input": BytesIO(b"???")}),
    ("/frames/1/", {}),
    ("/frames/x", {}),
    ("//frames/1", {}),
    ("/bulkdata/00290010", {}),
    ("/nothing", {}),
]
ELSEWHERE: list[tuple[str, dict[str, Any]]] = [
    ("/studies", {}),
    ("/studies", {"QUERY_STRING": "limit=1&PatientID=0&includefield=all&limit=2"}),
    ("/studies", {"QUERY_STRING": "PatientName=%C3%A4%FF*&fuzzymatching=true"}),
    ("/studies", {"QUERY_STRING": "PatientName=\xff"}),
    ("/studies", {"QUERY_STRING": "limit=x"}),
    ("/studies", {"QUERY_STRING": "StudyDate=%s"}),
    ("/series", {"HTTP_IF_NONE_MATCH": "*"}),
    ("/instances", {"HTTP_ACCEPT_ENCODING": "gzip"}),
    ("/studies/1/series", {}),
    ("/wado", {"QUERY_STRING": "requestType=WADO"}),
    ("", {}),
    ("/", {}),
    ("x/studies", {}),
    ("/studies/", {}),
    ("/studies//", {}),
]


SENT = multipart([make_file(1, frames=3), make_file(7)])
BROUGHT: list[tuple[str, bytes, dict[str, Any]]] = [
    ("/studies", SENT, {}),
    ("/studies", SENT, {"HTTP_ACCEPT": "application/dicom+xml"}),
    ("/studies", make_file(1, frames=3), {"CONTENT_TYPE": "application/dicom"}),
    ("/studies/1.2.3", SENT, {}),
    ("/studies", SENT[:-900], {}),
    ("/studies", b"", {}),
    ("/studies", b"???", {"CONTENT_TYPE": "text/plain"}),
    ("/studies", SENT, {"HTTP_ACCEPT": "text/html"}),
    ("/studies", SENT, {"CONTENT_LENGTH": None}),
    ("/studies", SENT, {"CONTENT_LENGTH": "x"}),
    ("/studies", SENT, {"CONTENT_LENGTH": str(1 << 50)}),
    (
        "/studies",
        SENT,
        {
            "CONTENT_LENGTH": None,
            "HTTP_TRANSFER_ENCODING": "chunked",
            "wsgi.input_terminated": True,
        },
    ),
    ("/studies", SENT, {"HTTP_AUTHORIZATION": "Bearer wrong"}),
    ("/studies", SENT, {"HTTP_HOST": "no host"}),
]
BROUGHT_ELSEWHERE: list[tuple[str, bytes, dict[str, Any]]] = [
    ("/studies", SENT, {"HTTP_AUTHORIZATION": None}),
    ("/studies", SENT, {"HTTP_ORIGIN": "https://elsewhere.example"}),
    ("/studies", SENT, {"REQUEST_METHOD": "PUT"}),
    ("/series", SENT, {}),
    ("/studies/x", SENT, {}),
]


def _with_body(body: bytes, more: dict[str, Any]) -> dict[str, Any]:
    sent = {"CONTENT_TYPE": MULTIPART, "CONTENT_LENGTH": str(len(body))}
    return {"REQUEST_METHOD": "POST", **sent, **more, "wsgi.input": BytesIO(body)}


def _place(path: str, resource: str) -> str:
    if resource.startswith("/.."):
        return path.partition("/instances/")[0] + resource[3:]
    return path + resource


@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize(("resource", "more"), DIRECT + FAILED + LEFT)
def test_answers_are_those_of_the_framework(
    site: Site, number: int, resource: str, more: dict[str, Any]
) -> None:
    place = _place(site.paths[number], resource)
    assert site.ask(place, directly=True, **more) == site.ask(place, directly=False, **more)


@pytest.mark.parametrize(("path", "more"), ELSEWHERE)
def test_searches_are_answered_as_the_framework_would(
    site: Site, path: str, more: dict[str, Any]
) -> None:
    assert site.ask(path, directly=True, **more) == site.ask(path, directly=False, **more)


@pytest.mark.parametrize(("path", "body", "more"), BROUGHT + BROUGHT_ELSEWHERE)
def test_storing_is_answered_as_the_framework_would(
    site: Site, path: str, body: bytes, more: dict[str, Any]
) -> None:
    # What can be stored is, so that it is there already for both.
    site.ask(path, directly=False, **_with_body(body, more))
    directly, by_framework = (
        site.ask(path, directly=way, **_with_body(body, more)) for way in (True, False)
    )
    assert directly == by_framework


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The framework must not be begun."""

    def fail(*_: object) -> None:
        raise AssertionError("it was begun")

    monkeypatch.setattr(Flask, "request_context", fail)


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("resource", "more"), DIRECT + FAILED)
def test_the_framework_is_not_begun(site: Site, resource: str, more: dict[str, Any]) -> None:
    status, _, _ = site.ask(_place(site.paths[0], resource), directly=True, **more)
    assert (status[0] == "4") == ((resource, more) in FAILED)


@pytest.mark.usefixtures("alone")
def test_searches_do_not_begin_the_framework(site: Site) -> None:
    for path in ("/studies", "/series", "/instances"):
        assert site.ask(path, directly=True)[0] == "200 OK"


@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize(("path", "body", "more"), BROUGHT)
def test_storing_does_not_begin_the_framework(
    site: Site, path: str, body: bytes, more: dict[str, Any]
) -> None:
    assert site.ask(path, directly=True, **_with_body(body, more))[0][0] in "24"


@pytest.mark.usefixtures("alone")
def test_what_is_stored_directly_is_there(site: Site) -> None:
    before = site.ask("/instances", directly=True)[2].count(b"00080018")
    body = multipart([make_file(31), make_file(32)])
    status, _, _ = site.ask("/studies", directly=True, **_with_body(body, {}))
    assert status == "200 OK"
    assert site.ask("/instances", directly=True)[2].count(b"00080018") == before + 2


def test_what_goes_wrong_here_is_logged_without_a_word_of_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("Doe^Jane")

    monkeypatch.setattr("dicomweb.service.answer_search", fail)
    status, _, body = site.ask("/studies", directly=True)
    assert status.startswith("500")
    assert "unexpected ZeroDivisionError" in caplog.text
    assert "Doe" not in caplog.text + body.decode()


def test_what_is_not_there_is_not_there(site: Site) -> None:
    for place in ("/studies/1/series/2/metadata", "/studies/1/series/2/instances/3/frames/1"):
        status, _, _ = site.ask(place, directly=True)
        assert status.startswith("404")


def test_another_application_has_its_own_data(site: Site, tmp_path: Path) -> None:
    environment = pytest.MonkeyPatch()
    environment.setenv("READINGROOM_DATA", str(tmp_path))
    services = Services(load())
    ready(services.database)
    other = create_app(services)
    environment.undo()
    response = other.test_client().get(
        f"/dicomweb{site.paths[0]}/frames/1", headers={"Authorization": site.authorization}
    )
    assert response.status_code == 401
    services.database.dispose()
