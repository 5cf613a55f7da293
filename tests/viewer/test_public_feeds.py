"""What programs read: feeds and maps are valid, oEmbed tells of open cases and nothing else."""

import json
import re
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from accounts.profile import change_profile
from tests.viewer.conftest import Site, make_app
from tests.viewer.published import add_case, add_playlist, change

ATOM = "{http://www.w3.org/2005/Atom}"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
ODD = "R&D <Fracture> \u202e\uffff]]>"


@pytest.fixture
def stranger(site: Site) -> FlaskClient:
    return site.visitor()


def read(browser: FlaskClient, path: str) -> ElementTree.Element:
    answer = browser.get(path)
    assert answer.status_code == 200
    assert (answer.mimetype or "").endswith("xml")
    return ElementTree.fromstring(answer.data)


def text(element: ElementTree.Element, name: str) -> str:
    found = element.findtext(ATOM + name)
    assert found, name
    return found


def test_the_feed_has_what_atom_asks_for(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site, "Torn <ligament> & bone", authors=("Ines Ferreira",), diagnosis="Tear.")
    feed = read(stranger, "/feed.xml")
    assert feed.tag == f"{ATOM}feed"
    for name in ("title", "id", "updated"):
        text(feed, name)
    links = {link.get("rel"): link.get("href") for link in feed.findall(f"{ATOM}link")}
    assert links == {"self": "http://localhost/feed.xml", "alternate": "http://localhost/"}
    [entry] = feed.findall(f"{ATOM}entry")
    assert text(entry, "title") == "Torn <ligament> & bone"
    assert text(entry, "id") == f"http://localhost/cases/{code}"
    assert entry.findtext(f"{ATOM}author/{ATOM}name") == "Ines Ferreira"
    for name in ("published", "updated"):
        assert datetime.fromisoformat(text(entry, name)).tzinfo is not None
    assert "Tear" not in ElementTree.tostring(entry, "unicode")


def test_a_feed_can_be_narrowed_as_the_list_can(site: Site, stranger: FlaskClient) -> None:
    add_case(site, "Head")
    add_case(site, "Wrist", body_part="WRIST", owner=site.other)
    change_profile(site.pages.database, site.other.id, name="Jon", channel="jon-r")
    for path in ("/feed.xml?part=WRIST", "/authors/jon-r/feed.xml", "/feed.xml?q=wrist"):
        entries = read(stranger, path).findall(f"{ATOM}entry")
        assert [text(entry, "title") for entry in entries] == ["Wrist"], path
    assert stranger.get("/authors/nobody/feed.xml").status_code == 404


def test_rss_says_the_same(site: Site, stranger: FlaskClient) -> None:
    codes = [add_case(site, f"<{name}> & bone", diagnosis="Tear.") for name in ("A", "B")]
    change_profile(site.pages.database, site.owner.id, name="Ines", channel="ines")
    [channel] = read(stranger, "/feed.rss?part=HEAD")
    assert channel.findtext("link") == "http://localhost/?part=HEAD"
    items = channel.findall("item")
    assert [one.findtext("title") for one in items] == ["<B> & bone", "<A> & bone"]
    assert items[0].findtext("guid") == f"http://localhost/cases/{codes[1]}"
    assert parsedate_to_datetime(items[0].findtext("pubDate") or "") == site.clock()
    assert "Tear" not in ElementTree.tostring(channel, "unicode")
    author = "{http://purl.org/dc/elements/1.1/}creator"
    [channel] = read(stranger, "/authors/ines/feed.rss")
    assert channel.findtext(f"item/{author}") == "Ines"


def test_a_playlist_has_a_feed_in_its_order(site: Site, stranger: FlaskClient) -> None:
    codes = [add_case(site, name) for name in ("A", "B", "C")]
    listed = add_playlist(site, codes[1], codes[0], codes[2], visibility="unlisted")
    change(site, codes[2], hidden_at=site.clock())
    entries = read(stranger, f"/playlists/{listed}/feed.xml").findall(f"{ATOM}entry")
    assert [text(one, "title") for one in entries] == ["B", "A"]
    items = read(stranger, f"/playlists/{listed}/feed.rss").findall("channel/item")
    assert [one.findtext("title") for one in items] == ["B", "A"]
    page = stranger.get(f"/playlists/{listed}").text
    for form in ("xml", "rss"):
        assert f'href="/playlists/{listed}/feed.{form}"' in page


def test_what_xml_does_not_have_is_left_out(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site)
    # Older programs may have written what a title may not have.
    change(site, code, title=f"{ODD}\x0b", authors=f"{ODD}\x1f")
    feed = read(stranger, "/feed.xml")
    assert "R&D <Fracture>" in text(feed.findall(f"{ATOM}entry")[0], "title")
    read(stranger, f"/oembed?format=xml&url=http://localhost/cases/{code}")


