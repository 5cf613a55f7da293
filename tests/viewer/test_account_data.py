"""The account page's storage, profile, file of one's own data, and the end of the account."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from accounts.leaving import is_gone
from accounts.messages import messages_of
from accounts.people import Account, account_by_id, create_account
from accounts.plans import grant
from cases.cases import create_case
from cases.exports import KEPT_FOR, Exports
from store.audit import deeds
from store.jobs import JobState
from tests.support.datasets import ct_slice
from tests.viewer.conftest import Site, make_app, press
from viewer.proofs import LIFETIME, is_proof, make_proof

PAGE, DELETE = "/account", "/account/delete"
PASSWORD = "correct horse battery"


@pytest.fixture
def site(site: Site, tmp_path: Path) -> Site:
    """The pages, with a folder for files; the other person has a password."""
    pages = replace(site.pages, exports=Exports(tmp_path / "exports"))
    return replace(site, pages=pages, app=make_app(pages))


@pytest.fixture
def ines(site: Site) -> Account:
    """Somebody with a password, who administers nothing."""
    email = "ines.f@northfield.example"
    return create_account(site.pages.database, email, clock=site.clock, password=PASSWORD)


@pytest.fixture
def visitor(site: Site, ines: Account) -> FlaskClient:
    return site.visitor(ines)


def is_there(site: Site, account: Account) -> bool:
    return not is_gone(site.pages.database, account.id)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("&nbsp;", " ")


@pytest.mark.promise("F38")
def test_what_is_stored_is_shown_by_its_kind(
    site: Site, ines: Account, visitor: FlaskClient
) -> None:
    assert "0.0 MB</b>" in plain(visitor.get(PAGE).text)
    site.put(ct_slice(size=1024), owner=ines)
    study = site.put(ct_slice(study="1.2.3", series="1.2.3.4", size=2048), owner=ines)
    uids = [(study, one.series_instance_uid) for one in site.series(study, ines)]
    create_case(
        site.pages.database,
        ines.id,
        title="Wrist <1>",
        series=uids,
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    page = plain(visitor.get(PAGE).text)
    assert "In public cases 8.4 MB" in page
    assert "Uploads 2.1 MB" in page
    assert '<svg class="storage"' not in page, "there is no limit to what is public"
    assert "Wrist &lt;1&gt;" in page
    assert "<b>Free</b>" in page


@pytest.mark.promise("F38", "F46")
def test_the_room_of_private_cases_has_a_bar_with_marks(site: Site, ines: Account) -> None:
    grant(site.pages.database, ines.id, premium=True)
    site.put(ct_slice(size=1024), owner=ines)

    def shown(limit: int) -> str:
        pages = replace(site.pages, site=replace(site.pages.site, private_bytes=limit))
        return plain(replace(site, app=make_app(pages)).visitor(ines).get(PAGE).text)

    assert "told at 80 %" in shown(10_000_000)
    assert "80 % used</span>" not in shown(10_000_000)
    page = shown(2_500_000)
    assert re.search(r'data-tone="hold">.*8\d % used</span>', page)
    assert "told at 95 %" in page
    assert re.search(r'class="b" x="0.00%" width="8\d.\d\d%"', page)
    full = shown(1_000_000)
    assert "Full</span>" in full
    assert "Nothing was deleted" in full
    assert 'width="100.00%"' in full


def test_a_profile_is_saved_and_its_faults_are_told(
    site: Site, ines: Account, visitor: FlaskClient
) -> None:
    there = f"{PAGE}/profile"
    answer = press(visitor, PAGE, there, name="Ines Ferreira", channel="I-Ferreira")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}#profile")
    found = account_by_id(site.pages.database, ines.id)
    assert found is not None
    assert (found.name, found.channel) == ("Ines Ferreira", "i-ferreira")
    page = visitor.get(PAGE).text
    assert 'value="Ines Ferreira"' in page
    assert 'href="/authors/i-ferreira"' in page
    other = press(site.visitor(site.other), PAGE, there, name="Jon", channel="i-ferreira")
    assert other.status_code == 422
    assert "Somebody else has this address." in other.text
    bad = press(visitor, PAGE, there, name="Ines", channel="../admin")
    assert bad.status_code == 422
    assert "letters, figures and hyphens" in bad.text


@pytest.mark.promise("F111")
def test_the_file_is_made_by_a_job_and_handed_to_its_owner_only(
    site: Site, ines: Account, visitor: FlaskClient
) -> None:
    jobs = site.pages.jobs
    for _ in range(2):
        assert press(visitor, PAGE, f"{PAGE}/export").status_code == 303
    assert len(jobs.newest(ines.id)) == 1, "twice pressed, once written"
    job = jobs.take(("export",), "worker")
    assert job is not None
    address = f"{PAGE}/export/{job.id}"
    assert visitor.get(address).status_code == 404
    jobs.go_on(job.id, "worker", 3, 1200)
    assert "3 of 1,200 images are written" in visitor.get(PAGE).text
    site.pages.exports.make_room(site.clock.now)
    site.pages.exports.path_of(job).write_bytes(b"PK and so on")
    jobs.finish(job.id, "worker")
    assert address in visitor.get(PAGE).text
    with visitor.get(address) as answer:
        assert (answer.status_code, answer.data) == (200, b"PK and so on")
    assert answer.headers["Content-Type"] == "application/zip"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert site.visitor(site.other).get(address).status_code == 404
    assert site.visitor().get(address).status_code == 302
    assert visitor.get(f"{PAGE}/export/{job.id + 1}").status_code == 404
    site.clock.now += KEPT_FOR
    again = site.visitor(ines)
    assert again.get(address).status_code == 404
    assert "Make the file" in again.get(PAGE).text


def test_a_file_that_failed_says_why(site: Site, visitor: FlaskClient) -> None:
    press(visitor, PAGE, f"{PAGE}/export")
    job = site.pages.jobs.take(("export",), "worker")
    assert job is not None
    site.pages.jobs.fail(job.id, "worker", "There is no room for the file on this server.")
    assert "There is no room for the file" in visitor.get(PAGE).text


@pytest.mark.promise("F107")
def test_an_account_is_deleted_by_its_password(
    site: Site, ines: Account, visitor: FlaskClient
) -> None:
    site.put(ct_slice(), owner=ines)
    assert re.search(r"<dt>Studies</dt><dd>1, ", visitor.get(DELETE).text)
    wrong = press(visitor, DELETE, password="wrong horse battery")
    assert (wrong.status_code, is_there(site, ines)) == (422, True)
    assert "not the password" in wrong.text
    second = site.visitor(ines)
    answer = press(visitor, DELETE, password=PASSWORD)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/goodbye")
    assert not is_there(site, ines)
    assert "The account is deleted" in visitor.get("/goodbye").text
    for client in (visitor, second):
        assert "/sign-in" in client.get(PAGE).headers["Location"]
    assert [job.kind for job in site.pages.jobs.newest(ines.id)] == ["forget"]
    [deed] = deeds(site.pages.database, ines.id)
    assert (deed.what, deed.which) == ("delete account", str(ines.id))
    assert is_there(site, site.other)


def test_an_account_is_deleted_by_a_fresh_link_from_its_mail(
    site: Site, ines: Account, visitor: FlaskClient
) -> None:
    assert press(visitor, DELETE, f"{DELETE}/link").status_code == 303
    [message] = messages_of(site.pages.database)
    assert (message.recipient, message.account_id) == (ines.email, ines.id)
    link = re.search(r"^(/account/delete\?proof=\S+)", message.body, re.MULTILINE)
    assert link
    # Another's session, or a form without the link, does nothing with it.
    other = site.visitor(site.other)
    assert press(other, link[1], DELETE, proof=link[1].partition("=")[2]).status_code == 422
    assert press(visitor, link[1], DELETE).status_code == 422
    site.clock.now += LIFETIME
    assert "This link has ended" in visitor.get(link[1]).text
    stale = press(visitor, link[1], DELETE, proof=link[1].partition("=")[2])
    assert (stale.status_code, is_there(site, ines)) == (422, True)
    site.clock.now -= timedelta(minutes=1)
    assert 'type="password"' not in visitor.get(link[1]).text
    answer = press(visitor, link[1], DELETE, proof=link[1].partition("=")[2])
    assert (answer.status_code, is_there(site, ines)) == (303, False)


def test_a_mailbox_is_not_filled(site: Site, visitor: FlaskClient) -> None:
    for _ in range(12):
        press(visitor, DELETE, f"{DELETE}/link")
    assert len(messages_of(site.pages.database)) == 8


@pytest.mark.parametrize("address", ["profile", "export", "delete", "delete/link"])
def test_forged_requests_and_strangers_do_nothing(
    site: Site, ines: Account, visitor: FlaskClient, address: str
) -> None:
    there = f"{PAGE}/{address}"
    forged = visitor.post(there, data={"password": PASSWORD, "name": "Mallory"})
    assert forged.status_code in (403, 422)
    assert site.visitor().post(there).status_code in (302, 401)
    found = account_by_id(site.pages.database, ines.id)
    assert found is not None
    assert found.name == ""
    assert site.pages.jobs.newest(ines.id) == []
    assert messages_of(site.pages.database) == []


def test_the_only_administrator_stays(site: Site) -> None:
    admin = create_account(
        site.pages.database,
        "root@northfield.example",
        clock=site.clock,
        password=PASSWORD,
        admin=True,
    )
    answer = press(site.visitor(admin), DELETE, password=PASSWORD)
    assert (answer.status_code, is_there(site, admin)) == (422, True)
    assert "only administrator" in answer.text


def test_a_proof_is_for_one_account_and_purpose(site: Site) -> None:
    now = site.clock.now
    proof = make_proof("key", "delete", 7, now)
    assert is_proof(proof, "key", "delete", 7, now)
    assert is_proof(proof, b"key", "delete", 7, now + LIFETIME - timedelta(seconds=1))
    assert not is_proof(proof, "key", "delete", 7, now + LIFETIME)
    assert not is_proof(proof, "key", "delete", 8, now)
    assert not is_proof(proof, "key", "export", 7, now)
    assert not is_proof(proof, "other", "delete", 7, now)
    for wrong in ("", "-", "zz-", "é-", proof[:-1], "f" * 13 + proof, "ffffffff" + proof[8:]):
        assert not is_proof(wrong, "key", "delete", 7, now)


def test_the_page_of_jobs_is_never_anothers(site: Site, visitor: FlaskClient) -> None:
    press(site.visitor(site.other), PAGE, f"{PAGE}/export")
    assert "about to be written" not in visitor.get(PAGE).text
    assert site.pages.jobs.newest(site.other.id)[0].state is JobState.QUEUED
