"""The tables of accounts, sign-in links, tokens and peers.

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
)

from store.db import metadata

__all__ = ["account", "peer", "sign_in_link", "token"]

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

peer = Table(
    "peer",
    metadata,
    Column("ae_title", Text, primary_key=True),
    _of_account(),
    Column("host", Text),
    Column("port", Integer),
)
