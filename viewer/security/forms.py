"""What people fill in, where it is other than the library's.

Invariants: every form carries the protection against forged requests; what a form says does not
tell whether an address has an account.
Not here: what becomes of it (Flask-Security, `viewer.security.joining`).
"""

from flask_security import LoginForm, RegisterFormV2, ResetPasswordForm
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, HiddenField, PasswordField, StringField, ValidationError
from wtforms.validators import InputRequired, Length

from accounts.invitations import invitation_of
from accounts.people import PASSWORD_CHARACTERS
from viewer.blueprint import Pages

__all__ = ["MESSAGES", "AcceptForm", "ConfirmForm", "NewPasswordForm", "SignInForm", "sign_up_form"]

NAME_CHARACTERS = 100
MUST_ACCEPT = "To have an account, accept the terms."
OLD_ENOUGH = "Accounts are for people over 18, or over 13 with the consent of a parent or guardian."
NOT_FOR_IT = "This invitation is for another address, was used, or has ended."


class SignInForm(LoginForm):
    """E-mail and password; a browser is remembered by its session alone."""

    remember = None


class NewPasswordForm(ResetPasswordForm):
    """A new password, typed once: whoever mistypes it asks for another link."""

    password_confirm = None


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """The password that was chosen, so that nobody confirms an account somebody else made."""

    password = PasswordField(validators=[InputRequired("Type the password that you chose.")])


class AcceptForm(FlaskForm):  # type: ignore[misc]
    """That the terms are accepted, and that the person is old enough."""

    terms = BooleanField(validators=[InputRequired(MUST_ACCEPT)])
    of_age = BooleanField(validators=[InputRequired(OLD_ENOUGH)])


def sign_up_form(pages: Pages) -> type[RegisterFormV2]:
    """The form of whoever makes an account."""

    class SignUpForm(RegisterFormV2):
        name = StringField(validators=[Length(max=NAME_CHARACTERS)])
        invitation = HiddenField()
        terms = BooleanField(validators=[InputRequired(MUST_ACCEPT)])
        of_age = BooleanField(validators=[InputRequired(OLD_ENOUGH)])

        def validate(self, **more: object) -> bool:
            """An address that nobody has confirmed is still to be had: the last word counts."""
            fine = bool(super().validate(**more))
            pending = self.existing_email_user
            if fine or pending is None or pending.confirmed_at is not None:
                return fine
            if set(self.errors) != {"email"}:
                return False
            self.email.errors, self.existing_email_user = [], None
            return True

        def validate_name(self, field: Field) -> None:
            if not str(field.data or "").isprintable():
                raise ValidationError("A name is one line.")
            field.data = str(field.data or "").strip()

        def validate_invitation(self, field: Field) -> None:
            if pages.site.sign_up == "open" and not field.data:
                return
            found = invitation_of(pages.database, field.data or "", clock=pages.clock)
            if found is None or found.email != (self.email.data or "").lower():
                raise ValidationError(NOT_FOR_IT)

    return SignUpForm


MESSAGES = {
    "GENERIC_AUTHN_FAILED": "E-mail and password do not match. Try again.",
    "CONFIRM_REGISTRATION": "Your account waits for its address to be confirmed.",
    "EMAIL_CONFIRMED": "Your address is confirmed. Sign in.",
    "ALREADY_CONFIRMED": "This address is confirmed already. Sign in.",
    "INVALID_CONFIRMATION_TOKEN": "This link is not complete, or was used. Ask for a new one.",
    "CONFIRMATION_REQUEST": (
        "If an account with the address %(email)s waits to be confirmed, a link is on its way."
    ),
    "CONFIRMATION_EXPIRED": "This link has ended after %(within)s. Ask for a new one.",
    "CONFIRMATION_REQUIRED": "Confirm your address first.",
    "DISABLED_ACCOUNT": "This account is suspended.",
    "PASSWORD_RESET_REQUEST": (
        "If there is an account with the address %(email)s, a link to set a new password is on "
        "its way."
    ),
    "PASSWORD_RESET_EXPIRED": "This link has ended after %(within)s. Ask for a new one.",
    "INVALID_RESET_PASSWORD_TOKEN": "This link is not complete, or was used. Ask for a new one.",
    "PASSWORD_RESET_NO_LOGIN": "Your new password is set. Sign in with it.",
    "PASSWORD_CHANGE": "Your password is changed. Every other browser is signed out.",
    "PASSWORD_IS_THE_SAME": "That is the password you have.",
    "PASSWORD_INVALID_LENGTH": f"A password has {PASSWORD_CHARACTERS} to 128 characters.",
    "PASSWORD_NOT_PROVIDED": "Type a password.",
    "INVALID_PASSWORD": "That is not your password.",
    "RETYPE_PASSWORD_MISMATCH": "The two passwords differ.",
    "EMAIL_NOT_PROVIDED": "Type your e-mail address.",
    "INVALID_EMAIL_ADDRESS": "That is not an e-mail address.",
    "CHANGE_EMAIL_SENT": "A link is on its way to %(email)s. The change counts once you follow it.",
    "CHANGE_EMAIL_CONFIRMED": "Your e-mail address is changed.",
    "CHANGE_EMAIL_EXPIRED": "This link has ended after %(within)s. Ask for a new one.",
    "API_ERROR": "This page was open for too long, or the link is not complete. Try again.",
    "TWO_FACTOR_INVALID_TOKEN": "This code is not right, was used, or has ended. Try the next one.",
    "TWO_FACTOR_PERMISSION_DENIED": "Sign in again.",
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": "Choose one of these.",
    "TWO_FACTOR_LOGIN_SUCCESSFUL": "You are signed in.",
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
        "From now on, signing in asks for a code of your authenticator. Make recovery codes now, "
        "for when you have lost it."
    ),
    "TWO_FACTOR_DISABLED": "Signing in no longer asks for a code.",
    "TWO_FACTOR_SETUP_EXPIRED": "That took longer than %(within)s. Begin again.",
    "INVALID_RECOVERY_CODE": "This recovery code is not right, or was used.",
    "INVALID_CODE": "This code is not right.",
    "REAUTHENTICATION_REQUIRED": "Show again that it is you.",
    "REAUTHENTICATION_SUCCESSFUL": "Thank you.",
    "UNAUTHENTICATED": "Sign in.",
    "WEBAUTHN_EXPIRED": "That took longer than %(within)s. Begin again.",
    "WEBAUTHN_NAME_REQUIRED": "Give the passkey a name.",
    "WEBAUTHN_NAME_INUSE": "You have a passkey with the name %(name)s already.",
    "WEBAUTHN_NAME_NOT_FOUND": "You have no passkey with the name %(name)s.",
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": "A name has letters, digits, spaces, - and _.",
    "WEBAUTHN_CREDENTIAL_DELETED": "The passkey %(name)s is removed.",
    "WEBAUTHN_REGISTER_SUCCESSFUL": "The passkey %(name)s is added.",
    "WEBAUTHN_CREDENTIAL_ID_INUSE": "This passkey is known already.",
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": "This passkey is not known here.",
    "WEBAUTHN_NO_VERIFY": "This passkey could not be checked. Try again.",
    "WEBAUTHN_CREDENTIAL_WRONG_USAGE": "This passkey was not added for this.",
    "WEBAUTHN_MISMATCH_USER_HANDLE": "This passkey is of another account.",
    "INVALID_INPUT": "That cannot be taken.",
    "INVALID_INPUT_LENGTH": "That is too long.",
}
"""What the library says, in our words."""
