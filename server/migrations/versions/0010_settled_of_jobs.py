"""What a job need not do again.

What: a column of a job.
Why: a next attempt sends only what the other side has not acknowledged and may still take.
Duration: a moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job", sa.Column("settled", sa.Text(), nullable=False, server_default=""))
