"""The tables of accounts and how they sign in, of tokens, AE titles and peers, and of messages.

Invariants: no password, token or link is stored, only what one can be checked against.
Not here: what an account has stored (`store.schema`, by `owner_id`).
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    false,
    true,
)

from store.db import metadata

__all__ = [
    "account",
    "ae_title",
    "assent",
    "invitation",
    "message",
    "passkey",
    "peer",
    "session",
    "sign_in_link",
    "token",
]

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
    # Decides about reports; administrators do, too.
    Column("moderator", Boolean, nullable=False, server_default=false()),
    # May sign in, and whatever acts for it may act.
    Column("active", Boolean, nullable=False, server_default=true()),
    # As authors are named, and the address of the author's channel; both may be empty.
    Column("name", Text, nullable=False, server_default=""),
    Column("channel", Text),
    # Signs sessions; a new value ends all of them.
    Column("uniquifier", Text),
    # When the address was shown to be the person's.
    Column("confirmed_at", DateTime(timezone=True)),
    # The second factor: which, its sealed secret, and digests of codes for when it is lost.
    Column("second_factor", Text),
    Column("totp_secret", Text),
    Column("recovery_codes", Text),
    Column("passkey_handle", Text),
    # Indexes, not constraints: SQLite adds those to a table by writing it anew, which deletes what
    # belongs to its rows.
    Index(None, "channel", unique=True),
    Index(None, "uniquifier", unique=True),
    Index(None, "passkey_handle", unique=True),
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

# A credential of WebAuthn.
passkey = Table(
    "passkey",
    metadata,
    Column("id", Id, primary_key=True),
    _of_account(),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False, server_default="0"),
    Column("transports", Text, nullable=False, server_default=""),
    Column("backup_state", Boolean, nullable=False),
    Column("device_type", Text, nullable=False),
    Column("extensions", Text),
    Column("name", Text, nullable=False),
    # "first" instead of a password, or "secondary" after it.
    Column("usage", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("last_used_at", DateTime(timezone=True), nullable=False),
    Index(None, "account_id"),
)

# A browser that is signed in; without its row, its cookie is nobody's.
session = Table(
    "session",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    _of_account(),
    # "Firefox on Linux".
    Column("browser", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Index(None, "account_id"),
)

# Who may sign up while sign-up is by invitation.
invitation = Table(
    "invitation",
    metadata,
    Column("id", Id, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("invited_by", Id),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("used_at", DateTime(timezone=True)),
)

# That an account accepted a version of the terms, and that its person is old enough.
assent = Table(
    "assent",
    metadata,
    Column("id", Id, primary_key=True),
    _of_account(),
    Column("terms", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("of_age", Boolean, nullable=False),
    UniqueConstraint("account_id", "terms"),
)

# Mail: sent by SMTP, or kept here for administrators to see.
message = Table(
    "message",
    metadata,
    Column("id", Id, primary_key=True),
    Column("account_id", Id, ForeignKey("account.id", ondelete="CASCADE")),
    Column("recipient", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("sent_at", DateTime(timezone=True)),
    Column("trouble", Text, nullable=False, server_default=""),
    Index(None, "created_at"),
)
