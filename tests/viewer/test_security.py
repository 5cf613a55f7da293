"""Second factors, passwords, addresses and sessions: changed by their person, by nobody else."""

import os
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from accounts.messages import Message, messages_of, with_links
from accounts.people import Account, account_by_email, create_account
from accounts.roles import resume, suspend
from accounts.schema import account as table
from accounts.tokens import bearer_of_token, create_token
from tests.support.authenticator import code_of
from tests.viewer.conftest import Site, make_app, press

EMAIL = "pat@northfield.example"
PASSWORD = "correct horse battery"
NEW = "a staple that is new"
AUTHENTICATOR = "/account/security/authenticator"
CODES = "/account/security/recovery-codes"
HERE = "/account/security"


@pytest.fixture
def pat(site: Site) -> Account:
    """A person who may sign in with a password."""
    account = create_account(site.pages.database, EMAIL, clock=site.clock, password=PASSWORD)
    site.accept_terms(account)
    return account


def sign_in(site: Site, password: str = PASSWORD) -> FlaskClient:
    client = site.visitor()
    press(client, "/sign-in", email=EMAIL, password=password)
    return client


def whose(client: FlaskClient) -> int | None:
    return client.get("/whose").json["account"]  # type: ignore[index,no-any-return]


def link_in(mail: Message) -> str:
    found = re.search(r"^/\S+", mail.body, re.MULTILINE)
    assert found
    return found[0]


def set_up_codes(client: FlaskClient) -> str:
    """Turn codes on; the key."""
    page = press(client, AUTHENTICATOR, setup="authenticator").text
    key = re.search(r'class="key">([^<]+)<', page)
    there = re.search(rf'action="({AUTHENTICATOR}/[^"]+)"', page)
    assert key
    assert there
    assert press(client, AUTHENTICATOR, to=there[1], code="000000").status_code == 303
    assert "Set up an authenticator" in client.get(AUTHENTICATOR).text
    assert press(client, AUTHENTICATOR, to=there[1], code=code_of(key[1])).status_code == 303
    return key[1]


def test_a_second_factor_is_asked_for_and_a_code_works_once(site: Site, pat: Account) -> None:
    key = set_up_codes(sign_in(site))
    client = sign_in(site)
    assert whose(client) is None
    assert press(client, "/second-step", code="000000").status_code == 422
    assert press(client, "/second-step", code=code_of(key, 1)).status_code == 303
    assert whose(client) == pat.id

    again = sign_in(site)
    assert press(again, "/second-step", code=code_of(key, 1)).status_code == 422
    assert whose(again) is None


def test_the_secret_of_a_second_factor_lies_sealed(site: Site, pat: Account) -> None:
    key = set_up_codes(sign_in(site))
    with site.pages.database.read() as connection:
        kept = connection.execute(select(table.c.totp_secret).where(table.c.id == pat.id)).scalar()
    assert kept
    assert key.replace("-", "") not in kept
    assert "key" not in kept.partition(" ")[2][:40]


@pytest.mark.usefixtures("pat")
def test_a_second_factor_is_turned_off(site: Site) -> None:
    client = sign_in(site)
    set_up_codes(client)
    assert press(client, AUTHENTICATOR, setup="disable").status_code == 303
    assert whose(sign_in(site)) is not None
    said = [mail.body for mail in messages_of(site.pages.database)]
    assert "no longer asks" in said[0]
    assert "now asks for a code" in said[1]


def test_a_recovery_code_signs_in_once(site: Site, pat: Account) -> None:
    client = sign_in(site)
    set_up_codes(client)
    page = press(client, CODES, generate_new_codes="y").text
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", page)
    assert len(codes) == 10
    assert codes[0] not in client.get(CODES).text
    with site.pages.database.read() as connection:
        kept = connection.execute(select(table.c.recovery_codes)).scalars().all()
    assert not any(code in str(kept) for code in codes)

    lost = sign_in(site)
    assert press(lost, "/second-step/recovery", code="wrong-code").status_code == 422
    answer = press(lost, "/second-step/recovery", code=f" {codes[3].upper()}")
    assert answer.status_code == 303
    assert whose(lost) == pat.id
    assert "9 left" in lost.get(HERE).text
    assert press(sign_in(site), "/second-step/recovery", code=codes[3]).status_code == 422


def test_a_second_step_needs_the_first(site: Site) -> None:
    for page in ("/second-step", "/second-step/recovery", "/second-step/choose"):
        assert site.visitor().get(page).location == "/sign-in"
        assert site.visitor().post(page).location == "/sign-in"
    assert site.visitor().get("/second-step/rescue").status_code == 404


