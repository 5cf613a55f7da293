"""The tables of the archive: keys, studies, series, instances, what replaced which instance, and
the jobs of moving them.

Standard: column names are the PS3.6 keywords in snake case; the columns of study, series and
instance are the attributes that PS3.18 tables 10.6.3-3 to 10.6.3-5 ask QIDO-RS to return.
Invariants: every value comes from a de-identified header. A row of `instance` never changes, but
for where its file lies (`store.private_blobs`); it goes when another instance replaces it. The key
of a blob that no row names any more is in `doomed_blob` until that is gone, too.
Not here: who may see a row (`store.access`), the accounts behind `owner_id` (`accounts.schema`).
"""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from store.db import metadata
from store.planner import tell_planner
from store.words import keep_words_of

__all__ = [
    "YEAR",
    "change",
    "deed",
    "doomed_blob",
    "instance",
    "job",
    "owner_key",
    "private_series",
    "remote",
    "replaced_instance",
    "series",
    "study",
    "upload",
]

# SQLite gives only an INTEGER PRIMARY KEY its row number; PostgreSQL wants 64 bits.
Id = BigInteger().with_variant(Integer, "sqlite")
Uid = String(64)
YEAR = 4
"""How much of a date is its year."""

owner_key = Table(
    "owner_key",
    metadata,
    Column("owner_id", Id, primary_key=True, autoincrement=False),
    Column("wrapped_key", LargeBinary, nullable=False),
)

# What a person sends at one time, with a key of its own, so that nothing links it to the rest.
upload = Table(
    "upload",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
)

study = Table(
    "study",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    Column("study_date", Text, nullable=False, server_default=""),
    Column("study_time", Text, nullable=False, server_default=""),
    Column("accession_number", Text, nullable=False, server_default=""),
    Column("referring_physician_name", Text, nullable=False, server_default=""),
    Column("patient_name", Text, nullable=False, server_default=""),
    Column("patient_id", Text, nullable=False, server_default=""),
    Column("patient_birth_date", Text, nullable=False, server_default=""),
    Column("patient_sex", Text, nullable=False, server_default=""),
    Column("study_id", Text, nullable=False, server_default=""),
    Column("study_description", Text, nullable=False, server_default=""),
    Column("timezone_offset_from_utc", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # The upload whose key made its UIDs; none when the owner's key did.
    Column("upload_id", Id),
    UniqueConstraint("owner_id", "study_instance_uid"),
    Index(None, "study_instance_uid"),
    Index(None, "owner_id", "id", "study_date"),
    Index(None, "owner_id", "study_date", "id"),
    Index(None, "upload_id"),
)
keep_words_of(study)

series = Table(
    "series",
    metadata,
    Column("id", Id, primary_key=True),
    Column("study_id", Id, ForeignKey("study.id", ondelete="CASCADE"), nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("series_instance_uid", Uid, nullable=False),
    Column("modality", Text, nullable=False, server_default=""),
    Column("series_number", Integer),
    Column("series_description", Text, nullable=False, server_default=""),
    Column("series_date", Text, nullable=False, server_default=""),
    Column("series_time", Text, nullable=False, server_default=""),
    Column("body_part_examined", Text, nullable=False, server_default=""),
    Column("performed_procedure_step_start_date", Text, nullable=False, server_default=""),
    Column("performed_procedure_step_start_time", Text, nullable=False, server_default=""),
    Column("number_of_series_related_instances", Integer, nullable=False, server_default="0"),
    Column("came_by", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
    # See `store.review`: a state, why it is held (values of deid.Reason), who decided and when.
    Column("review_state", Text, nullable=False, server_default="free"),
    Column("review_reasons", Text, nullable=False, server_default=""),
    Column("reviewed_at", DateTime(timezone=True)),
    Column("reviewed_by", Id),
    # Of its study's date, which never changes: a modality and a year are looked for together.
    Column("study_year", Text, nullable=False, server_default=""),
    # How many of its instances were replaced: `replaced_instance` is asked only if there are any.
    Column("replaced", Integer, nullable=False, server_default="0"),
    UniqueConstraint("study_id", "series_instance_uid"),
    Index(None, "series_instance_uid"),
    Index(None, "owner_id", "modality", "study_id"),
    Index(None, "owner_id", "modality", "study_year", "study_id"),
)

instance = Table(
    "instance",
    metadata,
    Column("id", Id, primary_key=True),
    Column("series_id", Id, ForeignKey("series.id", ondelete="CASCADE"), nullable=False),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("sop_class_uid", Uid, nullable=False),
    Column("instance_number", Integer),
    Column("number_of_frames", Integer, nullable=False),
    Column("rows", Integer),
    Column("columns", Integer),
    Column("bits_allocated", Integer),
    Column("available_transfer_syntax_uid", Uid, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    # Where the Part 10 file lies, and its bytes.
    Column("blob", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    # The values that lie past the header, as `store.streamed` writes them.
    Column("streamed", Text, nullable=False),
    # What the profile did to it, as JSON, and why a person must look at it.
    Column("receipt", Text, nullable=False, server_default=""),
    Column("review_reasons", Text, nullable=False, server_default=""),
    # Last, because they are long and most queries do not ask for them.
    Column("frame_index", LargeBinary, nullable=False),
    Column("metadata", LargeBinary, nullable=False),
    UniqueConstraint("series_id", "sop_instance_uid"),
    Index(None, "sop_instance_uid"),
    Index(None, "blob", unique=True),
    # How much of anything there is, is told without a look at the rows, which are long.
    Index(None, "series_id", "size"),
)

# A repetition of an instance that was replaced is known by its row here. All UIDs are new ones.
replaced_instance = Table(
    "replaced_instance",
    metadata,
    Column("owner_id", Id, primary_key=True, autoincrement=False),
    Column("study_instance_uid", Uid, primary_key=True),
    Column("series_instance_uid", Uid, primary_key=True),
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("replaced_by", Uid, nullable=False),
    Column("replaced_at", DateTime(timezone=True), nullable=False),
)

# Written in the transaction that removes the instance, emptied when the blob is gone.
doomed_blob = Table("doomed_blob", metadata, Column("key", Text, primary_key=True))

# The series of which a file may lie in the private place (`store.private_blobs`).
private_series = Table(
    "private_series",
    metadata,
    Column(
        "series_id",
        Id,
        ForeignKey("series.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    # When the series had last changed, as all of its files were there; none before that.
    Column("settled_at", DateTime(timezone=True)),
)

# How often an owner's rows have changed (`store.changes`).
change = Table(
    "change",
    metadata,
    Column("owner_id", Id, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
)

# Work that takes its time (`store.jobs`). Arguments hold nothing that was not de-identified.
job = Table(
    "job",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # A sentence about the last attempt that did not succeed.
    Column("trouble", Text, nullable=False, server_default=""),
    # What the next attempt need not do again, as whoever does it wrote it down; no identifiers.
    Column("settled", Text, nullable=False, server_default=""),
    # When it may be begun, or when its worker was last heard of, and who that is.
    Column("due_at", DateTime(timezone=True), nullable=False),
    Column("worker", Text, nullable=False, server_default=""),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Index(None, "state", "due_at"),
    Index(None, "owner_id", "id"),
)

# Other DICOMweb servers; the token is sealed with the owner's key (`store.remotes`).
remote = Table(
    "remote",
    metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("sealed_token", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("owner_id", "name"),
)

# Who did what to which (`store.audit`): rows are only ever added.
deed = Table(
    "deed",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("account_id", Id),
    Column("what", Text, nullable=False),
    Column("which", Text, nullable=False),
    Index(None, "at"),
)

tell_planner(metadata)
