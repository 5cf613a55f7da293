"""Which cases a report hides, how fast, and how much room series take.

What: a column of a report, a table, and an index over the sizes of instances.
Why: a report hides all cases that show what it is about, and a decision shows again only what no
other report hides. Totals of storage are asked for by every scrape of the metrics.
Duration: reads every instance once; about ten seconds for a million.
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("report", sa.Column("hidden_ms", sa.Integer(), nullable=True))
    op.create_table(
        "hidden_case",
        sa.Column("report_id", Id, nullable=False),
        sa.Column("case_id", Id, nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"], ["report.id"], name="fk_hidden_case_report_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["case.id"], name="fk_hidden_case_case_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("report_id", "case_id", name="pk_hidden_case"),
    )
    op.create_index("ix_hidden_case_case_id", "hidden_case", ["case_id"])
    op.create_index("ix_instance_series_id_size", "instance", ["series_id", "size"])
    if op.get_bind().dialect.name == "sqlite":
        # What `store.planner` tells of the index.
        op.execute(
            "INSERT INTO sqlite_stat1 VALUES "
            "('instance', 'ix_instance_series_id_size', '50000000 25 1')"
        )
