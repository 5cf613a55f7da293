"""Review, receipts, keys of uploads, replaced instances.

What: the state of review of a series; receipt and reasons of an instance; a key for an upload;
which instance replaced which, and which blobs are to go.
Why: what may show a person's identity in its pixels is seen by its owner only, until a person has
looked at it. Series that are stored already become held by what the index and the stored metadata
say of them; whether they are shown is thus decided anew.
Duration: reads the stored metadata of each instance once, ten thousand instances in a second.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# As `deid.review` knew them when this revision was made; a later profile does not change it.
MODALITIES: Final = frozenset(("BDUS", "DOC", "ES", "HC", "IVUS", "OT", "SC", "US", "XC"))
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
ENCAPSULATED: Final = "1.2.840.10008.5.1.4.1.1.104."
VIDEO: Final = tuple(f"1.2.840.10008.5.1.4.1.1.77.1.{number}.1" for number in (1, 2, 4))
VIDEO_SYNTAXES: Final = "1.2.840.10008.1.2.4.10"
#: Members as `store.metadata` writes them; in a text, their quotes would be escaped.
BURNED_IN: Final = b'"00280301":{"vr":"CS","Value":["YES"]}'
REGIONS: Final = b'"00186011":{"vr":"SQ","Value":'
SCANNED: Final = tuple(
    b'"00080064":{"vr":"CS","Value":["%s"]}' % kind for kind in (b"DF", b"DV", b"SD", b"SI")
)
AT_ONCE: Final = 500

series = sa.table(
    "series",
    sa.column("id", sa.BigInteger()),
    sa.column("modality", sa.Text()),
    sa.column("review_state", sa.Text()),
    sa.column("review_reasons", sa.Text()),
)
instance = sa.table(
    "instance",
    sa.column("id", sa.BigInteger()),
    sa.column("series_id", sa.BigInteger()),
    sa.column("sop_class_uid", sa.String()),
    sa.column("available_transfer_syntax_uid", sa.String()),
    sa.column("metadata", sa.LargeBinary()),
    sa.column("review_reasons", sa.Text()),
)


def upgrade() -> None:
    _make_tables()
    _make_columns()
    _hold()


def _make_tables() -> None:
    op.create_table(
        "upload",
        sa.Column("id", Id, nullable=False),
        sa.Column("owner_id", Id, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_upload"),
    )
    op.create_table(
        "replaced_instance",
        sa.Column("owner_id", Id, autoincrement=False, nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("replaced_by", sa.String(length=64), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint(
            "owner_id",
            "study_instance_uid",
            "series_instance_uid",
            "sop_instance_uid",
            name="pk_replaced_instance",
        ),
    )
    op.create_table(
        "doomed_blob",
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_doomed_blob"),
    )


def _make_columns() -> None:
    def text(name: str, default: str) -> sa.Column[Any]:
        return sa.Column(name, sa.Text(), server_default=default, nullable=False)

    op.add_column("study", sa.Column("upload_id", Id, nullable=True))
    op.add_column("series", text("review_state", "free"))
    op.add_column("series", text("review_reasons", ""))
    op.add_column("series", sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("series", sa.Column("reviewed_by", Id, nullable=True))
    op.add_column("series", sa.Column("replaced", sa.Integer(), server_default="0", nullable=False))
    op.add_column("instance", text("receipt", ""))
    op.add_column("instance", text("review_reasons", ""))


def _hold() -> None:
    """Write the reasons of each instance and, joined, of each series, which is then held."""
    connection = op.get_bind()
    of_series: dict[int, set[str]] = defaultdict(set)
    for rows in _instances(connection):
        changes = []
        for row in rows:
            if reasons := sorted(reason for reason, holds in _reasons(row) if holds):
                of_series[row.series_id].update(reasons)
                changes.append({"of": row.id, "reasons": " ".join(reasons)})
        if changes:
            change = sa.update(instance).where(instance.c.id == sa.bindparam("of"))
            connection.execute(change.values(review_reasons=sa.bindparam("reasons")), changes)
    if of_series:
        held = [{"of": of, "reasons": " ".join(sorted(some))} for of, some in of_series.items()]
        change = sa.update(series).where(series.c.id == sa.bindparam("of"))
        change = change.values(review_state="held", review_reasons=sa.bindparam("reasons"))
        connection.execute(change, held)


def _instances(connection: sa.Connection) -> Iterator[list[Any]]:
    after = 0
    query = sa.select(instance, series.c.modality).join(series, series.c.id == instance.c.series_id)
    while rows := list(
        connection.execute(
            query.where(instance.c.id > after).order_by(instance.c.id).limit(AT_ONCE)
        )
    ):
        yield rows
        after = rows[-1].id


def _reasons(row: Any) -> Iterator[tuple[str, bool]]:  # noqa: ANN401 - a row
    metadata, sop_class = bytes(row.metadata), row.sop_class_uid
    video = row.available_transfer_syntax_uid.startswith(VIDEO_SYNTAXES)
    yield "burned-in-annotation", BURNED_IN in metadata
    yield "encapsulated-document", sop_class.startswith(ENCAPSULATED)
    yield "modality", row.modality in MODALITIES
    yield "scanned-document", any(member in metadata for member in SCANNED)
    yield "secondary-capture", f"{sop_class}.".startswith(f"{SECONDARY_CAPTURE}.")
    yield "ultrasound-regions", REGIONS in metadata
    yield "video", sop_class in VIDEO or video
