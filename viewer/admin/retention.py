"""The section of retention: what the next runs will delete, and what is kept from it.

Invariants: nothing is changed by looking.
Not here: the rules (`cases.retention`), keeping (`cases.keeping`).
"""

from datetime import date, datetime, timedelta
from typing import Final

from flask import Blueprint, abort, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.directory import names_of
from cases.errors import CaseError, InvalidText, NoSuchCase
from cases.keeping import keep, kept_cases, release
from cases.overview import CaseRow, all_cases
from cases.retention import Rules, preview
from cases.sharing import end_of
from viewer.admin.guard import done, pressed
from viewer.blueprint import Pages

__all__ = ["add_retention"]

DAYS: Final = (1, 3, 7, 14, 30)
UNPROCESSABLE: Final = 422


def add_retention(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/retention")
    def retention() -> str:
        now, days = pages.clock(), request.args.get("days", 7, int)
        days = days if days in DAYS else 7
        rules = Rules(pages.site.pending_days, pages.site.pending_notice_days)
        kept = kept_cases(pages.database, now)
        return render_template(
            "admin_retention.html",
            pages=pages,
            now=now,
            fates=preview(pages.database, now + timedelta(days=days), rules=rules, now=now),
            kept=kept,
            names=names_of(pages.database, [one.owner_id for one in kept]),
            rules=rules,
            days=days,
            choices=[(number, now + timedelta(days=number)) for number in DAYS],
            near=now + timedelta(days=3),
        )

    @blueprint.get("/retention/<code>/keep")
    def retention_keep(code: str) -> str:
        return _draw(pages, _case(pages, code))

    @blueprint.post("/retention/<code>/keep")
    def retention_kept(code: str) -> Response | tuple[str, int]:
        pressed()
        found, by = _case(pages, code), int(current_user.id)
        try:
            made = keep(pages.database, code, by=by, clock=pages.clock, until=_until())
        except NoSuchCase:
            abort(404)
        except CaseError as error:
            return _draw(pages, found, str(error)), UNPROCESSABLE
        sentence = "The case is kept for good." if made.until is None else "The case is kept."
        return done(f"{sentence} Its owner sees it in the countdown.", "retention")

    @blueprint.post("/retention/<code>/release")
    def retention_release(code: str) -> Response:
        pressed()
        try:
            release(pages.database, code, by=int(current_user.id), clock=pages.clock)
        except NoSuchCase:
            abort(404)
        return done("The case has its days again; its owner is told before it goes.", "retention")


def _case(pages: Pages, code: str) -> CaseRow:
    rows, _ = all_cases(pages.database, code)
    found = next((one for one in rows if one.code == code), None)
    if found is None:
        abort(404)
    return found


def _until() -> datetime | None:
    """The end of the chosen day; None for good.

    Raises:
        InvalidText: no day was chosen.
    """
    if request.form.get("for") == "good":
        return None
    try:
        day = date.fromisoformat(request.form.get("until", ""))
    except ValueError:
        raise InvalidText("Choose the last day on which it is kept, or keep it for good.") from None
    return end_of(day)


def _draw(pages: Pages, found: CaseRow, fault: str = "") -> str:
    now = pages.clock()
    suggested = (now + timedelta(days=max(30, pages.site.pending_days))).date()
    return render_template(
        "admin_keep.html", pages=pages, case=found, now=now, suggested=suggested, fault=fault
    )
