"""The tables of cases, their versions, playlists, share links and reports.

Invariants: a published version never changes; which series a reader may see is told by rows of
`case_series`, never by a document alone, so that what was deleted is gone everywhere at once; no
token, link or password is stored, only what one can be checked against.
Not here: series (`store.schema`), accounts (`accounts.schema`), who sees what (`cases.access`).
"""

from typing import Any

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
    text,
)

from store.db import metadata

__all__ = [
    "WORKING_COPY",
    "case",
    "case_series",
    "case_tag",
    "case_version",
    "hidden_case",
    "playlist",
    "playlist_item",
    "report",
    "share",
    "share_opening",
]

Id = BigInteger().with_variant(Integer, "sqlite")

WORKING_COPY = 0
"""The version, in `case_series`, of what the author edits."""

_WAYS = ("modality", "body_part", "has_closed_sections", "downloadable")
_PUBLIC: Any = {
    "sqlite_where": text("version IS NOT NULL AND private IS 0 AND hidden_at IS NULL"),
    "postgresql_where": text("version IS NOT NULL AND private IS false AND hidden_at IS NULL"),
}
_PRIVATE: Any = {
    "sqlite_where": text("private IS 1"),
    "postgresql_where": text("private IS true"),
}

case = Table(
    "case",
    metadata,
    Column("id", Id, primary_key=True),
    # Its name in addresses.
    Column("code", Text, nullable=False, unique=True),
    Column("owner_id", Id, nullable=False),
    # These three apply to the published case when they are saved.
    Column("title", Text, nullable=False),
    Column("modality", Text, nullable=False, server_default=""),
    Column("body_part", Text, nullable=False, server_default=""),
    # All else that the author edits (`cases.document`), as JSON, and how often it was saved.
    Column("working", Text, nullable=False),
    Column("saved", Integer, nullable=False, server_default="0"),
    # Only its owner, and who has a share link, may see it.
    Column("private", Boolean, nullable=False, server_default=false()),
    # The version that is shown; none while it is pending.
    Column("version", Integer),
    # What it was when that version was published differs from the working copy.
    Column("changed", Boolean, nullable=False, server_default=false()),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # When it was first published.
    Column("published_at", DateTime(timezone=True)),
    # By a report or a moderator; nobody but its owner and moderators sees it meanwhile.
    Column("hidden_at", DateTime(timezone=True)),
    # When its owner was told that it will be deleted, being pending for too long.
    Column("warned_at", DateTime(timezone=True)),
    # By an administrator, from being deleted for that; without a day for good.
    Column("kept", Boolean, nullable=False, server_default=false()),
    Column("kept_until", DateTime(timezone=True)),
    # The text of the version that is shown, for searching.
    Column("words", Text, nullable=False, server_default=""),
    # Names of its authors, one a line, of the version that is shown.
    Column("authors", Text, nullable=False, server_default=""),
    # How many images its series have, and the pair of UIDs of the series that stands for it.
    Column("images", Integer, nullable=False, server_default="0"),
    Column("picture", Text, nullable=False, server_default=""),
    Column("downloadable", Boolean, nullable=False, server_default=false()),
    Column("has_closed_sections", Boolean, nullable=False, server_default=false()),
    Index(None, "owner_id", "id"),
    Index(None, "modality", "published_at"),
    Index(None, "body_part", "published_at"),
    Index(None, "published_at"),
    # Of those that everybody may see, all that they are searched by, and counted by.
    Index("ix_case_public", "published_at", "id", *_WAYS, "owner_id", **_PUBLIC),
    Index("ix_case_public_counted", *_WAYS, "owner_id", **_PUBLIC),
    Index("ix_case_private", "id", **_PRIVATE),
)

case_version = Table(
    "case_version",
    metadata,
    Column("case_id", Id, ForeignKey("case.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    # `cases.document` with title, modality and body part, as JSON.
    Column("document", Text, nullable=False),
    # What is new in it, in the author's words.
    Column("note", Text, nullable=False, server_default=""),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("published_by", Id, nullable=False),
)

case_series = Table(
    "case_series",
    metadata,
    Column("case_id", Id, ForeignKey("case.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column(
        "series_id",
        Id,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Index(None, "series_id"),
)

# Of the version that is shown.
case_tag = Table(
    "case_tag",
    metadata,
    Column("case_id", Id, ForeignKey("case.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", Text, primary_key=True),
    Index(None, "tag"),
)

playlist = Table(
    "playlist",
    metadata,
    Column("id", Id, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("owner_id", Id, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False, server_default=""),
    # "public", "unlisted" or "private".
    Column("visibility", Text, nullable=False),
    Column("saved", Integer, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    Index(None, "owner_id", "id"),
)

playlist_item = Table(
    "playlist_item",
    metadata,
    Column("playlist_id", Id, ForeignKey("playlist.id", ondelete="CASCADE"), primary_key=True),
    Column("case_id", Id, ForeignKey("case.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, nullable=False),
    # Between it and the next one.
    Column("note", Text, nullable=False, server_default=""),
    Index(None, "case_id"),
)

share = Table(
    "share",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    # One of the two.
    Column("case_id", Id, ForeignKey("case.id", ondelete="CASCADE")),
    Column("playlist_id", Id, ForeignKey("playlist.id", ondelete="CASCADE")),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("label", Text, nullable=False),
    Column("password_hash", Text),
    Column("downloadable", Boolean, nullable=False),
    Column("max_uses", Integer),
    Column("uses", Integer, nullable=False, server_default="0"),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True)),
    # Deleted, and kept for a moment so that this can be undone.
    Column("deleted_at", DateTime(timezone=True)),
    Index(None, "case_id"),
    Index(None, "playlist_id"),
    Index(None, "owner_id", "id"),
)

# One use of a share link: somebody opened it, and goes on under this.
share_opening = Table(
    "share_opening",
    metadata,
    Column("id", Id, primary_key=True),
    Column("share_id", Id, ForeignKey("share.id", ondelete="CASCADE"), nullable=False),
    # Of a secret in an address that was given for a password, or of who asks and from where.
    Column("digest", LargeBinary, nullable=False),
    Column("opened_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("share_id", "digest"),
    Index(None, "digest"),
)

report = Table(
    "report",
    metadata,
    Column("id", Id, primary_key=True),
    Column("case_id", Id, ForeignKey("case.id", ondelete="SET NULL")),
    # As the case was called then, for when it is gone.
    Column("case_code", Text, nullable=False),
    # "anonymity", "rights" or "other"; and where the reporter was: "case", "embed" or "viewer".
    Column("kind", Text, nullable=False),
    Column("place", Text, nullable=False),
    # Series, frame and box, as JSON.
    Column("spot", Text, nullable=False, server_default=""),
    Column("words", Text, nullable=False, server_default=""),
    Column("account_id", Id),
    Column("contact", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # "open", "restored" or "removed".
    Column("state", Text, nullable=False),
    Column("decided_by", Id),
    Column("decided_at", DateTime(timezone=True)),
    Column("decision", Text, nullable=False, server_default=""),
    # How long it took from its arrival until the case was hidden; none when it hid nothing.
    Column("hidden_ms", Integer),
    Index(None, "state", "id"),
    Index(None, "case_id"),
)

# Which cases a report keeps hidden: the one it is about, and others that show the same series.
hidden_case = Table(
    "hidden_case",
    metadata,
    Column("report_id", Id, ForeignKey("report.id", ondelete="CASCADE"), primary_key=True),
    Column("case_id", Id, ForeignKey("case.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "case_id"),
)
