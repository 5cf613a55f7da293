"""Migrations: one head, an empty database becomes what the schemas say, a filled one keeps all."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, text

from server.migrations import migrate, target
from store.db import Database
from tests.server.revisions import configuration, upgrade

CT = "1.2.840.10008.5.1.4.1.1.2"
MULTI_FRAME_CAPTURE = "1.2.840.10008.5.1.4.1.1.7.4"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
VIDEO_ENDOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
EXPLICIT, MPEG4 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.102"
BURNED_IN = b'{"00280301":{"vr":"CS","Value":["YES"]}}'
CLEAN = b'{"00280301":{"vr":"CS","Value":["NO"]}}'
QUOTED = b'{"00204000":{"vr":"LT","Value":["\\"00280301\\":{\\"vr\\":\\"CS\\"}"]}}'
SCANNED = b'{"00080064":{"vr":"CS","Value":["SD"]}}'
REGIONS = b'{"00186011":{"vr":"SQ","Value":[{}]}}'
#: What finds studies and cases by words, and the parts that the database makes of it.
WORDS = re.compile(r"study_words|case_words")
#: Modality, then the instances as SOP class, transfer syntax and metadata; and what becomes of it.
SERIES: list[tuple[str, list[tuple[str, str, bytes]], str]] = [
    ("CT", [(CT, EXPLICIT, b"{}"), (CT, EXPLICIT, CLEAN)], ""),
    ("CT", [(CT, EXPLICIT, QUOTED)], ""),
    ("US", [(CT, EXPLICIT, b"{}")], "modality"),
    ("CT", [(CT, EXPLICIT, b"{}"), (CT, EXPLICIT, BURNED_IN)], "burned-in-annotation"),
    ("CT", [(MULTI_FRAME_CAPTURE, EXPLICIT, REGIONS)], "secondary-capture ultrasound-regions"),
    ("DOC", [(ENCAPSULATED_PDF, EXPLICIT, b"{}")], "encapsulated-document modality"),
    ("ES", [(VIDEO_ENDOSCOPY, MPEG4, b"{}")], "modality video"),
    ("XA", [(CT, MPEG4, b"{}")], "video"),
    ("CR", [(CT, EXPLICIT, SCANNED)], "scanned-document"),
]


def test_there_is_one_head() -> None:
    assert len(ScriptDirectory.from_config(configuration()).get_heads()) == 1


def test_an_empty_database_migrated_to_the_head_equals_the_schemas(database: Database) -> None:
    migrate(database)
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"render_as_batch": True, "include_name": _is_in_the_schemas}
        )
        assert compare_metadata(context, target) == []


def test_the_index_of_words_is_made_the_same_by_schema_and_migrations(
    database: Database, tmp_path: Path
) -> None:
    migrate(database)
    if database.engine.dialect.name == "postgresql":
        query = text("SELECT indexdef FROM pg_indexes WHERE indexname LIKE '%study_words%'")
        with database.read() as connection:
            (migrated,) = connection.execute(query).scalars()
        with database.write() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        target.create_all(database.engine)
        with database.read() as connection:
            assert list(connection.execute(query).scalars()) == [migrated]
        return
    made = Database(f"sqlite:///{tmp_path / 'made.sqlite'}")
    target.create_all(made.engine)
    query = text("SELECT name, sql FROM sqlite_master WHERE name LIKE 'study_words%' ORDER BY 1")
    told = text("SELECT * FROM sqlite_stat1 ORDER BY 1, 2")
    known = text("SELECT name FROM sqlite_master WHERE type = 'index'")
    with database.read() as first, made.read() as second:
        assert first.execute(query).all() == second.execute(query).all()
        # What the planner is told of is there, and it is told the same.
        statistics = first.execute(told).all()
        assert statistics == second.execute(told).all()
        assert {row.idx for row in statistics} <= set(first.execute(known).scalars())
    made.dispose()


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    migrate(database)
    migrate(database)
    with database.read() as connection:
        versions = connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
    assert len(versions) == 1
    database.dispose()


@pytest.mark.promise("F113")
def test_what_the_first_schema_holds_is_kept_and_held_where_a_person_must_look(
    database: Database,
) -> None:
    upgrade(database, "0001")
    _fill(database)
    migrate(database)
    assert _words(database) == [1]
    with database.read() as connection:
        found = connection.execute(
            text("SELECT modality, review_state, review_reasons FROM series ORDER BY id")
        ).all()
        instances = connection.execute(
            text("SELECT series_id, receipt, review_reasons FROM instance ORDER BY id")
        ).all()
        kept = connection.execute(text("SELECT count(*) FROM study WHERE upload_id IS NULL"))
        assert kept.scalar_one() == 1
        years = connection.execute(text("SELECT DISTINCT study_year FROM series"))
        assert list(years.scalars()) == ["2023"]
    wanted = [("held" if reasons else "free", reasons) for _, _, reasons in SERIES]
    assert [tuple(row[1:]) for row in found] == wanted
    assert len(instances) == sum(len(own) for _, own, _ in SERIES)
    of_the_fourth = [row.review_reasons for row in instances if row.series_id == 4]
    assert of_the_fourth == ["", "burned-in-annotation"]
    assert {row.receipt for row in instances} == {""}


def _words(database: Database) -> list[int]:
    """The keys of the studies that the index of words knows by a part of their description."""
    query = "SELECT id FROM study WHERE study_description ILIKE '%scription%'"
    if database.engine.dialect.name == "sqlite":
        query = (
            "SELECT rowid - (7 << 40) FROM study_words "
            "WHERE study_words MATCH 'study_description: \"scription\"'"
        )
    with database.read() as connection:
        return list(connection.exec_driver_sql(query.replace("%", "%%")).scalars())


def _is_in_the_schemas(name: str | None, kind: str, _parents: object) -> bool:
    # The indexes of words are no table or index that SQLAlchemy knows; one is compared as SQL.
    return not (kind in ("table", "index") and name and WORDS.search(name))


def _fill(database: Database) -> None:
    tables = MetaData()
    tables.reflect(database.engine)
    now = datetime.now(UTC)
    study: dict[str, Any] = {"id": 1, "owner_id": 7, "study_instance_uid": "2.25.1"}
    study |= {"study_description": "A Description", "study_date": "20230405"}
    with database.write() as connection:
        connection.execute(tables.tables["study"].insert(), study | {"created_at": now})
        for number, (modality, instances, _) in enumerate(SERIES, 1):
            row = {"id": number, "study_id": 1, "owner_id": 7, "modality": modality}
            row |= {"series_instance_uid": f"2.25.{number}", "came_by": "STOW-RS"}
            connection.execute(
                tables.tables["series"].insert(), row | {"created_at": now, "updated_at": now}
            )
            connection.execute(
                tables.tables["instance"].insert(),
                [_instance_row(number, place, *own) for place, own in enumerate(instances)],
            )


def _instance_row(
    series: int, place: int, sop_class: str, syntax: str, metadata: bytes
) -> dict[str, Any]:
    return {
        "series_id": series,
        "sop_instance_uid": f"2.25.{series}{place}",
        "sop_class_uid": sop_class,
        "number_of_frames": 1,
        "available_transfer_syntax_uid": syntax,
        "created_at": datetime.now(UTC),
        "blob": f"20240101/{os.urandom(8).hex()}",
        "size": 1,
        "streamed": "[]",
        "frame_index": b"",
        "metadata": metadata,
    }
