"""Pages of playlists: the list, one of them for its readers, and its editor."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from accounts.plans import grant
from accounts.profile import change_profile
from cases.cases import Case
from cases.playing import items_of, playlists_of_owner
from cases.playlists import playlist_of_owner
from cases.sharing import Wanted, create_share
from tests.viewer.conftest import Site, press
from tests.viewer.test_public import data_of, metas
from tests.viewer.test_sharing import case_of, hide, playlist_of
from viewer.playlist_forms import code_in


@pytest.fixture
def cases(site: Site) -> list[Case]:
    made = [case_of(site, name) for name in ("Arcs", "Tunnel")]
    return [*made, case_of(site, "Secret", private=True), case_of(site, "Draft", published=False)]


@pytest.fixture
def owner(site: Site) -> FlaskClient:
    return site.visitor(site.owner)


def order(site: Site, code: str) -> list[tuple[str, str]]:
    playlist = playlist_of_owner(site.pages.database, site.owner.id, code)
    items = items_of(site.pages.database, playlist.id, site.owner.id)
    return [(one.title, one.note) for one in items]


def test_a_playlist_shows_each_reader_what_they_may_see(site: Site, cases: list[Case]) -> None:
    playlist = playlist_of(site, *cases, visibility="unlisted")
    page = f"/playlists/{playlist.code}"
    readers = {None: site.visitor(), 1: site.visitor(site.other)}
    for reader in readers.values():
        text = reader.get(page).text
        assert "2\u00a0cases" in text
        for hidden in ("Secret", "Draft", "Not shown to readers", f"{page}/edit"):
            assert hidden not in text
    text = site.visitor(site.owner).get(page).text
    for shown in ("4\u00a0cases", "Secret", "Draft", "Not shown to readers", f"{page}/edit"):
        assert shown in text
    assert f'href="/cases/{cases[0].code}?playlist={playlist.code}">Start with case 1<' in text
    hide(site, cases[0])
    assert "Arcs" not in readers[None].get(page).text


def test_a_playlist_that_is_not_open_does_not_exist(site: Site, cases: list[Case]) -> None:
    private = playlist_of(site, cases[0]).code
    for visitor in (site.visitor(), site.visitor(site.other)):
        for address in (private, "bcdfghjk", "x"):
            assert visitor.get(f"/playlists/{address}").status_code == 404
    other = site.visitor(site.other)
    for page in ("edit", "delete"):
        assert "/sign-in" in site.visitor().get(f"/playlists/{private}/{page}").location
        assert other.get(f"/playlists/{private}/{page}").status_code == 404
        answer = press(other, "/playlists", f"/playlists/{private}/{page}", title="x")
        assert answer.status_code == 404


def test_the_list_has_public_ones_and_ones_own(site: Site, cases: list[Case]) -> None:
    names = {
        visibility: playlist_of(site, cases[0], visibility=visibility).code
        for visibility in ("public", "unlisted", "private")
    }
    empty = playlist_of(site, visibility="public").code
    text = site.visitor().get("/playlists").text
    assert f"/playlists/{names['public']}" in text
    for code in (names["unlisted"], names["private"], empty):
        assert code not in text
    assert "New playlist" not in text
    text = site.visitor(site.owner).get("/playlists").text
    for code in (*names.values(), empty):
        assert code in text
    assert site.visitor().get("/playlists?page=2").status_code == 404


def test_answers_to_strangers_are_kept_only_until_they_change(
    site: Site, cases: list[Case]
) -> None:
    page = f"/playlists/{playlist_of(site, cases[0], visibility='public').code}"
    stranger = site.visitor()
    first = stranger.get(page)
    assert first.headers["Cache-Control"] == "public, no-cache"
    etag = {"If-None-Match": first.headers["ETag"]}
    assert stranger.get(page, headers=etag).status_code == 304
    hide(site, cases[0])
    assert stranger.get(page, headers=etag).status_code == 200


def test_a_playlist_is_made(site: Site, owner: FlaskClient) -> None:
    answer = press(owner, "/playlists", title=" Carpus ", visibility="public")
    (made,) = playlists_of_owner(site.pages.database, site.owner.id)
    assert answer.location == f"/playlists/{made.playlist.code}/edit"
    assert (made.playlist.title, made.playlist.visibility) == ("Carpus", "public")
    for title, visibility in (("", "public"), ("x" * 201, "public"), ("x", "private")):
        refused = press(owner, "/playlists", title=title, visibility=visibility)
        assert refused.status_code == 422
    assert "needs a plan" in refused.text
    assert site.visitor().post("/playlists", data={"title": "x"}).status_code == 401
    assert owner.post("/playlists", data={"title": "x"}).status_code == 403


def test_a_case_is_added_from_its_page(site: Site, owner: FlaskClient, cases: list[Case]) -> None:
    page = f"/playlists/add?case={cases[0].code}"
    assert page in owner.get(f"/cases/{cases[0].code}").text
    press(owner, page, "/playlists/add", case=cases[0].code, title="New", visibility="unlisted")
    (made,) = playlists_of_owner(site.pages.database, site.owner.id)
    code = made.playlist.code
    for one in (cases[2], cases[0]):
        answer = press(owner, page, "/playlists/add", case=one.code, playlist=code)
        assert answer.location == f"/playlists/{code}"
    assert order(site, code) == [("Arcs", ""), ("Secret", "")]
    other = site.visitor(site.other)
    assert other.get(f"/playlists/add?case={cases[2].code}").status_code == 404
    answer = press(other, page, "/playlists/add", case=cases[0].code, playlist=code)
    assert answer.status_code == 422
    assert owner.get("/playlists/add").status_code == 404


def edited(
    owner: FlaskClient, code: str, rows: list[tuple[Case, str]], do: str = "save", **fields: str
) -> TestResponse:
    texts = {"title": "Wrist in two cases", "description": "", "visibility": "private"} | fields
    page = f"/playlists/{code}/edit"
    codes, notes = [one.code for one, _ in rows], [note for _, note in rows]
    return press(owner, page, do=do, case=codes, note=notes, **texts)


def test_order_notes_and_texts_are_saved(site: Site, owner: FlaskClient, cases: list[Case]) -> None:
    playlist = playlist_of(site, *cases[:3])
    rows = [(cases[2], "Look first."), (cases[0], "")]
    answer = edited(owner, playlist.code, rows, title="Carpus", saved=str(playlist.saved))
    assert answer.location == f"/playlists/{playlist.code}/edit"
    assert order(site, playlist.code) == [("Secret", "Look first."), ("Arcs", "")]
    again = owner.get(answer.location).text
    assert "Look first.</textarea>" in again
    assert ">Carpus</h1>" in again


def test_without_script_buttons_move_and_nothing_is_saved(
    site: Site, owner: FlaskClient, cases: list[Case]
) -> None:
    playlist = playlist_of(site, *cases[:3])
    rows = [(one, f"after {one.title}") for one in cases[:3]]
    a, b, c = (one.code for one in cases[:3])
    moves = {
        f"up/{b}": [b, a, c],
        f"down/{b}": [a, c, b],
        f"up/{a}": [a, b, c],
        f"down/{c}": [a, b, c],
        f"remove/{b}": [a, c],
        "nonsense": [a, b, c],
    }
    for do, wanted in moves.items():
        answer = edited(owner, playlist.code, rows, do, title="Typed", saved=str(playlist.saved))
        assert answer.status_code == 200
        places = [answer.text.index(f'id="note-{code}"') for code in wanted]
        assert places == sorted(places)
        assert answer.text.count('id="note-') == len(wanted)
        assert 'value="Typed"' in answer.text
        assert "after Arcs</textarea>" in answer.text
    assert order(site, playlist.code) == [("Arcs", ""), ("Tunnel", ""), ("Secret", "")]


def test_what_was_saved_elsewhere_is_not_overwritten_unseen(
    site: Site, owner: FlaskClient, cases: list[Case]
) -> None:
    playlist = playlist_of(site, *cases[:2])
    old = str(playlist.saved)
    edited(owner, playlist.code, [(cases[1], "theirs")], title="Theirs", saved=old)
    answer = edited(owner, playlist.code, [(cases[0], "x"), (cases[1], "mine")], saved=old)
    assert answer.status_code == 409
    assert "saved in another window" in answer.text
    assert "mine</textarea>" in answer.text
    assert f'name="saved" value="{playlist.saved + 1}"' in answer.text
    assert order(site, playlist.code) == [("Tunnel", "theirs")]


def test_faults_lose_nothing_that_was_typed(
    site: Site, owner: FlaskClient, cases: list[Case]
) -> None:
    playlist = playlist_of(site, cases[0])
    saved = str(playlist.saved)
    typed = {"title": " ", "description": "Typed for long", "saved": saved}
    for wrong in (typed, {"saved": saved, "do": "add", "add": "/cases/bcdfghjk"}):
        answer = edited(owner, playlist.code, [(cases[0], "kept")], **wrong)
        assert answer.status_code == 422
        assert "kept</textarea>" in answer.text
    page = f"/playlists/{playlist.code}/edit"
    forged = owner.post(page, data={"title": "x", "case": cases[0].code, "note": "kept"})
    assert forged.status_code == 422
    assert "kept</textarea>" in forged.text
    assert order(site, playlist.code) == [("Arcs", "")]


def test_a_case_is_added_by_its_address(site: Site, owner: FlaskClient, cases: list[Case]) -> None:
    playlist = playlist_of(site, cases[0])
    address = f"https://example.org/here/cases/{cases[1].code}?playlist=x"
    rows = [(cases[0], "typed")]
    fields = {"saved": str(playlist.saved), "add": address}
    assert edited(owner, playlist.code, rows, "add", **fields).status_code == 303
    assert order(site, playlist.code) == [("Arcs", "typed"), ("Tunnel", "")]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("bcdfghjk", "bcdfghjk"),
        (" https://x.example/cases/bcdfghjk/ ", "bcdfghjk"),
        ("/cases/bcdfghjk#a", "bcdfghjk"),
        ("https://x.example/playlists/bcdfghjk", ""),
        ("bcdfghj", ""),
        ("", ""),
    ],
)
def test_codes_are_found_in_what_is_typed(typed: str, code: str) -> None:
    assert code_in(typed) == code


def test_a_playlist_is_deleted_after_a_question(
    site: Site, owner: FlaskClient, cases: list[Case]
) -> None:
    playlist = playlist_of(site, cases[0])
    page = f"/playlists/{playlist.code}/delete"
    assert "Delete this playlist?" in owner.get(page).text
    assert press(owner, page).location == "/playlists"
    assert "Its cases stay." in owner.get("/playlists").text
    assert owner.get(f"/playlists/{playlist.code}").status_code == 404


def test_private_needs_the_plan_and_stays_without_it(
    site: Site, owner: FlaskClient, cases: list[Case]
) -> None:
    playlist = playlist_of(site, cases[0])
    grant(site.pages.database, site.owner.id, premium=False)
    rows, saved = [(cases[0], "")], str(playlist.saved)
    assert edited(owner, playlist.code, rows, saved=saved).status_code == 303
    public = {"visibility": "public", "saved": str(playlist.saved + 1)}
    assert edited(owner, playlist.code, rows, **public).status_code == 303
    back = {"visibility": "private", "saved": str(playlist.saved + 2)}
    refused = edited(owner, playlist.code, rows, **back)
    assert refused.status_code == 422
    assert "needs a plan" in refused.text


def test_a_playlist_says_what_it_is_to_other_sites(site: Site, cases: list[Case]) -> None:
    database, owner_id = site.pages.database, site.owner.id
    made = {seen: playlist_of(site, *cases, visibility=seen).code for seen in ("public", "private")}
    page = site.visitor(site.owner).get(f"/playlists/{made['public']}").text
    address = f"http://localhost/playlists/{made['public']}"
    said = data_of(page)
    # Its owner sees more in it than others are told of.
    assert said["numberOfItems"] == 2
    listed = [(one["position"], one["url"]) for one in said["itemListElement"]]
    assert listed == [(n, f"http://localhost/cases/{cases[n - 1].code}") for n in (1, 2)]
    told = metas(page)
    assert told["og:url"] == said["url"] == address
    assert told["og:image"] == said["image"] == f"{listed[0][1]}/picture.jpg"
    assert f'<link rel="canonical" href="{address}">' in page
    frame = f"&lt;iframe src=&#34;http://localhost/embed/playlist/{made['public']}&#34;"
    assert page.count(frame) == 2
    private = site.visitor(site.owner).get(f"/playlists/{made['private']}").text
    assert "embed/playlist" not in private
    assert "application/ld+json" not in private
    _, secret = create_share(
        database,
        owner_id,
        "playlist",
        made["private"],
        Wanted("Trainees"),
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    shared = site.visitor().get(f"/share/{secret}").text
    assert f"/embed/playlist/{made['private']}?share={secret}&#34;" in shared


def test_lists_say_what_they_are_to_other_sites(site: Site, cases: list[Case]) -> None:
    playlist_of(site, cases[0], visibility="public")
    change_profile(site.pages.database, site.owner.id, name="Ines", channel="ines")
    kinds = {"/": "WebSite", "/authors/ines": "ProfilePage", "/playlists": "CollectionPage"}
    for path, kind in kinds.items():
        page = site.visitor().get(path).text
        assert data_of(page)["@type"] == kind
        assert "Secret" not in page
        assert metas(page)["og:image"].endswith("/picture.jpg")
        assert f'<link rel="canonical" href="http://localhost{path}">' in page
    narrowed = site.visitor().get("/?modality=CT").text
    assert "canonical" not in narrowed
    assert 'href="/feed.rss"' in narrowed
