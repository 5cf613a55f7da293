"""Fills an index with made-up studies, as fast as the database takes them.

Invariants: rows only, the same in each run; what the product keeps beside the rows (indexes, the
index of words, the number of changes) is made by the product's own statements, after the rows.
There are 30 instances counted for a series, but no rows of instances: the queries that are measured
do not look at them. As many studies have a rare value however many there are, and are as evenly
spread among them, so that what finds these finds the same number of them at each size.
Not here: measuring (``bench.index``).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Table, func, select

from store.changes import bump
from store.db import Database
from store.schema import YEAR, series, study
from store.search_words import merge_words

__all__ = ["DAYS_OF_MONTH", "FIRST_YEAR", "YEARS", "fill", "made", "prepare_filling"]

BATCH = 1_000
RARE, RARE_MODALITY = 100, 20
"""How many studies have a rare name and description, and a rare modality, of however many."""
FIRST_YEAR, YEARS, DAYS_OF_MONTH = 2015, 10, 28
NOW = "2026-01-01 00:00:00.000000"
PARTS = ("THORAX", "ABDOMEN", "HEAD", "KNEE", "SPINE", "HIP", "HAND", "NECK", "PELVIS", "HEART")
KINDS = ("ROUTINE", "WITH CONTRAST", "WITHOUT CONTRAST", "FOLLOW UP", "TRAUMA", "SCREENING")
MODALITIES = (
    ("CT",) * 25
    + ("MR",) * 22
    + ("CR",) * 20
    + ("US",) * 15
    + ("DX",) * 8
    + (("MG",) * 5 + ("PT",) * 3 + ("NM",) + ("XA",))
)
HOW_MANY_SERIES = (1,) * 12 + (2,) * 5 + (3,) * 2 + (4,)
STUDY = (
    *("id", "owner_id", "study_instance_uid", "study_date", "study_time", "accession_number"),
    *("patient_name", "patient_id", "patient_sex", "study_id", "study_description", "created_at"),
)
SERIES = (
    *("id", "study_id", "owner_id", "series_instance_uid", "modality", "series_number"),
    *("number_of_series_related_instances", "came_by", "created_at", "updated_at", "study_year"),
)
DATE = STUDY.index("study_date")

Row = tuple[Any, ...]


def fill(database: Database, owner: int, studies: int) -> None:
    """Fill an empty index; nobody else uses it meanwhile."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    with database.engine.connect() as connection:
        if connection.execute(select(func.count()).select_from(study)).scalar_one():
            raise SystemExit("bench: the index is not empty")
        prepare_filling(connection)
        later, told = _put_off(connection)
        for batch in made(owner, studies):
            for table, columns, rows in zip((study, series), (STUDY, SERIES), batch, strict=True):
                _add(connection, table, columns, rows)
        for statement in later:
            connection.exec_driver_sql(statement)
        for table in (study, series):
            for index in table.indexes:
                index.create(connection)
        if told:
            connection.exec_driver_sql("DELETE FROM sqlite_stat1")
            connection.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", told)
        bump(connection, owner)
        connection.commit()
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.invalidate()
    # What the server, or the database by itself, does after a while.
    if is_sqlite:
        merge_words(database)
    else:
        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("VACUUM ANALYZE")


def made(owner: int, studies: int) -> Iterator[tuple[list[Row], list[Row]]]:
    """The rows of studies and of their series, 1.6 on average; the same each time."""
    last_series = 0
    rare, rare_modality = (max(10, studies // many) for many in (RARE, RARE_MODALITY))
    for begin in range(0, studies, BATCH):
        dice = random.Random(begin)
        some, children = [], []
        for number in range(begin + 1, min(begin + BATCH, studies) + 1):
            some.append(_study(dice, number, owner, rare=number % rare == 5))
            modality = "OPT" if number % rare_modality == 7 else dice.choice(MODALITIES)
            for place in range(dice.choice(HOW_MANY_SERIES)):
                last_series += 1
                own = modality if place == 0 else dice.choice((modality, "SR"))
                uid = f"2.25.{dice.getrandbits(127)}"
                row = (last_series, number, owner, uid, own, place + 1, 30, "STOW-RS", NOW, NOW)
                children.append((*row, some[-1][DATE][:YEAR]))
        yield some, children


def _study(dice: random.Random, number: int, owner: int, *, rare: bool) -> Row:
    year = dice.randrange(FIRST_YEAR, FIRST_YEAR + YEARS)
    month, day = dice.randrange(12) + 1, dice.randrange(DAYS_OF_MONTH) + 1
    return (
        number,
        owner,
        f"2.25.{dice.getrandbits(127)}",
        f"{year}{month:02}{day:02}",
        f"{dice.randrange(7, 20):02}{dice.randrange(60):02}00",
        f"A{number:07}",
        "Quixote^Don" if rare else "Anonymized^^",
        f"P{number:07}",
        dice.choice("MFO"),
        str(dice.randrange(1, 10_000)),
        f"{'ZEBRA' if rare else dice.choice(PARTS)} {dice.choice(KINDS)}",
        NOW,
    )


def prepare_filling(connection: Connection) -> None:
    """Let the database be quick: should it end in between, the filling begins anew."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA journal_mode = MEMORY")
        for setting in ("synchronous = OFF", "cache_size = -500000", "foreign_keys = OFF"):
            connection.exec_driver_sql(f"PRAGMA {setting}")
        connection.exec_driver_sql("BEGIN EXCLUSIVE")
    else:
        connection.exec_driver_sql("SET synchronous_commit = off")
        connection.exec_driver_sql("SET maintenance_work_mem = '512MB'")


def _put_off(connection: Connection) -> tuple[list[str], list[Row]]:
    """Drop the indexes.

    Returns:
        What makes the index of words again when the rows are there, and what SQLite's planner was
        told, as it forgets that of dropped indexes.
    """
    is_sqlite = connection.dialect.name == "sqlite"
    told: list[Row] = []
    if is_sqlite:
        told = [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM sqlite_stat1")]
    for table in (study, series):
        for index in table.indexes:
            index.drop(connection)
    if is_sqlite:
        wanted = "name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'study_words%'"
        triggers = connection.exec_driver_sql(f"SELECT {wanted}").all()
        for name, _ in triggers:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        # What the trigger does for a row, for all.
        inserting = next(sql for name, sql in triggers if name.endswith("_insert"))
        head, values = inserting.split("BEGIN ")[1].split(" VALUES (")
        values = values.rpartition(");")[0].replace("new.", "")
        words = f"{head} SELECT {values} FROM study ORDER BY owner_id, id"
        return [words, *(sql for _, sql in triggers)], told
    wanted = "indexdef FROM pg_indexes WHERE indexname = 'ix_study_words'"
    definition = connection.exec_driver_sql(f"SELECT {wanted}").scalar_one()
    connection.exec_driver_sql("DROP INDEX ix_study_words")
    return [definition], told


def _add(connection: Connection, table: Table, columns: tuple[str, ...], rows: list[Row]) -> None:
    names = ", ".join(columns)
    if connection.dialect.name == "sqlite":
        places = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)
        return
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
