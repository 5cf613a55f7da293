"""AE titles of modalities and PACS, and the account to which what they send belongs.

Standard: PS3.8 7.1.1.4 (calling AE title), PS3.5 6.2 (VR AE).
Not here: asking them, at association time (`server.gate`, `dimse`).
"""

from sqlalchemy import delete, insert, select

from accounts import schema
from accounts.errors import InvalidValue
from accounts.people import Account, account_by_id
from store.db import Database

__all__ = ["account_of_peer", "add_peer"]


def add_peer(
    database: Database,
    ae_title: str,
    account_id: int,
    host: str | None = None,
    port: int | None = None,
) -> None:
    """Give what this calling AE title sends to the account; the last word counts.

    Args:
        database: where it is kept.
        ae_title: up to 16 characters of the default repertoire, without a backslash.
        account_id: the account.
        host, port: where the peer itself listens, for sending to it.

    Raises:
        InvalidValue: not an AE title.
    """
    title = ae_title.strip()
    if not 1 <= len(title) <= 16 or "\\" in title or not (title.isascii() and title.isprintable()):
        raise InvalidValue("An AE title has 1 to 16 printable characters and no backslash.")
    row = {"ae_title": title, "account_id": account_id, "host": host, "port": port}
    with database.write() as connection:
        connection.execute(delete(schema.peer).where(schema.peer.c.ae_title == title))
        connection.execute(insert(schema.peer).values(**row))


def account_of_peer(database: Database, ae_title: str) -> Account | None:
    """Whose peer this is; None when it is nobody's."""
    query = select(schema.peer.c.account_id).where(schema.peer.c.ae_title == ae_title.strip())
    with database.read() as connection:
        account_id = connection.execute(query).scalar()
    return None if account_id is None else account_by_id(database, account_id)
