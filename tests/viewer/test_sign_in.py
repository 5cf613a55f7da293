"""Signing in: by password and by link; who is let in and what is said to the others."""

from datetime import timedelta

import pytest

from accounts.people import Account, create_account
from tests.viewer.conftest import Site, press

EMAIL = "pat@northfield.example"
MISMATCH = "E-mail and password do not match."
PASSWORD = "correct horse battery"


@pytest.fixture
def with_password(site: Site) -> Account:
    """A person who may sign in with a password."""
    account = create_account(site.pages.database, EMAIL, clock=site.clock, password=PASSWORD)
    site.accept_terms(account)
    return account


def test_a_right_password_begins_a_session(site: Site, with_password: Account) -> None:
    client = site.visitor()
    answer = press(client, "/sign-in", email=f" {EMAIL.upper()}", password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/uploads")
    assert client.get("/whose").json == {"account": with_password.id}
    assert client.get("/uploads").status_code == 200


def test_without_a_session_there_is_no_account(site: Site) -> None:
    assert site.visitor().get("/whose").json == {"account": None}


@pytest.mark.parametrize(
    ("email", "password"),
    [(EMAIL, "wrong password"), ("nobody@northfield.example", PASSWORD)],
)
@pytest.mark.usefixtures("with_password")
def test_a_refusal_never_says_which_half_was_wrong(site: Site, email: str, password: str) -> None:
    answer = press(site.visitor(), "/sign-in", email=email, password=password)
    assert answer.status_code == 422
    assert MISMATCH in answer.text
    assert password not in answer.text


@pytest.mark.usefixtures("with_password")
def test_a_forged_form_does_not_sign_in(site: Site) -> None:
    client = site.visitor()
    fields = {"email": EMAIL, "password": PASSWORD}
    assert client.post("/sign-in", data=fields).status_code == 422
    assert client.get("/whose").json == {"account": None}


@pytest.mark.parametrize("page", ["/uploads", "/viewer/1.2.3?series=4.5"])
@pytest.mark.usefixtures("with_password")
def test_a_stranger_is_sent_to_sign_in_and_back(site: Site, page: str) -> None:
    client = site.visitor()
    there = client.get(page).location
    assert there is not None
    assert there.startswith("/sign-in")
    answer = press(client, there, email=EMAIL, password=PASSWORD)
    assert answer.location == page


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb", "x"]
)
def test_signing_in_never_leads_to_another_server(site: Site, elsewhere: str) -> None:
    client = site.visitor(site.owner)
    answer = client.get("/sign-in", query_string={"next": elsewhere})
    assert answer.location == "/uploads"


def test_a_link_is_used_by_its_button_not_by_looking(site: Site) -> None:
    site.accept_terms(site.owner)
    page = f"/sign-in/{site.link(site.owner)}"
    assert site.visitor().get(page).status_code == 200
    client = site.visitor()
    assert press(client, page).location == "/uploads"
    assert client.get("/whose").json == {"account": site.owner.id}


def test_a_link_works_once(site: Site) -> None:
    page = f"/sign-in/{site.link(site.owner)}"
    press(site.visitor(), page)
    second = site.visitor()
    answer = press(second, page)
    assert answer.status_code == 410
    assert "has been used, or has ended" in answer.text
    assert second.get("/whose").json == {"account": None}


def test_a_link_ends(site: Site) -> None:
    page = f"/sign-in/{site.link(site.owner)}"
    site.clock.now += timedelta(days=2)
    assert press(site.visitor(), page).status_code == 410


def test_a_forged_press_does_not_spend_the_link(site: Site) -> None:
    page = f"/sign-in/{site.link(site.owner)}"
    assert site.visitor().post(page).status_code == 422
    assert press(site.visitor(), page).status_code == 303


def test_signing_out_ends_the_session(site: Site) -> None:
    client = site.visitor(site.owner)
    assert press(client, "/uploads", to="/sign-out").status_code == 303
    assert client.get("/whose").json == {"account": None}


def test_a_forged_sign_out_does_nothing(site: Site) -> None:
    client = site.visitor(site.owner)
    assert client.post("/sign-out").status_code == 403
    assert client.get("/whose").json == {"account": site.owner.id}


def test_asking_for_the_head_only_is_not_sending_the_form(site: Site) -> None:
    assert site.visitor().head("/sign-in").status_code == 200
