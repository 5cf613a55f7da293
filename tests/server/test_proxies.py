"""Proxies: who is believed, how far back, and where the server finds itself."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.test import Client, EnvironBuilder
from werkzeug.wrappers import Request, Response

from server.edge import edge_of
from server.errors import ConfigError
from server.proxies import BehindProxies, networks
from tests.server.conftest import MakeSite

TRUSTED = "10.0.0.0/8, 192.0.2.7, 2001:db8::/32"


def seen(
    headers: dict[str, str],
    peer: str = "10.0.0.1",
    *,
    trusted: str = TRUSTED,
    prefix: str = "",
    path: str = "/dicomweb/studies",
) -> dict[str, Any]:
    """What the application finds in its environ."""
    found: dict[str, Any] = {}

    @Request.application
    def app(request: Request) -> Response:
        found.update(request.environ)
        return Response("ok")

    builder = EnvironBuilder(path, headers=headers.items(), environ_base={"REMOTE_ADDR": peer})
    response = Client(BehindProxies(app, networks(trusted), prefix)).open(builder)
    return found if response.status_code == 200 else {"status": response.status_code}


def address(headers: dict[str, str], peer: str = "10.0.0.1") -> str:
    return str(seen(headers, peer)["REMOTE_ADDR"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("198.51.100.9:4711", "198.51.100.9"),
        ("[2001:db9::1]:4711", "2001:db9::1"),
        ("2001:db9::1", "2001:db9::1"),
        # The caller wrote the first one, our proxy the second.
        ("127.0.0.1, 198.51.100.9", "198.51.100.9"),
        ("198.51.100.9, 10.1.1.1, 10.2.2.2", "198.51.100.9"),
        ("203.0.113.5, 198.51.100.9, 10.2.2.2", "198.51.100.9"),
        ("10.3.3.3, 10.2.2.2", "10.3.3.3"),
        ("unknown", "10.0.0.1"),
        ("unknown, 10.2.2.2", "10.2.2.2"),
        ("_hidden", "10.0.0.1"),
        ("", "10.0.0.1"),
        (",", "10.0.0.1"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
    ],
)
def test_the_caller_is_who_came_to_the_outermost_trusted_proxy(text: str, found: str) -> None:
    assert address({"X-Forwarded-For": text}) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("for=198.51.100.9", "198.51.100.9"),
        ("For=198.51.100.9;proto=https;by=10.0.0.1", "198.51.100.9"),
        ('for="[2001:db9::1]:4711"', "2001:db9::1"),
        ('for="198.51.100.9:80", for=10.2.2.2', "198.51.100.9"),
        ("for=127.0.0.1, for=198.51.100.9", "198.51.100.9"),
        ("for=unknown, for=10.2.2.2", "10.2.2.2"),
        ('for="_a, for=198.51.100.9', "10.0.0.1"),
        ("nothing of the kind", "10.0.0.1"),
        ("for=198.51.100.9;;", "10.0.0.1"),
    ],
)
def test_the_same_by_the_forwarded_header(text: str, found: str) -> None:
    assert address({"Forwarded": text}) == found


@pytest.mark.parametrize("peer", ["198.51.100.1", "192.0.2.8", "", "nonsense", "2001:db9::2"])
def test_who_is_not_trusted_is_not_believed(peer: str) -> None:
    claims = {
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Prefix": "/evil",
        "Forwarded": "for=127.0.0.1;host=evil.example;proto=https",
    }
    found = seen(claims, peer)
    assert found["REMOTE_ADDR"] == peer
    assert found["wsgi.url_scheme"] == "http"
    assert "evil" not in repr(found)


def test_nobody_is_trusted_by_default(make_site: MakeSite) -> None:
    site = make_site()
    headers = site.token(site.owner) | {"X-Forwarded-Host": "evil.example"}
    capabilities = site.client.options("/dicomweb/", headers=headers)
    assert "http://localhost/dicomweb/" in capabilities.text


def test_scheme_and_host_are_those_of_the_outermost_trusted_proxy() -> None:
    found = seen(
        {
            "X-Forwarded-For": "198.51.100.9, 10.2.2.2",
            "X-Forwarded-Proto": "https, http",
            "X-Forwarded-Host": "pacs.example, inner.example",
        }
    )
    assert (found["wsgi.url_scheme"], found["HTTP_HOST"]) == ("https", "pacs.example")
    # The first hop here is the caller's own invention.
    found = seen(
        {
            "X-Forwarded-For": "10.9.9.9, 198.51.100.9",
            "X-Forwarded-Proto": "ftp, https",
            "X-Forwarded-Host": "evil.example, pacs.example",
        }
    )
    assert (found["wsgi.url_scheme"], found["HTTP_HOST"]) == ("https", "pacs.example")
    found = seen({"Forwarded": "for=10.9.9.9;host=evil.example, for=198.51.100.9;proto=https"})
    assert (found["wsgi.url_scheme"], found["HTTP_HOST"]) == ("https", "localhost")


def test_one_value_stands_for_all_hops() -> None:
    found = seen(
        {
            "X-Forwarded-For": "198.51.100.9, 10.2.2.2",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "pacs.example:8443",
        }
    )
    assert (found["wsgi.url_scheme"], found["HTTP_HOST"]) == ("https", "pacs.example:8443")


def test_a_proxy_that_writes_only_the_scheme_is_heard() -> None:
    found = seen({"X-Forwarded-Proto": "https"})
    assert (found["wsgi.url_scheme"], found["REMOTE_ADDR"]) == ("https", "10.0.0.1")


@pytest.mark.parametrize("host", ['a"b', "a b", "a/b", "evil.example/x", "a:b"])
def test_a_host_that_is_none_is_passed_over(host: str) -> None:
    assert seen({"X-Forwarded-Host": host})["HTTP_HOST"] == "localhost"


def test_headers_that_contradict_each_other_are_refused() -> None:
    """One of the two was written by the caller, and nobody knows which."""
    both = {"X-Forwarded-For": "198.51.100.9", "Forwarded": "for=127.0.0.1;host=evil.example"}
    assert seen(both) == {"status": 400}
    agreed = {"X-Forwarded-For": "198.51.100.9", "Forwarded": "for=198.51.100.9;host=evil.example"}
    found = seen(agreed)
    assert found["REMOTE_ADDR"] == "198.51.100.9"
    assert found["HTTP_HOST"] == "localhost"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/pacs", "/pacs"),
        ("/a/b/", "/a/b"),
        ("pacs", ""),
        ("//evil", ""),
        ("/a/../b", ""),
        ("/", ""),
    ],
)
def test_the_path_that_a_proxy_took_off_is_known(text: str, found: str) -> None:
    assert seen({"X-Forwarded-Prefix": text})["SCRIPT_NAME"] == found


@pytest.mark.parametrize("path", ["/dicomweb/studies", "/pacs/dicomweb/studies"])
def test_the_path_of_the_public_address_may_be_passed_on_or_not(path: str) -> None:
    found = seen({}, "203.0.113.1", prefix="/pacs", path=path)
    assert (found["SCRIPT_NAME"], found["PATH_INFO"]) == ("/pacs", "/dicomweb/studies")
    assert seen({}, prefix="/pacs", path="/pacs")["PATH_INFO"] == "/"
    assert seen({}, prefix="/pacs", path="/pacsology")["PATH_INFO"] == "/pacsology"


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["Forwarded", *(f"X-Forwarded-{name}" for name in ("For", "Proto", "Host", "Prefix"))]
        ),
        st.text(st.sampled_from('for=;,"\\ \t[]:.0123456789abcdefxhttps/%-_ü')),
    )
)
def test_whatever_they_say_it_is_answered(headers: dict[str, str]) -> None:
    found = seen(headers)
    assert found.get("status", 400) == 400
    assert found.get("wsgi.url_scheme", "http") in ("http", "https")


@pytest.mark.parametrize("text", ["proxy", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1 10.0.0.2"])
def test_a_setting_that_is_no_list_of_networks_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="trusted_proxies"):
        networks(text)


def test_links_cookies_and_pages_stay_below_the_public_path(make_site: MakeSite) -> None:
    site = make_site(public_base="https://x.example/pacs/")
    browser = site.client
    for path in ("/uploads", "/pacs/uploads"):
        response = browser.get(path)
        assert response.headers["Location"].startswith("/pacs/sign-in"), path
    page = browser.get("/sign-in")
    assert 'href="/pacs/assets/' in page.text
    assert not [line for line in page.text.splitlines() if 'href="/assets' in line]
    cookie = page.headers["Set-Cookie"]
    assert "Path=/pacs/" in cookie
    assert "Secure" in cookie
    wanted = browser.get("/viewer/1.2.3?series=4").headers["Location"]
    assert wanted == "/pacs/sign-in?next=/pacs/viewer/1.2.3?series%3D4"
    answer = browser.options("/dicomweb/", headers={"Accept": "application/json"})
    assert answer.get_json()["base"] == "https://x.example/pacs/dicomweb"


@pytest.mark.parametrize(
    "base", ["x.example", "ftp://x.example", "https://", "https://x.example/a b", "https://x/?q"]
)
def test_an_address_that_is_none_is_refused(make_site: MakeSite, base: str) -> None:
    from server.config import Settings

    with pytest.raises(ConfigError, match="public_base"):
        edge_of(Settings(public_base=base))
