"""The page that others frame: what it shows, to whom, and that it needs no cookie."""

import json
import os
import re
from datetime import timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from cases.cases import Case, case_of_owner, create_case, save_case
from cases.document import StartState
from cases.publishing import publish
from cases.share_list import Kind, shares_of
from cases.sharing import Wanted, create_share, delete_share
from store.states import State
from tests.support.datasets import ct_slice
from tests.viewer.conftest import Site
from tests.viewer.published import add_case, add_playlist, change

SHOWN = re.compile(r'<script type="application/json" data-part="shown">(.*?)</script>', re.DOTALL)


@pytest.fixture
def made(site: Site) -> Case:
    """A pending case of one series, with a title that is markup."""
    study = site.put(*(ct_slice(number, size=32) for number in range(2)))
    [series] = site.series(study)
    found = create_case(
        site.pages.database,
        site.owner.id,
        title='<b>Wrist</b> & "pain"',
        series=[(study, series.series_instance_uid)],
        clock=site.clock,
        random_bytes=os.urandom,
    )
    start = StartState(series.series_instance_uid, 2, (40.0, 400.0), 1.5)
    return edited(site, found, start=start)


def edited(site: Site, found: Case, **document: Any) -> Case:  # noqa: ANN401
    return save_case(
        site.pages.database,
        site.owner.id,
        found.code,
        title=found.title,
        modality=found.modality,
        body_part=found.body_part,
        document=type(found.document)(**vars(found.document) | document),
        saved=found.saved,
        clock=site.clock,
    )


def published(site: Site, found: Case) -> Case:
    publish(site.pages.database, site.owner.id, found.code, clock=site.clock)
    return case_of_owner(site.pages.database, site.owner.id, found.code)


def changed(site: Site, found: Case, **columns: object) -> None:
    change(site, found.code, **columns)


def shared(site: Site, found: Case, **wanted: Any) -> tuple[int, str]:  # noqa: ANN401
    secret = share_of(site, "case", found.code, **wanted)
    return shares_of(site.pages.database)[0].id, secret


def shown_in(response: TestResponse) -> dict[str, Any]:
    assert response.status_code == 200
    said = SHOWN.search(response.text)
    assert said
    found: dict[str, Any] = json.loads(said[1])
    return found


def test_the_page_says_what_the_viewer_shows(site: Site, made: Case) -> None:
    code = published(site, made).code
    response = site.visitor().get(f"/embed/case/{code}")
    shown = shown_in(response)
    [study] = shown["studies"]
    [(study_uid, series_uid)] = made.document.series_uids()
    assert study["uid"] == study_uid
    assert study["series"] == [
        {
            "uid": series_uid,
            "name": study["series"][0]["name"],
            "modality": "CT",
            "images": 2,
            "state": State.FREE,
        }
    ]
    assert shown["start"] == {
        "series": series_uid,
        "frame": 2,
        "window": [40.0, 400.0],
        "zoom": 1.5,
    }
    assert f'data-root="/cases/{code}/dicomweb"' in response.text
    assert f'data-page="http://localhost/cases/{code}"' in response.text
    assert f'href="/cases/{code}/report?place=embed"' in response.text
    # Without script, the picture that stands for the series is there.
    assert f"/studies/{study_uid}/series/{series_uid}/thumbnail" in response.text


def test_text_of_the_author_is_never_markup(site: Site, made: Case) -> None:
    names = tuple(
        type(study)(
            study.uid, "</script><b>", tuple(type(one)(one.uid, "<b>'\"&") for one in series)
        )
        for study, series in ((study, study.series) for study in made.document.studies)
    )
    code = published(site, edited(site, made, studies=names)).code
    response = site.visitor().get(f"/embed/case/{code}")
    assert "<b>" not in response.text
    [study] = shown_in(response)["studies"]
    assert (study["name"], study["series"][0]["name"]) == ("</script><b>", "<b>'\"&")
    assert "&lt;b&gt;Wrist&lt;/b&gt;" in response.text


def test_no_cookie_is_set_and_none_makes_a_difference(site: Site, made: Case) -> None:
    code = published(site, made).code
    strangers = site.visitor().get(f"/embed/case/{code}")
    assert "Set-Cookie" not in strangers.headers
    for account in (site.owner, site.other):
        theirs = site.visitor(account).get(f"/embed/case/{code}")
        assert theirs.text == strangers.text
    assert strangers.headers["Cache-Control"] == "public, no-cache"
    again = site.visitor().get(
        f"/embed/case/{code}", headers={"If-None-Match": strangers.headers["ETag"]}
    )
    assert again.status_code == 304


@pytest.mark.parametrize("state", ["pending", "private", "hidden", "unknown"])
def test_what_not_everybody_sees_is_not_there(site: Site, made: Case, state: str) -> None:
    code = made.code
    before = site.visitor().get("/embed/case/k7m2qxvb")
    if state != "pending":
        published(site, made)
    if state == "private":
        changed(site, made, private=True)
    if state == "hidden":
        changed(site, made, hidden_at=site.clock())
    if state == "unknown":
        code = "k7m2qxv"
    for account in (None, site.other, site.owner):
        response = site.visitor(account).get(f"/embed/case/{code}")
        assert response.status_code == 404
        assert response.text == before.text
        assert response.headers["Cache-Control"] == "no-store"


