"""Error pages: the right status, one clear sentence, and nothing of the fault."""

import pytest

import viewer.errors
from tests.viewer.conftest import Site
from viewer.errors import WORDS, PageError, words_for


def test_an_unknown_address_is_a_page_in_the_products_look(site: Site) -> None:
    answer = site.visitor().get("/nothing")
    assert answer.status_code == 404
    assert WORDS[404].title in answer.text
    assert "site-1.css" in answer.text


def test_a_wrong_method_says_which_are_allowed(site: Site) -> None:
    answer = site.visitor().delete("/sign-in")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize("page", ["/broken", "/dicomweb/broken"])
def test_a_fault_of_ours_shows_neither_its_text_nor_a_trace(site: Site, page: str) -> None:
    answer = site.visitor().get(page)
    assert answer.status_code == 500
    assert "Quillfeather" not in answer.text
    assert "Traceback" not in answer.text


def test_programs_get_one_sentence_and_no_page(site: Site) -> None:
    answer = site.visitor().get("/dicomweb/nothing")
    assert (answer.status_code, answer.mimetype) == (404, "application/json")
    assert answer.get_json() == {"error": WORDS[404].sentence}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 413, 418, 500, 502, 503])
def test_every_status_has_words(status: int) -> None:
    words = words_for(status)
    assert words.title
    assert words.sentence.endswith(".")


def test_every_error_of_the_pages_is_described() -> None:
    drawn = viewer.errors.__doc__ or ""
    assert [e.__name__ for e in PageError.__subclasses__() if e.__name__ not in drawn] == []
