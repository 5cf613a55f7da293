"""The section of reports: the queue, what was decided, and deciding.

Invariants: a moderator sees the pictures of a reported case through the root of the case, which
shows no private ones; deleting pictures is for administrators.
Not here: what a decision does (`cases.reports`).
"""

from typing import Final, cast

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.directory import names_of
from cases.access import scope_of_case
from cases.errors import CaseError, Changed, NoSuchReport
from cases.publishing import published
from cases.report_pictures import delete_pictures
from cases.report_rows import (
    Outcome,
    Report,
    counts_of_reports,
    open_reports,
    report_by_id,
    speed_of_reports,
)
from cases.reports import decide
from cases.showing import SeriesOfCase, shown
from viewer.admin.guard import SIZE, Page, done, is_administrator
from viewer.blueprint import Pages
from viewer.errors import sentence_of
from viewer.pictures import Pictures
from viewer.report_subject import pictures_in
from viewer.sign_in import STALE, ButtonForm

__all__ = ["add_reports"]

CONFLICT: Final = 409
UNPROCESSABLE: Final = 422
KINDS: Final = {"anonymity": "Anonymity", "rights": "Rights", "other": "Other"}
PLACES: Final = {"case": "from the case", "embed": "from an embed", "viewer": "from the viewer"}
DECIDED: Final = {
    "restored": "The case is shown again.",
    "removed": "The case stays hidden. Its owner is told why.",
}
CHOOSE: Final = "Choose what becomes of the case."


def add_reports(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/reports")
    def reports() -> str:
        decided = request.args.get("show") == "decided"
        page = Page.asked()
        rows = open_reports(pages.database, decided=decided, limit=SIZE, offset=page.offset)
        counts = counts_of_reports(pages.database)
        return render_template(
            "admin_reports.html",
            pages=pages,
            now=pages.clock(),
            reports=rows,
            counts=counts,
            decided=decided,
            page=Page(page.number, counts[decided]),
            speed=speed_of_reports(pages.database),
            **_words(pages, rows),
        )

    @blueprint.get("/reports/<int:number>")
    def report(number: int) -> str:
        return _draw(pages, _report(pages, number), {})

    @blueprint.post("/reports/<int:number>")
    def report_decide(number: int) -> Response | tuple[str, int]:
        found, faults, status = _report(pages, number), {}, UNPROCESSABLE
        outcome = request.form.get("outcome", "")
        if not ButtonForm().validate_on_submit():
            faults["decision"] = STALE
        elif outcome not in DECIDED:
            faults["outcome"] = CHOOSE
        else:
            try:
                _decide(pages, found, cast(Outcome, outcome))
            except Changed as error:
                faults["decision"], status = sentence_of(error), CONFLICT
            except CaseError as error:
                faults["reason"] = sentence_of(error)
            else:
                return done(DECIDED[outcome], "reports")
        return _draw(pages, _report(pages, number), faults), status

    @blueprint.get("/reports/<int:number>/case")
    def report_case_page(number: int) -> Response:
        return redirect(f"{request.script_root}/cases/{_report(pages, number).case_code}")


def _report(pages: Pages, number: int) -> Report:
    try:
        return report_by_id(pages.database, number)
    except NoSuchReport:
        abort(404)


def _decide(pages: Pages, found: Report, outcome: Outcome) -> None:
    by = int(current_user.id)
    decide(
        pages.database,
        found.id,
        outcome,
        by=by,
        reason=request.form.get("reason", ""),
        seen=request.form.get("seen"),
        clock=pages.clock,
        base=pages.mail_base(),
    )
    if outcome == "removed" and "delete" in request.form and is_administrator(pages):
        delete_pictures(pages.ingest, found, by=by)


def _draw(pages: Pages, found: Report, faults: dict[str, str]) -> str:
    series, pictures = _evidence(pages, found)
    return render_template(
        "admin_report.html",
        pages=pages,
        now=pages.clock(),
        report=found,
        series=series,
        pictures=pictures,
        faults=faults,
        may_delete=is_administrator(pages),
        root=f"{request.script_root}/cases/{found.case_code}/dicomweb",
        picture_at=lambda number: url_for("admin.report", number=found.id, image=number),
        **_words(pages, [found]),
    )


def _evidence(pages: Pages, found: Report) -> tuple[SeriesOfCase | None, Pictures]:
    """The picture that is meant, or the first of the case, as far as a moderator may see it."""
    nothing = None, Pictures(0, 0, None)
    if found.case_id is None:
        return nothing
    try:
        scope = scope_of_case(pages.database, found.case_code, int(current_user.id), moderator=True)
        document = published(pages.database, found.case_id).document
    except CaseError:
        return nothing
    studies = shown(pages.database, scope, document)
    first = next((one.uid for study in studies for one in study.series if one.has_picture), "")
    image = request.args.get("image", found.spot.image or 1, int)
    return pictures_in(pages.database, scope, studies, found.spot.series or first, image)


def _words(pages: Pages, rows: list[Report]) -> dict[str, object]:
    ids = [one.account_id for one in rows] + [one.decided_by for one in rows]
    ids += [one.owner_id for one in rows]
    return {"names": names_of(pages.database, ids), "kinds": KINDS, "places": PLACES}
