"""Signing in and out: by password, by one-time link; and whose session a request belongs to.

Invariants: a refusal never says whether the e-mail or the password was wrong; a one-time link is
used up by a press of its button only, so that programs which look at links do not spend it.
Not here: checking passwords and links (`accounts`).
"""

from flask import Blueprint, Flask, abort, redirect, render_template, request, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired, Length

from accounts.people import Account, account_by_id, account_with_password
from accounts.signin import redeem_link
from viewer.blueprint import Pages

__all__ = ["SignedIn", "create_login_manager", "create_sign_in_blueprint"]

UNPROCESSABLE = 422
GONE = 410
MISMATCH = "E-mail and password do not match. Try again."
STALE = "This page was open for too long. Try again."


class SignedIn(UserMixin):  # type: ignore[misc]
    """The person whose session it is."""

    def __init__(self, account: Account) -> None:
        self.id = account.id
        self.email = account.email


class PasswordForm(FlaskForm):  # type: ignore[misc]
    """E-mail and password."""

    email = EmailField(validators=[InputRequired(), Length(max=254)])
    password = PasswordField(validators=[InputRequired(), Length(max=1024)])


class ButtonForm(FlaskForm):  # type: ignore[misc]
    """One button; only the protection against forged requests."""


def create_login_manager(app: Flask, pages: Pages) -> None:
    """Let Flask-Login find accounts, and send strangers to the sign-in page."""
    manager = LoginManager(app)

    @manager.user_loader  # type: ignore[untyped-decorator]
    def load(account_id: str) -> SignedIn | None:
        account = account_by_id(pages.database, int(account_id))
        return None if account is None else SignedIn(account)

    @manager.unauthorized_handler  # type: ignore[untyped-decorator]
    def send_to_sign_in() -> Response:
        if request.method not in ("GET", "HEAD"):
            abort(401)
        # With the path of a proxy, below which the browser has to come back.
        here = f"{request.script_root}{request.full_path}".rstrip("?")
        wanted = None if here in (url_for("pages.home"), url_for("pages.uploads")) else here
        return redirect(url_for("sign_in.sign_in", next=wanted))


def create_sign_in_blueprint(pages: Pages) -> Blueprint:
    """The pages with which a session begins and ends."""
    blueprint = Blueprint("sign_in", __name__, template_folder="templates")

    @blueprint.app_context_processor
    def sign_out_form() -> dict[str, object]:
        return {"button_form": ButtonForm}

    @blueprint.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> Response | str | tuple[str, int]:
        asked = request.method != "POST"
        if asked and current_user.is_authenticated:
            return redirect(_next())
        form = PasswordForm()
        if asked:
            return render_template("sign_in.html", form=form, fault=None)
        fault = _sign_in_with(pages, form)
        if fault is None:
            return redirect(_next(), 303)
        return render_template("sign_in.html", form=form, fault=fault), UNPROCESSABLE

    @blueprint.get("/sign-in/<token>")
    def link(token: str) -> str:
        return render_template("sign_in_link.html", state="fresh", token=token)

    @blueprint.post("/sign-in/<token>")
    def use_link(token: str) -> Response | tuple[str, int]:
        if not ButtonForm().validate_on_submit():
            return render_template("sign_in_link.html", state="stale", token=token), UNPROCESSABLE
        account = redeem_link(pages.database, token, clock=pages.clock)
        if account is None:
            return render_template("sign_in_link.html", state="gone"), GONE
        login_user(SignedIn(account))
        return redirect(url_for("pages.uploads"), 303)

    @blueprint.post("/sign-out")
    def sign_out() -> Response:
        if not ButtonForm().validate_on_submit():
            abort(403)
        logout_user()
        return redirect(url_for("sign_in.sign_in"), 303)

    return blueprint


def _sign_in_with(pages: Pages, form: PasswordForm) -> str | None:
    """Begin a session; what to say when it does not."""
    if not form.validate_on_submit():
        return STALE if "csrf_token" in form.errors else MISMATCH
    email, password = form.email.data or "", form.password.data or ""
    account = account_with_password(pages.database, email.strip(), password)
    if account is None:
        return MISMATCH
    login_user(SignedIn(account))
    return None


def _next() -> str:
    """Where to go after signing in: a path of this server, or the list of studies."""
    wanted = request.args.get("next", "")
    # "//host" and "/\host" lead away from here.
    if wanted.startswith("/") and wanted[1:2] not in ("/", "\\") and wanted.isprintable():
        return wanted
    return url_for("pages.uploads")
