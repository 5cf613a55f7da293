"""Puts Flask-Security on an application, as this site wants it.

Invariants: the library's views are reachable in our templates only, speak no JSON, and take their
secrets from the application's own; those of its features that nobody uses here are off. What a
view refuses is an answer of status 422, also where the library says 200.
Not here: what is on the pages (`templates/security`), throttling (`server.sign_in_limit`).
"""

from datetime import timedelta
from hashlib import sha256
from typing import Final

from flask import Flask, Response, abort, g, render_template, request
from flask import message_flashed as flashed
from flask_security import Security

from accounts.people import PASSWORD_CHARACTERS
from viewer.blueprint import Pages
from viewer.security.datastore import People
from viewer.security.forms import MESSAGES, NewPasswordForm, SignInForm, sign_up_form
from viewer.security.joining import follow_joining
from viewer.security.mail import outbox_of
from viewer.security.second_factor import OneTimeCodes, PasskeyRules, recovery_codes_of
from viewer.security.sessions import follow_sessions, send_to_sign_in

__all__ = ["install_security"]

VIEWS: Final = "security"
UNPROCESSABLE: Final = 422
# Mails a stranger's words to the operator; whoever has lost everything writes to them.
OFF: Final = (f"{VIEWS}.two_factor_rescue",)
HOME: Final = "pages.uploads"
SECURITY: Final = "account_security.page"
URLS: Final = {
    "LOGIN_URL": "/sign-in",
    "REGISTER_URL": "/sign-up",
    "CONFIRM_URL": "/confirm",
    "RESET_URL": "/reset",
    "VERIFY_URL": "/verify",
    "TWO_FACTOR_TOKEN_VALIDATION_URL": "/second-step",
    "TWO_FACTOR_SELECT_URL": "/second-step/choose",
    "MULTI_FACTOR_RECOVERY_URL": "/second-step/recovery",
    "TWO_FACTOR_RESCUE_URL": "/second-step/rescue",
    "WAN_SIGNIN_URL": "/passkey",
    "WAN_VERIFY_URL": "/verify/passkey",
    "CHANGE_URL": "/account/security/password",
    "CHANGE_EMAIL_URL": "/account/security/email",
    "TWO_FACTOR_SETUP_URL": "/account/security/authenticator",
    "MULTI_FACTOR_RECOVERY_CODES_URL": "/account/security/recovery-codes",
    "WAN_REGISTER_URL": "/account/security/passkeys",
    "WAN_DELETE_URL": "/account/security/passkeys/remove",
}
THEN: Final = {
    "POST_LOGIN_VIEW": HOME,
    "POST_LOGOUT_VIEW": "sign_in.sign_in",
    "POST_REGISTER_VIEW": "account_security.joined",
    "POST_CONFIRM_VIEW": "sign_in.sign_in",
    "POST_RESET_VIEW": "sign_in.sign_in",
    "POST_CHANGE_VIEW": SECURITY,
    "POST_CHANGE_EMAIL_VIEW": SECURITY,
    "POST_VERIFY_VIEW": SECURITY,
    "TWO_FACTOR_POST_SETUP_VIEW": SECURITY,
    "TWO_FACTOR_ERROR_VIEW": "sign_in.sign_in",
    "WAN_POST_REGISTER_VIEW": f"{VIEWS}.wan_register",
}
FEATURES: Final = {
    "REGISTERABLE": True,
    "CONFIRMABLE": True,
    "RECOVERABLE": True,
    "CHANGEABLE": True,
    "CHANGE_EMAIL": True,
    "TWO_FACTOR": True,
    "TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
    "TWO_FACTOR_RESCUE_EMAIL": False,
    "MULTI_FACTOR_RECOVERY_CODES": True,
    "WEBAUTHN": True,
    "WAN_ALLOW_USER_HINTS": False,
    "LOGOUT_METHODS": None,
    "API_ENABLED_METHODS": ["session"],
    "RETURN_GENERIC_RESPONSES": True,
    "CLI_USERS_NAME": None,
    "CLI_ROLES_NAME": None,
    "STATIC_FOLDER": None,
    "EMAIL_HTML": False,
}
RULES: Final = {
    # Hashes are those of `accounts.people`: argon2id, of the password as it was typed.
    "PASSWORD_HASH": "argon2",
    "PASSWORD_SCHEMES": ["argon2"],
    "PASSWORD_SINGLE_HASH": True,
    "PASSWORD_NORMALIZE_FORM": None,
    # What links carry of a hash, so that they end with it: it cannot be guessed, nor turned back.
    "HASHING_SCHEMES": ["hex_sha256"],
    "PASSWORD_LENGTH_MIN": PASSWORD_CHARACTERS,
    "PASSWORD_CONFIRM_REQUIRED": False,
    "FRESHNESS": timedelta(hours=2),
    "FRESHNESS_GRACE_PERIOD": timedelta(minutes=30),
    "RESET_PASSWORD_WITHIN": timedelta(hours=2),
    "TWO_FACTOR_AUTHENTICATOR_VALIDITY": 60,
    "WAN_SIGNIN_WITHIN": timedelta(minutes=5),
    # As values that are true, the library's own would be written "no-store=True".
    "CACHE_CONTROL": {"private": None, "no-store": None},
    "TOTP_ISSUER": "Readingroom",
    "WAN_RP_NAME": "Readingroom",
}
SUBJECTS: Final = {
    "EMAIL_SUBJECT_REGISTER": "Your account at Readingroom",
    "EMAIL_SUBJECT_CONFIRM": "Confirm your address",
    "EMAIL_SUBJECT_PASSWORD_RESET": "Set a new password",
    "EMAIL_SUBJECT_PASSWORD_NOTICE": "Your password was set anew",
    "EMAIL_SUBJECT_PASSWORD_CHANGE_NOTICE": "Your password was changed",
    "CHANGE_EMAIL_SUBJECT": "Confirm your new address",
}


