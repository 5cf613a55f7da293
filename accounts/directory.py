"""The people of the server, as its administrators see and search them.

Invariants: nothing of how they sign in is in it but whether there is a second factor.
Not here: roles and suspension (`accounts.roles`), plans (`accounts.plans`), making accounts
(`accounts.people`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, func, or_, select, true

from accounts.leaving import is_there
from accounts.people import Account, account_of_row
from accounts.roles import Role, role_of
from accounts.schema import account, session
from store.db import Database, in_utc

__all__ = ["Person", "names_of", "people"]

ESCAPE: Final = "\\"


@dataclass(frozen=True)
class Person:
    """An account, with what an administrator wants to know of it.

    Attributes:
        has_second_factor: a second factor is asked for when it signs in.
        seen_at: when one of its browsers was last here; None if none is signed in.
    """

    account: Account
    created_at: datetime
    has_second_factor: bool
    seen_at: datetime | None

    @property
    def role(self) -> Role:
        """What it may do for others."""
        return role_of(self.account)

    @property
    def shown(self) -> str:
        """Its name, or else its address."""
        return self.account.name or self.account.email


def people(
    database: Database, words: str = "", *, limit: int = 50, offset: int = 0
) -> tuple[list[Person], int]:
    """Some of the people, the newest first, and how many there are.

    Args:
        database: where they are.
        words: a part of the name or address; empty for all.
        limit, offset: which of them.
    """
    condition = is_there() & _named(words)
    seen = select(func.max(session.c.seen_at)).where(session.c.account_id == account.c.id)
    query = select(account, seen.scalar_subquery().label("seen_at")).where(condition)
    query = query.order_by(account.c.id.desc()).limit(limit).offset(offset)
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(account).where(condition))
        rows = connection.execute(query).all()
        return [_person(row) for row in rows], int(total.scalar_one())


def names_of(database: Database, account_ids: Iterable[int | None]) -> dict[int, str]:
    """What these accounts are called, by number; whoever is gone is not in it."""
    wanted = {number for number in account_ids if number is not None}
    query = select(account.c.id, account.c.name, account.c.email).where(account.c.id.in_(wanted))
    with database.read() as connection:
        return {row.id: row.name or row.email for row in connection.execute(query)}


def _named(words: str) -> ColumnElement[bool]:
    words = words.strip().lower()
    if not words:
        return true()
    for sign in (ESCAPE, "%", "_"):
        words = words.replace(sign, ESCAPE + sign)
    part = f"%{words}%"
    name = func.lower(account.c.name)
    return or_(account.c.email.like(part, escape=ESCAPE), name.like(part, escape=ESCAPE))


def _person(row: Row[Any]) -> Person:
    seen_at = row.seen_at
    if isinstance(seen_at, str):
        # SQLite has no type for what a function gives.
        seen_at = datetime.fromisoformat(seen_at)
    return Person(
        account_of_row(row),
        in_utc(row.created_at),
        row.second_factor is not None,
        None if seen_at is None else in_utc(seen_at),
    )
