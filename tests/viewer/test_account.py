"""The account page: what is one's own is shown, added, changed and removed, and nothing else."""

import re
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from accounts.ae_titles import AeTitle, add_ae_title, ae_titles_of
from accounts.peers import Peer, add_peer, peers_of
from accounts.tokens import TokenScope, bearer_of_token, tokens_of
from tests.viewer.conftest import Site, press
from viewer import Pages

PAGE = "/account"


@pytest.fixture
def owner(site: Site) -> FlaskClient:
    return site.visitor(site.owner)


def test_the_page_is_for_people_who_are_signed_in(site: Site) -> None:
    stranger = site.visitor()
    assert "/sign-in" in stranger.get(PAGE).headers["Location"]
    for address in ("titles", "titles/change", "titles/remove", "senders", "tokens/revoke"):
        assert stranger.post(f"{PAGE}/{address}").status_code == 401


def test_the_frame_leads_to_the_page(owner: FlaskClient) -> None:
    assert f'href="{PAGE}"' in owner.get("/uploads").text


def test_an_account_without_anything_is_told_what_can_be_there(owner: FlaskClient) -> None:
    page = owner.get(PAGE).text
    assert page.count('class="empty"') == 3
    assert page.count("<details") == page.count("<details class=") == 4
    assert " open>" not in page
    assert " style=" not in page
    assert "<script>" not in page


def test_a_title_is_added_and_shown_as_it_is_typed_into_a_scanner(
    site: Site, owner: FlaskClient
) -> None:
    answer = press(owner, PAGE, f"{PAGE}/titles", title=" INES-PACS ", senders="known")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}#titles")
    assert ae_titles_of(site.pages.database) == [AeTitle("INES-PACS", site.owner.id, False)]
    page = owner.get(PAGE).text
    assert "INES-PACS is yours." in page
    row = re.search(r"<tr>\s*<td class=\"all\">.*?</tr>", page, re.S)
    assert row
    for told in (">INES-PACS<", ">127.0.0.1<", ">11112<", "Known senders"):
        assert told in row[0]
    assert "TLS" not in row[0]
    assert "INES-PACS is yours." not in owner.get(PAGE).text


def test_a_title_is_opened_to_anybody_and_closed_again(site: Site, owner: FlaskClient) -> None:
    press(owner, PAGE, f"{PAGE}/titles", title="INES", senders="anybody")
    assert ">Anybody</td>" in owner.get(PAGE).text
    for senders, is_open in (("known", False), ("anybody", True)):
        address = f"{PAGE}/titles/change?senders={senders}"
        assert press(owner, PAGE, address, title="INES").status_code == 303
        assert ae_titles_of(site.pages.database) == [AeTitle("INES", site.owner.id, is_open)]


