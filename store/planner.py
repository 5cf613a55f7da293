"""What SQLite's planner is told of the tables: that an owner may have a million studies.

Without being told it takes any owner for one of few rows, looks all of them up and sorts them,
where the first hundred in the order of an index are asked for. What ANALYZE would find depends on
how much is stored when it runs; this is the same always, and so are the plans.
Standard: none; https://www.sqlite.org/fileformat2.html#stat1tab says what the numbers mean: rows,
then rows for each value of the first column, of the first two, and so on.
Not here: PostgreSQL, which keeps its statistics itself; migrations write these numbers themselves.
"""

from typing import Final

from sqlalchemy import Connection, MetaData, event

__all__ = ["tell_planner"]

STATISTICS: Final = (
    ("study", "ix_study_owner_id_id_study_date", "1000000 100000 1 1"),
    ("study", "ix_study_owner_id_study_date_id", "1000000 100000 30 1"),
    ("study", "sqlite_autoindex_study_1", "1000000 100000 1"),
    ("study", "ix_study_study_instance_uid", "1000000 1"),
    ("series", "sqlite_autoindex_series_1", "2000000 2 1"),
    ("series", "ix_series_series_instance_uid", "2000000 1"),
    ("series", "ix_series_owner_id_modality_study_id", "2000000 200000 20000 1"),
    ("series", "ix_series_owner_id_modality_study_year_study_id", "2000000 200000 20000 2000 1"),
    ("instance", "sqlite_autoindex_instance_1", "50000000 25 1"),
    ("instance", "ix_instance_sop_instance_uid", "50000000 1"),
    ("instance", "ix_instance_blob", "50000000 1"),
    ("instance", "ix_instance_series_id_size", "50000000 25 1"),
)


def tell_planner(tables: MetaData) -> None:
    """Have it told whenever the tables are made without migrations, as tests do."""
    event.listen(tables, "after_create", _write)


def _write(_tables: MetaData, connection: Connection, **_options: object) -> None:
    if connection.dialect.name != "sqlite":
        return
    # Makes the table for statistics, and gathers none.
    connection.exec_driver_sql("ANALYZE sqlite_schema")
    connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    connection.exec_driver_sql("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", list(STATISTICS))