def test_a_share_link_opens_its_own_case_until_it_ends(site: Site, made: Case) -> None:
    link, secret = shared(site, made)
    _, over = shared(site, made, expires_at=site.clock() + timedelta(days=1))
    client = site.visitor()
    response = client.get(f"/embed/case/{made.code}?share={secret}")
    assert shown_in(response)["studies"]
    assert f'data-root="/share/{secret}/dicomweb"' in response.text
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "Set-Cookie" not in response.headers
    assert client.get(f"/embed/case/{made.code}?share={over}").status_code == 200
    site.clock.now += timedelta(days=2)
    assert client.get(f"/embed/case/{made.code}?share={over}").status_code == 404
    other = published(site, edited(site, made))
    changed(site, other, private=True)
    for wrong in (secret[:-1], "x", "é"):
        assert client.get(f"/embed/case/{made.code}?share={wrong}").status_code == 404
    assert client.get(f"/embed/case/k7m2qxvb?share={secret}").status_code == 404
    delete_share(site.pages.database, site.owner.id, link, clock=site.clock)
    assert client.get(f"/embed/case/{made.code}?share={secret}").status_code == 404


def test_a_link_with_a_password_says_where_it_is_asked_for(site: Site, made: Case) -> None:
    _, secret = shared(site, made, password="under the lamp")
    response = site.visitor().get(f"/embed/case/{made.code}?share={secret}")
    assert response.status_code == 401
    assert "This link has a password" in response.text
    assert f'href="/share/{secret}"' in response.text


def test_the_owner_is_not_shown_in_a_frame_what_readers_do_not_see(site: Site, made: Case) -> None:
    code = published(site, made).code
    [(_, series_uid)] = made.document.series_uids()
    site.hold(series_uid, "burned-in")
    response = site.visitor(site.owner).get(f"/embed/case/{code}")
    assert shown_in(response)["studies"] == []


def test_a_playlist_is_read_case_by_case(site: Site) -> None:
    codes = [add_case(site, title) for title in ("Arcs", "Tunnel", "<b>Tear</b>")]
    hidden = add_case(site, "Secret")
    listed = add_playlist(site, *codes, hidden, note="Compare <b>this</b>.")
    change(site, hidden, hidden_at=site.clock())
    page = f"/embed/playlist/{listed}"
    first = site.visitor().get(page)
    assert "Set-Cookie" not in first.headers
    assert first.headers["Cache-Control"] == "public, no-cache"
    for account in (site.owner, site.other):
        assert site.visitor(account).get(page).text == first.text
    assert '<h1 class="sr">Arcs</h1>' in first.text
    assert f'data-root="/cases/{codes[0]}/dicomweb"' in first.text
    assert f'href="/cases/{codes[0]}?playlist={listed}"' in first.text
    assert f'href="/playlists/{listed}" target="_blank"' in first.text
    assert f'href="/cases/{codes[0]}/report?place=embed"' in first.text
    assert "Two &lt;wrists&gt;</a>" in first.text
    assert "Compare &lt;b&gt;this&lt;/b&gt;." in first.text
    assert "1 of 3" in first.text
    assert 'rel="prev"' not in first.text
    assert f'rel="next" href="{page}?case={codes[1]}"' in first.text
    last = site.visitor().get(f"{page}?case={codes[2]}&image=2").text
    assert "3 of 3" in last
    assert f'rel="prev" href="{page}?case={codes[1]}"' in last
    assert 'rel="next"' not in last
    # A case that was taken out, or is hidden, is as if it had never been in it.
    for other in (hidden, "k7m2qxvb", "<b>"):
        assert site.visitor().get(page, query_string={"case": other}).text == first.text


def test_a_playlist_that_is_not_open_is_not_in_a_frame_without_its_link(site: Site) -> None:
    case, pending = add_case(site, private=True), add_case(site, "Draft", is_published=False)
    listed = add_playlist(site, case, pending, visibility="private")
    other = add_playlist(site, case, visibility="private")
    page = f"/embed/playlist/{listed}"
    nothing = site.visitor().get("/embed/playlist/k7m2qxvb")
    assert nothing.status_code == 404
    assert "This playlist is not shown here" in nothing.text
    for account in (None, site.owner):
        assert site.visitor(account).get(page).text == nothing.text
    secret, secret_of_case = share_of(site, "playlist", listed), share_of(site, "case", case)
    shown = site.visitor().get(f"{page}?share={secret}")
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "private, no-store"
    assert f'data-root="/share/{secret}/dicomweb"' in shown.text
    assert f'href="/share/{secret}/cases/{case}"' in shown.text
    assert f'href="/share/{secret}" target="_blank"' in shown.text
    then = f"{page}?share={secret}&case={pending}"
    assert f'rel="next" href="{then.replace("&", "&amp;")}"' in shown.text
    assert '<h1 class="sr">Draft</h1>' in site.visitor().get(then).text
    for wrong in (f"{page}?share={secret_of_case}", f"/embed/playlist/{other}?share={secret}"):
        assert site.visitor().get(wrong).text == nothing.text
    # An empty one is not shown, either.
    change(site, case, hidden_at=site.clock())
    change(site, pending, hidden_at=site.clock())
    assert site.visitor().get(f"{page}?share={secret}").text == nothing.text
    locked = share_of(site, "playlist", listed, password="under the lamp")
    asked = site.visitor().get(f"{page}?share={locked}")
    assert asked.status_code == 401
    assert "Open the playlist on a page of its own" in asked.text


def share_of(site: Site, kind: Kind, code: str, **wanted: Any) -> str:  # noqa: ANN401
    _, secret = create_share(
        site.pages.database,
        site.owner.id,
        kind,
        code,
        Wanted("Trainees", **wanted),
        clock=site.clock,
        random_bytes=os.urandom,
    )
    return secret
