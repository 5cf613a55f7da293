"""Terms, privacy and help: for everybody, with what this server's operator set."""

from dataclasses import replace

import pytest

from tests.viewer.conftest import Site, make_app
from viewer.site import SettingShown
from viewer.texts import gigabytes


def told(site: Site, page: str, **changes: object) -> str:
    pages = replace(site.pages, site=replace(site.pages.site, **changes))  # type: ignore[arg-type]
    answer = make_app(pages).test_client().get(page)
    assert answer.status_code == 200
    assert " style=" not in answer.text
    assert "$" not in answer.text, "each place is filled"
    return answer.text


def test_the_terms_are_dated_and_name_the_operator(site: Site) -> None:
    page = told(site, "/terms", operator="Northfield", contact="help@northfield.example")
    for said in ("1 November 2026", "Northfield", "help@northfield.example", "over 13"):
        assert said in page
    assert 'href="/privacy"' in page
    assert "its operator" in told(site, "/terms")


def test_the_operators_own_terms_replace_them(site: Site) -> None:
    own = "# Hausordnung\n\n<script>alert(1)</script> Keine Patienten."
    page = told(site, "/terms", terms=own, terms_version="2027-01-02")
    assert "Hausordnung" in page
    assert "2 January 2027" in page
    assert "<script>alert" not in page
    assert "over 13" not in page


@pytest.mark.promise("F59")
def test_the_privacy_policy_says_where_mail_goes(site: Site) -> None:
    assert "shown to its administrators" in told(site, "/privacy")
    assert "are sent by e-mail" in told(site, "/privacy", sends_mail=True)


@pytest.mark.promise("F23")
def test_help_states_the_limits_in_force(site: Site) -> None:
    page = told(
        site,
        "/help",
        pending_days=21,
        pending_notice_days=5,
        private_bytes=5 * 10**9,
        sign_up="closed",
        embed_ancestors="https://moodle.example.org",
    )
    page = page.replace("&nbsp;", " ").replace("\u00a0", " ")
    for said in (
        "Deleted after 21 days; their owner is told 5 days before",
        "It is deleted 21 days after it was made. You are told 5 days before",
        "Their room is 5 GB",
        "80 %, 95 %, 100 %",
        "Nobody at present",
        "https://moodle.example.org",
    ):
        assert said in page
    assert "14 days" not in page
    assert "It stays until you delete it." in told(site, "/help", pending_days=0)


def test_help_tells_what_the_settings_say_of_dicomweb(site: Site) -> None:
    def with_settings(**values: str) -> str:
        shown = tuple(SettingShown(name, value, "", True) for name, value in values.items())
        app = make_app(replace(site.pages, settings=shown))
        return app.test_client().get("/help").text.replace("\u00a0", " ")

    page = with_settings(rate_limit="600", max_body_bytes="2500000000")
    assert "600 in a minute" in page
    assert "2.5 GB" in page
    assert "As many as you like" in with_settings(rate_limit="0")


@pytest.mark.promise("F22")
def test_help_says_how_the_operator_is_reached(site: Site) -> None:
    assert "mailto:help@northfield.example" in told(
        site, "/help", contact="help@northfield.example"
    )
    assert "mailto:" not in told(site, "/help")
    assert 'id="report"' in told(site, "/help")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0.0 MB"),
        (1, "0.1 MB"),
        (1_234_567, "1.2 MB"),
        (999_900_000, "999.9 MB"),
        (10**9, "1 GB"),
        (80_400_000_000, "80.4 GB"),
        (1_234 * 10**9, "1,234 GB"),
    ],
)
def test_sizes_are_in_the_units_that_people_buy_disks_in(size: int, words: str) -> None:
    assert gigabytes(size).replace("\u00a0", " ") == words
