"""An account's person, and their passkeys, as Flask-Security asks for them.

Invariants: these are copies of what is kept; a change counts once the datastore has put it.
Not here: reading and writing (`viewer.security.datastore`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from flask_security import UserMixin, WebAuthnMixin

from accounts.credentials import Credentials
from accounts.passkeys import Passkey

__all__ = ["Person", "PersonPasskey"]


class PersonPasskey(WebAuthnMixin):
    """A passkey, in the library's words."""

    def __init__(self, kept: Passkey) -> None:
        self.id = kept.id
        self.user_id = kept.account_id
        self.name = kept.name
        self.credential_id = kept.credential_id
        self.public_key = kept.public_key
        self.sign_count = kept.sign_count
        self.transports = list(kept.transports)
        self.backup_state = kept.backup_state
        self.device_type = kept.device_type
        self.extensions = kept.extensions
        self.usage = kept.usage
        if kept.last_used_at is not None:
            self.lastuse_datetime = kept.last_used_at


class Person(UserMixin):
    """Who is signed in, or about to be.

    Attributes:
        id: the number of the account.
        moderator: may decide about reports, as administrators may, too.
        session_id: the session that the present request belongs to.
        totp_counter: when the last code was used, which then works no more.
    """

    name: str = ""
    channel: str | None = None
    admin: bool = False
    moderator: bool = False
    premium: bool = False
    totp_counter: int | None = None
    session_id: int | None = None
    # The library asks for these by name, also before there is an account.
    id: int = 0
    email: str = ""
    password: str | None = None
    active: bool = True
    fs_uniquifier: str = ""
    fs_webauthn_user_handle: str = ""
    confirmed_at: datetime | None = None
    tf_primary_method: str | None = None
    tf_totp_secret: str | None = None
    tf_phone_number: str | None = None
    mf_recovery_codes: list[str] | None = None

    def __init__(self, **facts: object) -> None:
        self.roles = []
        self.kept: dict[str, Any] = {}
        self.find_passkeys: Callable[[], Sequence[Passkey]] = tuple
        for name, value in facts.items():
            setattr(self, name, value)

    @property
    def webauthn(self) -> list[PersonPasskey]:  # type: ignore[override]
        """The passkeys."""
        return [PersonPasskey(one) for one in self.find_passkeys()]

    @property
    def passkeys(self) -> Sequence[Passkey]:
        """The passkeys, as they are kept."""
        return self.find_passkeys()

    def columns(self) -> dict[str, Any]:
        """What is kept of it, apart from the secret of its second factor."""
        codes = self.mf_recovery_codes
        return {
            "email": self.email.lower(),
            "name": self.name,
            "password_hash": self.password,
            "active": self.active,
            "uniquifier": self.fs_uniquifier,
            "confirmed_at": self.confirmed_at,
            "second_factor": self.tf_primary_method,
            "recovery_codes": " ".join(codes) if codes else None,
            "passkey_handle": self.fs_webauthn_user_handle or None,
        }

    @classmethod
    def of(cls, known: Credentials) -> "Person":
        """The person of an account."""
        person = cls(
            id=known.id,
            email=known.email,
            name=known.name,
            channel=known.channel,
            password=known.password_hash,
            admin=known.admin,
            moderator=known.moderator or known.admin,
            premium=known.premium,
            active=known.active,
            fs_uniquifier=known.uniquifier or "",
            confirmed_at=known.confirmed_at,
            tf_primary_method=known.second_factor,
            mf_recovery_codes=(known.recovery_codes or "").split() or None,
            fs_webauthn_user_handle=known.passkey_handle or "",
        )
        person.kept = person.columns()
        return person
