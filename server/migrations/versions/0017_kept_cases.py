"""Which pending cases an administrator keeps from being deleted, and until when.

What: two columns of `case`.
Why: some cases wait for longer than the days that all have, for good reasons.
Duration: none to speak of; no row is written.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "case", sa.Column("kept", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("case", sa.Column("kept_until", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("case", "kept_until")
    op.drop_column("case", "kept")
