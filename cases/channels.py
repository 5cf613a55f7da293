"""The channels of authors: what somebody has published, under a name in an address that they chose.

Invariants: who chose no address has no channel, so nobody is named by being a member.
Not here: choosing the address (`accounts.people`), what is in a channel (`cases.finding`).
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, select

from accounts.schema import account
from cases.errors import NoSuchCase
from store.db import Database

__all__ = ["Channel", "channel_called", "channel_of"]


@dataclass(frozen=True)
class Channel:
    """An author's channel.

    Attributes:
        owner_id: the account.
        address: its name in addresses.
        name: of the author; its address if there is none.
    """

    owner_id: int
    address: str
    name: str


def channel_called(database: Database, address: str) -> Channel:
    """The channel of this address.

    Raises:
        NoSuchCase: there is none.
    """
    found = _channel(database, account.c.channel == address) if address else None
    if found is None:
        raise NoSuchCase("There is no such channel.")
    return found


def channel_of(database: Database, owner_id: int) -> Channel | None:
    """The channel of an account; None when it chose no address."""
    return _channel(database, account.c.id == owner_id)


def _channel(database: Database, condition: ColumnElement[bool]) -> Channel | None:
    query = select(account.c.id, account.c.channel, account.c.name).where(
        condition, account.c.channel.is_not(None), account.c.active
    )
    with database.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else Channel(row.id, row.channel, row.name or row.channel)
