"""How one signs in, and where one is signed in: shown to its person, who ends what is not theirs.

Invariants: people see and end their own sessions; what is ended is signed out at its next request;
every form carries the protection against forged requests and works without script.
Not here: the forms for passwords, codes and passkeys (Flask-Security, `templates/security`).
"""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, session, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.errors import NoSuchSession
from accounts.passkeys import Passkey, passkeys_of
from accounts.sessions import Session, end_session, end_sessions, sessions_of
from viewer import words
from viewer.blueprint import Pages, only_signed_in
from viewer.deeds import noted
from viewer.security.joining import JOINED
from viewer.sign_in import ButtonForm

__all__ = ["create_security_blueprint"]

SECTION = "sessions"
LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True)
class SignInFacts:
    """What the person is shown of how they sign in."""

    sessions: list[Session]
    passkeys: list[Passkey]
    codes_left: int


def create_security_blueprint(pages: Pages) -> Blueprint:
    """The page, and its piece of the account page (`account_security.html`)."""
    blueprint = Blueprint("account_security", __name__)

    def facts() -> SignInFacts:
        return SignInFacts(
            sessions_of(pages.database, current_user.id, clock=pages.clock),
            passkeys_of(pages.database, current_user.id),
            len(current_user.mf_recovery_codes or ()),
        )

    @blueprint.app_context_processor
    def offered() -> dict[str, Any]:
        return {"sign_in_facts": facts, "site": pages.site, "words_of_day": _day}

    @blueprint.get("/sign-up/done")
    def joined() -> str:
        return render_template("security/joined.html", state=session.get(JOINED, "waits"))

    @blueprint.before_request
    def for_people() -> Response | None:
        return None if request.endpoint == "account_security.joined" else only_signed_in()

    @blueprint.get("/account/security")
    def page() -> str:
        return render_template("security/overview.html", words=words, now=pages.clock())

    @blueprint.post("/account/security/sessions")
    def end() -> Response:
        _pressed()
        number = request.form.get("session", -1, int)
        try:
            end_session(pages.database, current_user.id, min(number, LARGEST_NUMBER))
        except NoSuchSession:
            abort(404)
        noted(pages, "end session", f"session {number}")
        flash("That browser is signed out.", SECTION)
        return redirect(_back(), 303)

    @blueprint.post("/account/security/sessions/others")
    def end_others() -> Response:
        _pressed()
        end_sessions(pages.database, current_user.id, besides=current_user.session_id)
        noted(pages, "end sessions", f"account {current_user.id}")
        flash("Every other browser is signed out.", SECTION)
        return redirect(_back(), 303)

    return blueprint


def _day(date: str) -> str:
    """A date of ISO 8601, or what begins with one, as people write it."""
    return words.day(date[:10].replace("-", "")) or date


def _pressed() -> None:
    if not ButtonForm().validate_on_submit():
        abort(403)


def _back() -> str:
    return url_for("account_security.page", _anchor=SECTION)
