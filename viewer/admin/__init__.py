"""Administration: reports, people, cases, storage, jobs, retention, messages, audit, settings.

    moderators ─> reports, cases
    administrators ─> all sections

Invariants: to everybody else these pages do not exist; who may see them is asked of the accounts at
every request, so a role that is taken away is gone at once; every change is a form of one button,
or says why, and is in the audit.
May import: what `viewer` may.

Entry point: `create_admin_blueprint`.
"""

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from viewer import words
from viewer.admin.audit import add_audit
from viewer.admin.cases import add_cases
from viewer.admin.guard import guard, navigation
from viewer.admin.jobs import add_jobs
from viewer.admin.messages import add_messages
from viewer.admin.people import add_people
from viewer.admin.reports import add_reports
from viewer.admin.retention import add_retention
from viewer.admin.settings import add_settings
from viewer.admin.storage import add_storage
from viewer.blueprint import Pages

__all__ = ["create_admin_blueprint"]


def create_admin_blueprint(pages: Pages) -> Blueprint:
    """The pages below /admin."""
    blueprint = Blueprint("admin", __name__, url_prefix="/admin")
    blueprint.before_request(guard(pages))
    blueprint.context_processor(lambda: {"words": words, "sections": navigation(pages)})

    @blueprint.get("")
    def home() -> Response:
        return redirect(url_for("admin.reports"))

    for add in (
        add_reports,
        add_people,
        add_cases,
        add_storage,
        add_jobs,
        add_retention,
        add_messages,
        add_audit,
        add_settings,
    ):
        add(blueprint, pages)
    return blueprint
