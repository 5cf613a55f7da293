"""What Flask-Security reads and writes, on the tables of accounts.

Invariants: a `put` is a transaction of its own and writes what has changed, so there is nothing to
commit, and no state that threads could share; what an account has lost, such as its sessions after
a new password, is gone when `put` returns. The secret of a second factor lies sealed.
Not here: the SQL (`accounts`), sealing (`store.sealing`).
"""

from collections.abc import Iterable
from typing import Any, Final, cast

from flask_security import UserMixin, WebAuthnMixin
from flask_security.datastore import UserDatastore

from accounts.credentials import (
    Credentials,
    Key,
    add_credentials,
    change_credentials,
    credentials_by,
)
from accounts.passkeys import (
    Passkey,
    add_passkey,
    passkey_by_credential,
    passkeys_of,
    remove_passkey,
    use_passkey,
)
from accounts.sessions import end_sessions
from store.sealing import seal, unseal
from viewer.blueprint import Pages
from viewer.security.person import Person, PersonPasskey

__all__ = ["People"]

PURPOSE: Final = b"second factors"
UNREADABLE: Final = "unreadable"
KEYS: Final[dict[str, Key]] = {
    "id": "id",
    "email": "email",
    "fs_uniquifier": "uniquifier",
    "fs_webauthn_user_handle": "passkey_handle",
}


class _NoRole:
    name = ""


class People(UserDatastore):
    """The library's datastore.

    Args:
        pages: their database, keys, clock and randomness.
    """

    def __init__(self, pages: Pages) -> None:
        super().__init__(Person, _NoRole, PersonPasskey)  # type: ignore[arg-type]
        self._pages = pages
        self._database = pages.database

    def find_user(self, case_insensitive: bool = False, **wanted: int | str) -> Person | None:
        """The person with this value of one attribute."""
        (name, value), *_ = wanted.items()
        known = credentials_by(self._database, KEYS[name], value)
        return None if known is None else self.person(known)

    def commit(self) -> None:
        """Nothing: what was put is kept already."""

    def create_user(self, **facts: Any) -> Person:  # noqa: ANN401 - as the library has it
        """Make an account, or let the last word count for one that nobody has confirmed."""
        pending = self.find_user(email=facts["email"])
        if pending is None or pending.confirmed_at is not None:
            return cast(Person, super().create_user(**facts))
        pending.password, pending.name = facts["password"], facts.get("name", "")
        self.make_links_void(pending)
        return pending

    def find_role(self, role: str) -> None:
        """None: roles are columns of the account, and not the library's."""
        return None

    def person(self, known: Credentials) -> Person:
        """The person of these credentials."""
        person = Person.of(known)
        person.find_passkeys = lambda: passkeys_of(self._database, person.id)
        if known.totp_secret is not None:
            counter, _, sealed = known.totp_secret.partition(" ")
            person.totp_counter = int(counter) or None
            person.tf_totp_secret = self._unsealed(person.id, sealed)
            person.kept["totp"] = (person.tf_totp_secret, person.totp_counter)
        if not person.fs_uniquifier:
            # Made by whoever runs the server, and never signed in here so far.
            super().set_uniquifier(person)
        return person

    def put(self, model: Person | PersonPasskey) -> Person | PersonPasskey:
        """Write what has changed."""
        if isinstance(model, PersonPasskey):
            use_passkey(
                self._database,
                model.id,
                sign_count=model.sign_count,
                backup_state=bool(model.backup_state),
                device_type=_word(model.device_type),
                clock=self._pages.clock,
            )
            return model
        # The proxy of the library stands for the person, and is not one.
        person = cast(Person, getattr(model, "_get_current_object", lambda: model)())
        values = person.columns()
        if not person.id:
            person.id = add_credentials(self._database, values, clock=self._pages.clock)
        else:
            changed = {name: values[name] for name in values if person.kept[name] != values[name]}
            changed |= self._changed_secret(person)
            if changed:
                change_credentials(self._database, person.id, changed)
        person.kept = person.kept | values
        return person

    def set_uniquifier(self, user: UserMixin, uniquifier: str | None = None) -> None:
        """Make what names the account void, and with it every session."""
        super().set_uniquifier(user, uniquifier)
        end_sessions(self._database, user.id)

    def make_links_void(self, person: Person) -> None:
        """Make links that were mailed void; sessions go on."""
        super().set_uniquifier(person)

    def create_webauthn(
        self,
        user: UserMixin,
        credential_id: bytes,
        public_key: bytes,
        name: str,
        sign_count: int,
        usage: str,
        device_type: str,
        backup_state: bool,
        transports: Iterable[str] | None = None,
        extensions: str | None = None,
        **_more: object,
    ) -> None:
        """Keep a new passkey."""
        made = Passkey(
            user.id,
            credential_id,
            public_key,
            name,
            usage,
            sign_count,
            tuple(_word(one) for one in transports or ()),
            backup_state,
            _word(device_type),
            extensions,
        )
        add_passkey(self._database, made, clock=self._pages.clock)

    def find_webauthn(self, credential_id: bytes) -> WebAuthnMixin | None:
        """The passkey of this name; none of an account that is suspended."""
        kept = passkey_by_credential(self._database, credential_id)
        if kept is None:
            return None
        owner = credentials_by(self._database, "id", kept.account_id)
        return PersonPasskey(kept) if owner is not None and owner.active else None

    def delete(self, model: PersonPasskey) -> None:
        """Forget a passkey."""
        remove_passkey(self._database, model.user_id, model.id)

    def _changed_secret(self, person: Person) -> dict[str, str | None]:
        secret, counter = person.tf_totp_secret, person.totp_counter
        if person.kept.get("totp", (None, None)) == (secret, counter):
            return {}
        person.kept["totp"] = (secret, counter)
        if secret is None or secret == UNREADABLE:
            return {"totp_secret": None}
        key = self._pages.ingest.keys.key_of(person.id)
        sealed = seal(key, PURPOSE, secret, random_bytes=self._pages.random_bytes)
        # The counter is of no use to anybody else.
        return {"totp_secret": f"{counter or 0} {sealed}"}

    def _unsealed(self, account_id: int, sealed: str) -> str:
        key = self._pages.ingest.keys.key_of(account_id)
        return unseal(key, PURPOSE, sealed) or UNREADABLE


def _word(value: object) -> str:
    return str(getattr(value, "value", value))
