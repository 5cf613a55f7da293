"""The doors before the library's views: who may sign up, and links that wait for a press.

Invariants: a link from a mail is used by a press of its button only, as programs look at mail, too;
an account is confirmed by whoever has both its mail and its password, or else somebody could make
one for another's address, and wait until they confirm it.
Not here: the views behind them (Flask-Security).
"""

from typing import Any, Final

from flask import Flask, current_app, render_template, request
from flask_security import Security
from flask_security.confirmable import confirm_email_token_status
from werkzeug.wrappers import Response

from accounts.invitations import Invitation, invitation_of
from viewer.blueprint import Pages
from viewer.security.forms import ConfirmForm
from viewer.sign_in import ButtonForm

__all__ = ["guard_doors"]

Answer = Response | str | tuple[str, int] | None
FORBIDDEN: Final = 403
UNPROCESSABLE: Final = 422
SIGN_UP: Final = "security.register"
CHANGED_ADDRESS: Final = "security.change_email_confirm"
CONFIRM: Final = "security.confirm_email"
PRESSED: Final = {
    CHANGED_ADDRESS: ("Change your address", "Change it"),
    "security.changed_address": ("Change your address", "Change it"),
}


def guard_doors(app: Flask, pages: Pages) -> None:
    """Stand before some of the library's views."""
    security: Security = app.extensions["security"]
    sign_up = _SignUp(pages)
    security.register_context_processor(sign_up.context)
    app.before_request(sign_up.guard)
    app.before_request(_press_first)
    app.before_request(_confirm_first)
    # The library takes this one by GET only.
    rule = f"{app.config['SECURITY_CHANGE_EMAIL_URL']}/<token>"
    app.add_url_rule(rule, "security.changed_address", _changed_address, methods=["POST"])


class _SignUp:
    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def guard(self) -> Answer:
        rule = self._pages.site.sign_up
        if request.endpoint != SIGN_UP or (rule == "open" and not _brings()):
            return None
        if rule == "closed" or self._invited() is None:
            return render_template("security/sign_up_closed.html"), FORBIDDEN
        return None

    def context(self) -> dict[str, Any]:
        return {"invitation": self._invited(), "secret": request.values.get("invitation", "")}

    def _invited(self) -> Invitation | None:
        secret, pages = request.values.get("invitation", ""), self._pages
        return invitation_of(pages.database, secret, clock=pages.clock) if secret else None


def _press_first() -> Answer:
    words = PRESSED.get(request.endpoint or "")
    if words is None:
        return None
    if request.method == "POST":
        return None if ButtonForm().validate_on_submit() else _press(words, UNPROCESSABLE)
    return _press(words, 200)


def _confirm_first() -> Answer:
    if request.endpoint != CONFIRM:
        return None
    token = (request.view_args or {})["token"]
    expired, invalid, person = confirm_email_token_status(token)  # type: ignore[no-untyped-call]
    if expired or invalid or person is None or person.confirmed_at is not None:
        # The library says what is wrong with the link.
        return None
    form = ConfirmForm()
    if form.validate_on_submit() and person.verify_and_update_password(form.password.data):
        return None
    status = UNPROCESSABLE if request.method == "POST" else 200
    return render_template("security/confirm.html", form=form), status


def _changed_address(token: str) -> Any:  # noqa: ANN401 - the library's answer
    return current_app.view_functions[CHANGED_ADDRESS](token=token)


def _brings() -> bool:
    return bool(request.values.get("invitation"))


def _press(words: tuple[str, str], status: int) -> tuple[str, int]:
    title, button = words
    stale = status != 200
    return render_template("security/press.html", title=title, button=button, stale=stale), status
