"""Sends what is in the outbox, by SMTP.

    outbox ── a job for each message ──> SMTP server

Standard: RFC 5321, RFC 3207 (STARTTLS), RFC 8314 3 (TLS from the first byte), RFC 3834 5.
Invariants: a password goes over TLS only, or to this machine; certificates are checked; of what
a mail server answers, nothing but its code is looked at, so that no address comes into a trouble
or a log; a mail that was taken is not sent again, short of a crash between that and its commit.
Not here: what is in the outbox (`accounts.messages`), the loop that asks for it (`server.worker`).
"""

import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from accounts.errors import NoSuchMessage
from accounts.messages import (
    GIVE_UP_AFTER,
    Message,
    claim,
    message_by_id,
    note_trouble,
    refuse,
    release,
    waiting,
    was_sent,
)
from server.config import Settings
from server.errors import ConfigError, TransferError, TryLater
from server.services import Services, now
from server.watching import Progress
from store.jobs import PAUSES, Job

__all__ = ["MAIL", "Mailer", "claim_waiting", "deliver", "mailer_of"]

MAIL: Final = "mail"
NOBODYS: Final = 0
"""Whose the jobs are: the server's own."""

ANSWER_SECONDS: Final = 30
PORTS: Final = {"smtp": 25, "smtps": 465}
FINAL: Final = range(500, 600)
UNTRUSTED: Final = "The mail server's certificate is not one that is trusted."
UNREACHABLE: Final = "The mail server cannot be reached."
UNSAFE: Final = "The mail server offers no TLS, so the password was not sent."
UNKNOWN: Final = "The mail server does not take the user and password."
NOT_NOW: Final = "The mail server did not take the message for now."
LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Mailer:
    """A mail server, and who we are to it.

    Attributes:
        tls: spoken from the first byte; otherwise as soon as it is offered.
        user, password: both empty for none.
        sender: the address that mail is from.
    """

    host: str
    port: int
    tls: bool
    user: str
    password: str
    sender: str

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            TryLater: it may be taken another time.
            TransferError: it will not.
        """
        try:
            with self._connected() as server:
                server.send_message(self._mail(message))
        except smtplib.SMTPRecipientsRefused as error:
            raise _trouble(code for code, _ in error.recipients.values()) from None
        except smtplib.SMTPAuthenticationError:
            raise TryLater(UNKNOWN) from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise _trouble([error.smtp_code]) from None
        except smtplib.SMTPNotSupportedError:
            # An address of letters that this server cannot take.
            raise TransferError(NOT_NOW) from None
        except ssl.SSLCertVerificationError:
            raise TryLater(UNTRUSTED) from None
        except (OSError, smtplib.SMTPException):
            raise TryLater(UNREACHABLE) from None

    def _connected(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        server: smtplib.SMTP
        if self.tls:
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=ANSWER_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=ANSWER_SECONDS)
        try:
            server.ehlo()
            is_here = self.host in LOOPBACK
            if not self.tls and not is_here and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            if self.user:
                if not is_here and not isinstance(server.sock, ssl.SSLSocket):
                    raise TryLater(UNSAFE)
                server.login(self.user, self.password)
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self.sender
        mail["To"] = message.recipient
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(message.created_at)
        mail["Message-ID"] = make_msgid(f"{message.id}", self.sender.rpartition("@")[2])
        # Answers of machines, such as that somebody is away, are not wanted.
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        return mail


def mailer_of(settings: Settings) -> Mailer | None:
    """The mail server of the settings; None if there is none.

    Raises:
        ConfigError: it cannot be understood, nothing says whom mail is from, or where its links
            lead.
    """
    if not settings.smtp:
        return None
    try:
        url = urlsplit(settings.smtp)
        port = url.port or PORTS[url.scheme]
    except (ValueError, KeyError):
        raise ConfigError("The setting smtp is smtp://HOST:PORT or smtps://HOST:PORT.") from None
    sender = settings.mail_from or settings.contact
    if not url.hostname:
        raise ConfigError("The setting smtp names no host.")
    if "@" not in sender or not sender.isprintable():
        raise ConfigError("To send mail, the setting mail_from or contact is an e-mail address.")
    if not settings.public_base:
        # Links would lead to whatever host a request names, and take their secrets there.
        raise ConfigError("To send mail, the setting public_base says where its links lead.")
    return Mailer(
        url.hostname,
        port,
        url.scheme == "smtps",
        unquote(url.username or ""),
        unquote(url.password or ""),
        sender,
    )


def claim_waiting(services: Services) -> None:
    """Make a job of each message that waits."""
    for message_id in waiting(services.database, now()):
        with services.database.write() as connection:
            if claim(connection, message_id):
                asked = {"message": message_id}
                services.jobs.add(NOBODYS, MAIL, asked, connection=connection)


def deliver(
    services: Services, job: Job, _progress: Progress, _keep: Callable[[Any], None]
) -> None:
    """Send the message that a job is about.

    Raises:
        TryLater: it may be taken another time.
        TransferError: it will not.
    """
    mailer = mailer_of(services.settings)
    try:
        message = message_by_id(services.database, job.arguments["message"])
    except NoSuchMessage:
        # It went with its account.
        return
    if message.sent_at is not None or mailer is None:
        return
    try:
        mailer.send(message)
    except TryLater as error:
        _put_off(services, job, message, str(error))
        raise
    except TransferError:
        refuse(services.database, message.id)
        raise
    was_sent(services.database, message.id, clock=now)


def _put_off(services: Services, job: Job, message: Message, trouble: str) -> None:
    is_last = job.attempts > len(PAUSES)
    if is_last and now() - message.created_at < GIVE_UP_AFTER:
        # This job has failed; another begins anew, until the message is too old.
        release(services.database, message.id)
    else:
        note_trouble(services.database, message.id, trouble)


def _trouble(codes: Any) -> TransferError:  # noqa: ANN401 - an iterable of numbers
    return TransferError(NOT_NOW) if all(c in FINAL for c in codes) else TryLater(NOT_NOW)
