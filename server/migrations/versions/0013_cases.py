"""Cases, their versions, playlists, share links and reports.

What: new tables.
Why: teachers make cases of what is stored.
Duration: a moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "case",
        sa.Column("id", Id, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("modality", sa.Text(), server_default="", nullable=False),
        sa.Column("body_part", sa.Text(), server_default="", nullable=False),
        sa.Column("working", sa.Text(), nullable=False),
        sa.Column("saved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("private", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("changed", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("warned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("authors", sa.Text(), server_default="", nullable=False),
        sa.Column("images", sa.Integer(), server_default="0", nullable=False),
        sa.Column("picture", sa.Text(), server_default="", nullable=False),
        sa.Column("downloadable", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("has_closed_sections", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_case"),
        sa.UniqueConstraint("code", name="uq_case_code"),
    )
    op.create_index("ix_case_body_part_published_at", "case", ["body_part", "published_at"])
    op.create_index("ix_case_modality_published_at", "case", ["modality", "published_at"])
    op.create_index("ix_case_owner_id_id", "case", ["owner_id", "id"])
    op.create_index("ix_case_published_at", "case", ["published_at"])
    op.create_table(
        "playlist",
        sa.Column("id", Id, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("visibility", sa.Text(), nullable=False),
        sa.Column("saved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_playlist"),
        sa.UniqueConstraint("code", name="uq_playlist_code"),
    )
    op.create_index("ix_playlist_owner_id_id", "playlist", ["owner_id", "id"])
    op.create_table(
        "case_tag",
        sa.Column("case_id", Id, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_case_tag_case_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "tag", name="pk_case_tag"),
    )
    op.create_index("ix_case_tag_tag", "case_tag", ["tag"])
    op.create_table(
        "case_version",
        sa.Column("case_id", Id, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_case_version_case_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "number", name="pk_case_version"),
    )
    op.create_table(
        "playlist_item",
        sa.Column("playlist_id", Id, nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_playlist_item_case_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["playlist_id"],
            ["playlist.id"],
            name="fk_playlist_item_playlist_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("playlist_id", "case_id", name="pk_playlist_item"),
    )
    op.create_index("ix_playlist_item_case_id", "playlist_item", ["case_id"])
    op.create_table(
        "report",
        sa.Column("id", Id, nullable=False),
        sa.Column("case_id", Id, nullable=True),
        sa.Column("case_code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("spot", sa.Text(), server_default="", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("account_id", Id, nullable=True),
        sa.Column("contact", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("decided_by", Id, nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_report_case_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
    )
    op.create_index("ix_report_case_id", "report", ["case_id"])
    op.create_index("ix_report_state_id", "report", ["state", "id"])
    op.create_table(
        "share",
        sa.Column("id", Id, nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("case_id", Id, nullable=True),
        sa.Column("playlist_id", Id, nullable=True),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("downloadable", sa.Boolean(), nullable=False),
        sa.Column("max_uses", sa.Integer(), nullable=True),
        sa.Column("uses", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_share_case_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["playlist_id"], ["playlist.id"], name="fk_share_playlist_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_share"),
        sa.UniqueConstraint("digest", name="uq_share_digest"),
    )
    op.create_index("ix_share_case_id", "share", ["case_id"])
    op.create_index("ix_share_owner_id_id", "share", ["owner_id", "id"])
    op.create_index("ix_share_playlist_id", "share", ["playlist_id"])
    op.create_table(
        "case_series",
        sa.Column("case_id", Id, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("series_id", Id, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_case_series_case_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name="fk_case_series_series_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("case_id", "version", "series_id", name="pk_case_series"),
    )
    op.create_index("ix_case_series_series_id", "case_series", ["series_id"])
    op.create_table(
        "share_opening",
        sa.Column("id", Id, nullable=False),
        sa.Column("share_id", Id, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["share_id"], ["share.id"], name="fk_share_opening_share_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_share_opening"),
        sa.UniqueConstraint("share_id", "digest", name="uq_share_opening_share_id_digest"),
    )
    op.create_index("ix_share_opening_digest", "share_opening", ["digest"])
