"""Bearer tokens, with which programs act for an account.

Standard: RFC 6750.
Invariants: a token may do what its scopes say and no more; of its secret only a digest is kept; one
that is revoked or past its end, or of a suspended account, is nobody's at the next request.
Not here: reading them from a request, and what a scope opens (`server.gate`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache

from sqlalchemy import Row, bindparam, delete, insert, select

from accounts import schema
from accounts.errors import InvalidValue, NoSuchToken
from accounts.secrets import digest_of, new_secret
from store.db import Database, in_utc

__all__ = [
    "ALL_SCOPES",
    "Bearer",
    "Token",
    "TokenScope",
    "bearer_of_token",
    "create_token",
    "revoke_token",
    "tokens_of",
]

NAME_CHARACTERS = 100


class TokenScope(StrEnum):
    """What a token may be allowed to do."""

    READ = "read"
    STORE = "store"
    DELETE = "delete"


ALL_SCOPES = tuple(TokenScope)
"""All that an account may do by itself."""


@dataclass(frozen=True)
class Bearer:
    """For whom whoever has the token acts, and what it may do."""

    account_id: int
    scopes: frozenset[TokenScope]


@dataclass(frozen=True)
class Token:
    """What is known of a token, which is not its secret.

    Attributes:
        id: by which it is revoked.
        account_id: for whom it acts.
        name: what its owner calls it.
        scopes: what it may do.
        created_at, expires_at: with zone; None for a token without an end.
    """

    id: int
    account_id: int
    name: str
    scopes: frozenset[TokenScope]
    created_at: datetime
    expires_at: datetime | None


def create_token(
    database: Database,
    account_id: int,
    *,
    random_bytes: Callable[[int], bytes],
    clock: Callable[[], datetime],
    scopes: Iterable[TokenScope] = ALL_SCOPES,
    name: str = "",
    lifetime: timedelta | None = None,
) -> str:
    """A new token; it cannot be shown again.

    Args:
        database: where it is kept.
        account_id: for whom it acts.
        random_bytes: gives that many random bytes.
        clock: gives the present time.
        scopes: what it may do; by default what the account may.
        name: tells people which it is.
        lifetime: after which it ends; None for no end.

    Raises:
        InvalidValue: the name is too long or not one line, or there is no scope.
    """
    allowed = " ".join(scope for scope in TokenScope if scope in set(scopes))
    if not allowed:
        raise InvalidValue("A token has at least one scope.")
    if len(name) > NAME_CHARACTERS or not name.isprintable():
        raise InvalidValue(f"The name of a token is one line of {NAME_CHARACTERS} characters.")
    secret, now = new_secret(random_bytes), clock()
    row = {
        "digest": digest_of(secret),
        "account_id": account_id,
        "name": name,
        "scopes": allowed,
        "created_at": now,
        "expires_at": None if lifetime is None else now + lifetime,
    }
    with database.write() as connection:
        connection.execute(insert(schema.token).values(**row))
    return secret


def bearer_of_token(database: Database, secret: str, *, now: datetime) -> Bearer | None:
    """For whom this token acts; None when it is nobody's, revoked, or past its end."""
    row = database.row(_OF_TOKEN, {"digest": digest_of(secret)})
    if row is None:
        return None
    account_id, scopes, expires_at = row
    if expires_at is not None and in_utc(expires_at) <= now:
        return None
    return Bearer(account_id, _scopes(scopes))


def tokens_of(database: Database, account_id: int | None = None) -> list[Token]:
    """The tokens of an account, or of all, the oldest first."""
    query = select(schema.token).order_by(schema.token.c.id)
    if account_id is not None:
        query = query.where(schema.token.c.account_id == account_id)
    with database.read() as connection:
        return [_token(row) for row in connection.execute(query)]


def revoke_token(database: Database, token_id: int, account_id: int | None = None) -> None:
    """Make a token void, from the next request on.

    Args:
        database: where it is kept.
        token_id: which.
        account_id: whose it has to be; None for anybody's.

    Raises:
        NoSuchToken: there is none of this number, or it is another's.
    """
    chosen = schema.token.c.id == token_id
    if account_id is not None:
        chosen &= schema.token.c.account_id == account_id
    with database.write() as connection:
        gone = connection.execute(delete(schema.token).where(chosen))
    if gone.rowcount == 0:
        raise NoSuchToken("There is no token of this number.")


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(
        row.id,
        row.account_id,
        row.name,
        _scopes(row.scopes),
        in_utc(row.created_at),
        None if row.expires_at is None else in_utc(row.expires_at),
    )


@lru_cache
def _scopes(text: str) -> frozenset[TokenScope]:
    return frozenset(TokenScope(name) for name in text.split())


# Made once: it is part of every request of a program, and one look into one index.
_OF_TOKEN = (
    select(schema.token.c.account_id, schema.token.c.scopes, schema.token.c.expires_at)
    .join(schema.account, schema.account.c.id == schema.token.c.account_id)
    .where(schema.token.c.digest == bindparam("digest"), schema.account.c.active)
)
