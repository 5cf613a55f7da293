"""Built files: kept for ever, compressed where possible, and what is said when there are none."""

import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.viewer.conftest import SOURCES, Site, make_app
from viewer.assets import DIST, TYPES, Assets
from viewer.errors import NotBuilt

CLIENT = Path(__file__).parents[2] / "viewer" / "client"


def test_a_file_of_the_build_may_be_kept_for_ever(site: Site) -> None:
    with closing(site.visitor().get("/assets/viewer-1.js")) as answer:
        assert answer.mimetype == "text/javascript"
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.text == "plain viewer-1.js"


@pytest.mark.parametrize(
    ("accepted", "sent", "encoding"),
    [("br, gzip", "brotli", "br"), ("gzip", "gzip", "gzip"), ("", "plain site-1.css", None)],
)
def test_the_best_twin_is_sent(site: Site, accepted: str, sent: str, encoding: str | None) -> None:
    headers = {"Accept-Encoding": accepted}
    with closing(site.visitor().get("/assets/site-1.css", headers=headers)) as answer:
        assert answer.text == sent
        assert answer.headers.get("Content-Encoding") == encoding
        assert answer.mimetype == "text/css"


@pytest.mark.parametrize(
    "name", ["manifest.json", "missing.js", "site-1.css.br", "..", "%2e%2e%2findex.sqlite"]
)
def test_nothing_but_the_builds_files_is_served(site: Site, name: str) -> None:
    assert site.visitor().get(f"/assets/{name}").status_code == 404


def test_a_folder_without_a_build_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(NotBuilt, match="make client"):
        Assets.load(tmp_path / "empty")


def test_without_a_build_pages_say_what_to_do(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_folder: Path = tmp_path) -> Assets:
        raise NotBuilt("The pages have not been built: run `make client`.")

    monkeypatch.setattr("viewer.wiring.Assets.load", missing)
    client = make_app(replace(site.pages, assets=None)).test_client()
    built = {rule.rule for rule in site.app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {re.sub("<[^>]+>", "1", rule) for rule in built}
    others = {page for page in pages if page.startswith(("/api/", "/assets/", "/static/"))}
    assert len(pages - others) > 60
    for page in sorted(pages - others - {"/broken", "/dicomweb/broken", "/whose"}):
        answer = client.get(page)
        assert (page, answer.status_code) == (page, 503)
        assert "make client" in answer.text
    for path in ("/api/unknown", "/dicomweb/unknown", "/assets/unknown.js"):
        assert client.get(path).get_json()["error"]
        assert client.get(path).status_code == 404


def test_the_pages_ask_only_for_files_that_the_client_builds() -> None:
    templates = CLIENT.parent / "templates"
    wanted = {
        source
        for template in templates.glob("*.html")
        for source in re.findall(r"assets\.(?:url|preloads)\('([^']+)'\)", template.read_text())
    }
    assert wanted <= set(SOURCES)
    assert {s for s in wanted if s.startswith("src/") and not (CLIENT / s).is_file()} == set()


def test_the_icons_that_the_pages_name_are_in_the_sprite() -> None:
    templates = "".join(p.read_text() for p in (CLIENT.parent / "templates").glob("*.html"))
    named = set(re.findall(r"icon\('([a-z0-9-]+)'\)", templates))
    named |= set(re.findall(r"(?:tool|tool_icon|item)\('[a-z-]+', '([a-z0-9-]+)'", templates))
    named |= set(re.findall(r"mover\('[a-z]+', [a-z.]+, '([a-z0-9-]+)'", templates))
    built = set(
        re.findall(r"^  '([a-z0-9-]+)',$", (CLIENT / "vite" / "icons.ts").read_text(), re.M)
    )
    assert named == built


def test_templates_hold_no_inline_style_or_code() -> None:
    for template in (CLIENT.parent / "templates").glob("*.html"):
        text = template.read_text()
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script>", text), template.name


def test_the_lock_file_names_no_registry() -> None:
    lock = json.loads((CLIENT / "package-lock.json").read_text())
    assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []


def test_versions_of_the_client_are_exact() -> None:
    package = json.loads((CLIENT / "package.json").read_text())
    versions = {**package["dependencies"], **package["devDependencies"]}
    assert [n for n, v in versions.items() if not re.fullmatch(r"\d+\.\d+\.\d+", v)] == []


def test_every_kind_of_built_file_has_a_type() -> None:
    if not (DIST / "manifest.json").exists():
        pytest.skip("this checkout has no build")
    kinds = {p.suffix for p in DIST.iterdir()} - {".br", ".gz", ".json"}
    assert kinds <= set(TYPES)
