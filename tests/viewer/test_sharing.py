"""Pages of share links: making and deleting them, and what whoever has one sees."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from accounts.plans import grant
from cases import schema, share_tries
from cases.cases import Case, cases_of_owner, create_case
from cases.playlists import Playlist, add_case, create_playlist, save_playlist
from cases.publishing import publish
from cases.share_list import Kind, shares_of
from cases.sharing import Wanted, create_share
from tests.support.datasets import ct_stack
from tests.viewer.conftest import Site, press

PASSWORD = "carpal arcs"


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are kept are slow to check, as they should be."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(share_tries, "_hasher", quick)


@pytest.fixture
def case(site: Site) -> Case:
    return case_of(site, "Wrist pain", private=True)


@pytest.fixture
def owner(site: Site) -> FlaskClient:
    return site.visitor(site.owner)


def case_of(site: Site, title: str, *, private: bool = False, published: bool = True) -> Case:
    database = site.pages.database
    grant(database, site.owner.id, premium=True)
    number = 1 + len(cases_of_owner(database, site.owner.id))
    study = site.put(*ct_stack(1, study=f"1.2.3.{number}", series=f"1.2.3.{number}.1"))
    made = create_case(
        database,
        site.owner.id,
        title=title,
        series=[(study, one.series_instance_uid) for one in site.series(study)],
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
        private=private,
    )
    if published:
        publish(database, site.owner.id, made.code, clock=site.clock)
    return made


def link(site: Site, case: Case | Playlist, **wanted: object) -> str:
    wish = Wanted(label="Trainees", **wanted)  # type: ignore[arg-type]
    kind: Kind = "case" if isinstance(case, Case) else "playlist"
    _, secret = create_share(
        site.pages.database,
        site.owner.id,
        kind,
        case.code,
        wish,
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    return f"/share/{secret}"


def playlist_of(site: Site, *cases: Case, visibility: str = "private") -> Playlist:
    database, owner_id = site.pages.database, site.owner.id
    made = create_playlist(
        database,
        owner_id,
        title="Wrist in two cases",
        visibility=visibility,
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    for one in cases:
        made = add_case(database, owner_id, made.code, one.code, clock=site.clock)
    return made


def hide(site: Site, case: Case) -> None:
    with site.pages.database.write() as connection:
        change = update(schema.case).where(schema.case.c.id == case.id)
        connection.execute(change.values(hidden_at=site.clock()))


def test_a_private_case_is_read_by_whoever_has_the_link(site: Site, case: Case) -> None:
    stranger, address = site.visitor(), link(site, case)
    assert stranger.get(f"/cases/{case.code}").status_code == 404
    answer = stranger.get(address)
    assert answer.status_code == 200
    assert f"<h1>{case.title}</h1>" in answer.text
    assert f'data-root="{address}/dicomweb"' in answer.text
    # Nothing leads to the pages of the case itself, which are not there for this reader.
    report = f"/cases/{case.code}/report?place=case&amp;share={address.removeprefix('/share/')}"
    assert report in answer.text
    assert f"/cases/{case.code}" not in answer.text.replace(report, "")
    assert stranger.get(report.replace("&amp;", "&")).status_code == 200
    assert "Download DICOM" not in answer.text
    assert "Download DICOM" in stranger.get(link(site, case, downloadable=True)).text


def test_nothing_of_it_is_kept_or_told_to_others(site: Site, case: Case) -> None:
    stranger = site.visitor()
    locked = link(site, case, password=PASSWORD)
    for address in (link(site, case), locked, "/share/" + "x" * 43, f"{locked}/cases/{case.code}"):
        headers = stranger.get(address).headers
        assert headers["Cache-Control"] == "private, no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["X-Robots-Tag"] == "noindex, nofollow"


def test_a_link_that_opens_nothing_says_why(site: Site, case: Case) -> None:
    stranger = site.visitor()
    ends = datetime(2026, 6, 18, 23, 59, 59, tzinfo=UTC)
    over, spent = link(site, case, expires_at=ends), link(site, case, max_uses=1)
    assert [stranger.get(one).status_code for one in (over, spent)] == [200, 200]
    other = site.app.test_client()
    other.environ_base["HTTP_USER_AGENT"] = "Another browser"
    answer = other.get(spent)
    assert (answer.status_code, stranger.get(spent).status_code) == (410, 200)
    assert "opened as often as it may be" in answer.text
    site.clock.now = ends
    answer = stranger.get(over)
    assert answer.status_code == 410
    assert "This link ended on 18 June 2026. Ask the person who sent it for a new one." in (
        answer.text
    )
    gone = stranger.get("/share/" + "x" * 43)
    assert gone.status_code == 404
    assert "There is no such link" in gone.text


def test_a_hidden_case_and_a_lost_plan_close_a_link(site: Site, case: Case) -> None:
    stranger, address = site.visitor(), link(site, case)
    grant(site.pages.database, site.owner.id, premium=False)
    answer = stranger.get(address)
    assert answer.status_code == 410
    assert "not shown any more" in answer.text
    grant(site.pages.database, site.owner.id, premium=True)
    assert stranger.get(address).status_code == 200
    hide(site, case)
    answer = stranger.get(address)
    assert answer.status_code == 410
    assert case.title not in answer.text


def test_a_password_is_asked_for(site: Site, case: Case) -> None:
    stranger, address = site.visitor(), link(site, case, password=PASSWORD)
    asked = stranger.get(address)
    assert asked.status_code == 401
    assert case.title not in asked.text
    assert stranger.get(f"{address}/cases/{case.code}").status_code == 401
    wrong = press(stranger, address, password="carpal arc")
    assert wrong.status_code == 422
    assert "That is not the password of this link." in wrong.text
    forged = stranger.post(address, data={"password": PASSWORD})
    assert forged.status_code == 422
    right = press(stranger, address, password=PASSWORD)
    assert right.status_code == 303
    assert right.location != address
    inside = site.app.test_client().get(right.location)
    assert f"<h1>{case.title}</h1>" in inside.text
    assert f'data-root="{right.location}/dicomweb"' in inside.text
    assert address.removeprefix("/share/") not in inside.text
    for _ in range(9):
        wrong = press(stranger, address, password="another one")
    assert wrong.status_code == 422
    wrong = press(stranger, address, password="another one")
    assert wrong.status_code == 429
    assert "Wait 15 min" in wrong.text


def test_a_playlist_is_read_case_by_case(site: Site, case: Case) -> None:
    pending = case_of(site, "Second case", published=False)
    playlist = playlist_of(site, case, pending)
    database, other = site.pages.database, case_of(site, "Not in it")
    items = [(case.code, "Start <here>."), (pending.code, "")]
    values = {"title": playlist.title, "description": "*Read* on.", "visibility": "private"}
    save_playlist(
        database,
        site.owner.id,
        playlist.code,
        **values,
        items=items,
        saved=playlist.saved,
        clock=site.clock,
    )
    stranger, address = site.visitor(), link(site, playlist)
    page = stranger.get(address)
    assert page.status_code == 200
    assert "<em>Read</em> on." in page.text
    assert "Start &lt;here&gt;." in page.text
    for one in (case, pending):
        assert f'href="{address}/cases/{one.code}"' in page.text
        assert f'src="{address}/dicomweb/studies/' in page.text
        assert f'"/cases/{one.code}' not in page.text
    assert f"/playlists/{playlist.code}" not in page.text
    second = stranger.get(f"{address}/cases/{pending.code}")
    assert "<h1>Second case</h1>" in second.text
    assert f'rel="prev" href="{address}/cases/{case.code}"' in second.text
    assert f'href="{address}"' in second.text
    for code in (other.code, "bcdfghjk"):
        assert stranger.get(f"{address}/cases/{code}").status_code == 404
    hide(site, pending)
    assert stranger.get(f"{address}/cases/{pending.code}").status_code == 404
    assert "Second case" not in stranger.get(address).text


def shares_page(case: Case | Playlist) -> str:
    return f"/{'cases' if isinstance(case, Case) else 'playlists'}/{case.code}/shares"


def address_in(answer: TestResponse) -> str:
    found = re.search(r"<code tabindex=\"0\">http://localhost(/share/[\w-]{43})<", answer.text)
    assert found
    return found[1]


def test_the_pages_are_for_the_owner(site: Site, case: Case) -> None:
    mine: list[Case | Playlist] = [case, playlist_of(site, case)]
    link(site, case)
    (share,) = shares_of(site.pages.database)
    stranger, other = site.visitor(), site.visitor(site.other)
    for one in mine:
        page = shares_page(one)
        assert "/sign-in" in stranger.get(page).headers["Location"]
        assert other.get(page).status_code == 404
        wish = {"label": "x", "ends": "never"}
        for to in (page, f"{page}/{share.id}/delete", f"{page}/{share.id}/restore"):
            assert stranger.post(to, data=wish).status_code == 401
        assert press(other, "/playlists", page, **wish).status_code == 404
        assert press(other, "/playlists", f"{page}/{share.id}/delete").status_code == 404
    assert shares_of(site.pages.database) == [share]


def test_a_link_is_made_and_its_address_shown_once(
    site: Site, owner: FlaskClient, case: Case
) -> None:
    page = shares_page(case)
    assert "Private case" in owner.get(page).text
    wish = {"label": "Trainees, June", "ends": "30", "uses": "50", "allows": "download"}
    sent = press(owner, page, **wish, password=PASSWORD)
    assert sent.status_code == 303
    answer = owner.get(sent.location)
    assert "Link made for “Trainees, June”." in answer.text
    assert PASSWORD not in answer.text
    address = address_in(answer)
    # Of its secret, neither the address of the page nor the cookie has anything.
    for kept in (sent.location, sent.headers["Set-Cookie"]):
        assert address.removeprefix("/share/") not in kept
    assert address not in owner.get(sent.location).text
    assert site.visitor().get(address).status_code == 401
    (made,) = shares_of(site.pages.database, site.owner.id)
    assert (made.label, made.max_uses, made.downloadable) == ("Trainees, June", 50, True)
    assert made.expires_at == datetime(2026, 6, 11, 23, 59, 59, tzinfo=UTC)
    again = owner.get(page).text
    assert address not in again
    said = "View and download · until 11 June 2026 · password · 0 of 50\u00a0uses"
    assert said in again


def test_the_half_of_another_page_or_person_shows_nothing(site: Site, case: Case) -> None:
    page, wish = shares_page(case), {"label": "Exam", "ends": "7", "allows": "view"}
    one, other = site.visitor(site.owner), site.visitor(site.owner)
    half = press(one, page, **wish).location
    for asked in (half, f"{page}?made=", f"{page}?made=x", f"{page}?made=é" + "x" * 57):
        assert "Link made" not in other.get(asked).text
    assert "Link made" in one.get(half).text
    assert len(shares_of(site.pages.database)) == 1


@pytest.mark.promise("F29")
def test_a_link_can_end_on_a_date_or_never(site: Site, owner: FlaskClient, case: Case) -> None:
    page, playlist = shares_page(case), playlist_of(site, case)
    press(owner, page, label="a", ends="date", day="2026-05-12", allows="view")
    press(owner, shares_page(playlist), label="b", ends="never", day="2020-01-01", allows="view")
    never, dated = shares_of(site.pages.database)
    assert (never.expires_at, never.kind) == (None, "playlist")
    assert dated.expires_at == datetime(2026, 5, 12, 23, 59, 59, tzinfo=UTC)
    site.clock.now = dated.expires_at + timedelta(days=3)
    assert "Expired" in owner.get(page).text
    assert "ended 12 May 2026 · not used yet" in owner.get(page).text


def test_faults_are_said_at_the_fields(site: Site, owner: FlaskClient, case: Case) -> None:
    faults = [
        ({"label": " "}, "Say who it is for"),
        ({"label": "x" * 101}, "at most 100 characters"),
        ({"ends": "date"}, "Choose the date."),
        ({"ends": "date", "day": ""}, "Choose the date."),
        ({"ends": "date", "day": "2026-05-11"}, "That day is over."),
        ({"ends": "date", "day": "soon"}, "Not a valid date"),
        ({"uses": "0"}, "A number from 1 to 1,000,000"),
        ({"uses": "²"}, "A number from 1 to 1,000,000"),
        ({"password": "short"}, "A password has 8 to 200 characters."),
    ]
    for typed, said in faults:
        wish = {"label": "Trainees", "ends": "30", "allows": "view"} | typed
        answer = press(owner, shares_page(case), **wish)
        assert answer.status_code == 422
        assert said in answer.text
        assert answer.text.count('role="alert"') == 1
    assert shares_of(site.pages.database) == []


def test_a_deleted_link_is_dead_until_it_is_brought_back(
    site: Site, owner: FlaskClient, case: Case
) -> None:
    page, stranger = shares_page(case), site.visitor()
    sent = press(owner, page, label="Exam", ends="7", allows="view")
    address = address_in(owner.get(sent.location))
    assert stranger.get(address).status_code == 200
    assert "1\u00a0use, last <time" in owner.get(page).text
    (share,) = shares_of(site.pages.database)
    assert press(owner, page, f"{page}/{share.id}/delete").location == page
    assert stranger.get(address).status_code == 404
    told = owner.get(page).text
    assert "“Exam” opens nothing any more." in told
    assert f"{page}/{share.id}/restore" in told
    assert press(owner, page, f"{page}/{share.id}/restore").status_code == 303
    assert stranger.get(address).status_code == 200
    assert "works again" in owner.get(page).text
    press(owner, page, f"{page}/{share.id}/delete")
    site.clock.now += timedelta(minutes=2)
    press(owner, page, f"{page}/{share.id}/restore")
    assert "That link is gone." in owner.get(page).text
    assert owner.post(f"{page}/{share.id}/delete").status_code == 403


def test_a_plan_without_private_cases_shares_what_is_not_private(
    site: Site, owner: FlaskClient, case: Case
) -> None:
    public = case_of(site, "Public")
    grant(site.pages.database, site.owner.id, premium=False)
    wish = {"label": "x", "ends": "7", "allows": "view"}
    refused = press(owner, shares_page(case), **wish)
    assert refused.status_code == 422
    assert "needs a plan that has private cases" in refused.text
    assert press(owner, shares_page(public), **wish).status_code == 303
