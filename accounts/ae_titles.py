"""Called AE titles: names of this server, each of which belongs to an account.

    anybody's PACS ── calls INES-TEACHING ──> what it sends belongs to Ines

Standard: PS3.8 9.3.2 (called AE title), PS3.5 6.2 (VR AE).
Invariants: a title belongs to one account, and never to the server itself, too; asking whose one
is, is one look into the index.
Not here: calling AE titles (`accounts.peers`); who may do what with either (`server.gate`).
"""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update

from accounts import schema
from accounts.errors import AeTitleTaken, InvalidValue, NoSuchAeTitle
from accounts.titles import checked_title
from store.db import Database

__all__ = [
    "AeTitle",
    "add_ae_title",
    "ae_title_of",
    "ae_titles_of",
    "change_ae_title",
    "remove_ae_title",
]

MOST_OF_ONE_ACCOUNT: Final = 32


@dataclass(frozen=True)
class AeTitle:
    """A name by which this server is called.

    Attributes:
        title: up to 16 characters, as it is called.
        account_id: to whom belongs what is sent to it.
        open: senders that are not known may store there; otherwise peers of the account only.
    """

    title: str
    account_id: int
    open: bool


def add_ae_title(
    database: Database, title: str, account_id: int, *, own: str, open: bool = False
) -> AeTitle:
    """Give a called AE title to an account; for one that it has, `open` is what was said last.

    Args:
        database: where it is kept.
        title: how this server is to be called.
        account_id: to whom belongs what is sent there.
        own: the server's own AE title, which nobody can have.
        open: senders that are not known may store there.

    Raises:
        InvalidValue: not an AE title, or one more than an account may have.
        AeTitleTaken: it is the server's own, or there is one like it.
    """
    made = AeTitle(checked_title(title), account_id, open)
    # Many devices write capitals only: two that differ in case only would be taken for each other.
    if made.title.upper() == own.strip().upper():
        raise AeTitleTaken("This is the server's own AE title.")
    table = schema.ae_title
    alike = func.upper(table.c.title) == made.title.upper()
    here = table.c.title == made.title
    count = select(func.count()).where(table.c.account_id == account_id, ~here)
    with database.write() as connection:
        taken = connection.execute(select(table.c.title, table.c.account_id).where(alike)).first()
        if taken is not None and tuple(taken) != (made.title, account_id):
            raise AeTitleTaken("This AE title belongs to an account already.")
        if connection.execute(count).scalar_one() >= MOST_OF_ONE_ACCOUNT:
            raise InvalidValue(f"An account has at most {MOST_OF_ONE_ACCOUNT} AE titles.")
        connection.execute(delete(table).where(here))
        row = {"title": made.title, "account_id": account_id, "open": open}
        connection.execute(insert(table).values(**row))
    return made


def ae_title_of(database: Database, called: str) -> AeTitle | None:
    """The called AE title, if it belongs to an account."""
    row = database.row(_CALLED, {"title": called.strip(" ")})
    return None if row is None else AeTitle(*row)


def ae_titles_of(database: Database, account_id: int | None = None) -> list[AeTitle]:
    """The AE titles of an account, or of all, in order."""
    table = schema.ae_title
    query = select(table.c.title, table.c.account_id, table.c.open).order_by(table.c.title)
    if account_id is not None:
        query = query.where(table.c.account_id == account_id)
    with database.read() as connection:
        return [AeTitle(*row) for row in connection.execute(query)]


def change_ae_title(
    database: Database, title: str, *, open: bool, account_id: int | None = None
) -> None:
    """Say whether senders that are not known may store at an AE title.

    Args:
        database: where it is kept.
        title: which.
        open: whether they may.
        account_id: whose it has to be; None for anybody's.

    Raises:
        NoSuchAeTitle: there is none of this name, or it is another's.
    """
    statement = update(schema.ae_title).where(_chosen(title, account_id)).values(open=open)
    with database.write() as connection:
        changed = connection.execute(statement).rowcount
    if changed == 0:
        raise NoSuchAeTitle("There is no such AE title.")


def remove_ae_title(database: Database, title: str, account_id: int | None = None) -> None:
    """Take an AE title from its account; what was sent to it stays.

    Args:
        database: where it is kept.
        title: which.
        account_id: whose it has to be; None for anybody's.

    Raises:
        NoSuchAeTitle: there is none of this name, or it is another's.
    """
    with database.write() as connection:
        statement = delete(schema.ae_title).where(_chosen(title, account_id))
        removed = connection.execute(statement).rowcount
    if removed == 0:
        raise NoSuchAeTitle("There is no such AE title.")


def _chosen(title: str, account_id: int | None) -> ColumnElement[bool]:
    chosen = schema.ae_title.c.title == title.strip(" ")
    return chosen if account_id is None else chosen & (schema.ae_title.c.account_id == account_id)


# Made once: it is part of every association.
_CALLED = select(
    schema.ae_title.c.title, schema.ae_title.c.account_id, schema.ae_title.c.open
).where(schema.ae_title.c.title == bindparam("title"))
