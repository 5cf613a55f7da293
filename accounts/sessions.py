"""Sessions: browsers that are signed in, each of which its person sees and can end.

    sign in ─> begin_session ─> a secret in the browser's cookie ─> session_of, at every request
                                         end_session(s) ─> nobody's at the next request

Invariants: a session is one row, whose secret is kept as a digest only; without its row, or when
its account is suspended, a cookie is nobody's; asking is one look into one index. One that was not
seen for `UNSEEN` is void.
Not here: cookies (`viewer.security`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from accounts import schema
from accounts.credentials import COLUMNS, Credentials, credentials_of_values
from accounts.errors import NoSuchSession
from accounts.secrets import digest_of, new_secret
from store.db import Database, in_utc

__all__ = [
    "Session",
    "begin_session",
    "end_session",
    "end_session_of",
    "end_sessions",
    "session_of",
    "sessions_of",
]

UNSEEN: Final = timedelta(days=30)
NOTED_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True)
class Session:
    """A browser that is signed in.

    Attributes:
        id: by which it is ended.
        browser: what it says to be, as "Firefox on Linux".
        seen_at: when it was last seen, to some minutes.
    """

    id: int
    browser: str
    created_at: datetime
    seen_at: datetime


def begin_session(
    database: Database,
    account_id: int,
    *,
    browser: str,
    random_bytes: Callable[[int], bytes],
    clock: Callable[[], datetime],
) -> str:
    """The secret of a new session."""
    secret, now, table = new_secret(random_bytes), clock(), schema.session
    row = {
        "digest": digest_of(secret),
        "account_id": account_id,
        "browser": browser,
        "created_at": now,
        "seen_at": now,
    }
    with database.write() as connection:
        void = (table.c.account_id == account_id) & (table.c.seen_at < now - UNSEEN)
        connection.execute(delete(table).where(void))
        connection.execute(insert(table).values(**row))
    return secret


def session_of(
    database: Database, secret: str, *, clock: Callable[[], datetime]
) -> tuple[int, Credentials] | None:
    """The number of the session with this secret, and whose it is; None for nobody's."""
    found = database.row(_OF_SECRET, {"digest": digest_of(secret)})
    if found is None:
        return None
    (number, seen_at), facts = found[:2], found[2:]
    now, last = clock(), in_utc(seen_at)
    person = credentials_of_values(facts)
    if not person.active or last < now - UNSEEN:
        return None
    if last < now - NOTED_EVERY:
        seen = update(schema.session).where(schema.session.c.id == number).values(seen_at=now)
        with database.write() as connection:
            connection.execute(seen)
    return number, person


def sessions_of(
    database: Database, account_id: int, *, clock: Callable[[], datetime]
) -> list[Session]:
    """The sessions of an account, the one seen last first."""
    table = schema.session
    query = select(table.c.id, table.c.browser, table.c.created_at, table.c.seen_at).where(
        table.c.account_id == account_id, table.c.seen_at >= clock() - UNSEEN
    )
    with database.read() as connection:
        rows = connection.execute(query.order_by(table.c.seen_at.desc(), table.c.id.desc())).all()
    return [Session(one, browser, in_utc(made), in_utc(seen)) for one, browser, made, seen in rows]


def end_session(database: Database, account_id: int, session_id: int) -> None:
    """Sign a browser out, from its next request on.

    Raises:
        NoSuchSession: there is none of this number, or it is another's.
    """
    table = schema.session
    chosen = (table.c.id == session_id) & (table.c.account_id == account_id)
    with database.write() as connection:
        if connection.execute(delete(table).where(chosen)).rowcount == 0:
            raise NoSuchSession("There is no such session.")


def end_session_of(database: Database, secret: str) -> None:
    """Sign out the browser that has this secret."""
    with database.write() as connection:
        chosen = schema.session.c.digest == digest_of(secret)
        connection.execute(delete(schema.session).where(chosen))


def end_sessions(
    database: Database | Connection, account_id: int, *, besides: int | None = None
) -> None:
    """Sign out every browser of an account, but for the one with this number."""
    chosen = schema.session.c.account_id == account_id
    if besides is not None:
        chosen &= schema.session.c.id != besides
    statement = delete(schema.session).where(chosen)
    if isinstance(database, Connection):
        database.execute(statement)
        return
    with database.write() as connection:
        connection.execute(statement)


# Made once: it is part of every request of a browser.
_OF_SECRET = (
    select(schema.session.c.id, schema.session.c.seen_at, *COLUMNS)
    .join(schema.account, schema.account.c.id == schema.session.c.account_id)
    .where(schema.session.c.digest == bindparam("digest"))
)
