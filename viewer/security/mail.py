"""Puts the mails of Flask-Security into the outbox.

Invariants: mails are plain text; links in them lead to the public address, or, where there is none,
name no host at all: whatever a request named, nobody has others sent to theirs; nobody's mailbox
is filled from here: after some mails within an hour, no more are written to the same address until
the hour is over.
Not here: the outbox (`accounts.messages`), the texts (`templates/security/email`).
"""

from datetime import timedelta
from typing import Final

from flask import Flask, request
from flask_security import EmailValidateException, MailUtil

from accounts.errors import InvalidValue
from accounts.messages import send
from accounts.people import checked_email
from accounts.recent_mail import mails_since
from viewer.blueprint import Pages

__all__ = ["outbox_of"]

HOUR: Final = timedelta(hours=1)
MOST_AN_HOUR: Final = 8


def outbox_of(pages: Pages) -> type[MailUtil]:
    """The class of the library's way to send mail, on these pages' outbox."""

    def _with_public_links(body: str) -> str:
        here = request.url_root.rstrip("/")
        return body.replace(f"{here}/", f"{pages.mail_base()}/")

    class Outbox(MailUtil):
        def __init__(self, app: Flask) -> None:
            super().__init__(app)

        def send_mail(
            self,
            template: str,
            subject: str,
            recipient: str | tuple[str, str],
            sender: str | tuple[str, str],
            body: str | None,
            html: str | None,
            **context: object,
        ) -> None:
            address = recipient if isinstance(recipient, str) else recipient[1]
            if mails_since(pages.database, address, pages.clock() - HOUR) >= MOST_AN_HOUR:
                return
            send(
                pages.database,
                address,
                str(subject),
                f"{_with_public_links(body or '').strip()}\n",
                account_id=getattr(context.get("user"), "id", None),
                clock=pages.clock,
            )

        def normalize(self, email: str) -> str:
            """An address as accounts have it: that of a server's owner has no domain."""
            try:
                return checked_email(email.strip())
            except InvalidValue as wrong:
                raise EmailValidateException(str(wrong)) from None

        def validate(self, email: str) -> str:
            return self.normalize(email)

    return Outbox