def test_maps_list_what_is_open_and_nothing_else(
    site: Site, stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.public_maps.PER_MAP", 2)
    codes = [add_case(site) for _ in range(3)]
    hidden = add_case(site)
    change(site, hidden, hidden_at=site.clock())
    add_case(site, private=True)
    change_profile(site.pages.database, site.owner.id, name="Ines", channel="ines")
    # Who has published nothing is not in the map, whatever address they chose.
    change_profile(site.pages.database, site.other.id, name="Jon", channel="jon-r")
    shown = add_playlist(site, codes[0])
    for other in ("unlisted", "private"):
        add_playlist(site, codes[0], visibility=other)
    add_playlist(site, hidden)
    index = read(stranger, "/sitemap.xml")
    maps = [loc.text or "" for loc in index.iter(f"{MAP}loc")]
    names = ("1", "2", "channels-1", "playlists-1")
    assert maps == [f"http://localhost/sitemap/{name}.xml" for name in names]
    found = [loc.text for one in maps for loc in read(stranger, one).iter(f"{MAP}loc")]
    cases = [f"/cases/{code}" for code in codes]
    listed = ["/", "/playlists", *cases, "/authors/ines", f"/playlists/{shown}"]
    assert found == [f"http://localhost{path}" for path in listed]
    for one in found:
        assert stranger.get(one or "").status_code == 200
    for gone in ("channels-2", "playlists-0"):
        assert stranger.get(f"/sitemap/{gone}.xml").status_code == 404
    assert stranger.get("/sitemap/3.xml").status_code == 404
    assert stranger.get("/sitemap/0.xml").status_code == 404


def test_an_empty_site_has_an_empty_feed_and_map(stranger: FlaskClient) -> None:
    assert read(stranger, "/feed.xml").findall(f"{ATOM}entry") == []
    assert read(stranger, "/feed.rss").findall("channel/item") == []
    assert len(list(read(stranger, "/sitemap.xml"))) == 1
    assert len(list(read(stranger, "/sitemap/1.xml"))) == 2


@pytest.mark.promise("F77")
def test_robots_are_told_how_fast_and_what_not(stranger: FlaskClient) -> None:
    answer = stranger.get("/robots.txt")
    assert answer.mimetype == "text/plain"
    rules = RobotFileParser()
    rules.parse(answer.text.splitlines())
    assert str(rules.crawl_delay("*")) == "1"
    assert rules.site_maps() == ["http://localhost/sitemap.xml"]
    for path in ("/", "/cases/bbbbbbbb", "/cases/bbbbbbbb/picture.jpg", "/feed.xml"):
        assert rules.can_fetch("*", f"http://localhost{path}"), path
    for path in ("/uploads", "/account", "/share/x", "/dicomweb/studies", "/admin"):
        assert not rules.can_fetch("*", f"http://localhost{path}"), path


def test_oembed_gives_the_frame_of_an_open_case(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site, 'A "torn" <ligament>')
    for path in ("cases", "embed/case"):
        answer = stranger.get(f"/oembed?url=http://localhost/{path}/{code}%3Fseries%3D1")
        said = json.loads(answer.text)
        assert (said["version"], said["type"]) == ("1.0", "rich")
        assert said["title"] == 'A "torn" <ligament>'
        assert f'src="http://localhost/embed/case/{code}"' in said["html"]
        assert (said["width"], said["height"]) == (960, 720)
        assert said["thumbnail_url"] == f"http://localhost/cases/{code}/picture.jpg"
        assert (said["thumbnail_width"], said["thumbnail_height"]) == (640, 640)
        assert "<ligament>" not in said["html"]
    url = f"/oembed?url=http://localhost/cases/{code}"
    small = json.loads(stranger.get(f"{url}&maxwidth=400&maxheight=250").text)
    assert (small["width"], small["height"]) == (400, 250)
    assert 'width="400" height="250"' in small["html"]
    xml = read(stranger, f"{url}&format=xml")
    assert xml.tag == "oembed"
    assert xml.findtext("html") == said["html"]
    assert stranger.get(f"{url}&format=yaml").status_code == 501


def test_oembed_gives_the_frame_of_an_open_playlist(site: Site, stranger: FlaskClient) -> None:
    code, pending = add_case(site), add_case(site, is_published=False)
    for visibility in ("public", "unlisted", "private"):
        listed = add_playlist(site, code, visibility=visibility)
        url = f"http://localhost/playlists/{listed}"
        answer = stranger.get("/oembed", query_string={"url": url})
        assert answer.status_code == (404 if visibility == "private" else 200)
        if visibility != "private":
            said = json.loads(answer.text)
            assert said["title"] == "Two <wrists>"
            assert f'src="http://localhost/embed/playlist/{listed}"' in said["html"]
            assert said["thumbnail_url"] == f"http://localhost/cases/{code}/picture.jpg"
            page = stranger.get(f"/playlists/{listed}").text
            assert f'href="http://localhost/oembed?url={quote(url, safe="/")}' in page
    empty = add_playlist(site, pending)
    query = {"url": f"http://localhost/playlists/{empty}"}
    assert stranger.get("/oembed", query_string=query).status_code == 404


def test_oembed_knows_nothing_else(site: Site, stranger: FlaskClient) -> None:
    code = add_case(site)
    hidden = add_case(site, private=True)
    for url in (
        "",
        "http://[",
        f"http://elsewhere.example/cases/{code}",
        f"javascript://localhost/cases/{code}",
        f"http://localhost/cases/{hidden}",
        f"http://localhost/cases/{code}/edit",
        "http://localhost/cases/bbbbbbbb",
        "http://localhost/",
    ):
        assert stranger.get("/oembed", query_string={"url": url}).status_code == 404, url


def test_addresses_are_those_by_which_others_reach_the_server(site: Site) -> None:
    code = add_case(site)
    pages = replace(site.pages, public_base="https://teach.example/room")
    app = make_app(pages)
    whole = f"https://teach.example/room/cases/{code}"
    below = {"SCRIPT_NAME": "/room"}
    for path in ("/feed.xml", "/sitemap/1.xml", f"/cases/{code}", f"/cases/{code}/cite.bib"):
        page = app.test_client().get(path, environ_overrides=below).text
        assert whole in page, path
        assert "/room/room/" not in page, path
    link = re.search(
        r'rel="self"[^>]*href="([^"]+)"',
        app.test_client().get("/feed.xml", environ_overrides=below).text,
    )
    assert link
    assert link[1] == "https://teach.example/room/feed.xml"
    answer = app.test_client().get(f"/oembed?url={whole}", environ_overrides=below)
    assert f'src="https://teach.example/room/embed/case/{code}"' in json.loads(answer.text)["html"]