def test_a_title_is_removed(site: Site, owner: FlaskClient) -> None:
    press(owner, PAGE, f"{PAGE}/titles", title="A/B?&", senders="known")
    assert press(owner, PAGE, f"{PAGE}/titles/remove", title="A/B?&").status_code == 303
    assert ae_titles_of(site.pages.database) == []
    assert press(owner, PAGE, f"{PAGE}/titles/remove", title="A/B?&").status_code == 404


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"title": "", "senders": "known"}, "Give an AE title."),
        ({"senders": "known"}, "Give an AE title."),
        ({"title": "SEVENTEEN-LETTERS", "senders": "known"}, "1 to 16 printable characters"),
        ({"title": "READINGROOM", "senders": "known"}, "This is the server&#39;s own"),
        ({"title": "otto", "senders": "known"}, "belongs to an account already"),
        ({"title": "FINE", "senders": "everybody"}, "Not a valid choice"),
    ],
)
def test_what_is_wrong_with_a_title_is_said_at_its_field(
    site: Site, owner: FlaskClient, typed: dict[str, str | list[str]], said: str
) -> None:
    add_ae_title(site.pages.database, "OTTO", site.other.id, own="READINGROOM")
    answer = press(owner, PAGE, f"{PAGE}/titles", **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{typed.get("title", "")}"' in answer.text
    assert answer.text.count(" open>") == 1
    assert [title.title for title in ae_titles_of(site.pages.database)] == ["OTTO"]


def test_a_sender_is_added_with_its_addresses(site: Site, owner: FlaskClient) -> None:
    fields = {"ae_title": "CT-2", "hosts": "10.20.4.17, fd00::/8;192.0.2.1/24", "host": "ct2"}
    answer = press(owner, PAGE, f"{PAGE}/senders", **fields, port="104")
    assert answer.headers["Location"] == f"{PAGE}#senders"
    hosts = ("10.20.4.17", "fd00::/8", "192.0.2.0/24")
    assert peers_of(site.pages.database) == [Peer("CT-2", site.owner.id, hosts, "ct2", 104)]
    page = owner.get(PAGE).text
    for told in (*hosts, "ct2", "104", "CT-2 is known."):
        assert told in page


def test_a_sender_is_said_to_speak_tls_and_not_to(site: Site, owner: FlaskClient) -> None:
    fields = {"ae_title": "CT-2", "hosts": "10.20.4.17", "host": "ct2", "port": "2762"}
    press(owner, PAGE, f"{PAGE}/senders", **fields, tls="y")
    assert [peer.tls for peer in peers_of(site.pages.database)] == [True]
    page = owner.get(f"{PAGE}?sender=CT-2").text
    assert "port <code>2762</code>, TLS" in page
    assert re.search(r'name="tls" value="y" checked', page)
    press(owner, PAGE, f"{PAGE}/senders", **fields)
    assert [peer.tls for peer in peers_of(site.pages.database)] == [False]
    assert not re.search(r'name="tls" value="y" checked', owner.get(f"{PAGE}?sender=CT-2").text)


def test_a_sender_that_the_operator_lets_call_from_anywhere_is_said_to_be_one(
    site: Site, owner: FlaskClient
) -> None:
    add_peer(site.pages.database, "CT-2", site.owner.id)
    assert "Any address" in owner.get(PAGE).text
    # It stays so until the account says from where.
    assert press(owner, PAGE, f"{PAGE}/senders", ae_title="CT-2", hosts="").status_code == 422
    assert peers_of(site.pages.database) == [Peer("CT-2", site.owner.id, vouched=True)]


def test_a_sender_is_changed_in_a_form_that_holds_what_is_known(
    site: Site, owner: FlaskClient
) -> None:
    add_peer(site.pages.database, "CT&2", site.owner.id, "ct2", 104, hosts=["::1", "10.0.0.1"])
    address = re.search(r'href="([^"]*sender=[^"]*)"', owner.get(PAGE).text)
    assert address
    page = owner.get(address[1]).text
    for name, value in (("ae_title", "CT&amp;2"), ("hosts", "::1 10.0.0.1"), ("port", "104")):
        assert re.search(rf'name="{name}"[^>]* value="{re.escape(value)}"', page)
    press(owner, PAGE, f"{PAGE}/senders", ae_title="CT&2", hosts="10.0.0.2")
    [changed] = peers_of(site.pages.database)
    assert (changed.hosts, changed.host, changed.port) == (("10.0.0.2",), None, None)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"ae_title": ""}, "sender-title", "Give an AE title."),
        ({"ae_title": "BACK\\SLASH"}, "sender-title", "no backslash"),
        ({"ae_title": "OTTO-CT"}, "sender-title", "Another account knows"),
        ({"ae_title": "CT", "hosts": " , "}, "sender-hosts", "from which addresses"),
        ({"ae_title": "CT", "hosts": "10.0.0.1 ct.example.org"}, "sender-hosts", "A host is an"),
        ({"ae_title": "CT", "host": "a b", "port": "104"}, "sender-host", "a name or an address"),
        ({"ae_title": "CT", "host": "ct"}, "sender-host", "a host and a port"),
        ({"ae_title": "CT", "port": "104"}, "sender-host", "a host and a port"),
        ({"ae_title": "CT", "host": "ct", "port": "0"}, "sender-host", "1 to 65535"),
        ({"ae_title": "CT", "host": "10.0.0.1", "port": "104"}, "sender-host", "may not connect"),
        ({"ae_title": "CT", "host": "ct", "port": "x"}, "sender-port", "1 to 65535"),
        ({"ae_title": "CT", "host": "ct", "port": "٣"}, "sender-port", "1 to 65535"),
    ],
)
def test_what_is_wrong_with_a_sender_is_said_at_its_field(
    site: Site, owner: FlaskClient, typed: dict[str, str | list[str]], field: str, said: str
) -> None:
    add_peer(site.pages.database, "OTTO-CT", site.other.id)
    answer = press(owner, PAGE, f"{PAGE}/senders", **{"hosts": "10.0.0.1", **typed})
    assert answer.status_code == 422
    shown = re.search(rf'id="{field}-said" role="alert">(.*?)</p>', answer.text, re.S)
    assert shown
    assert said in shown[1]
    assert answer.text.count('role="alert"') == answer.text.count(" open>") == 1
    assert peers_of(site.pages.database) == [Peer("OTTO-CT", site.other.id, vouched=True)]


