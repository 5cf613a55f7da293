"""The section of cases: finding one, and taking it down.

Not here: hiding and showing again (`cases.reports`).
"""

from typing import Final

from flask import Blueprint, abort, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.directory import names_of
from cases.errors import InvalidText, NoSuchCase
from cases.overview import SHOWS, Show, all_cases
from cases.reports import take_down
from viewer.admin.guard import SIZE, Page, done, pressed
from viewer.blueprint import Pages

__all__ = ["add_cases"]

SHOWN: Final = (
    ("all", "All"),
    ("published", "Published"),
    ("pending", "Pending"),
    ("private", "Private"),
    ("hidden", "Hidden"),
)


def add_cases(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/cases")
    def cases() -> str:
        wanted, show, page = request.args.get("q", ""), _show(), Page.asked()
        rows, total = all_cases(pages.database, wanted, show, limit=SIZE, offset=page.offset)
        return render_template(
            "admin_cases.html",
            pages=pages,
            now=pages.clock(),
            cases=rows,
            wanted=wanted,
            show=show,
            shows=SHOWN,
            page=Page(page.number, total),
            names=names_of(pages.database, [one.owner_id for one in rows]),
        )

    @blueprint.get("/cases/<code>/take-down")
    def case_take_down(code: str) -> str:
        rows, _ = all_cases(pages.database, code)
        found = next((one for one in rows if one.code == code), None)
        if found is None:
            abort(404)
        return render_template("admin_take_down.html", pages=pages, case=found, fault="")

    @blueprint.post("/cases/<code>/take-down")
    def case_taken_down(code: str) -> Response | tuple[str, int]:
        pressed()
        by, reason = int(current_user.id), request.form.get("reason", "")
        try:
            made = take_down(
                pages.database,
                code,
                by=by,
                reason=reason,
                clock=pages.clock,
                base=pages.mail_base(),
            )
        except NoSuchCase:
            abort(404)
        except InvalidText as error:
            rows, _ = all_cases(pages.database, code)
            page = {"case": rows[0], "fault": str(error), "pages": pages}
            return render_template("admin_take_down.html", **page), 422
        return done("The case is hidden. Its owner is told why.", "report", number=made.id)


def _show() -> Show:
    given = request.args.get("show", "all")
    return given if given in SHOWS else "all"
