"""The list of studies and the viewer page: what they show, and to whom."""

from datetime import timedelta

import pytest

from tests.support.datasets import PLANTED, ct_slice, ct_stack
from tests.viewer.conftest import Site
from viewer.studies import PER_PAGE


def test_an_empty_list_says_how_to_send(site: Site) -> None:
    page = site.visitor(site.owner).get("/uploads").text
    assert "readingroom demo" in page
    for way in ("READINGROOM", "11112", "http://localhost/dicomweb"):
        assert way in page


def test_a_study_is_listed_with_its_picture_and_leads_to_the_viewer(site: Site) -> None:
    uid = site.put(*ct_stack(3))
    page = site.visitor(site.owner).get("/uploads").text
    assert f'href="/viewer/{uid}"' in page
    assert f"/dicomweb/studies/{uid}/series/" in page
    assert "STOW-RS" in page
    assert '<td class="num desk">3</td>' in page


@pytest.mark.parametrize(
    ("modality", "body_part", "title"),
    [("CT", "HEAD", "CT head"), ("US", "", "US study"), ("", "", "Study")],
)
def test_a_study_without_a_description_is_named_by_what_it_is(
    site: Site, modality: str, body_part: str, title: str
) -> None:
    data_set = ct_slice()
    data_set.StudyDescription = ""
    data_set.Modality, data_set.BodyPartExamined = modality, body_part
    site.put(data_set)
    assert f">{title}</a>" in site.visitor(site.owner).get("/uploads").text


def test_no_page_shows_an_identity(site: Site) -> None:
    uid = site.put(ct_slice())
    client = site.visitor(site.owner)
    pages = client.get("/uploads").text + client.get(f"/viewer/{uid}").text
    assert [text for text in PLANTED if text in pages] == []


def test_a_study_arrives_and_is_then_ready(site: Site) -> None:
    site.put(ct_slice())
    client = site.visitor(site.owner)
    assert "<tr data-arriving>" in client.get("/uploads").text
    site.clock.now += timedelta(seconds=11)
    page = client.get("/uploads").text
    assert "data-arriving" not in page
    assert "</svg>Ready</span>" in page


def test_others_studies_do_not_exist(site: Site) -> None:
    uid = site.put(ct_slice())
    client = site.visitor(site.other)
    assert uid not in client.get("/uploads").text
    assert client.get(f"/viewer/{uid}").status_code == 404


@pytest.mark.parametrize("uid", ["1.2.3", "*", "1.2,1.3", "x", "1.2.3\\4", "%"])
def test_an_unknown_study_is_not_found(site: Site, uid: str) -> None:
    site.put(ct_slice())
    assert site.visitor(site.owner).get(f"/viewer/{uid}").status_code == 404


def test_the_viewer_page_names_root_study_and_series_and_has_no_inline_code(site: Site) -> None:
    uid = site.put(ct_slice())
    page = site.visitor(site.owner).get(f"/viewer/{uid}?series=1.2.3").text
    assert f'data-root="/dicomweb" data-study="{uid}" data-series="1.2.3"' in page
    assert 'rel="modulepreload" href="/assets/stage-1.js"' in page
    assert "codec-1.js" not in page
    assert " style=" not in page
    assert "<script>" not in page


def test_titles_and_parameters_are_text_not_markup(site: Site) -> None:
    uid = site.put(ct_slice())
    page = site.visitor(site.owner).get(f"/viewer/{uid}", query_string={"series": '"><b>'}).text
    assert "<b>" not in page


def test_many_studies_are_paged(site: Site) -> None:
    for number in range(PER_PAGE + 2):
        site.put(ct_slice(study=f"1.2.{number + 1}", series=f"1.2.{number + 1}.1"))
    client = site.visitor(site.owner)
    first, second = client.get("/uploads").text, client.get("/uploads?page=2").text
    assert first.count('class="study"') == PER_PAGE
    assert second.count('class="study"') == 2
    assert "1–50 of 52" in first
    assert 'rel="next" href="/uploads?page=2"' in first
    assert 'rel="prev" href="/uploads"' in second
    assert client.get("/uploads?page=3").status_code == 404
    assert client.get("/uploads?page=x").status_code == 200


def test_pages_are_kept_by_no_shared_cache(site: Site) -> None:
    answer = site.visitor(site.owner).get("/uploads")
    assert answer.headers["Cache-Control"] == "private, no-store"
