"""Making an account: who may, what they have to accept, how an address is shown to be theirs."""

import os
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.invitations import invite
from accounts.messages import Message, messages_of
from accounts.people import account_by_email
from accounts.terms import assents_of
from tests.viewer.conftest import Site, make_app, press

EMAIL = "rosa@northfield.example"
PASSWORD = "correct horse battery"
FIELDS = {
    "name": "Rosa Lind",
    "email": EMAIL,
    "password": PASSWORD,
    "terms": "y",
    "of_age": "y",
}
SignUp = Literal["open", "invitation", "closed"]
Opened = Callable[[SignUp], Site]


@pytest.fixture
def opened(site: Site) -> Opened:
    """The pages with another rule for who may sign up."""

    def with_rule(rule: SignUp) -> Site:
        pages = replace(site.pages, site=replace(site.pages.site, sign_up=rule))
        return replace(site, app=make_app(pages), pages=pages)

    return with_rule


def mails(site: Site) -> list[Message]:
    return messages_of(site.pages.database)


def link_of(mail: Message) -> str:
    found = re.search(r"^/\S+", mail.body, re.MULTILINE)
    assert found, mail.body
    return found[0]


def join(site: Site, client: FlaskClient | None = None, **other: str) -> TestResponse:
    return press(client or site.visitor(), "/sign-up", **FIELDS | other)


def signed_in(client: FlaskClient) -> bool:
    return client.get("/whose").json != {"account": None}


@pytest.mark.promise("F107")
def test_whoever_signs_up_confirms_the_address_and_signs_in(opened: Opened) -> None:
    site = opened("open")
    client = site.visitor()
    answer = join(site, client)
    assert (answer.status_code, answer.location) == (303, "/sign-up/done")
    assert "Check your mail" in client.get("/sign-up/done").text
    account = account_by_email(site.pages.database, EMAIL)
    assert account is not None
    assert (account.name, account.confirmed, account.admin) == ("Rosa Lind", False, False)
    refused = press(client, "/sign-in", email=EMAIL, password=PASSWORD)
    assert refused.status_code == 422
    assert "not confirmed yet" in refused.text

    (mail,) = mails(site)
    assert mail.recipient == EMAIL
    page = link_of(mail)
    assert "Confirm your address" in client.get(page).text
    assert client.get(page).status_code == 200, "looking at a link does not use it"
    assert press(client, page, password="not this one").status_code == 422
    assert press(client, page, password=PASSWORD).location == "/sign-in"
    answer = press(client, "/sign-in", email=EMAIL, password=PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/uploads")
    assert client.get("/uploads").status_code == 200


def test_a_forged_press_confirms_nothing(opened: Opened) -> None:
    site = opened("open")
    join(site)
    forged = site.visitor().post(link_of(mails(site)[0]), data={"password": PASSWORD})
    assert forged.status_code == 422
    account = account_by_email(site.pages.database, EMAIL)
    assert account is not None
    assert not account.confirmed


def test_nobody_has_another_confirm_an_account_with_their_password(opened: Opened) -> None:
    site = opened("open")
    join(site, password="known to the thief")
    theirs = link_of(mails(site)[0])
    join(site, name="Rosa herself")
    mine = link_of(mails(site)[0])
    assert site.visitor().get(theirs).location == "/confirm"
    refused = press(site.visitor(), mine, password="known to the thief")
    assert refused.status_code == 422
    assert press(site.visitor(), mine, password=PASSWORD).location == "/sign-in"
    account = account_by_email(site.pages.database, EMAIL)
    assert account is not None
    assert account.name == "Rosa herself"
    taken = press(site.visitor(), "/sign-in", email=EMAIL, password="known to the thief")
    assert taken.status_code == 422


@pytest.mark.promise("F71", "F73")
def test_the_terms_and_the_age_are_accepted_and_recorded(opened: Opened) -> None:
    site = opened("open")
    for missing in ("terms", "of_age"):
        fields = {name: value for name, value in FIELDS.items() if name != missing}
        answer = press(site.visitor(), "/sign-up", **fields)
        assert answer.status_code == 422
        assert account_by_email(site.pages.database, EMAIL) is None
    join(site)
    account = account_by_email(site.pages.database, EMAIL)
    assert account is not None
    (assent,) = assents_of(site.pages.database, account.id)
    assert (assent.terms, assent.of_age) == (site.pages.site.terms_version, True)


def test_nobody_learns_who_has_an_account(opened: Opened) -> None:
    site = opened("open")
    answer = join(site, email=site.owner.email)
    assert (answer.status_code, answer.location) == (303, "/sign-up/done")
    (mail,) = mails(site)
    assert mail.recipient == site.owner.email
    assert "There is one already" in mail.body


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("password", "short", "10 to 128 characters"),
        ("email", "nobody", "not an e-mail address"),
        ("name", "two\nlines", "one line"),
    ],
)
def test_what_cannot_be_taken_is_said(opened: Opened, field: str, value: str, said: str) -> None:
    site = opened("open")
    answer = press(site.visitor(), "/sign-up", **FIELDS | {field: value})
    assert answer.status_code == 422
    assert said in answer.text
    assert not mails(site)


