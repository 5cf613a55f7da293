"""HTTP on the wire: one connection, HTTP/2, TLS, long requests, proxies, limits, tokens."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.dicomweb.samples import MULTIPART, make_file, multipart
from tests.support.server import OWNER, RunningServer, running_server

pytestmark = pytest.mark.integration

REQUESTS = 1000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    settings = {
        "READINGROOM_WEB_WORKERS": "1",
        "READINGROOM_TRUSTED_PROXIES": "127.0.0.1",
        "READINGROOM_RATE_LIMIT": "40",
    }
    with running_server(tmp_path_factory.mktemp("server"), settings) as running:
        yield running


def curl(*arguments: str) -> str:
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "20", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def raw(port: int, head: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(head)
        return connection.recv(4096)


def status_of(server: RunningServer, target: bytes, *lines: bytes) -> int:
    head = b"\r\n".join([b"GET " + target + b" HTTP/1.1", b"Host: x", *lines, b"", b""])
    return int(raw(server.http_port, head).split()[1])


def test_a_thousand_requests_go_over_one_connection(server: RunningServer) -> None:
    head = (
        f"GET /dicomweb/studies HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=20) as connection:
        for _ in range(REQUESTS):
            connection.sendall(head)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += connection.recv(4096)
            assert answer.startswith(b"HTTP/1.1 204 ")
            assert b"connection: close" not in answer.lower()


def test_http_2_without_tls(server: RunningServer) -> None:
    token = f"Authorization: Bearer {server.token}"
    said = curl(
        "--http2-prior-knowledge",
        "-w",
        "%{http_version} %{http_code}",
        "-H",
        token,
        server.root + "/studies",
    )
    assert said == "2 204"
    description = curl(
        "--http2-prior-knowledge", "-X", "OPTIONS", "-H", "Accept: application/json", server.root
    )
    # HTTP/2 has no Host header; its authority stands for it.
    assert json.loads(description)["base"] == server.root


def test_http_2_stores_what_comes_without_a_length(fresh_server: RunningServer) -> None:
    """As browsers send a stream, which they do over HTTP/2 only."""
    token, body = f"Authorization: Bearer {fresh_server.token}", multipart([make_file(1)])
    for sent, status in ((body, 200), (body[:-40], 400)):
        done = subprocess.run(
            [
                *("curl", "--silent", "--http2-prior-knowledge", "--max-time", "20"),
                *("-X", "POST", "-T", "-", "-H", token, "-H", f"Content-Type: {MULTIPART}"),
                *("-w", "\n%{http_version} %{http_code}", f"{fresh_server.root}/studies"),
            ],
            input=sent,
            capture_output=True,
            check=True,
        )
        assert done.stdout.splitlines()[-1] == f"2 {status}".encode()
    found = fresh_server.session().get(f"{fresh_server.root}/instances", timeout=20)
    assert len(found.json()) == 1


@pytest.mark.parametrize("root", ["uploads/1", "uploads/x", "share/nobodys", "cases/nobodys"])
def test_what_is_sent_to_a_root_that_takes_nothing_is_refused_before_it_is_read(
    server: RunningServer, root: str
) -> None:
    for token, status in ((server.token, 403), ("wrong", 401), (None, 401)):
        lines = [
            f"POST /{root}/dicomweb/studies HTTP/1.1",
            "Host: x",
            f"Content-Type: {MULTIPART}",
            "Content-Length: 1000000",
            *([f"Authorization: Bearer {token}"] if token else []),
        ]
        # The body never comes.
        answer = raw(server.http_port, "\r\n".join([*lines, "", ""]).encode())
        assert int(answer.split()[1]) == status
        assert b"connection: close" in answer.lower()
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"].endswith(".")


def test_lines_that_are_too_long_are_refused(server: RunningServer) -> None:
    # The line is taken; its value is longer than a search takes.
    assert status_of(server, b"/dicomweb/studies?PatientName=" + b"a" * 60_000) == 400
    assert status_of(server, b"/dicomweb/studies?StudyInstanceUID=" + b"1.2," * 15_000) == 204
    assert status_of(server, b"/dicomweb/studies?PatientName=" + b"a" * 70_000) == 414
    assert status_of(server, b"/dicomweb/studies", b"X-A: " + b"a" * 500_000) == 431
    assert status_of(server, b"/dicomweb/studies", *[b"X-A: b"] * 200) == 431
    assert status_of(server, b"/dicomweb/studies") == 204


def test_what_is_no_http_is_refused(server: RunningServer) -> None:
    assert raw(server.http_port, b"\x16\x03\x01 nothing\r\n\r\n").startswith(b"HTTP/1.1 400 ")
    assert raw(server.http_port, b"GET /dicomweb/studies HTTP/1.1\r\n\r\n")[9:12] == b"400"


def test_paths_are_decoded_once(server: RunningServer) -> None:
    token = b"Authorization: Bearer " + server.token.encode()
    for target, status in (
        (b"/%64icomweb/stud%69es", 204),
        (b"/dicomweb/studies%2F", 204),
        (b"/dicomweb/%2573tudies", 404),
        (b"/dicomweb/studies/1.2%2F3", 404),
        (b"/dicomweb/studies/%00", 404),
        (b"/dicomweb/studies/%ff%fe", 404),
        (b"/dicomweb/../dicomweb/studies", 404),
    ):
        assert status_of(server, target, token) == status, target


def test_a_proxy_that_is_trusted_is_believed(server: RunningServer) -> None:
    headers = {
        "X-Forwarded-For": "203.0.113.9, 198.51.100.7",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "pacs.example",
        "X-Forwarded-Prefix": "/pacs",
        "Accept": "application/json",
    }
    described = requests.options(server.root, headers=headers, timeout=20)
    assert described.json()["base"] == "https://pacs.example/pacs/dicomweb"
    page = requests.get(
        f"{server.base}/uploads", headers=headers, timeout=20, allow_redirects=False
    )
    assert page.headers["Location"] == "/pacs/sign-in"


@pytest.mark.promise("F77")
def test_strangers_are_counted_by_the_address_that_the_proxy_saw(server: RunningServer) -> None:
    def ask(address: str, **more: str) -> requests.Response:
        headers = {"X-Forwarded-For": address, **more}
        return requests.get(f"{server.root}/studies", headers=headers, timeout=20)

    answers = [ask("198.51.100.77") for _ in range(45)]
    assert [answer.status_code for answer in answers] == [204] * 40 + [429] * 5
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert ask("198.51.100.78").status_code == 204
    # Who invents another address in front of the true one gains nothing.
    assert ask("198.51.100.79, 198.51.100.77").status_code == 429
    token = {"Authorization": f"Bearer {server.token}"}
    assert ask("198.51.100.77", **token).status_code == 204


@pytest.mark.promise("F76")
def test_tokens_have_scopes_and_are_void_when_they_are_revoked(server: RunningServer) -> None:
    stored = server.session().post(
        f"{server.root}/studies",
        data=multipart([make_file(1)]),
        headers={"Content-Type": MULTIPART},
        timeout=20,
    )
    assert stored.status_code == 200
    token = server.command(
        "token", "create", "--account", OWNER, "--name", "archive", "--expires", "2"
    )
    reading = server.command("token", "create", "--account", OWNER, "--scope", "read")
    assert len(token.split()) == 1
    headers = {"Authorization": f"Bearer {token}"}
    study = server.session().get(f"{server.root}/studies", timeout=20).json()[0]
    url = study["00081190"]["Value"][0]
    refused = requests.delete(url, headers={"Authorization": f"Bearer {reading}"}, timeout=20)
    assert refused.status_code == 403

    listed = json.loads(server.command("token", "list", "--json"))
    [found] = [one for one in listed if one["name"] == "archive"]
    assert found["account"] == OWNER
    assert found["scopes"] == ["read", "store", "delete"]
    assert found["expires_at"] > found["created_at"]
    assert token not in json.dumps(listed)
    assert "archive" in server.command("token", "list")

    assert requests.delete(url, headers=headers, timeout=20).status_code == 204
    assert requests.get(url, headers=headers, timeout=20).status_code == 404
    blobs = [path for path in (server.data / "blobs").rglob("*") if path.is_file()]
    assert not [path for path in blobs if path.stat().st_size]

    server.command("token", "revoke", str(found["id"]))
    revoked = requests.get(f"{server.root}/studies", headers=headers, timeout=20)
    assert revoked.status_code == 401


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    subprocess.run(
        [
            *("openssl", "req", "-x509", *curve, "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", names, "-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_browsers_get_http_2_by_tls(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    settings = {
        "READINGROOM_WEB_WORKERS": "1",
        "READINGROOM_HTTP_CERTIFICATE": str(certificate[0]),
        "READINGROOM_HTTP_KEY": str(certificate[1]),
    }
    with running_server(tmp_path, settings) as server:
        base = f"https://localhost:{server.http_port}"
        assert f"https://127.0.0.1:{server.http_port}/dicomweb" in server.output()
        for option, version in (
            (["--http2"], "2"),
            (["--http1.1"], "1.1"),
            (["--http2", "--tls-max", "1.2"], "2"),
        ):
            written = ["-w", "%{http_version} %{http_code}", f"{base}/dicomweb/studies"]
            assert curl("--cacert", str(certificate[0]), *option, *written) == f"{version} 204"
        described = requests.options(f"{base}/dicomweb/", verify=str(certificate[0]), timeout=20)
        assert f'base="{base}/dicomweb/"' in described.text
        page = requests.get(f"{base}/sign-in", verify=str(certificate[0]), timeout=20)
        assert "Secure" in page.headers["Set-Cookie"]
        assert "alert" in curl("--cacert", str(certificate[0]), "--tls-max", "1.1", base)
        _store_and_fetch_frames(server, base, certificate[0], tmp_path / "body")


def _store_and_fetch_frames(
    server: RunningServer, base: str, certificate: Path, body: Path
) -> None:
    """Thirty frames at once over one connection, as viewers ask for them."""
    body.write_bytes(multipart([make_file(1, frames=3)]))
    common = ["--cacert", str(certificate), "--http2"]
    common += ["-H", f"Authorization: Bearer {server.token}"]
    sent = ["-H", f"Content-Type: {MULTIPART}", "--data-binary", f"@{body}"]
    answer = json.loads(curl(*common, *sent, f"{base}/dicomweb/studies"))
    url = answer["00081199"]["Value"][0]["00081190"]["Value"][0]
    assert url.startswith(f"{base}/dicomweb/studies/")
    urls = [f"{url}/frames/{number}" for number in (1, 2, 3)] * 10
    outputs = [part for each in urls for part in ("-o", "/dev/null", each)]
    said = curl(*common, "--parallel", "-w", "%{http_version} %{http_code}\n", *outputs)
    assert said.split("\n")[:30] == ["2 200"] * 30


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"HTTP_CERTIFICATE": "nothing.pem", "HTTP_KEY": "nothing.pem"}, "PEM"),
        ({"HTTP_CERTIFICATE": "nothing.pem"}, "both"),
        ({"TRUSTED_PROXIES": "proxy.example"}, "trusted_proxies"),
        ({"CORS_ORIGINS": "viewer.example"}, "cors_origins"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_one_sentence(
    tmp_path: Path, settings: dict[str, str], said: str
) -> None:
    wrong = RunningServer(
        tmp_path, {f"READINGROOM_{key}": value for key, value in settings.items()}
    )
    with pytest.raises(AssertionError) as failed:
        wrong.start()
    lines = str(failed.value).strip().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("readingroom: ")
    assert said in lines[1]
