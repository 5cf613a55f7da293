"""Administration: who may see what, and that what is pressed is done."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from accounts.messages import send
from accounts.people import Account, account_by_id
from accounts.roles import Role, set_role
from cases.cases import case_by_code, create_case
from cases.report_rows import report_by_id
from cases.reports import report_case
from store.audit import deeds
from store.jobs import JobState
from store.schema import instance
from tests.support.datasets import ct_slice
from tests.viewer.conftest import Site, press
from tests.viewer.test_reports import add_case, is_hidden

SECTIONS = (
    "reports",
    "people",
    "cases",
    "storage",
    "jobs",
    "retention",
    "messages",
    "audit",
    "settings",
)
FOR_MODERATORS = ("reports", "cases")


@pytest.fixture
def admin(site: Site) -> FlaskClient:
    """A browser of the owner, who administers the server."""
    set_role(site.pages.database, site.owner.id, Role.ADMINISTRATOR)
    return site.visitor(site.owner)


def moderator(site: Site) -> FlaskClient:
    set_role(site.pages.database, site.other.id, Role.MODERATOR)
    return site.visitor(site.other)


def reported(site: Site, kind: str = "anonymity") -> tuple[str, int]:
    code = add_case(site)
    found = report_case(
        site.pages.database,
        code,
        kind=kind,  # type: ignore[arg-type]
        words="<i>A name</i>",
        clock=site.clock,
    )
    return code, found.id


def account(site: Site, number: int) -> Account:
    found = account_by_id(site.pages.database, number)
    assert found
    return found


def test_sections_exist_for_administrators_and_two_of_them_for_moderators(
    site: Site, admin: FlaskClient
) -> None:
    looks: list[tuple[FlaskClient, Callable[[str], int]]] = [
        (admin, lambda _: 200),
        (moderator(site), lambda name: 200 if name in FOR_MODERATORS else 404),
        (site.visitor(), lambda _: 302),
    ]
    for browser, wanted in looks:
        for name in SECTIONS:
            assert browser.get(f"/admin/{name}").status_code == wanted(name), name
    # A role that is taken away is gone at the next request.
    browser = moderator(site)
    set_role(site.pages.database, site.other.id, Role.MEMBER)
    for name in ("", *SECTIONS):
        assert browser.get(f"/admin/{name}".rstrip("/")).status_code == 404, name
    assert admin.get("/admin").location == "/admin/reports"


@pytest.mark.promise("F58", "F108", "N12")
def test_the_queue_lists_what_waits_and_says_how_fast_it_was_hidden(
    site: Site, admin: FlaskClient
) -> None:
    empty = admin.get("/admin/reports").text
    assert "No report is open" in empty
    reported(site)
    page = admin.get("/admin/reports").text
    assert "Reading the scout" in page
    assert "&lt;i&gt;A name" in page
    assert "in 1\u00a0ms" in page
    assert "Nothing was decided yet" in admin.get("/admin/reports?show=decided").text


def test_a_moderator_looks_and_shows_the_case_again(site: Site) -> None:
    code, number = reported(site)
    browser = moderator(site)
    page = f"/admin/reports/{number}"
    shown = browser.get(page).text
    assert f"/cases/{code}/dicomweb/studies/" in shown
    assert "Delete" not in shown
    for typed, status in (
        ({"seen": "open", "reason": "A phantom."}, 422),
        ({"seen": "open", "outcome": "restored", "reason": " "}, 422),
        ({"seen": "removed", "outcome": "restored", "reason": "A phantom."}, 409),
    ):
        assert press(browser, page, **typed).status_code == status
        assert is_hidden(site, code)
    answer = press(browser, page, seen="open", outcome="restored", reason="A phantom.")
    assert answer.status_code == 303
    assert not is_hidden(site, code)
    assert "The case is shown again." in browser.get("/admin/reports").text
    found = report_by_id(site.pages.database, number)
    assert (found.decided_by, found.decision) == (site.other.id, "A phantom.")
    assert browser.post(page, data={"outcome": "removed"}).status_code == 422
    assert browser.get("/admin/reports/999").status_code == 404


def images(site: Site) -> int:
    with site.pages.database.read() as connection:
        return len(connection.execute(instance.select()).all())


@pytest.mark.promise("F88")
def test_an_administrator_removes_a_case_and_deletes_its_pictures(
    site: Site, admin: FlaskClient
) -> None:
    code, number = reported(site)
    assert images(site) == 3
    typed = {"seen": "open", "outcome": "removed", "reason": "A name.", "delete": "y"}
    # A moderator's press deletes nothing.
    press(moderator(site), f"/admin/reports/{number}", **typed)
    assert (images(site), is_hidden(site, code)) == (3, True)
    again = typed | {"seen": "removed"}
    assert press(admin, f"/admin/reports/{number}", **again).status_code == 303
    assert (images(site), is_hidden(site, code)) == (0, True)
    assert "delete series" in [one.what for one in deeds(site.pages.database)]
    assert admin.get(f"/admin/reports/{number}").status_code == 200


def test_of_a_private_case_moderators_see_neither_title_nor_pictures(
    site: Site, admin: FlaskClient
) -> None:
    code = add_case(site, title="Our secret", private=True)
    other = moderator(site)
    assert "Our secret" not in other.get("/admin/cases").text
    assert code in other.get("/admin/cases").text
    made = report_case(site.pages.database, code, kind="other", clock=site.clock)
    assert f"/cases/{code}/dicomweb" not in other.get(f"/admin/reports/{made.id}").text


@pytest.mark.promise("F108")
def test_cases_are_found_and_taken_down_with_a_reason(site: Site, admin: FlaskClient) -> None:
    code, other = add_case(site), add_case(site, title="100 % sure")
    found = admin.get("/admin/cases?q=THE+SCOUT").text
    assert code in found
    assert other not in found
    assert other in admin.get("/admin/cases?q=100+%25+s").text
    assert "No case is like that" in admin.get("/admin/cases?q=100_").text
    assert other in admin.get(f"/admin/cases?q={other}").text
    assert code not in admin.get("/admin/cases?show=hidden").text

    page = f"/admin/cases/{code}/take-down"
    assert press(admin, page, reason=" ").status_code == 422
    assert not is_hidden(site, code)
    assert press(admin, page, reason="Advertising.").status_code == 303
    assert is_hidden(site, code)
    assert code in admin.get("/admin/cases?show=hidden").text
    assert "Advertising." in admin.get("/admin/reports?show=decided").text
    assert admin.get("/admin/cases/bcdfghjk/take-down").status_code == 404


@pytest.mark.promise("F89", "F108")
def test_people_get_roles_and_plans_and_are_suspended(site: Site, admin: FlaskClient) -> None:
    where = f"/admin/people/{site.other.id}"
    presses: list[tuple[dict[str, str], Callable[[], bool]]] = [
        ({"role": "moderator"}, lambda: account(site, site.other.id).moderator),
        ({"plan": "premium"}, lambda: account(site, site.other.id).premium),
        ({"access": "suspend"}, lambda: not account(site, site.other.id).active),
        ({"access": "resume"}, lambda: account(site, site.other.id).active),
        ({"role": "member"}, lambda: not account(site, site.other.id).moderator),
    ]
    for typed, check in presses:
        assert not check()
        assert press(admin, "/admin/people", where, **typed).status_code == 303
        assert check(), typed
    done = [(one.what, one.which) for one in deeds(site.pages.database)]
    assert done[:2] == [
        ("make member", f"account {site.other.id}"),
        ("resume", f"account {site.other.id}"),
    ]
    assert press(admin, "/admin/people", where, role="emperor").status_code == 400
    assert press(admin, "/admin/people", "/admin/people/999", plan="free").status_code == 404
    # The only administrator stays one.
    press(admin, "/admin/people", f"/admin/people/{site.owner.id}", role="member")
    assert account(site, site.owner.id).admin
    assert admin.post(where, data={"plan": "premium"}).status_code == 403


def test_people_are_found_and_invited(site: Site, admin: FlaskClient) -> None:
    assert "jon@northfield.example" in admin.get("/admin/people").text
    found = admin.get("/admin/people?q=INES").text
    assert "ines@northfield.example" in found
    assert "jon@northfield.example" not in found
    page, to = "/admin/people", "/admin/people/invitations"
    made = press(admin, page, to, email="new@northfield.example").text
    assert "/sign-up?invitation=" in made
    later = admin.get(page).text
    assert "/sign-up?invitation=" not in later
    assert "new@northfield.example" in later
    assert press(admin, page, to, email="jon@northfield.example").status_code == 422
    assert [one.which for one in deeds(site.pages.database)][:1] == ["somebody"]


@pytest.mark.promise("F108")
def test_jobs_are_done_again_and_ended(site: Site, admin: FlaskClient) -> None:
    jobs = site.pages.jobs
    number = jobs.add(site.owner.id, "send-to-peer", {"studies": []})
    page = admin.get("/admin/jobs").text
    assert "Send to peer" in page
    assert press(admin, "/admin/jobs", f"/admin/jobs/{number}", do="cancel").status_code == 303
    assert jobs.get(number).state is JobState.CANCELLED
    press(admin, "/admin/jobs", f"/admin/jobs/{number}", do="retry")
    assert jobs.get(number).state is JobState.QUEUED
    imports = jobs.add(site.owner.id, "import", {}, worker="gone")
    jobs.fail(imports, "gone", "It broke off.")
    assert "It broke off." in admin.get("/admin/jobs").text
    press(admin, "/admin/jobs", f"/admin/jobs/{imports}", do="retry")
    assert jobs.get(imports).state is JobState.FAILED
    assert press(admin, "/admin/jobs", f"/admin/jobs/{number}", do="?").status_code == 400


def test_storage_is_counted_by_account_modality_and_way(site: Site, admin: FlaskClient) -> None:
    assert "Nothing is stored yet" in admin.get("/admin/storage").text
    site.put(ct_slice(1, size=16))
    page = admin.get("/admin/storage").text
    for said in ("STOW-RS", ">CT<", "ines@northfield.example", "1\u00a0instance"):
        assert said in page


@pytest.mark.promise("F108", "N11")
def test_retention_shows_what_will_go(site: Site, admin: FlaskClient) -> None:
    study_uid = site.put(ct_slice(1, size=16))
    create_case(
        site.pages.database,
        site.owner.id,
        title="Shoulder",
        series=[(study_uid, one.series_instance_uid) for one in site.series(study_uid)],
        clock=site.clock,
        random_bytes=site.pages.random_bytes,
    )
    made = {"clock": site.clock, "random_bytes": site.pages.random_bytes}
    secret = {"title": "Our secret", "series": [], "private": True}
    create_case(site.pages.database, site.owner.id, **secret, **made)  # type: ignore[arg-type]
    assert "Nothing will be deleted" in admin.get("/admin/retention?days=7").text
    page = admin.get("/admin/retention?days=14").text
    assert "Shoulder" in page
    assert "Private case" in page
    assert "Our secret" not in page
    assert "26\u00a0May\u00a02026" in page
    site.clock.now += timedelta(days=13)
    assert "Pending 13 of" in admin.get("/admin/retention?days=7").text


def test_a_pending_case_is_kept_and_released(site: Site, admin: FlaskClient) -> None:
    made = {"clock": site.clock, "random_bytes": site.pages.random_bytes}
    fields = {"title": "Shoulder", "series": [], **made}
    code = create_case(site.pages.database, site.owner.id, **fields).code  # type: ignore[arg-type]
    where = f"/admin/retention/{code}/keep"
    assert where in admin.get("/admin/retention?days=14").text
    assert "Keep Shoulder" in admin.get(where).text
    for wrong in ("", "2026-02-30", "2026-05-01"):
        refused = press(admin, where, until=wrong, **{"for": "day"})
        assert (refused.status_code, 'aria-invalid="true"' in refused.text) == (422, True)
    owner = site.visitor(site.owner)
    assert press(admin, where, until="2026-06-01", **{"for": "day"}).status_code == 303
    assert "until 1\u00a0Jun\u00a02026" in admin.get("/admin/retention").text
    assert "An administrator keeps it until" in owner.get(f"/cases/{code}/edit").text
    assert press(admin, where, **{"for": "good"}).status_code == 303
    page = admin.get("/admin/retention?days=30").text
    assert "Kept by an administrator" in page
    assert "Nothing will be deleted until then" in page
    assert "an administrator keeps it" in owner.get(f"/cases/{code}/edit").text
    back = f"/admin/retention/{code}/release"
    assert press(admin, "/admin/retention", back).status_code == 303
    assert press(admin, "/admin/people", back).status_code == 404
    assert "Kept by" not in admin.get("/admin/retention").text
    done = [(one.what, one.which) for one in deeds(site.pages.database)]
    assert [what for what, which in done if which.startswith(code)] == [
        "release case",
        "keep case",
        "keep case",
        "make case",
    ]


def test_messages_that_nothing_sends_are_read_here(site: Site, admin: FlaskClient) -> None:
    assert "There are no messages" in admin.get("/admin/messages").text
    number = send(
        site.pages.database,
        "jon@northfield.example",
        "Hello",
        "<b>Text</b>\n\n/reset/x\n",
        clock=site.clock,
    )
    assert "Hello" in admin.get("/admin/messages").text
    assert "&lt;b&gt;Text" in admin.get(f"/admin/messages/{number}").text
    assert "http://localhost/reset/x" in admin.get(f"/admin/messages/{number}").text
    assert admin.get("/admin/messages/999").status_code == 404


@pytest.mark.promise("F110")
def test_the_audit_log_is_filtered(site: Site, admin: FlaskClient) -> None:
    code, _ = reported(site)
    reported(site)
    page = admin.get("/admin/audit").text
    assert page.count("Report case") == 2
    assert code in page
    found = admin.get(f"/admin/audit?what=report+case&which={code}").text
    assert found.count("Report case") == 1
    assert f"/admin/audit?who={site.owner.id}" in admin.get("/admin/audit").text
    assert "Report case" not in admin.get(f"/admin/audit?who={site.owner.id}").text


def test_a_case_that_was_deleted_leaves_its_reports(site: Site, admin: FlaskClient) -> None:
    from cases.cases import delete_case

    code, number = reported(site)
    delete_case(site.pages.database, case_by_code(site.pages.database, code).owner_id, code)
    assert f"Case {code}" in admin.get("/admin/reports").text
    assert "Deleted" in admin.get(f"/admin/reports/{number}").text
