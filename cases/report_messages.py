"""What the owner of a case, its reporter and moderators are told of a report.

Invariants: messages are part of the transaction of what they tell; they name the case by its title
and never who reported it.
Not here: sending them (`accounts.messages`).
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, or_, select, true

from accounts.messages import send
from accounts.schema import account

__all__ = ["tell_of_decision", "tell_of_report"]

TITLE_CHARACTERS: Final = 120


def tell_of_report(
    connection: Connection,
    about: Row[Any],
    number: int,
    *,
    base: str,
    clock: Callable[[], datetime],
) -> None:
    """Tell the owner of a case that it is hidden, and moderators that they are to look.

    Args:
        connection: the transaction's.
        about: the row of the case.
        number: of the report.
        base: the server's address.
        clock: gives the present time.
    """
    title = _title(about)
    owner = select(account.c.id, account.c.email).where(account.c.id == about.owner_id)
    for one in connection.execute(owner):
        body = (
            f"Somebody has reported a problem with your case “{title}”. It is hidden from "
            "everyone but you until a moderator has looked at it. Nothing is deleted, and you "
            f"can go on editing it.\n\n{base}/cases/{about.code}\n"
        )
        subject = "Your case is hidden until a moderator has looked at it"
        send(connection, one.email, subject, body, account_id=one.id, clock=clock)
    moderators = select(account.c.id, account.c.email).where(
        or_(account.c.admin, account.c.moderator), account.c.active == true()
    )
    for one in connection.execute(moderators.order_by(account.c.id)).all():
        body = (
            f"A problem with the case “{title}” was reported. It is hidden until you decide.\n\n"
            f"{base}/admin/reports/{number}\n"
        )
        send(connection, one.email, "A case was reported", body, account_id=one.id, clock=clock)


def tell_of_decision(
    connection: Connection,
    about: Row[Any],
    found: Row[Any],
    outcome: str,
    reason: str,
    *,
    base: str,
    clock: Callable[[], datetime],
) -> None:
    """Tell the owner of a case, and who has reported it, what was decided.

    Args:
        connection: the transaction's.
        about, found: the rows of the case and of the report.
        outcome, reason: the decision.
        base: the server's address.
        clock: gives the present time.
    """
    title, shown = _title(about), outcome == "restored"
    became = "is shown again" if shown else "stays hidden"
    query = select(account.c.id, account.c.email)
    for one in connection.execute(query.where(account.c.id == about.owner_id)).all():
        body = (
            f"A moderator has looked at your case “{title}”. It {became}.\n\n{reason}\n\n"
            f"{base}/cases/{about.code}\n"
        )
        if not shown:
            body += "\nIf you think that this is wrong, answer to this message.\n"
        subject = f"Your case {became}"
        send(connection, one.email, subject, body, account_id=one.id, clock=clock)
    reporters = [(None, found.contact)] if found.contact else []
    if not reporters and found.account_id not in (None, about.owner_id):
        rows = connection.execute(query.where(account.c.id == found.account_id))
        reporters = [(one.id, one.email) for one in rows]
    outcome_words = (
        "A moderator has looked and shows it again." if shown else "It is not shown any more."
    )
    for account_id, email in reporters:
        body = f"You have reported the case “{title}”. {outcome_words}\n\n{reason}\n"
        subject = "What became of your report"
        send(connection, email, subject, body, account_id=account_id, clock=clock)


def _title(about: Row[Any]) -> str:
    title = " ".join(str(about.title).split())
    return title if len(title) <= TITLE_CHARACTERS else f"{title[:TITLE_CHARACTERS]}…"
