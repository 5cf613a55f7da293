"""The outbox: mail that is to be sent, that was sent, or that waits here to be read.

    send ─> waiting ── claim ──> at work ──> sent        its text is forgotten
               ^                  │   └────> refused     the mail server will not take it
               └──── release ─────┘

Invariants: a message is claimed by one at a time; one that waits for longer than `GIVE_UP_AFTER`
is not sent any more; what went wrong is a sentence of ours, which names no address. The text of a
message may hold a link that signs somebody in, so it is kept no longer than until it was sent.
Without a mail server, messages wait, and administrators see them.
Not here: SMTP (`server.mail`), the pauses between attempts (`store.jobs`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from accounts.errors import InvalidValue, NoSuchMessage
from accounts.schema import message
from store.db import Database, in_utc

__all__ = [
    "GIVE_UP_AFTER",
    "Message",
    "claim",
    "count_of_messages",
    "message_by_id",
    "messages_of",
    "note_trouble",
    "refuse",
    "release",
    "send",
    "waiting",
    "was_sent",
    "with_links",
]

GIVE_UP_AFTER: Final = timedelta(days=3)
SUBJECT_CHARACTERS: Final = 200
_LINK: Final = re.compile(r"^/(?=[^/\s])", re.MULTILINE)
AT_WORK: Final = "It is being sent."
REFUSED: Final = "The mail server does not take mail for this address."


@dataclass(frozen=True)
class Message:
    """A mail.

    Attributes:
        account_id: whose account it is about; None for somebody who has none.
        sent_at: when the mail server took it; None while it waits, or for ever.
        body: empty once it was sent.
        trouble: a sentence about the last attempt; empty if there was none, or it went well.
    """

    id: int
    account_id: int | None
    recipient: str
    subject: str
    body: str
    created_at: datetime
    sent_at: datetime | None
    trouble: str


def send(
    database: Database | Connection,
    recipient: str,
    subject: str,
    body: str,
    *,
    account_id: int | None = None,
    clock: Callable[[], datetime],
) -> int:
    """Put a mail into the outbox; return its number.

    Args:
        database: where it is kept, or the transaction that it is part of.
        recipient: an e-mail address.
        subject: one line.
        body: plain text.
        account_id: whose account it is about; it goes with that account.
        clock: gives the present time.

    Raises:
        InvalidValue: the subject or the address cannot be that of a mail.
    """
    if not recipient.isprintable() or "@" not in recipient:
        raise InvalidValue("That is not an e-mail address.")
    if not subject or not subject.isprintable() or len(subject) > SUBJECT_CHARACTERS:
        raise InvalidValue(f"A subject is one line of at most {SUBJECT_CHARACTERS} characters.")
    row = {
        "account_id": account_id,
        "recipient": recipient,
        "subject": subject,
        "body": body,
        "created_at": clock(),
    }
    statement = insert(message).values(**row).returning(message.c.id)
    if isinstance(database, Connection):
        return int(database.execute(statement).scalar_one())
    with database.write() as connection:
        return int(connection.execute(statement).scalar_one())


def messages_of(
    database: Database, limit: int = 50, offset: int = 0, *, account_id: int | None = None
) -> list[Message]:
    """Messages, the newest first.

    Args:
        database: where they are kept.
        limit, offset: which of them.
        account_id: only those about this account.
    """
    query = select(message).order_by(message.c.id.desc()).limit(limit).offset(offset)
    if account_id is not None:
        query = query.where(message.c.account_id == account_id)
    with database.read() as connection:
        return [_message(row) for row in connection.execute(query)]


def count_of_messages(database: Database) -> int:
    """How many there are."""
    with database.read() as connection:
        return int(connection.execute(select(func.count()).select_from(message)).scalar_one())


def message_by_id(database: Database, message_id: int) -> Message:
    """A message by its number.

    Raises:
        NoSuchMessage: there is none.
    """
    with database.read() as connection:
        row = connection.execute(select(message).where(message.c.id == message_id)).first()
    if row is None:
        raise NoSuchMessage("There is no message of this number.")
    return _message(row)


def waiting(database: Database, now: datetime, *, limit: int = 100) -> list[int]:
    """Numbers of messages that are to be sent and that nobody has claimed, the oldest first."""
    query = select(message.c.id).where(
        message.c.created_at > now - GIVE_UP_AFTER,
        message.c.sent_at.is_(None),
        message.c.trouble == "",
    )
    with database.read() as connection:
        return list(connection.execute(query.order_by(message.c.id).limit(limit)).scalars())


def claim(connection: Connection, message_id: int) -> bool:
    """Take a message that waits, for sending it; False when another was first."""
    mine = message.c.id == message_id, message.c.trouble == "", message.c.sent_at.is_(None)
    change = update(message).where(*mine).values(trouble=AT_WORK)
    return connection.execute(change).rowcount > 0


def release(database: Database, message_id: int) -> None:
    """Let a message wait again, for whoever claims it next."""
    _change(database, message_id, trouble="")


def was_sent(database: Database, message_id: int, *, clock: Callable[[], datetime]) -> None:
    """Say that the mail server took a message."""
    _change(database, message_id, sent_at=clock(), trouble="", body="")


def note_trouble(database: Database, message_id: int, trouble: str) -> None:
    """Say why a message was not sent this time; whoever claimed it tries again."""
    _change(database, message_id, trouble=trouble)


def refuse(database: Database, message_id: int) -> None:
    """Say that a message cannot be sent: the mail server refuses its address."""
    _change(database, message_id, trouble=REFUSED)


def with_links(body: str, base: str) -> str:
    """A message with whole addresses, for whoever reads it here.

    Args:
        body: in which links of a server without a public address are lines that begin with a slash.
        base: where the reader reaches the server, without a slash at its end.
    """
    return _LINK.sub(lambda found: base + found[0], body)


def _change(database: Database, message_id: int, **values: object) -> None:
    change = update(message).where(message.c.id == message_id, message.c.sent_at.is_(None))
    with database.write() as connection:
        connection.execute(change.values(**values))


def _message(row: Row[Any]) -> Message:
    return Message(
        row.id,
        row.account_id,
        row.recipient,
        row.subject,
        row.body,
        in_utc(row.created_at),
        None if row.sent_at is None else in_utc(row.sent_at),
        row.trouble,
    )
