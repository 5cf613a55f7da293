"""That people accepted the terms: which version, when, and that they are old enough.

Invariants: a version is accepted once, and what was recorded then never changes; what was accepted
under an older version does not count for a newer one.
Not here: the text of the terms (`viewer.texts`), and where people are asked (`viewer`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from accounts.errors import InvalidValue
from accounts.schema import assent
from store.db import Database, in_utc

__all__ = ["Assent", "accept", "assents_of", "has_accepted"]


@dataclass(frozen=True)
class Assent:
    """A version of the terms that was accepted.

    Attributes:
        terms: the version, which is a date.
        at: when.
        of_age: that the person said to be old enough.
    """

    terms: str
    at: datetime
    of_age: bool


def accept(
    database: Database,
    account_id: int,
    terms: str,
    *,
    of_age: bool,
    clock: Callable[[], datetime],
) -> None:
    """Record that an account's person accepts a version of the terms.

    Args:
        database: where it is kept.
        account_id: whose person.
        terms: the version.
        of_age: the person says to be old enough.
        clock: gives the present time.

    Raises:
        InvalidValue: the person is not old enough; nothing is recorded.
    """
    if not of_age:
        raise InvalidValue("This service is for people who are old enough to accept its terms.")
    row = {"account_id": account_id, "terms": terms, "at": clock(), "of_age": of_age}
    with database.write() as connection:
        database.insert_if_new(connection, assent, [row])


def has_accepted(database: Database, account_id: int, terms: str) -> bool:
    """Whether the account's person accepted this version."""
    query = select(assent.c.id).where(assent.c.account_id == account_id, assent.c.terms == terms)
    with database.read() as connection:
        return connection.execute(query).first() is not None


def assents_of(database: Database, account_id: int) -> list[Assent]:
    """All that the account's person accepted, the oldest first."""
    query = select(assent).where(assent.c.account_id == account_id).order_by(assent.c.id)
    with database.read() as connection:
        return [Assent(row.terms, in_utc(row.at), row.of_age) for row in connection.execute(query)]
