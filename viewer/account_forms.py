"""The forms of the account page: what is typed into them, and what is wrong with it.

Invariants: what a form lets through, the accounts take, unless somebody else was there first; a
fault is one sentence at the field that it is about.
Not here: what is done with it (`viewer.account`).
"""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from accounts.errors import InvalidValue
from accounts.peers import Peer, checked_hosts, checked_listening
from accounts.titles import checked_title
from accounts.tokens import NAME_CHARACTERS, TokenScope

__all__ = ["PeerForm", "TitleForm", "TokenForm"]

NAMELESS: Final = InputRequired("Give it a name, to tell it from others.")
TOO_LONG: Final = Length(max=NAME_CHARACTERS, message="A name has at most 100 characters.")
UNTITLED: Final = InputRequired("Give an AE title.")
BAD_PORT: Final = "A port is a number from 1 to 65535."
SCOPES: Final = (
    (TokenScope.READ.value, "Read", "Search and open all that you have stored."),
    (TokenScope.STORE.value, "Store", "Send studies into your uploads."),
    (TokenScope.DELETE.value, "Delete", "Delete what you have stored, for good."),
)
ENDS: Final = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))
ANYBODY: Final = "anybody"
KNOWN: Final = "known"


def _checked(check: Callable[..., Any], *values: object) -> None:
    """Say at a field what the accounts say."""
    try:
        check(*values)
    except InvalidValue as error:
        raise ValidationError(str(error)) from None


class TitleForm(FlaskForm):  # type: ignore[misc]
    """An AE title of the account's own, and who may send there."""

    title = StringField(validators=[UNTITLED])
    senders = RadioField(choices=[KNOWN, ANYBODY], default=KNOWN)

    def validate_title(self, field: Field) -> None:
        """It is an AE title."""
        _checked(checked_title, field.data)


class PeerForm(FlaskForm):  # type: ignore[misc]
    """A sender: its AE title, from where it calls, where it listens."""

    ae_title = StringField(validators=[UNTITLED])
    hosts = StringField()
    host = StringField()
    port = StringField()
    tls = BooleanField()

    @classmethod
    def of(cls, peer: Peer) -> "PeerForm":
        """The form with what is known of a peer."""
        listens = {"host": peer.host or "", "port": peer.port or "", "tls": peer.tls}
        hosts = " ".join(peer.hosts)
        return cls(formdata=None, data={"ae_title": peer.ae_title, "hosts": hosts, **listens})

    @property
    def typed_hosts(self) -> list[str]:
        """The addresses and networks, however they are separated."""
        return re.findall(r"[^\s,;]+", self.hosts.data or "")

    @property
    def typed_port(self) -> int | None:
        """The port; None when there is none, or not a number."""
        typed = (self.port.data or "").strip()
        return int(typed) if re.fullmatch("[0-9]{1,5}", typed) else None

    def validate_ae_title(self, field: Field) -> None:
        """It is an AE title."""
        _checked(checked_title, field.data)

    def validate_hosts(self, _field: Field) -> None:
        """They are addresses and networks, at least one."""
        _checked(checked_hosts, self.typed_hosts)

    def validate_port(self, field: Field) -> None:
        """It is a number."""
        if (field.data or "").strip() and self.typed_port is None:
            raise ValidationError(BAD_PORT)

    def validate_host(self, field: Field) -> None:
        """It is a host, and there is a port with it."""
        if self.typed_port is not None or not (self.port.data or "").strip():
            _checked(checked_listening, field.data, self.typed_port)


class TokenForm(FlaskForm):  # type: ignore[misc]
    """A token: its name, what it may do, when it ends."""

    name = StringField(validators=[NAMELESS, TOO_LONG])
    scopes = SelectMultipleField(
        choices=[value for value, _, _ in SCOPES],
        default=[TokenScope.READ.value, TokenScope.STORE.value],
    )
    ends = SelectField(choices=[value for value, _ in ENDS])

    @property
    def lifetime(self) -> timedelta | None:
        """After which it ends; None for no end."""
        return timedelta(days=int(self.ends.data)) if self.ends.data else None

    def validate_name(self, field: Field) -> None:
        """It is one line."""
        if not field.data.isprintable():
            raise ValidationError("A name is one line.")

    def validate_scopes(self, field: Field) -> None:
        """It may do something."""
        if not field.data:
            raise ValidationError("Choose at least one.")
