"""What an account's plan allows: the one function that decides.

Invariants: whoever asks whether an account may have private cases, keep pending ones or how much
room it has, asks here, so that plans can come from elsewhere without a change at any of these
places.
Not here: how much of the room is used (`cases.storage`); who grants plans (`server.cli.people`).
"""

from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import update

from accounts import schema
from accounts.errors import NoSuchAccount
from store.db import Database

__all__ = ["FREE", "PREMIUM", "PRIVATE_BYTES", "Holder", "Plan", "grant", "plan_of"]

FREE: Final = "free"
PREMIUM: Final = "premium"
PRIVATE_BYTES: Final = 100 * 1000**3
"""The room for private cases where the operator says nothing else."""


@dataclass(frozen=True)
class Plan:
    """What an account may do beyond what all may.

    Attributes:
        name: `free` or `premium`.
        private_cases: make cases that only its owner, and who has a share link, sees.
        keeps_pending: cases that were never published are not deleted for that.
        private_bytes: the room that private cases may take; 0 where there are none.
    """

    name: str
    private_cases: bool
    keeps_pending: bool
    private_bytes: int


class Holder(Protocol):
    """Whoever has a plan: an account."""

    @property
    def premium(self) -> bool:
        """Whether administrators have granted it."""


def plan_of(account: Holder, *, private_bytes: int = PRIVATE_BYTES) -> Plan:
    """The plan of an account.

    Args:
        account: whose.
        private_bytes: what the settings say of that.
    """
    if account.premium:
        return Plan(PREMIUM, private_cases=True, keeps_pending=True, private_bytes=private_bytes)
    return Plan(FREE, private_cases=False, keeps_pending=False, private_bytes=0)


def grant(database: Database, account_id: int, *, premium: bool) -> None:
    """Give an account a plan.

    Raises:
        NoSuchAccount: there is none of this number.
    """
    table = schema.account
    change = update(table).where(table.c.id == account_id).values(premium=premium)
    with database.write() as connection:
        if connection.execute(change).rowcount == 0:
            raise NoSuchAccount("There is no such account.")
