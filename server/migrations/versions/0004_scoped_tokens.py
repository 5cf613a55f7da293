"""Scoped tokens: what each may do, until when; and studies by upload.

What: a number, a name, scopes and an end for each token; an index of studies by their upload.
Why: a token is limited to what its program does, and told from others when it is revoked. Tokens
that are there keep what they could do, reading and storing, without an end. An upload is a root of
its own.
Duration: a moment, and for the index one pass over the studies.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

before = sa.table(
    "token",
    sa.column("digest", sa.LargeBinary()),
    sa.column("account_id", sa.BigInteger()),
    sa.column("created_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    connection = op.get_bind()
    # In the order in which they were made, so that their numbers tell it.
    rows = connection.execute(sa.select(before).order_by(before.c.created_at)).mappings().all()
    op.drop_table("token")
    token = op.create_table(
        "token",
        sa.Column("id", Id, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_token_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("digest", name="uq_token_digest"),
    )
    if rows:
        kept = [{**row, "name": "", "scopes": "read store"} for row in rows]
        op.bulk_insert(token, kept)
    op.create_index("ix_study_upload_id", "study", ["upload_id"])
