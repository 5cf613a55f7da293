"""Taking an account away, with all that it is known by.

Invariants: what remains of an account that is gone is a row with its number and the day on which it
was made, so that no other account ever has that number and what the audit log says stays true; it
can be signed into by nothing. The last administrator cannot go.
Not here: what the account has stored and made (`cases.leaving`).
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from accounts import schema
from accounts.errors import LastAdministrator, NoSuchAccount
from store.db import Database, metadata

__all__ = ["GONE", "erase", "is_gone", "is_there"]

GONE: Final = "gone-"
"""What the row of an account that is gone has in place of an e-mail address, with its number."""


def erase(connection: Connection, account_id: int) -> None:
    """Take an account away: whoever acts for it is nobody from the commit on.

    Args:
        connection: a write transaction's.
        account_id: whose.

    Raises:
        NoSuchAccount: there is none of this number, or it is gone already.
        LastAdministrator: nobody could administer the server any more.
    """
    account = schema.account
    query = select(account.c.email, account.c.admin).where(account.c.id == account_id, is_there())
    found = connection.execute(query.with_for_update()).first()
    if found is None:
        raise NoSuchAccount("There is no such account.")
    if found.admin and not _other_administrators(connection, account_id):
        raise LastAdministrator("You are the only administrator. Make somebody else one first.")
    for table in metadata.sorted_tables:
        for column in table.c:
            if column.references(account.c.id):
                connection.execute(delete(table).where(column == account_id))
    invitation = schema.invitation
    connection.execute(delete(invitation).where(invitation.c.email == found.email))
    mine = invitation.c.invited_by == account_id
    connection.execute(update(invitation).where(mine).values(invited_by=None))
    connection.execute(delete(schema.message).where(schema.message.c.recipient == found.email))
    blank = update(account).where(account.c.id == account_id).values(_blank(account_id))
    connection.execute(blank)


def is_there() -> ColumnElement[bool]:
    """True for each row of `account` that is an account, and not what remains of one."""
    return schema.account.c.email.contains("@")


def is_gone(database: Database, account_id: int) -> bool:
    """Whether there was an account of this number, which is gone."""
    account = schema.account
    query = select(account.c.id).where(account.c.id == account_id, ~is_there())
    with database.read() as connection:
        return connection.execute(query).first() is not None


def _other_administrators(connection: Connection, account_id: int) -> int:
    account = schema.account
    others = and_(account.c.id != account_id, account.c.admin, account.c.active, is_there())
    query = select(func.count()).select_from(account).where(others)
    return int(connection.execute(query).scalar_one())


def _blank(account_id: int) -> dict[str, Any]:
    nothing = {column.name: None for column in schema.account.c if column.nullable}
    never = dict.fromkeys(("admin", "premium", "moderator", "active"), False)
    return nothing | never | {"email": f"{GONE}{account_id}", "name": ""}
