"""Review, receipts, keys of uploads, replaced instances.

What: the state of review of a series; receipt and reasons of an instance; a key for an upload;
which instance replaced which, and which blobs are to go.
Why: what may show a person's identity in its pixels is seen by its owner only, until a person has
looked at it. Series that are stored already become held by what the index and the stored metadata
say of them; whether they are shown is thus decided anew.
Duration: reads the stored metadata of each instance once.
"""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Condition = sa.ColumnElement[bool]

# As `deid.review` knew them when this revision was made; a later profile does not change it.
MODALITIES: Final = ("BDUS", "DOC", "ES", "HC", "IVUS", "OT", "SC", "US", "XC")
SECONDARY_CAPTURE: Final = "1.2.840.10008.5.1.4.1.1.7"
ENCAPSULATED: Final = "1.2.840.10008.5.1.4.1.1.104."
VIDEO: Final = tuple(f"1.2.840.10008.5.1.4.1.1.77.1.{number}.1" for number in (1, 2, 4))
VIDEO_SYNTAXES: Final = "1.2.840.10008.1.2.4.10_%"
#: Members as `store.metadata` writes them; in a text, their quotes would be escaped.
BURNED_IN: Final = b'"00280301":{"vr":"CS","Value":["YES"]}'
REGIONS: Final = b'"00186011":{"vr":"SQ","Value":'
SCANNED: Final = tuple(
    b'"00080064":{"vr":"CS","Value":["%s"]}' % kind for kind in (b"DF", b"DV", b"SD", b"SI")
)

series = sa.table(
    "series",
    sa.column("id", sa.BigInteger()),
    sa.column("modality", sa.Text()),
    sa.column("review_state", sa.Text()),
    sa.column("review_reasons", sa.Text()),
)
instance = sa.table(
    "instance",
    sa.column("series_id", sa.BigInteger()),
    sa.column("sop_class_uid", sa.String()),
    sa.column("available_transfer_syntax_uid", sa.String()),
    sa.column("metadata", sa.LargeBinary()),
    sa.column("review_reasons", sa.Text()),
)


def upgrade() -> None:
    _make_tables()
    _make_columns()
    _hold_instances()
    _hold_series()


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


def _reasons() -> dict[str, Condition]:
    """The reasons and when they hold, sorted as the index has them."""
    sop_class = instance.c.sop_class_uid
    syntax = instance.c.available_transfer_syntax_uid
    looked_at = sa.select(series.c.id).where(series.c.modality.in_(MODALITIES))
    captured = (sop_class == SECONDARY_CAPTURE) | sop_class.like(f"{SECONDARY_CAPTURE}.%")
    return {
        "burned-in-annotation": _metadata_have(BURNED_IN),
        "encapsulated-document": sop_class.like(f"{ENCAPSULATED}%"),
        "modality": instance.c.series_id.in_(looked_at),
        "scanned-document": sa.or_(*(_metadata_have(member) for member in SCANNED)),
        "secondary-capture": captured,
        "ultrasound-regions": _metadata_have(REGIONS),
        "video": sop_class.in_(VIDEO) | syntax.like(VIDEO_SYNTAXES),
    }


def _metadata_have(member: bytes) -> Condition:
    wanted = sa.literal(member, sa.LargeBinary())
    if op.get_context().dialect.name == "sqlite":
        return sa.func.instr(instance.c.metadata, wanted) > 0
    return sa.func.position(wanted.op("IN")(instance.c.metadata)) > 0


def _hold_instances() -> None:
    # One pass, as it may read every instance's metadata.
    reasons = _reasons()
    parts = [sa.case((when, f" {reason}"), else_="") for reason, when in reasons.items()]
    joined: sa.ColumnElement[str] = sa.literal("")
    for part in parts:
        joined = joined.concat(part)
    op.execute(
        sa.update(instance)
        .where(sa.or_(*reasons.values()))
        .values(review_reasons=sa.func.trim(joined))
    )


def _hold_series() -> None:
    for reason in _reasons():
        own = sa.literal(" ").concat(instance.c.review_reasons).concat(" ")
        has_it = sa.exists().where(instance.c.series_id == series.c.id, own.like(f"% {reason} %"))
        so_far = series.c.review_reasons.concat(f" {reason}")
        op.execute(
            sa.update(series)
            .where(has_it)
            .values(review_state="held", review_reasons=sa.func.trim(so_far))
        )
