"""What happens around the library's views: when somebody joins, and when an address changes.

Invariants: whoever joins has accepted the terms; an invitation makes one account, whose address
needs no confirmation. A new address, and each new or lost second factor, is told by mail, and
noted.
Not here: the views (Flask-Security), mail (`viewer.security.mail`).
"""

from typing import Any

from flask import Flask, render_template, session
from flask_security import (
    MailUtil,
    change_email_confirmed,
    password_changed,
    password_reset,
    tf_disabled,
    tf_profile_changed,
    user_registered,
    wan_deleted,
    wan_registered,
)

from accounts.errors import NotInvited
from accounts.invitations import use_invitation
from accounts.terms import accept
from store.audit import Deed, record
from viewer.blueprint import Pages
from viewer.security.datastore import People
from viewer.security.person import Person

__all__ = ["JOINED", "follow_joining"]

JOINED = "joined"
"""What the session says of whoever has just signed up: "invited" or "waits"."""

CHANGED = "A change to your account"
VERBS = {
    "moved": "change address",
    "password": "change password",
    "code_on": "authenticator on",
    "code_off": "authenticator off",
    "passkey_on": "add passkey",
    "passkey_off": "remove passkey",
}


def follow_joining(app: Flask, people: People, pages: Pages) -> None:
    """Do what has to be done when the library says that something happened."""
    follower = _Follower(people, pages)
    user_registered.connect(follower.joined, app)
    change_email_confirmed.connect(follower.moved, app)
    password_changed.connect(follower.password, app)
    password_reset.connect(follower.password, app)
    tf_profile_changed.connect(follower.code_on, app)
    tf_disabled.connect(follower.code_off, app)
    wan_registered.connect(follower.passkey_on, app)
    wan_deleted.connect(follower.passkey_off, app)
    # Signals hold what they call weakly.
    app.extensions["readingroom_joining"] = follower


class _Follower:
    def __init__(self, people: People, pages: Pages) -> None:
        self._people = people
        self._pages = pages

    def joined(self, _app: Flask, user: Person, form_data: dict[str, Any], **_more: object) -> None:
        pages, secret = self._pages, form_data.get("invitation")
        accept(pages.database, user.id, pages.site.terms_version, of_age=True, clock=pages.clock)
        record(pages.database, Deed(pages.clock(), user.id, "join", str(user.id)))
        session[JOINED] = "waits"
        if secret and self._was_invited(user, secret):
            user.confirmed_at = pages.clock()
            self._people.put(user)
            session[JOINED] = "invited"

    def moved(self, app: Flask, user: Person, old_email: str, **_more: object) -> None:
        self._people.make_links_void(user)
        self._tell(app, user, "moved", old_email)

    def password(self, _app: Flask, user: Person, **_more: object) -> None:
        # The library's own mail tells of it.
        self._note(user, "password")

    def code_on(self, app: Flask, user: Person, **_more: object) -> None:
        self._tell(app, user, "code_on")

    def code_off(self, app: Flask, user: Person, **_more: object) -> None:
        self._tell(app, user, "code_off")

    def passkey_on(self, app: Flask, user: Person, **_more: object) -> None:
        self._tell(app, user, "passkey_on")

    def passkey_off(self, app: Flask, user: Person, **_more: object) -> None:
        self._tell(app, user, "passkey_off")

    def _was_invited(self, user: Person, secret: str) -> bool:
        try:
            use_invitation(self._pages.database, secret, user.email, clock=self._pages.clock)
        except NotInvited:
            # Somebody was faster with the same link; the address is to be confirmed.
            return False
        return True

    def _tell(self, app: Flask, user: Person, what: str, address: str = "") -> None:
        self._note(user, what)
        body = render_template("security/email/changed.txt", user=user, what=what)
        mail: MailUtil = app.extensions["security"].mail_util
        mail.send_mail(what, CHANGED, address or user.email, "", body, None, user=user)

    def _note(self, user: Person, what: str) -> None:
        deed = Deed(self._pages.clock(), user.id, VERBS[what], str(user.id))
        record(self._pages.database, deed)
