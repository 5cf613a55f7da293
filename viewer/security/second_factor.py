"""Codes of an authenticator, codes for when it is lost, and what is asked of passkeys.

Standard: RFC 6238 (time-based one-time passwords), W3C Web Authentication 5.
Invariants: a code works once; of recovery codes digests are kept only, so they are shown once. A
passkey that replaces a password has to verify its user, so it is two factors by itself.
Not here: where secrets lie (`viewer.security.datastore`).
"""

from base64 import b32encode
from hashlib import sha256
from typing import Any, Final, cast

from flask import Flask, current_app
from flask_security import MfRecoveryCodesUtil, Totp, UserMixin, WebauthnUtil
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from viewer.blueprint import Pages
from viewer.security.person import Person

__all__ = ["OneTimeCodes", "PasskeyRules", "recovery_codes_of"]

CODES: Final = 10
# Nobody searches through 80 bits, so that a plain digest of them is enough.
CODE_BYTES: Final = 10


class OneTimeCodes(Totp):
    """Codes of an authenticator, each of which works once."""

    def generate_totp_secret(self) -> str:
        """A new secret; it is sealed where it is kept."""
        return cast(str, self._totp.new().to_json(encrypt=False))

    def verify_totp(self, token: str, totp_secret: str, user: UserMixin, window: int = 0) -> bool:
        """Whether a code is right; a secret that cannot be read has no right ones."""
        try:
            return super().verify_totp(token, totp_secret, user, window)
        except (ValueError, TypeError):
            return False

    def get_last_counter(self, user: UserMixin) -> int | None:
        """When the last code was used."""
        return cast(Person, user).totp_counter

    def set_last_counter(self, user: UserMixin, tmatch: Any) -> None:  # noqa: ANN401 - passlib's
        """Remember when a code was used."""
        person = cast(Person, user)
        person.totp_counter = tmatch.counter
        current_app.extensions["security"].datastore.put(person)


def recovery_codes_of(pages: Pages) -> type[MfRecoveryCodesUtil]:
    """The class of recovery codes, on these pages' randomness."""

    class RecoveryCodes(MfRecoveryCodesUtil):
        def __init__(self, app: Flask) -> None:
            super().__init__(app)

        def create_recovery_codes(self, user: UserMixin) -> list[str]:
            codes = [_grouped(pages.random_bytes(CODE_BYTES)) for _ in range(CODES)]
            _put(user, [_digest(code) for code in codes])
            return codes

        def get_recovery_codes(self, user: UserMixin) -> list[str]:
            return []

        def check_recovery_code(self, user: UserMixin, code: str) -> bool:
            return _digest(code) in (user.mf_recovery_codes or [])

        def delete_recovery_code(self, user: UserMixin, code: str) -> bool:
            left = [one for one in user.mf_recovery_codes or [] if one != _digest(code)]
            return _put(user, left)

    return RecoveryCodes


class PasskeyRules(WebauthnUtil):
    """What is asked of an authenticator."""

    def authenticator_selection(
        self, user: UserMixin, usage: str
    ) -> AuthenticatorSelectionCriteria:
        """One that signs in by itself finds itself, and knows its user."""
        if usage == "first":
            return AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                require_resident_key=True,
                user_verification=UserVerificationRequirement.REQUIRED,
            )
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.DISCOURAGED,
        )

    def user_verification(
        self, user: UserMixin | None, usage: list[str]
    ) -> UserVerificationRequirement:
        """After a password, having it is enough."""
        if "secondary" in usage:
            return UserVerificationRequirement.DISCOURAGED
        return UserVerificationRequirement.REQUIRED


def _grouped(raw: bytes) -> str:
    letters = b32encode(raw).decode().lower()
    return "-".join(letters[i : i + 4] for i in range(0, len(letters), 4))


def _digest(code: str) -> str:
    plain = "".join(code.lower().split()).replace("-", "")
    return sha256(plain.encode()).hexdigest()


def _put(user: UserMixin, digests: list[str]) -> bool:
    current_app.extensions["security"].datastore.mf_set_recovery_codes(user, digests or None)
    return True