def test_a_new_password_signs_every_other_browser_out(site: Site, pat: Account) -> None:
    here, there = sign_in(site), sign_in(site)
    page = "/account/security/password"
    fields = {"new_password": NEW, "new_password_confirm": NEW}
    assert press(here, page, password="not this one", **fields).status_code == 422
    assert press(here, page, password=PASSWORD, **fields).status_code == 303
    assert (whose(here), whose(there)) == (pat.id, None)
    assert whose(sign_in(site)) is None
    assert whose(sign_in(site, NEW)) == pat.id
    assert "was changed" in messages_of(site.pages.database)[0].body


@pytest.mark.promise("F107")
def test_a_forgotten_password_is_set_by_mail_once(site: Site, pat: Account) -> None:
    there = sign_in(site)
    client = site.visitor()
    known = press(client, "/reset", email=EMAIL)
    unknown = press(client, "/reset", email="nobody@northfield.example")
    assert known.status_code == unknown.status_code == 200
    assert "is on its way" in known.text
    assert "is on its way" in unknown.text
    (mail,) = messages_of(site.pages.database)
    page = link_in(mail)
    assert press(client, page, password="short").status_code == 422
    assert press(client, page, password=NEW).location == "/sign-in"
    assert whose(there) is None
    assert whose(sign_in(site, NEW)) == pat.id
    assert client.get(page).location == "/reset"


def test_a_mailbox_is_not_filled(site: Site, pat: Account) -> None:
    for _ in range(12):
        press(site.visitor(), "/reset", email=EMAIL)
    assert len(messages_of(site.pages.database)) == 8
    site.clock.now += timedelta(hours=2)
    press(site.visitor(), "/reset", email=EMAIL)
    assert len(messages_of(site.pages.database)) == 9


def test_links_in_mails_lead_to_the_public_address(site: Site, pat: Account) -> None:
    public = replace(site.pages, public_base="https://cases.example.org")
    client = make_app(public).test_client()
    page = client.get("/reset", headers={"Host": "evil.example"})
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert csrf
    fields = {"email": EMAIL, "csrf_token": csrf[1]}
    client.post("/reset", data=fields, headers={"Host": "evil.example"})
    body = messages_of(site.pages.database)[0].body
    assert "evil.example" not in body
    assert "https://cases.example.org/reset/" in body


def test_without_a_public_address_links_in_mails_name_no_host(site: Site, pat: Account) -> None:
    client = site.visitor()
    page = client.get("/reset", headers={"Host": "evil.example"})
    csrf = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert csrf
    fields = {"email": EMAIL, "csrf_token": csrf[1]}
    client.post("/reset", data=fields, headers={"Host": "evil.example"})
    body = messages_of(site.pages.database)[0].body
    assert "evil.example" not in body
    assert "\n/reset/" in body
    assert "\nhttp://127.0.0.1:8080/reset/" in with_links(body, "http://127.0.0.1:8080")


def test_an_address_changes_when_the_new_one_answers(site: Site, pat: Account) -> None:
    client = sign_in(site)
    press(site.visitor(), "/reset", email=EMAIL)
    reset = link_in(messages_of(site.pages.database)[0])
    assert press(client, "/account/security/email", email="pat@new.example").status_code == 200
    mail = messages_of(site.pages.database)[0]
    assert mail.recipient == "pat@new.example"
    page = link_in(mail)
    assert site.visitor().get(page).status_code == 200
    assert account_by_email(site.pages.database, EMAIL) is not None, "not by looking"
    assert press(client, page).status_code == 303
    moved = account_by_email(site.pages.database, "pat@new.example")
    assert moved is not None
    assert moved.id == pat.id == whose(client)
    last = messages_of(site.pages.database)[0]
    assert last.recipient == EMAIL
    assert "was changed" in last.body
    assert site.visitor().get(reset).location == "/reset", "the old address has no say any more"


def test_nobody_learns_by_changing_theirs_who_has_an_address(site: Site, pat: Account) -> None:
    client = sign_in(site)
    answer = press(client, "/account/security/email", email=site.owner.email)
    assert answer.status_code == 200
    assert "is on its way" in answer.text
    assert not messages_of(site.pages.database)


