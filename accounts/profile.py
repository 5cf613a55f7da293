"""How an account's person is named as an author, and the address of the author's page.

Invariants: a channel is one account's; it has the letters, figures and hyphens that an address may
have, whatever is typed.
Not here: what a channel shows (`cases.channels`).
"""

import re
from typing import Final

from sqlalchemy import select, update

from accounts import schema
from accounts.errors import ChannelTaken, InvalidValue, NoSuchAccount
from store.db import Database

__all__ = ["CHANNEL_CHARACTERS", "NAME_CHARACTERS", "change_profile", "checked_channel"]

NAME_CHARACTERS: Final = 100
CHANNEL_CHARACTERS: Final = 40
_CHANNEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])")


def checked_channel(text: str) -> str | None:
    """The address of a channel as it is kept; None for none.

    Raises:
        InvalidValue: it cannot be one.
    """
    channel = text.strip().lower()
    if not channel:
        return None
    if not _CHANNEL.fullmatch(channel):
        raise InvalidValue(
            "An address has 3 to 40 letters, figures and hyphens, such as i-ferreira."
        )
    return channel


def change_profile(database: Database, account_id: int, *, name: str, channel: str) -> None:
    """Say how an account's person is named, and where its cases are listed.

    Args:
        database: where it is kept.
        account_id: whose.
        name: as authors are named; may be empty.
        channel: the last part of the address of its page; empty for no page.

    Raises:
        InvalidValue: the name is not one line, or one of the two is not what it may be.
        ChannelTaken: another account has this address.
        NoSuchAccount: there is none of this number.
    """
    name, address, table = name.strip(), checked_channel(channel), schema.account
    if len(name) > NAME_CHARACTERS or not name.isprintable():
        raise InvalidValue(f"A name is one line of at most {NAME_CHARACTERS} characters.")
    taken = select(table.c.id).where(table.c.channel == address, table.c.id != account_id)
    change = update(table).where(table.c.id == account_id).values(name=name, channel=address)
    with database.write() as connection:
        if address is not None and connection.execute(taken).first() is not None:
            raise ChannelTaken("Somebody else has this address.")
        if connection.execute(change).rowcount == 0:
            raise NoSuchAccount("There is no such account.")
