"""Who may see which section of administration, and what all sections have in common.

Not here: roles (`accounts.roles`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

from flask import abort, current_app, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.people import account_by_id
from accounts.roles import Role, role_of
from cases.report_rows import counts_of_reports
from store.job_list import counts_of_jobs
from store.jobs import JobState
from viewer.blueprint import Pages
from viewer.sign_in import ButtonForm

__all__ = ["SIZE", "Page", "Section", "done", "guard", "is_administrator", "navigation", "pressed"]

SIZE: Final = 50
LAST_PAGE: Final = 100_000
MODERATORS: Final = ("admin.home", "admin.report", "admin.case")
SECTIONS: Final = (
    ("reports", "Reports"),
    ("people", "People"),
    ("cases", "Cases"),
    ("storage", "Storage"),
    ("jobs", "Jobs"),
    ("retention", "Retention"),
    ("messages", "Messages"),
    ("audit", "Audit log"),
    ("settings", "Settings"),
)


@dataclass(frozen=True)
class Section:
    """A line of the list of sections; `count` is of what waits there."""

    name: str
    words: str
    count: int
    here: bool


@dataclass(frozen=True)
class Page:
    """Which part of a long list is shown.

    Attributes:
        number: from 1.
        total: how many rows there are in all.
    """

    number: int
    total: int = 0

    @classmethod
    def asked(cls) -> "Page":
        """The one that the request asks for."""
        return cls(min(LAST_PAGE, max(1, request.args.get("page", 1, int))))

    @property
    def offset(self) -> int:
        """How many rows come before it."""
        return (self.number - 1) * SIZE

    @property
    def last(self) -> int:
        """The number of its last row."""
        return min(self.total, self.offset + SIZE)


def guard(pages: Pages) -> Callable[[], Response | None]:
    """Lets administrators through, and moderators to their sections."""

    def check() -> Response | None:
        if not current_user.is_authenticated:
            return cast(Response, current_app.login_manager.unauthorized())  # type: ignore[attr-defined]
        role = _role(pages)
        moderates = (request.endpoint or "").startswith(MODERATORS)
        if role is Role.MEMBER or (role is Role.MODERATOR and not moderates):
            abort(404)
        return None

    return check


def is_administrator(pages: Pages) -> bool:
    """Whether whoever is signed in administers the server."""
    return _role(pages) is Role.ADMINISTRATOR


def navigation(pages: Pages) -> list[Section]:
    """The sections that whoever is signed in may see."""
    waiting, _ = counts_of_reports(pages.database)
    counts = {"reports": waiting}
    every = is_administrator(pages)
    if every:
        jobs = counts_of_jobs(pages.database)
        going = (JobState.QUEUED, JobState.RUNNING)
        counts["jobs"] = sum(jobs[kind, state] for kind, state in jobs if state in going)
    here = (request.endpoint or "").removeprefix("admin.")
    return [
        Section(name, words, counts.get(name, 0), here.startswith(name.rstrip("s")))
        for name, words in SECTIONS
        if every or f"admin.{name}".startswith(MODERATORS)
    ]


def pressed() -> None:
    """Make sure that a form of one button came from one of these pages."""
    if not ButtonForm().validate_on_submit():
        abort(403)


def done(sentence: str, endpoint: str, tone: str = "good", **values: object) -> Response:
    """Go back to a section, and say there what was done."""
    flash(sentence, tone)
    return redirect(url_for(f"admin.{endpoint}", **values), 303)  # type: ignore[arg-type]


def _role(pages: Pages) -> Role:
    if not current_user.is_authenticated:
        # Strangers are asked to sign in, and pages of errors have the frame of these, too.
        return Role.MEMBER
    found = account_by_id(pages.database, int(current_user.id))
    return Role.MEMBER if found is None or not found.active else role_of(found)