def test_sessions_are_listed_and_ended_at_once(site: Site, pat: Account) -> None:
    here, there, third = sign_in(site), sign_in(site), sign_in(site)
    theirs = site.visitor(site.other)
    page = here.get(HERE, headers={"User-Agent": "x"}).text
    numbers = re.findall(r'name="session" value="(\d+)"', page)
    assert len(numbers) == 2
    assert "Now, this one" in page
    ended = f"{HERE}/sessions"
    assert press(theirs, HERE, to=ended, session=numbers[0]).status_code == 404
    assert here.post(ended, data={"session": numbers[0]}).status_code == 403
    assert whose(there) == whose(third) == pat.id
    assert press(here, HERE, to=ended, session=numbers[0]).status_code == 303
    assert [whose(there), whose(third)].count(None) == 1
    assert press(here, HERE, to=f"{HERE}/sessions/others").status_code == 303
    assert (whose(here), whose(there), whose(third)) == (pat.id, None, None)


def test_a_copied_cookie_is_of_no_use_after_signing_out(site: Site, pat: Account) -> None:
    client, thief = sign_in(site), site.visitor()
    cookie = client.get_cookie("session")
    assert cookie is not None
    thief.set_cookie("session", cookie.value)
    assert whose(thief) == pat.id
    press(client, "/uploads", to="/sign-out")
    assert whose(thief) is None


def test_a_session_that_is_not_used_ends(site: Site, pat: Account) -> None:
    client = sign_in(site)
    site.clock.now += timedelta(days=29)
    assert whose(client) == pat.id
    site.clock.now += timedelta(days=31)
    assert whose(client) is None


def test_a_suspended_account_does_nothing(site: Site, pat: Account) -> None:
    database = site.pages.database
    secret = create_token(database, pat.id, random_bytes=os.urandom, clock=site.clock)
    page = f"/sign-in/{site.link(pat)}"
    client = sign_in(site)
    suspend(database, pat.id)
    assert whose(client) is None
    assert whose(sign_in(site)) is None
    assert press(site.visitor(), page).status_code == 410
    assert bearer_of_token(database, secret, now=site.clock()) is None
    press(site.visitor(), "/reset", email=EMAIL)
    assert not messages_of(database)
    resume(database, pat.id)
    assert whose(client) is None
    assert whose(sign_in(site)) == pat.id


def test_every_page_of_the_library_is_drawn_by_us(site: Site) -> None:
    """What is not overridden would have another look, or scripts that the policy forbids."""
    from flask_security.core import _default_config

    off = ("US_", "LOGOUT", "SEND_LOGIN", "USERNAME", "CHANGE_USERNAME", "TWO_FACTOR_EMAIL")
    names = {
        site.app.config.get(f"SECURITY_{key}", value)
        for key, value in _default_config.items()
        if key.endswith("_TEMPLATE") and not key.startswith(off) and "EMAIL_" not in key
    }
    assert len(names) >= 15
    for name in names:
        _, path, _ = site.app.jinja_loader.get_source(site.app.jinja_env, name)  # type: ignore[union-attr]
        assert path is not None
        assert "viewer/templates/security" in path, name


@pytest.mark.parametrize("path", ["/sign-in", "/reset", f"{HERE}/password"])
def test_no_cache_keeps_a_form_of_the_library(site: Site, pat: Account, path: str) -> None:
    answer = sign_in(site).get(path) if path.startswith(HERE) else site.visitor().get(path)
    assert answer.headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("path", ["/login", "/register", "/logout", "/fs-static/js/webauthn.js"])
def test_the_librarys_own_addresses_are_nothing_here(site: Site, path: str) -> None:
    assert site.visitor().get(path).status_code == 404


@pytest.mark.parametrize(
    "path",
    ["", "/password", "/email", "/recovery-codes", "/passkeys"],
)
def test_strangers_are_sent_to_sign_in(site: Site, path: str) -> None:
    answer = site.visitor().get(f"{HERE}{path}")
    assert answer.status_code == 302
    assert (answer.location or "").startswith("/sign-in?next=/account/security")


def test_changes_want_a_sign_in_that_is_not_long_ago(site: Site, pat: Account) -> None:
    client = sign_in(site)
    with client.session_transaction() as kept:
        kept["fs_paa"] -= 3 * 60 * 60
    answer = client.get("/account/security/passkeys")
    assert answer.status_code == 302
    assert (answer.location or "").startswith("/verify?next=")
    assert press(client, answer.location or "", password="not this one").status_code == 422
    back = press(client, answer.location or "", password=PASSWORD)
    assert back.location == "/account/security/passkeys"
    assert client.get("/account/security/passkeys").status_code == 200


def test_the_library_speaks_no_json(site: Site, pat: Account) -> None:
    answer = site.visitor().post(
        "/sign-in", json={"email": EMAIL, "password": PASSWORD}, headers={"Accept": "*/json"}
    )
    assert answer.mimetype == "text/html"
    assert answer.status_code == 422
