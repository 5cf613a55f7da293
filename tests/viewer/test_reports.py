"""The form for reports: for whoever sees the case, and for nobody else."""

import pytest

from accounts.plans import grant
from cases.cases import case_by_code, create_case
from cases.publishing import publish
from cases.report_rows import open_reports
from cases.reports import report_case
from cases.sharing import Wanted, create_share
from tests.support.datasets import ct_stack
from tests.viewer.conftest import Site, press

RANDOM = iter(range(1, 10_000))


def add_case(site: Site, *, title: str = "Reading the scout", private: bool = False) -> str:
    """A published case of one series; its code."""
    study_uid = site.put(*ct_stack(3, study=f"1.2.3.{next(RANDOM)}", size=16))
    pairs = [(study_uid, one.series_instance_uid) for one in site.series(study_uid)]
    made = create_case(
        site.pages.database,
        site.owner.id,
        title=title,
        series=pairs,
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
        private=private,
    )
    publish(site.pages.database, site.owner.id, made.code, clock=site.clock)
    return made.code


def is_hidden(site: Site, code: str) -> bool:
    return case_by_code(site.pages.database, code).hidden_at is not None


def test_a_stranger_reports_a_place_in_a_picture_and_the_case_is_hidden(site: Site) -> None:
    code, browser = add_case(site), site.visitor()
    series = case_by_code(site.pages.database, code).document.studies[0].series[0].uid
    page = f"/cases/{code}/report?place=embed&series={series}&image=2"
    shown = browser.get(page)
    assert "Reading the scout" in shown.text
    assert f"/cases/{code}/dicomweb/studies/" in shown.text
    assert "Image 2 of 3" in shown.text

    box = {"x": "4", "y": "5", "width": "6", "height": "7"}
    sent = {"kind": "anonymity", "words": "A name.", "contact": "reader@elsewhere.example"}
    place = {"place": "embed", "series": series, "image": "2"}
    answer = press(browser, page, f"/cases/{code}/report", **sent, **place, **box)
    assert (answer.status_code, answer.location) == (303, f"/cases/{code}/report/thanks")
    assert is_hidden(site, code)
    [found] = open_reports(site.pages.database)
    assert (found.kind, found.place, found.words) == ("anonymity", "embed", "A name.")
    assert (found.contact, found.account_id) == ("reader@elsewhere.example", None)
    spot = found.spot
    assert (spot.series, spot.image, spot.x, spot.y, spot.width, spot.height) == (
        (series, 2, 4, 5, 6, 7)
    )
    thanks = browser.get(answer.location)
    assert "Thank you" in thanks.text
    assert "Reading the scout" not in thanks.text


def test_a_report_needs_no_more_than_a_kind(site: Site) -> None:
    code = add_case(site)
    answer = press(site.visitor(site.other), f"/cases/{code}/report", kind="rights")
    assert answer.status_code == 303
    [found] = open_reports(site.pages.database)
    assert (found.account_id, found.spot.series, found.place) == (site.other.id, "", "case")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"kind": ""}, "Say what is wrong."),
        ({"words": "x" * 4001}, "At most 4000 characters."),
        ({"contact": "nobody"}, "That is not an e-mail address."),
        ({"x": "a", "y": "1", "width": "1", "height": "1"}, "four whole numbers"),
        ({"x": "1"}, "four whole numbers"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    site: Site, typed: dict[str, str], said: str
) -> None:
    code = add_case(site)
    series = case_by_code(site.pages.database, code).document.studies[0].series[0].uid
    page = f"/cases/{code}/report?series={series}"
    sent = {"kind": "other", "words": "<b>Seen</b>", "series": series} | typed
    answer = press(site.visitor(), page, f"/cases/{code}/report", **sent)
    assert answer.status_code == 422
    assert said in answer.text
    assert "<b>Seen" not in answer.text
    assert ("&lt;b&gt;Seen" in answer.text) == ("words" not in typed)
    assert not is_hidden(site, code)


def test_without_the_protection_nothing_is_reported(site: Site) -> None:
    code = add_case(site)
    answer = site.visitor().post(f"/cases/{code}/report", data={"kind": "other"})
    assert answer.status_code == 422
    assert not is_hidden(site, code)


def test_who_does_not_see_a_case_cannot_report_it(site: Site) -> None:
    private, browser = add_case(site, private=True), site.visitor(site.other)
    assert browser.get(f"/cases/{private}/report").status_code == 404
    assert browser.get("/cases/bcdfghjk/report").status_code == 404
    assert browser.get("/cases/nonsense!/report").status_code == 404
    assert site.visitor(site.owner).get(f"/cases/{private}/report").status_code == 200


def test_whoever_has_a_share_link_reports_what_it_shows(site: Site) -> None:
    private, other = add_case(site, private=True), add_case(site, private=True)
    grant(site.pages.database, site.owner.id, premium=True)
    _, secret = create_share(
        site.pages.database,
        site.owner.id,
        "case",
        private,
        Wanted("For the course"),
        random_bytes=site.pages.random_bytes,
        clock=site.clock,
    )
    page = f"/cases/{private}/report?place=embed&share={secret}"
    browser = site.visitor()
    assert f"/share/{secret}" in browser.get(page).text
    assert browser.get(f"/cases/{other}/report?share={secret}").status_code == 404
    assert browser.get(f"/cases/{private}/report?share={'x' * 43}").status_code == 404
    sent = {"kind": "anonymity", "place": "embed", "share": secret}
    assert press(browser, page, f"/cases/{private}/report", **sent).status_code == 303
    assert is_hidden(site, private)
    # Somebody else, who had the case open by the same link, can still add what they have seen.
    later = site.visitor().get(page)
    assert later.status_code == 200
    assert "hidden already" in later.text
    assert "Reading the scout" not in later.text
    assert press(site.visitor(), page, f"/cases/{private}/report", **sent).status_code == 303
    assert len(open_reports(site.pages.database)) == 2
    # Whoever has no link, or another one, learns nothing.
    report_case(site.pages.database, other, kind="anonymity", clock=site.clock)
    for unseen in (f"{private}/report", f"{other}/report?share={secret}"):
        assert browser.get(f"/cases/{unseen}").status_code == 404


def test_what_is_hidden_already_can_be_reported_and_is_not_shown(site: Site) -> None:
    code, browser = add_case(site), site.visitor()
    page = browser.get(f"/cases/{code}/report")
    assert "Reading the scout" in page.text
    press(site.visitor(), f"/cases/{code}/report", kind="rights")
    later = browser.get(f"/cases/{code}/report")
    assert "Reading the scout" not in later.text
    assert "hidden already" in later.text
    assert press(browser, f"/cases/{code}/report", kind="anonymity").status_code == 303
    assert len(open_reports(site.pages.database)) == 2
