"""Asks people who are signed in to accept the terms in force, before anything else.

Invariants: who has not accepted the present version sees no page for people with an account, but
the terms, the way out and the question; programs and pictures are not asked, as what they belong
to is a page that was.
Not here: what was accepted (`accounts.terms`), the text (`viewer.texts`).
"""

from typing import Final

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.terms import accept, has_accepted
from viewer.blueprint import Pages, only_signed_in
from viewer.security.forms import AcceptForm
from viewer.security.ways import way_back

__all__ = ["ask_for_terms", "create_terms_blueprint"]

UNPROCESSABLE: Final = 422
# What is being typed into a case is kept first: the page that comes after it asks.
NOT_ASKED: Final = ("accept.form", "accept.save", "editor.save", "sign_in.sign_out")
# Programs, and the texts that are asked about.
NOT_ASKED_BELOW: Final = ("/api/", "/assets/", "/dicomweb", "/embed/", "/terms", "/privacy")


def create_terms_blueprint(pages: Pages) -> Blueprint:
    """The page that asks."""
    blueprint = Blueprint("accept", __name__, url_prefix="/accept-terms")
    blueprint.before_request(only_signed_in)

    @blueprint.get("")
    def form() -> str:
        return render_template("security/accept_terms.html", form=AcceptForm())

    @blueprint.post("")
    def save() -> Response | tuple[str, int]:
        answer = AcceptForm()
        if not answer.validate_on_submit():
            return render_template("security/accept_terms.html", form=answer), UNPROCESSABLE
        version = pages.site.terms_version
        accept(pages.database, current_user.id, version, of_age=True, clock=pages.clock)
        return redirect(way_back(), 303)

    return blueprint


def ask_for_terms(app: Flask, pages: Pages) -> None:
    """Send people to that page whose account has not accepted the present version."""
    # What was accepted stays so: nobody is looked up twice.
    known: set[int] = set()

    def ask() -> Response | None:
        if not _is_for_people() or not current_user.is_authenticated or current_user.id in known:
            return None
        if has_accepted(pages.database, current_user.id, pages.site.terms_version):
            known.add(current_user.id)
            return None
        wanted = f"{request.script_root}{request.full_path}".rstrip("?")
        back = wanted if request.method == "GET" else None
        return redirect(url_for("accept.form", next=back), 303)

    app.before_request(ask)


def _is_for_people() -> bool:
    """A page, asked for by somebody who may be signed in."""
    # Without a look at the session: what is for everybody is the same for everybody's caches.
    has_cookie = current_app.config["SESSION_COOKIE_NAME"] in request.cookies
    if not has_cookie or request.endpoint is None or request.endpoint in NOT_ASKED:
        return False
    return not request.path.startswith(NOT_ASKED_BELOW) and "/dicomweb" not in request.path
