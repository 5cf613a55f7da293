"""AE titles of accounts; hosts of peers.

What: called AE titles, each of which belongs to an account; from where each peer calls.
Why: a teacher's PACS sends into that teacher's uploads without being known beforehand, and a name
that anybody can write counts only from where it is expected. Peers that are there call from
anywhere, as before.
Duration: a moment.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "ae_title",
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("account_id", Id, nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name="fk_ae_title_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("title", name="pk_ae_title"),
    )
    op.add_column("peer", sa.Column("hosts", sa.Text(), nullable=False, server_default=""))
