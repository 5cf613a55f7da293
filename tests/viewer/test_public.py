"""The pages for everybody: the list of cases, a case, its versions, and what is not there."""

import json
import re
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient

from accounts.profile import change_profile
from tests.viewer.conftest import Site
from tests.viewer.published import add_case, change, publish_again

SECRET = "Quillfeather sign"
CLOSED: dict[str, Any] = {"diagnosis": SECRET, "closed": ("diagnosis",)}
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&"


def data_of(page: str) -> dict[str, Any]:
    """The linked data of a page."""
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.S)
    assert found
    said: dict[str, Any] = json.loads(found[1])
    return said


def metas(page: str) -> dict[str, str]:
    found = re.findall(r'<meta (?:name|property)="([^"]+)" content="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


@pytest.fixture
def stranger(site: Site) -> FlaskClient:
    return site.visitor()


def test_a_stranger_reads_a_case_and_opens_what_is_closed(
    site: Site, stranger: FlaskClient
) -> None:
    code = add_case(
        site,
        "Skull base: name the *foramina*",
        history="Fell from a **horse**.",
        tags=("anatomy",),
        authors=("Ines Ferreira",),
        licence="CC-BY-4.0",
        **CLOSED,
    )
    page = stranger.get(f"/cases/{code}").text
    assert "<h1>Skull base: name the *foramina*</h1>" in page
    assert "Fell from a <strong>horse</strong>." in page
    [closed] = re.findall(r'<details class="reveal" id="(\w+)"', page)
    assert closed == "diagnosis"
    assert page.count(SECRET) == 1
    assert f'data-root="/cases/{code}/dicomweb"' in page
    for link in ("/?modality=CT", "/?part=HEAD", "/?tag=anatomy", "/?author=Ines+Ferreira"):
        assert f'href="{link}"' in page, link
    assert "CC BY 4.0. No download." in page
    assert "download.zip" not in page
    assert f'href="/cases/{code}/report?place=case"' in page


@pytest.mark.promise("F19", "F82")
def test_what_a_case_may_be_fetched_as_is_in_its_menu(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site, downloadable=True)
    page = stranger.get(f"/cases/{code}").text
    menu = page[
        page.index('class="menu options"') : page.index("</details>", page.index("menu op"))
    ]
    assert page.index("</h1>") < page.index('class="menu options"')
    assert f'href="/cases/{code}/download.zip" download' in menu
    assert f"http://localhost/cases/{code}/dicomweb" in menu
    copied = re.search(r'data-copy-text="(&lt;iframe[^"]*)"', menu)
    assert copied
    frame = unescape(copied[1])
    assert f'src="http://localhost/embed/case/{code}"' in frame
    assert frame.endswith("</iframe>")
    assert "/edit" not in menu


def test_its_owner_may_edit_it_and_nobody_else(site: Site) -> None:
    code = add_case(site)
    pages = [site.visitor(who).get(f"/cases/{code}").text for who in (site.owner, site.other, None)]
    assert [f'href="/cases/{code}/edit"' in page for page in pages] == [True, False, False]


def test_linked_data_and_cards_tell_what_a_case_is_but_not_what_is_closed(
    site: Site, stranger: FlaskClient
) -> None:
    code = add_case(
        site,
        "Skull base",
        description=f"See [the atlas](https://x.example) and *{HOSTILE}*.",
        authors=("Ines Ferreira",),
        tags=("anatomy",),
        licence="CC-BY-4.0",
        **CLOSED,
    )
    page = stranger.get(f"/cases/{code}").text
    said = data_of(page)
    assert (said["@type"], said["name"]) == ("LearningResource", "Skull base")
    assert said["url"] == f"http://localhost/cases/{code}"
    assert said["image"] == f"{said['url']}/picture.jpg"
    assert said["license"] == "https://creativecommons.org/licenses/by/4.0/"
    assert said["author"] == [{"@type": "Person", "name": "Ines Ferreira"}]
    assert said["keywords"] == ["Computed tomography", "Head", "anatomy"]
    assert (said["datePublished"], said["version"]) == ("2026-05-12", "1")
    assert said["abstract"].startswith("See the atlas and ")
    told = metas(page)
    assert told["og:title"] == "Skull base"
    assert told["og:image"] == said["image"]
    assert told["twitter:card"] == "summary_large_image"
    assert SECRET not in json.dumps(said) + json.dumps(told)
    assert f'<link rel="canonical" href="{said["url"]}">' in page
    oembed = f"/oembed?url=http%3A//localhost/cases/{code}"
    assert (
        f'type="application/json+oembed" title="Skull base" href="http://localhost{oembed}' in page
    )


def test_nothing_that_somebody_wrote_is_markup(site: Site, stranger: FlaskClient) -> None:
    change_profile(site.pages.database, site.owner.id, name=HOSTILE, channel="ines")
    said: dict[str, Any] = {"tags": (HOSTILE[:40],), "authors": (HOSTILE,), "findings": HOSTILE}
    code = add_case(site, HOSTILE, **said)
    publish_again(site, code, note=HOSTILE, history=HOSTILE)
    query = {"q": HOSTILE, "tag": HOSTILE, "author": HOSTILE}
    for path in (f"/cases/{code}", f"/cases/{code}/versions/1/compare/2", "/", "/authors/ines"):
        for page in (stranger.get(path), stranger.get(path, query_string=query)):
            assert page.status_code == 200
            assert "<img src=x" not in page.text, path
            assert "&lt;/script&gt;&lt;img" in page.text, path
    data_of(stranger.get(f"/cases/{code}").text)


def test_what_is_not_for_a_reader_is_answered_like_what_there_is_not(
    site: Site, stranger: FlaskClient
) -> None:
    hidden, private, pending = (
        add_case(site),
        add_case(site, private=True),
        add_case(site, is_published=False),
    )
    change(site, hidden, hidden_at=site.clock())
    member = site.visitor(site.other)
    for below in ("", "/versions/1", "/versions/1/compare/1", "/cite.bib", "/picture.jpg"):
        for reader in (stranger, member):
            answers = [
                reader.get(f"/cases/{code}{below}")
                for code in ("bbbbbbbb", "no-code", hidden, private, pending)
            ]
            assert {answer.status_code for answer in answers} == {404}
            # But for what protects the form to sign out.
            bodies = {re.sub(r'value="[^"]{20,}"', "", answer.text) for answer in answers}
            assert len(bodies) == 1, below
    assert stranger.get("/").text.count('class="card"') == 0


def test_hiding_a_case_is_felt_by_those_who_have_it_already(
    site: Site, stranger: FlaskClient
) -> None:
    code = add_case(site)
    for path in (f"/cases/{code}", f"/cases/{code}/picture.jpg", f"/cases/{code}/cite.ris", "/"):
        first = stranger.get(path)
        assert first.headers["Cache-Control"] == "public, no-cache"
        assert "Cookie" in first.headers["Vary"]
        assert "Set-Cookie" not in first.headers
        known = {"If-None-Match": first.headers["ETag"]}
        again = stranger.get(path, headers=known)
        assert (again.status_code, again.data) == (304, b"")
        change(site, code, hidden_at=site.clock())
        assert stranger.get(path, headers=known).status_code == (200 if path == "/" else 404)
        change(site, code, hidden_at=None)


def test_what_a_member_sees_is_theirs_alone(site: Site) -> None:
    code, member = add_case(site), site.visitor(site.other)
    for path in (f"/cases/{code}", "/"):
        assert member.get(path).headers["Cache-Control"] == "private, no-store"


def test_its_owner_and_moderators_see_a_hidden_case_and_are_told(site: Site) -> None:
    code = add_case(site)
    change(site, code, hidden_at=site.clock())
    page = site.visitor(site.owner).get(f"/cases/{code}")
    assert "This case is hidden because of a report." in page.text
    assert 'content="noindex"' in page.text
    assert "application/ld+json" not in page.text


@pytest.mark.promise("F24", "F31")
def test_a_private_case_looks_the_same_to_its_owner(site: Site) -> None:
    code = add_case(site, "Only mine", private=True)
    owner = site.visitor(site.owner)
    page = owner.get(f"/cases/{code}")
    assert "<h1>Only mine</h1>" in page.text
    assert "This case is private." in page.text
    assert owner.get(f"/cases/{code}/picture.jpg").status_code == 404


def test_an_older_version_says_so_and_leads_to_the_newest(
    site: Site, stranger: FlaskClient
) -> None:
    code = add_case(site, findings="A waist fracture.")
    publish_again(site, code, note="Reworded", findings="A fracture of the waist.", tags=("new",))
    old = stranger.get(f"/cases/{code}/versions/1").text
    assert "A waist fracture." in old
    assert "This is version 1 of" in old
    assert f'<a href="/cases/{code}">Version 2</a> is newer' in old
    assert 'content="noindex"' in old
    newest = stranger.get(f"/cases/{code}/versions/2")
    assert (newest.status_code, newest.location) == (302, f"/cases/{code}")
    page = stranger.get(f"/cases/{code}").text
    assert "A fracture of the waist." in page
    assert "Reworded" in page
    for missing in ("/versions/3", "/versions/0", "/versions/1/compare/9"):
        assert stranger.get(f"/cases/{code}{missing}").status_code == 404


@pytest.mark.promise("N9")
def test_two_versions_are_compared_word_by_word(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site, findings="A thin and wavy band.")
    publish_again(site, code, findings="A thin and torn band.", downloadable=True)
    for path in ("1/compare/2", "2/compare/1"):
        page = stranger.get(f"/cases/{code}/versions/{path}").text
        assert "A thin and <del>wavy</del><ins>torn</ins> band." in page
        assert "<h2>Download</h2>" in page
        assert "<h2>History</h2>" not in page
    assert "Nothing differs" in stranger.get(f"/cases/{code}/versions/2/compare/2").text


@pytest.mark.promise("N9")
def test_a_version_is_cited_in_three_forms(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site, "Skull base", authors=("Ines Ferreira",))
    publish_again(site, code, findings="More.")
    bib = stranger.get(f"/cases/{code}/cite.bib")
    assert bib.mimetype == "application/x-bibtex"
    assert f"/cases/{code}/versions/2" in bib.text
    assert bib.headers["Content-Disposition"] == f'attachment; filename="{code}-v2.bib"'
    ris = stranger.get(f"/cases/{code}/versions/1/cite.ris")
    assert ris.text.startswith("TY  - ")
    assert f"/cases/{code}/versions/1\r\n" in ris.text
    [csl] = json.loads(stranger.get(f"/cases/{code}/cite.json").text)
    assert csl["title"] == "Skull base"
    assert stranger.get(f"/cases/{code}/cite.doc").status_code == 404


def test_the_picture_of_a_case_is_a_jpeg_of_what_the_viewer_shows_first(
    site: Site, stranger: FlaskClient
) -> None:
    code = add_case(site)
    picture = stranger.get(f"/cases/{code}/picture.jpg")
    assert (picture.mimetype, picture.data[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    other = stranger.get(f"/cases/{add_case(site)}/picture.jpg")
    assert picture.headers["ETag"] != other.headers["ETag"]