def test_a_token_is_shown_once_and_does_what_was_chosen(site: Site, owner: FlaskClient) -> None:
    answer = press(
        owner, PAGE, f"{PAGE}/tokens", name="Lecture <1>", scopes=["read", "delete"], ends="30"
    )
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    shown = re.search(r'<code tabindex="0">([\w-]{43})</code>', answer.text)
    assert shown
    bearer = bearer_of_token(site.pages.database, shown[1], now=site.clock.now)
    assert bearer is not None
    assert bearer.account_id == site.owner.id
    assert bearer.scopes == {TokenScope.READ, TokenScope.DELETE}
    page = owner.get(PAGE).text
    assert shown[1] not in page
    assert shown[1] not in str(answer.headers)
    for told in ("Lecture &lt;1&gt;", "Read, delete", "11\u00a0Jun\u00a02026"):
        assert told in page
    site.clock.now += timedelta(days=31)
    assert "Expired" in site.visitor(site.owner).get(PAGE).text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"scopes": ["read"], "ends": ""}, "Give it a name"),
        ({"name": "x" * 101, "scopes": ["read"], "ends": ""}, "at most 100 characters"),
        ({"name": "two\nlines", "scopes": ["read"], "ends": ""}, "A name is one line."),
        ({"name": "PACS", "ends": ""}, "Choose at least one."),
        ({"name": "PACS", "scopes": ["all"], "ends": ""}, "not a valid choice"),
        ({"name": "PACS", "scopes": ["read"], "ends": "7"}, "Not a valid choice"),
    ],
)
def test_what_is_wrong_with_a_token_is_said_at_its_field(
    site: Site, owner: FlaskClient, typed: dict[str, str | list[str]], said: str
) -> None:
    answer = press(owner, PAGE, f"{PAGE}/tokens", **typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert tokens_of(site.pages.database) == []


def test_a_token_is_revoked(site: Site, owner: FlaskClient) -> None:
    site.token(site.owner)
    [token] = tokens_of(site.pages.database)
    assert f"Token {token.id}" in owner.get(PAGE).text
    assert press(owner, PAGE, f"{PAGE}/tokens/revoke", token=str(token.id)).status_code == 303
    assert tokens_of(site.pages.database) == []


def test_what_is_anothers_is_neither_shown_nor_changed(site: Site, owner: FlaskClient) -> None:
    database = site.pages.database
    add_ae_title(database, "OTTO", site.other.id, own="READINGROOM")
    add_peer(database, "OTTO-CT", site.other.id, hosts=["10.77.0.1"])
    site.token(site.other)
    [token] = tokens_of(database)
    page = owner.get(f"{PAGE}?sender=OTTO-CT").text
    assert "OTTO" not in page
    assert "10.77.0.1" not in page
    for address, field, value in (
        ("titles/change?senders=anybody", "title", "OTTO"),
        ("titles/remove", "title", "OTTO"),
        ("senders/remove", "ae_title", "OTTO-CT"),
        ("tokens/revoke", "token", str(token.id)),
        ("tokens/revoke", "token", "x"),
        ("tokens/revoke", "token", "9" * 40),
    ):
        assert press(owner, PAGE, f"{PAGE}/{address}", **{field: value}).status_code == 404
    assert ae_titles_of(database) == [AeTitle("OTTO", site.other.id, False)]
    assert len(peers_of(database)) == len(tokens_of(database)) == 1


def test_forged_requests_do_nothing(site: Site, owner: FlaskClient) -> None:
    add_ae_title(site.pages.database, "INES", site.owner.id, own="READINGROOM")
    for address, status in (
        ("titles", 422),
        ("senders", 422),
        ("tokens", 422),
        ("titles/change?senders=anybody", 403),
        ("titles/remove", 403),
        ("senders/remove", 403),
        ("tokens/revoke", 403),
    ):
        fields = {"title": "INES", "ae_title": "CT", "name": "PACS", "senders": "anybody"}
        answer = owner.post(f"{PAGE}/{address}", data={**fields, "scopes": "read", "ends": ""})
        assert answer.status_code == status
        assert (status == 403) or "open for too long" in answer.text
    assert ae_titles_of(site.pages.database) == [AeTitle("INES", site.owner.id, False)]
    assert peers_of(site.pages.database) == []
    assert tokens_of(site.pages.database) == []


@pytest.mark.parametrize(
    ("listens", "base", "said"),
    [
        ("10.0.0.5", None, "10.0.0.5"),
        ("0.0.0.0", None, "localhost"),
        ("::", "https://pacs.example.org/readingroom", "pacs.example.org"),
    ],
)
def test_senders_are_told_an_address_that_they_can_reach(
    site: Site, listens: str, base: str | None, said: str
) -> None:
    pages: Pages = site.pages
    for name, value in (("dimse_host", listens), ("public_base", base), ("dimse_tls_port", 2762)):
        object.__setattr__(pages, name, value)
    with site.app.test_request_context("/"):
        assert pages.dimse_reached_at() == said
