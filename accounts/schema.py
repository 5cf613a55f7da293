"""The tables of accounts, sign-in links, tokens, AE titles and peers.

Invariants: no password, token or link is stored, only what one can be checked against.
Not here: what an account has stored (`store.schema`, by `owner_id`).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    false,
)

from store.db import metadata

__all__ = ["account", "ae_title", "peer", "sign_in_link", "token"]

Id = BigInteger().with_variant(Integer, "sqlite")

account = Table(
    "account",
    metadata,
    Column("id", Id, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text),
    Column("admin", Boolean, nullable=False),
    Column("premium", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)


def _of_account() -> Column[int]:
    return Column("account_id", Id, ForeignKey("account.id", ondelete="CASCADE"), nullable=False)


sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    _of_account(),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)

token = Table(
    "token",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    _of_account(),
    Column("name", Text, nullable=False),
    # Values of `accounts.tokens.TokenScope` with spaces between.
    Column("scopes", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
)

# By which peers call this server.
ae_title = Table(
    "ae_title",
    metadata,
    Column("title", Text, primary_key=True),
    _of_account(),
    # Whoever calls it may store; otherwise only peers of the account.
    Column("open", Boolean, nullable=False),
)

# By which peers say who they are.
peer = Table(
    "peer",
    metadata,
    Column("ae_title", Text, primary_key=True),
    _of_account(),
    # Where it listens itself.
    Column("host", Text),
    Column("port", Integer),
    # Addresses and networks from which it calls, with spaces between; empty for any.
    Column("hosts", Text, nullable=False, server_default=""),
    # Where it listens, it speaks TLS.
    Column("tls", Boolean, nullable=False, server_default=false()),
    # Where it listens was said by the operator, and not by the account.
    Column("vouched", Boolean, nullable=False, server_default=false()),
)