def install_security(app: Flask, pages: Pages, *, with_views: bool) -> None:
    """Let people sign up and in.

    Args:
        app: with its SECRET_KEY set.
        pages: what they work on.
        with_views: without, sessions are followed, but there are no pages.
    """
    options = URLS | THEN | FEATURES | RULES | SUBJECTS
    options |= {f"MSG_{name}": (said, _tone(name)) for name, said in MESSAGES.items()}
    options["DATETIME_FACTORY"] = pages.clock
    options["TOTP_SECRETS"] = {"1": _derived(app, "codes")}
    app.config.update({f"SECURITY_{name}": value for name, value in options.items()})
    people = People(pages)
    security = Security(
        app,
        people,
        register_blueprint=with_views,
        login_form=SignInForm,
        register_form=sign_up_form(pages),
        reset_password_form=NewPasswordForm,
        mail_util_cls=outbox_of(pages),
        totp_cls=OneTimeCodes,
        mf_recovery_codes_util_cls=recovery_codes_of(pages),
        webauthn_util_cls=PasskeyRules,
        render_template=_render,
    )
    security.want_json(lambda _request: False)
    security.unauthn_handler(send_to_sign_in)
    follow_sessions(app, security, people, pages)
    if with_views:
        follow_joining(app, people, pages)
        app.before_request(_refuse_what_is_off)
        app.after_request(_say_what_was_refused)
        flashed.connect(_note_refusal, app)


def _derived(app: Flask, purpose: str) -> str:
    key = app.config["SECRET_KEY"]
    return sha256(purpose.encode() + (key.encode() if isinstance(key, str) else key)).hexdigest()


def _tone(name: str) -> str:
    bad = ("INVALID", "EXPIRED", "REQUIRED", "ERROR", "DENIED", "FAILED", "DISABLED_", "UNAUTH")
    fine = name == "REAUTHENTICATION_SUCCESSFUL" or "SUCCESSFUL" in name
    if not fine and (any(part in name for part in bad) or name.startswith("WEBAUTHN_")):
        return "info" if name.startswith("WEBAUTHN_CREDENTIAL_DELETED") else "error"
    return "success"


def _render(template: str, **context: object) -> str:
    """Draw one of the library's pages, and note when it says that a form was refused."""
    if request.method == "POST" and any(getattr(one, "errors", None) for one in context.values()):
        g.refused = True
    return render_template(template, **context)


def _note_refusal(_app: Flask, message: str, category: str, **_more: object) -> None:
    if category == "error":
        g.refused = True


def _refuse_what_is_off() -> None:
    if request.endpoint in OFF:
        abort(404)


def _say_what_was_refused(response: Response) -> Response:
    if request.blueprint not in (VIEWS, "sign_in"):
        return response
    if g.get("refused") and response.status_code == 200:
        response.status_code = UNPROCESSABLE
    elif request.method == "POST" and response.status_code == 302:
        response.status_code = 303
    return response