def test_nobody_signs_up_where_it_is_closed(opened: Opened) -> None:
    site = opened("closed")
    assert site.visitor().get("/sign-up").status_code == 403
    client = site.visitor()
    client.get("/sign-in")
    assert client.post("/sign-up", data=FIELDS).status_code == 403
    assert account_by_email(site.pages.database, EMAIL) is None


def test_an_invitation_makes_one_account_at_once(site: Site) -> None:
    secret = invite(site.pages.database, EMAIL, random_bytes=os.urandom, clock=site.clock)
    client = site.visitor()
    assert client.get("/sign-up").status_code == 403
    page = f"/sign-up?invitation={secret}"
    assert EMAIL in client.get(page).text
    answer = press(client, page, to="/sign-up", **FIELDS, invitation=secret)
    assert answer.location == "/sign-up/done"
    assert "Your account is ready" in client.get("/sign-up/done").text
    assert press(client, "/sign-in", email=EMAIL, password=PASSWORD).status_code == 303
    assert site.visitor().get(page).status_code == 403


def test_an_invitation_is_for_its_address_and_ends(site: Site) -> None:
    secret = invite(site.pages.database, EMAIL, random_bytes=os.urandom, clock=site.clock)
    page = f"/sign-up?invitation={secret}"
    other = FIELDS | {"email": "eve@example.org"}
    answer = press(site.visitor(), page, to="/sign-up", **other, invitation=secret)
    assert answer.status_code == 422
    assert "for another address" in answer.text
    site.clock.now += timedelta(days=15)
    assert site.visitor().get(page).status_code == 403


@pytest.mark.promise("F72")
def test_a_new_version_of_the_terms_is_asked_for(site: Site) -> None:
    client = site.visitor(site.owner)
    assert client.get("/uploads").status_code == 200
    newer = replace(site.pages, site=replace(site.pages.site, terms_version="2027-01-01"))
    site = replace(site, app=make_app(newer))
    client = site.app.test_client()
    assert press(client, f"/sign-in/{site.link(site.owner)}").status_code == 303
    answer = client.get("/account?x=1")
    assert answer.location == "/accept-terms?next=/account?x%3D1"
    assert client.post("/account/titles").status_code == 303, "nothing is done before"
    refused = press(client, answer.location, terms="y")
    assert refused.status_code == 422
    assert press(client, answer.location, terms="y", of_age="y").location == "/account?x=1"
    assert client.get("/uploads").status_code == 200


def test_whoever_does_not_accept_can_leave(site: Site) -> None:
    client = site.app.test_client()
    press(client, f"/sign-in/{site.link(site.other)}")
    assert press(client, "/accept-terms", to="/sign-out").status_code == 303
    assert not signed_in(client)
