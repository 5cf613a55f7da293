"""How often may be asked, by whom; and that owners are never slowed down."""

import re

import pytest

from accounts.tokens import TokenScope
from server.limits import KNOWN_ADDRESSES, PerMinute
from tests.server.conftest import MakeSite, Site

FAR = {"REMOTE_ADDR": "198.51.100.9"}


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_a_minute_for_each_address() -> None:
    clock = Seconds()
    limit = PerMinute(3, clock)
    assert [limit.count("198.51.100.1") for _ in range(4)] == [None, None, None, 60]
    assert limit.count("198.51.100.2") is None
    clock.now += 45
    assert limit.wait("198.51.100.1") == 15
    assert limit.count("198.51.100.1") == 15
    clock.now += 15
    assert limit.wait("198.51.100.1") is None
    assert limit.count("198.51.100.1") is None


def test_none_is_no_limit() -> None:
    limit = PerMinute(0)
    assert {limit.count("198.51.100.1") for _ in range(100)} == {None}
    assert limit.wait("198.51.100.1") is None


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:198.51.100.1", "198.51.100.1", True),
        ("", "nonsense", True),
    ],
)
def test_an_ipv6_network_is_one_caller(first: str, second: str, same: bool) -> None:
    limit = PerMinute(1)
    assert limit.count(first) is None
    assert (limit.count(second) is not None) is same


def test_memory_is_bounded() -> None:
    clock = Seconds()
    limit = PerMinute(1, clock)
    for number in range(2 * KNOWN_ADDRESSES):
        limit.count(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(limit._counts) == len(limit._began) <= KNOWN_ADDRESSES


def statuses(site: Site, headers: dict[str, str], count: int = 8) -> list[int]:
    client = site.client
    return [
        client.get("/dicomweb/studies", headers=headers, environ_base=FAR).status_code
        for _ in range(count)
    ]


@pytest.mark.promise("F77", "F112")
def test_strangers_may_ask_so_often_and_are_told_when_again(make_site: MakeSite) -> None:
    site = make_site(rate_limit=5)
    assert statuses(site, {}) == [204] * 5 + [429] * 3
    refused = site.client.get(
        "/dicomweb/studies/1.2.3/metadata",
        headers={"Origin": "https://a.example"},
        environ_base=FAR,
    )
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["RateLimit-Policy"] == '"strangers";q=5;w=60'
    assert refused.headers["RateLimit"] == f'"strangers";r=0;t={refused.headers["Retry-After"]}'
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" in refused.headers["Access-Control-Expose-Headers"]
    assert refused.get_json() == {"error": "Too many requests came from this address."}
    near = site.client.get("/dicomweb/studies", environ_base={"REMOTE_ADDR": "198.51.100.10"})
    assert near.status_code == 204
    assert near.headers["RateLimit-Policy"] == '"strangers";q=5;w=60'
    assert "RateLimit" not in near.headers


def test_owners_are_not_limited(make_site: MakeSite) -> None:
    site = make_site(rate_limit=5)
    statuses(site, {})
    assert statuses(site, site.token(site.owner), 20) == [204] * 20
    browser = site.client
    csrf = re.search('name="csrf_token"[^>]*value="([^"]+)"', browser.get("/sign-in").text)
    assert csrf
    form = {"email": "ines@example.org", "password": "p" * 12, "csrf_token": csrf[1]}
    assert browser.post("/sign-in", data=form).status_code == 303
    for _ in range(20):
        assert browser.get("/dicomweb/studies", environ_base=FAR).status_code == 204


def test_nothing_is_limited_if_the_setting_says_so(make_site: MakeSite) -> None:
    assert statuses(make_site(rate_limit=0), {}, 30) == [204] * 30


def test_wrong_tokens_are_slowed_down_and_right_ones_are_not(make_site: MakeSite) -> None:
    site = make_site()
    wrong = statuses(site, {"Authorization": "Bearer wrong"}, 62)
    assert wrong == [401] * 60 + [429] * 2
    assert statuses(site, site.token(site.owner), 3) == [204] * 3


def test_wrong_passwords_are_slowed_down(make_site: MakeSite) -> None:
    site = make_site()
    browser = site.client
    csrf = re.search('name="csrf_token"[^>]*value="([^"]+)"', browser.get("/sign-in").text)
    assert csrf
    form = {"email": "ines@example.org", "password": "", "csrf_token": csrf[1]}
    answers = [browser.post("/sign-in", data=form, environ_base=FAR) for _ in range(22)]
    assert [answer.status_code for answer in answers] == [422] * 20 + [429] * 2
    assert int(answers[-1].headers["Retry-After"]) <= 60
    assert "too often" in answers[-1].text
    assert browser.post("/sign-in", data=form).status_code == 422


@pytest.mark.parametrize(
    ("scopes", "statuses"),
    [
        ((TokenScope.READ,), (204, 403, 403)),
        ((TokenScope.STORE,), (403, 400, 403)),
        ((TokenScope.DELETE,), (403, 403, 404)),
        (tuple(TokenScope), (204, 400, 404)),
        ((), (204, 400, 404)),
    ],
)
def test_a_token_does_what_its_scopes_say(
    make_site: MakeSite, scopes: tuple[TokenScope, ...], statuses: tuple[int, int, int]
) -> None:
    site = make_site()
    headers = site.token(site.owner, *scopes)
    multipart = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    client = site.client
    answers = (
        client.get("/dicomweb/studies", headers=headers),
        client.post("/dicomweb/studies", data=b"", headers=headers | multipart),
        client.delete("/dicomweb/studies/1.2.3", headers=headers),
    )
    assert tuple(answer.status_code for answer in answers) == statuses
    for answer in answers:
        if answer.status_code == 403:
            assert answer.get_json() == {"error": "The credentials do not allow this."}


def test_an_upload_is_a_root_of_its_owner_alone(make_site: MakeSite) -> None:
    site = make_site()
    upload = site.services.keys.new_upload(site.owner.id, site.services.ingest.clock())
    mine, theirs = site.token(site.owner, *TokenScope), site.token(site.other, *TokenScope)
    root = f"/uploads/{upload}/dicomweb"
    for headers in (mine, theirs, {}):
        assert site.client.get(f"{root}/studies", headers=headers).status_code == 204
    multipart = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
    stored = site.client.post(f"{root}/studies", data=b"", headers=mine | multipart)
    assert stored.status_code == 403
    for number in ("0", "x", "9" * 40):
        status = site.client.get(f"/uploads/{number}/dicomweb/studies", headers=mine).status_code
        assert status == (204 if number == "0" else 404)
