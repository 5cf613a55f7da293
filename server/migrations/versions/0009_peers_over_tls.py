"""Where peers listen: over TLS, and who has said it.

What: two more columns of a peer.
Why: associations that we open may speak TLS; where this server connects to is for its operator to
say, and what an account says is checked. All that there is so far counts as the operator's.
Duration: a moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("tls", "vouched"):
        op.add_column(
            "peer", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    peer = sa.table("peer", sa.column("vouched", sa.Boolean()))
    op.execute(peer.update().values(vouched=True))
