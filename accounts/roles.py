"""What accounts may do for others, and whether they may do anything.

    member ── moderator (decides about reports) ── administrator (decides about everything)

Invariants: a suspended account does nothing from the next request on: its browsers are signed out,
its tokens and AE titles are nobody's; there is always an administrator who is not suspended.
Not here: what moderators and administrators are let do (`viewer`).
"""

from enum import StrEnum

from sqlalchemy import Connection, delete, func, select, update

from accounts import schema
from accounts.errors import LastAdministrator, NoSuchAccount
from accounts.leaving import is_there
from accounts.people import Account, account_of_row
from accounts.sessions import end_sessions
from store.db import Database

__all__ = ["Role", "accounts", "resume", "role_of", "set_role", "suspend"]


class Role(StrEnum):
    """What an account may do for others."""

    MEMBER = "member"
    MODERATOR = "moderator"
    ADMINISTRATOR = "administrator"


def role_of(account: Account) -> Role:
    """The role of an account."""
    if account.admin:
        return Role.ADMINISTRATOR
    return Role.MODERATOR if account.moderator else Role.MEMBER


def set_role(database: Database, account_id: int, role: Role) -> None:
    """Give an account a role.

    Raises:
        NoSuchAccount: there is none of this number.
        LastAdministrator: nobody else could administer the server.
    """
    values = {"admin": role is Role.ADMINISTRATOR, "moderator": role is Role.MODERATOR}
    with database.write() as connection:
        if role is not Role.ADMINISTRATOR:
            _keep_an_administrator(connection, account_id)
        _change(connection, account_id, values)


def suspend(database: Database, account_id: int) -> None:
    """Let an account do nothing any more.

    Raises:
        NoSuchAccount: there is none of this number.
        LastAdministrator: nobody else could administer the server.
    """
    with database.write() as connection:
        _keep_an_administrator(connection, account_id)
        _change(connection, account_id, {"active": False})
        end_sessions(connection, account_id)
        link = schema.sign_in_link
        connection.execute(delete(link).where(link.c.account_id == account_id))


def resume(database: Database, account_id: int) -> None:
    """Let a suspended account do again what it could.

    Raises:
        NoSuchAccount: there is none of this number.
    """
    with database.write() as connection:
        _change(connection, account_id, {"active": True})


def accounts(database: Database, limit: int = 1000, offset: int = 0) -> list[Account]:
    """Accounts, the oldest first."""
    query = select(schema.account).where(is_there()).order_by(schema.account.c.id)
    with database.read() as connection:
        rows = connection.execute(query.limit(limit).offset(offset))
        return [account_of_row(row) for row in rows]


def _keep_an_administrator(connection: Connection, account_id: int) -> None:
    table = schema.account
    others = select(func.count()).where(table.c.admin, table.c.active, table.c.id != account_id)
    is_one = select(table.c.admin).where(table.c.id == account_id)
    if connection.execute(is_one).scalar() and not connection.execute(others).scalar_one():
        raise LastAdministrator("Nobody else could administer the server.")


def _change(connection: Connection, account_id: int, values: dict[str, bool]) -> None:
    table = schema.account
    change = update(table).where(table.c.id == account_id).values(**values)
    if connection.execute(change).rowcount == 0:
        raise NoSuchAccount("There is no account of this number.")
