"""Signing in and out: the page, the one-time link of a server's owner, and the way out.

Invariants: a one-time link is used up by a press of its button only, so that programs which look at
links do not spend it. Whoever can print one runs the server: it asks for no second factor.
Not here: checking passwords (`viewer.security`) and links (`accounts.signin`).
"""

from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, url_for
from flask_security import Security, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response

from accounts.signin import redeem_link
from viewer.blueprint import Pages

__all__ = ["STALE", "ButtonForm", "create_sign_in_blueprint"]

UNPROCESSABLE = 422
GONE = 410
STALE = "This page was open for too long. Try again."


class ButtonForm(FlaskForm):  # type: ignore[misc]
    """One button; only the protection against forged requests."""


def create_sign_in_blueprint(pages: Pages) -> Blueprint:
    """The pages with which a session begins and ends."""
    blueprint = Blueprint("sign_in", __name__, template_folder="templates")

    @blueprint.app_context_processor
    def sign_out_form() -> dict[str, object]:
        return {"button_form": ButtonForm}

    @blueprint.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> Any:  # noqa: ANN401 - the library's answer
        return current_app.view_functions["security.login"]()

    @blueprint.get("/sign-in/<token>")
    def link(token: str) -> str:
        return render_template("sign_in_link.html", state="fresh", token=token)

    @blueprint.post("/sign-in/<token>")
    def use_link(token: str) -> Response | tuple[str, int]:
        if not ButtonForm().validate_on_submit():
            return render_template("sign_in_link.html", state="stale", token=token), UNPROCESSABLE
        account = redeem_link(pages.database, token, clock=pages.clock)
        security: Security = current_app.extensions["security"]
        person = None if account is None else security.datastore.find_user(id=account.id)
        if person is None or not person.active:
            return render_template("sign_in_link.html", state="gone"), GONE
        login_user(person, authn_via=["link"])
        return redirect(url_for("pages.uploads"), 303)

    @blueprint.post("/sign-out")
    def sign_out() -> Response:
        if not ButtonForm().validate_on_submit():
            abort(403)
        logout_user()
        return redirect(url_for("sign_in.sign_in"), 303)

    return blueprint
