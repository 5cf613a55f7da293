"""The section of jobs: what is being done, what failed, doing it again, ending it.

Not here: the queue (`store.jobs`).
"""

from typing import Final

from flask import Blueprint, abort, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.directory import names_of
from store.audit import Deed, record
from store.errors import NoSuchJob
from store.job_list import retry
from viewer.admin.guard import done, pressed
from viewer.blueprint import Pages

__all__ = ["add_jobs"]

# Only whoever asked for an import knows what to fetch.
NOT_AGAIN: Final = ("import",)
STATES: Final = {
    "queued": ("Waiting", "", "clock"),
    "running": ("Running", "note", "loader-2"),
    "done": ("Done", "good", "check"),
    "failed": ("Failed", "bad", "alert-circle"),
    "cancelled": ("Cancelled", "", "x"),
}


def add_jobs(blueprint: Blueprint, pages: Pages) -> None:
    """Add the section."""

    @blueprint.get("/jobs")
    def jobs() -> str:
        rows = pages.jobs.newest()
        return render_template(
            "admin_jobs.html",
            pages=pages,
            now=pages.clock(),
            jobs=rows,
            states=STATES,
            not_again=NOT_AGAIN,
            names=names_of(pages.database, [one.owner_id for one in rows]),
        )

    @blueprint.post("/jobs/<int:number>")
    def jobs_change(number: int) -> Response:
        pressed()
        what = request.form.get("do", "")
        try:
            if what == "retry":
                retry(pages.database, number, but_not=NOT_AGAIN, clock=pages.clock)
            elif what == "cancel":
                pages.jobs.cancel(number)
            else:
                abort(400)
        except NoSuchJob as error:
            return done(str(error), "jobs", "bad")
        by = int(current_user.id)
        record(pages.database, Deed(pages.clock(), by, f"{what} job", f"job {number}"))
        return done("The job waits." if what == "retry" else "The job is ended.", "jobs")
