"""How much is stored: by account, by modality, and by the way it came.

Invariants: bytes are those of the Part 10 files; they are read from an index, and not from the
rows of instances.
Not here: what of it counts against a plan (`cases.storage`).
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from store.db import Database
from store.schema import instance, series

__all__ = ["Total", "by_modality", "by_owner", "by_way", "of_everything"]


@dataclass(frozen=True)
class Total:
    """Instances and their bytes, of what `key` names."""

    key: str
    series: int
    images: int
    size: int


def by_owner(database: Database) -> list[Total]:
    """Of each account, by its number, the largest first."""
    return _totals(database, series.c.owner_id)


def by_modality(database: Database) -> list[Total]:
    """Of each modality, the largest first."""
    return _totals(database, series.c.modality)


def by_way(database: Database) -> list[Total]:
    """Of each way by which series came, the largest first."""
    return _totals(database, series.c.came_by)


def of_everything(totals: list[Total]) -> Total:
    """The sum of these."""
    return Total(
        "",
        sum(one.series for one in totals),
        sum(one.images for one in totals),
        sum(one.size for one in totals),
    )


def _totals(database: Database, by: ColumnElement[object]) -> list[Total]:
    of_series = (
        select(
            instance.c.series_id,
            func.count().label("images"),
            func.sum(instance.c.size).label("size"),
        )
        .group_by(instance.c.series_id)
        .subquery()
    )
    size = func.coalesce(func.sum(of_series.c.size), 0).label("size")
    images = func.coalesce(func.sum(of_series.c.images), 0).label("images")
    query = (
        select(by.label("key"), func.count().label("series"), images, size)
        .select_from(series)
        .outerjoin(of_series, of_series.c.series_id == series.c.id)
        .group_by(by)
        .order_by(size.desc(), by)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [Total(str(row.key), int(row.series), int(row.images), int(row.size)) for row in rows]
