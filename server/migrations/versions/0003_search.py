"""Searching: counts of changes, and indexes for large archives.

What: how often the index of an owner changed; studies by date, series by modality; what is written
in studies, by trigrams.
Why: answers are kept until something changes, and a search costs the same at a million studies.
Duration: reads each study once, and writes about as much as it reads: a million in half a minute.
"""

# ruff: noqa: S608 - the statements are made of the constants of this file
from contextlib import suppress

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

COLUMNS = (
    "patient_name",
    "patient_id",
    "accession_number",
    "study_description",
    "study_id",
    "referring_physician_name",
)
NAMES = ", ".join(COLUMNS)
NEW = "(new.owner_id << 40) | new.id, " + ", ".join(f"new.{name}" for name in COLUMNS)
OLD = NEW.replace("new.", "old.")
INSERT = f"INSERT INTO study_words (rowid, {NAMES}) VALUES ({NEW});"
DELETE = f"INSERT INTO study_words (study_words, rowid, {NAMES}) VALUES ('delete', {OLD});"

# An owner may have a million studies: SQLite's planner takes owners for ones of few rows otherwise.
STATISTICS = (
    ("study", "ix_study_owner_id_id_study_date", "1000000 100000 1 1"),
    ("study", "ix_study_owner_id_study_date_id", "1000000 100000 30 1"),
    ("study", "sqlite_autoindex_study_1", "1000000 100000 1"),
    ("study", "ix_study_study_instance_uid", "1000000 1"),
    ("series", "sqlite_autoindex_series_1", "2000000 2 1"),
    ("series", "ix_series_series_instance_uid", "2000000 1"),
    ("series", "ix_series_owner_id_modality_study_id", "2000000 200000 20000 1"),
    ("instance", "sqlite_autoindex_instance_1", "50000000 25 1"),
    ("instance", "ix_instance_sop_instance_uid", "50000000 1"),
    ("instance", "ix_instance_blob", "50000000 1"),
)


def upgrade() -> None:
    op.create_table(
        "change",
        sa.Column("owner_id", Id, autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name="pk_change"),
    )
    op.drop_index("ix_study_owner_id_id", "study")
    op.create_index("ix_study_owner_id_id_study_date", "study", ["owner_id", "id", "study_date"])
    op.create_index("ix_study_owner_id_study_date_id", "study", ["owner_id", "study_date", "id"])
    op.create_index(
        "ix_series_owner_id_modality_study_id", "series", ["owner_id", "modality", "study_id"]
    )
    if op.get_bind().dialect.name == "sqlite":
        _words_on_sqlite()
        _tell_planner()
    else:
        _words_on_postgresql()


def _words_on_sqlite() -> None:
    op.execute(
        f"CREATE VIRTUAL TABLE study_words USING fts5({NAMES}, content='', tokenize='trigram')"
    )
    op.execute(
        f"INSERT INTO study_words (rowid, {NAMES}) "
        f"SELECT (owner_id << 40) | id, {NAMES} FROM study ORDER BY owner_id, id"
    )
    op.execute(f"CREATE TRIGGER study_words_insert AFTER INSERT ON study BEGIN {INSERT} END")
    op.execute(f"CREATE TRIGGER study_words_delete AFTER DELETE ON study BEGIN {DELETE} END")
    op.execute(
        f"CREATE TRIGGER study_words_update AFTER UPDATE OF {NAMES} ON study "
        f"BEGIN {DELETE} {INSERT} END"
    )


def _tell_planner() -> None:
    op.execute("ANALYZE sqlite_schema")
    op.execute("DELETE FROM sqlite_stat1")
    rows = [dict(zip(("tbl", "idx", "stat"), row, strict=True)) for row in STATISTICS]
    told = sa.table("sqlite_stat1", sa.column("tbl"), sa.column("idx"), sa.column("stat"))
    op.bulk_insert(told, rows)


def _words_on_postgresql() -> None:
    columns = ", ".join(f"{name} gin_trgm_ops" for name in COLUMNS)
    # The extension may not be installed, or may not be allowed; searches do without.
    with suppress(DBAPIError), op.get_bind().begin_nested():
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute(
            f"CREATE INDEX ix_study_words ON study USING gin ({columns}) WITH (fastupdate = off)"
        )
