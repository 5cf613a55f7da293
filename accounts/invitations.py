"""Invitations: who may make an account while sign-up is by invitation.

Invariants: an invitation is for one address, makes one account, and ends; of its link a digest is
kept only; whoever uses it has the address confirmed, as an administrator gave it.
Not here: the page behind the link (`viewer.security`), mail (`accounts.messages`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, insert, select, update

from accounts import schema
from accounts.errors import EmailTaken, NotInvited
from accounts.people import account_by_email, checked_email
from accounts.secrets import digest_of, new_secret
from store.db import Database, in_utc

__all__ = ["Invitation", "invitation_of", "invitations", "invite", "use_invitation"]

LIFETIME: Final = timedelta(days=14)
LISTED: Final = 200


@dataclass(frozen=True)
class Invitation:
    """That somebody may make an account.

    Attributes:
        email: whose account it may become.
        invited_by: the account that made it; None for whoever runs the server.
        used_at: when the account was made; None while it was not.
    """

    id: int
    email: str
    invited_by: int | None
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def invite(
    database: Database,
    email: str,
    *,
    invited_by: int | None = None,
    random_bytes: Callable[[int], bytes],
    clock: Callable[[], datetime],
) -> str:
    """The secret part of a new invitation's link, `/sign-up?invitation=…`.

    Raises:
        InvalidValue: not an e-mail address.
        EmailTaken: there is an account with this address.
    """
    address = checked_email(email)
    if account_by_email(database, address) is not None:
        raise EmailTaken("There is an account with this e-mail address.")
    secret, now = new_secret(random_bytes), clock()
    row = {
        "digest": digest_of(secret),
        "email": address,
        "invited_by": invited_by,
        "created_at": now,
        "expires_at": now + LIFETIME,
    }
    with database.write() as connection:
        connection.execute(insert(schema.invitation).values(**row))
    return secret


def invitation_of(
    database: Database, secret: str, *, clock: Callable[[], datetime]
) -> Invitation | None:
    """The invitation behind a link; None when it is unknown, used or past its end."""
    query = select(schema.invitation).where(schema.invitation.c.digest == digest_of(secret))
    with database.read() as connection:
        row = connection.execute(query).first()
    if row is None or row.used_at is not None or in_utc(row.expires_at) <= clock():
        return None
    return _invitation(row)


def use_invitation(
    database: Database, secret: str, email: str, *, clock: Callable[[], datetime]
) -> None:
    """Use an invitation up.

    Raises:
        NotInvited: it was used, has ended, or is for another address.
    """
    table, now = schema.invitation, clock()
    open_ = (table.c.digest == digest_of(secret)) & table.c.used_at.is_(None)
    for_it = open_ & (table.c.email == email.lower()) & (table.c.expires_at > now)
    with database.write() as connection:
        if connection.execute(update(table).where(for_it).values(used_at=now)).rowcount == 0:
            raise NotInvited("This invitation was used, has ended, or is for another address.")


def invitations(database: Database) -> list[Invitation]:
    """The last invitations, the newest first."""
    query = select(schema.invitation).order_by(schema.invitation.c.id.desc()).limit(LISTED)
    with database.read() as connection:
        return [_invitation(row) for row in connection.execute(query)]


def _invitation(row: Row[Any]) -> Invitation:
    return Invitation(
        row.id,
        row.email,
        row.invited_by,
        in_utc(row.created_at),
        in_utc(row.expires_at),
        None if row.used_at is None else in_utc(row.used_at),
    )
