"""The list of cases and channels: search, filters, counts, pages; the frame around them."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import insert, select

from accounts.profile import change_profile
from cases.schema import case, playlist, playlist_item
from tests.viewer.conftest import Site, make_app
from tests.viewer.published import add_case, change
from viewer import browsing
from viewer.site import Site as Said


@pytest.fixture
def stranger(site: Site) -> FlaskClient:
    return site.visitor()


def titles(page: str) -> list[str]:
    return [unescape(title) for title in re.findall(r'<a class="go" href="[^"]+">(.*?)</a>', page)]


def choices(page: str, name: str) -> dict[str, tuple[str, str]]:
    """Of a facet: value to count, and whether it is `checked` or `disabled`."""
    found = re.findall(
        rf'<input class="check" type="checkbox" form="find" name="{name}" value="([^"]*)"'
        r'( checked| disabled|)>[^<]*<span class="n">([\d,]+)</span>',
        page,
    )
    return {value: (count, state.strip()) for value, state, count in found}


def fill(site: Site) -> dict[str, str]:
    """Three cases, by title."""
    wrist: dict[str, Any] = {"modality": "MR", "body_part": "WRIST", "authors": ("Ines Ferreira",)}
    return {
        "Torn": add_case(site, "Torn", **wrist, tags=("ligament",)),
        "Broken": add_case(site, "Broken", body_part="WRIST", downloadable=True),
        "Dizzy": add_case(site, "Dizzy", diagnosis="Hydrops.", closed=("diagnosis",)),
    }


@pytest.mark.promise("F109")
def test_a_stranger_searches_and_narrows(site: Site, stranger: FlaskClient) -> None:
    fill(site)
    wanted = {
        "/": ["Dizzy", "Broken", "Torn"],
        "/?q=hydrops": ["Dizzy"],
        "/?modality=CT": ["Dizzy", "Broken"],
        "/?modality=CT&modality=MR&part=WRIST": ["Broken", "Torn"],
        "/?tag=ligament": ["Torn"],
        "/?author=Ines+Ferreira": ["Torn"],
        "/?reveal=1": ["Dizzy"],
        "/?download=1": ["Broken"],
        "/?order=title": ["Broken", "Dizzy", "Torn"],
        "/?q=zebedee": [],
        # What cannot be understood asks for less, never for an error.
        "/?modality=XX&part=%00&order=worst&page=-3&reveal=yes": ["Dizzy", "Broken", "Torn"],
        "/?page=x&q=%22%00*&nothing=1": ["Dizzy", "Broken", "Torn"],
    }
    assert {path: titles(stranger.get(path).text) for path in wanted} == wanted


def test_filters_in_force_are_chips_that_take_them_back(site: Site, stranger: FlaskClient) -> None:
    fill(site)
    page = stranger.get("/?q=r&modality=CT&part=WRIST&tag=a%26b").text
    chips = re.findall(r'<a class="chip" href="([^"]+)">(.*?) <svg', page)
    assert [(unescape(link), unescape(words)) for link, words in chips] == [
        ("/?q=r&part=WRIST&tag=a%26b", "CT"),
        ("/?q=r&modality=CT&tag=a%26b", "Wrist"),
        ("/?q=r&modality=CT&part=WRIST", "a&b"),
    ]
    assert 'name="tag" value="a&amp;b"' in page
    assert '<a class="btn" href="/">Show all cases</a>' in page


def test_counts_stand_beside_choices_and_what_leaves_nothing_stays(
    site: Site, stranger: FlaskClient
) -> None:
    fill(site)
    page = stranger.get("/?modality=MR").text
    assert choices(page, "modality") == {"CT": ("2", ""), "MR": ("1", "checked")}
    assert choices(page, "part") == {"WRIST": ("1", ""), "HEAD": ("0", "disabled")}
    assert choices(page, "reveal") == {"1": ("0", "disabled")}
    assert "1\u00a0case</b>" in page


def test_long_lists_come_in_pages(
    site: Site, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.public.PER_PAGE", 2)
    monkeypatch.setattr(browsing, "PER_PAGE", 2)
    fill(site)
    first = stranger.get("/?download=0").text
    assert titles(first) == ["Dizzy", "Broken"]
    assert '<a class="btn dense" rel="next" href="/?page=2">' in first
    assert "1–2 of 3" in first
    second = stranger.get("/?page=2").text
    assert titles(second) == ["Torn"]
    assert '<a class="btn dense" rel="prev" href="/">' in second
    assert 'rel="next"' not in second
    assert stranger.get("/?page=3").status_code == 404


@pytest.mark.promise("F53")
def test_a_channel_has_the_cases_of_one_author(site: Site, stranger: FlaskClient) -> None:
    fill(site)
    add_case(site, "Another's", owner=site.other)
    assert stranger.get("/authors/i-ferreira").status_code == 404
    change_profile(site.pages.database, site.owner.id, name="Ines Ferreira", channel="i-ferreira")
    page = stranger.get("/authors/i-ferreira?part=WRIST").text
    assert "<h1>Ines Ferreira</h1>" in page
    assert titles(page) == ["Broken", "Torn"]
    assert '<a class="chip" href="/authors/i-ferreira">' in page
    assert 'href="/authors/i-ferreira/feed.xml"' in page
    # Who chose no address is not named by being a member.
    assert stranger.get("/authors/None").status_code == 404


def test_before_anything_is_published_the_page_says_so(site: Site, stranger: FlaskClient) -> None:
    assert "No case is published yet" in stranger.get("/").text
    assert "Add studies" in site.visitor(site.owner).get("/").text


def test_the_frame_leads_strangers_to_sign_in_and_members_to_their_own(site: Site) -> None:
    strangers, members = site.visitor().get("/").text, site.visitor(site.other).get("/").text
    assert 'href="/sign-in"' in strangers
    assert "Sign up" not in strangers
    assert "/uploads" not in strangers
    assert 'name="csrf_token"' not in strangers
    assert 'href="/uploads"' in members
    assert f"Account of {site.other.email}" in members


def test_the_frame_names_the_operator_and_lets_people_sign_up_where_that_is_open(
    site: Site,
) -> None:
    said = Said(operator="the Department of <Radiology>", sign_up="open")
    page = make_app(replace(site.pages, site=said)).test_client().get("/").text
    assert "Teaching cases of the Department of &lt;Radiology&gt;." in page
    assert ">Sign up</a>" in page


def test_cases_of_a_playlist_lead_to_each_other(site: Site, stranger: FlaskClient) -> None:
    codes = fill(site)
    playlist = add_playlist(site, "Wrists", list(codes.values()))
    page = stranger.get(f"/cases/{codes['Broken']}?playlist={playlist}").text
    for way, title in (("prev", "Torn"), ("next", "Dizzy")):
        link = f'rel="{way}" href="/cases/{codes[title]}?playlist={playlist}"'
        assert link in page, way
    assert "2 of 3" in page
    change(site, codes["Torn"], hidden_at=site.clock())
    page = stranger.get(f"/cases/{codes['Broken']}?playlist={playlist}").text
    assert 'rel="prev"' not in page
    assert "1 of 2" in page
    plain = stranger.get(f"/cases/{codes['Broken']}").text
    assert 'rel="next"' not in plain
    assert "Wrists" in plain
    for other in ("bbbbbbbb", "no", "%00"):
        path = f"/cases/{codes['Broken']}?playlist={other}"
        assert 'rel="next"' not in stranger.get(path).text


def add_playlist(site: Site, title: str, codes: list[str], visibility: str = "public") -> str:
    """A playlist of the owner's, as its rows; its code."""
    code, now = "wr2stkkk", site.clock()
    row = {"code": code, "owner_id": site.owner.id, "title": title, "visibility": visibility}
    with site.pages.database.write() as connection:
        made = insert(playlist).values(**row, created_at=now, updated_at=now)
        number = connection.execute(made.returning(playlist.c.id)).scalar_one()
        ids = {row.code: row.id for row in connection.execute(select(case.c.code, case.c.id))}
        items = [
            {"playlist_id": number, "case_id": ids[one], "position": place}
            for place, one in enumerate(codes)
        ]
        connection.execute(insert(playlist_item), items)
    return code


@pytest.mark.parametrize("visibility", ["unlisted", "private"])
def test_a_playlist_that_is_not_public_is_not_named_to_others(
    site: Site, stranger: FlaskClient, visibility: str
) -> None:
    codes = fill(site)
    playlist = add_playlist(site, "Wrists", list(codes.values()), visibility)
    assert "Wrists" not in stranger.get(f"/cases/{codes['Broken']}").text
    led = stranger.get(f"/cases/{codes['Broken']}?playlist={playlist}").text
    assert ('rel="next"' in led) is (visibility == "unlisted")
