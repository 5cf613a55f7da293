"""Which series may have files in the private place.

What: a table, and an index of the private cases.
Why: files of private cases are moved to a place of their own. What is to be moved is asked for
every few seconds, so it is told by series, and without a look at all cases.
Duration: reads every case once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "private_series",
        sa.Column("series_id", Id, autoincrement=False, nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name="fk_private_series_series_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("series_id", name="pk_private_series"),
    )
    op.create_index(
        "ix_case_private",
        "case",
        ["id"],
        sqlite_where=sa.text("private IS 1"),
        postgresql_where=sa.text("private IS true"),
    )


def downgrade() -> None:
    op.drop_index("ix_case_private", "case")
    op.drop_table("private_series")
