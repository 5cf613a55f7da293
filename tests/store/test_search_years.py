"""Modalities in years: what is walked there is what any other way finds, and all of it."""

import random
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from sqlalchemy import event, select

from store import search_plan
from store.access import OwnerScope, SeriesScope
from store.db import Database
from store.schema import series, study
from store.search import Match, Query, search
from store.search_rules import Span
from store.search_years import (
    Part,
    Walk,
    Walked,
    days_of,
    end_of_parts,
    parts_of,
    passed_parts,
    walked_parts,
)
from tests.store.conftest import Store
from tests.store.rows import add_series, add_study
from tests.support.datasets import ct_slice

OWNER = OwnerScope(7)
MODALITIES, DATE, DESCRIPTION, SEX = 0x00080061, 0x00080020, 0x00081030, 0x00100040
#: With all of these, the index of years is asked.
QUERIES = [
    [(MODALITIES, "CT"), (DATE, "20200101-20201231")],
    [(MODALITIES, "CT"), (DATE, "20191115-20200120"), (SEX, "F")],
    [(MODALITIES, "CT"), (DATE, "20190701-20200630"), (DESCRIPTION, "*head*")],
    [(MODALITIES, "MR,CT"), (DATE, "20190701-20200630")],
    [(MODALITIES, "CT\\CT"), (DATE, "2020.02.01-2020.11.30")],
    [(MODALITIES, "CT,MR,SR"), (DATE, "20200301-20201001"), (DESCRIPTION, "*nee*")],
    [(MODALITIES, "US"), (DATE, "20180101-20211231")],
]


def _fill(database: Database, seed: int) -> list[int]:
    """Studies of parts of three years in no order; the keys of the owner's series."""
    dice, made = random.Random(seed), []
    for _ in range(60):
        day = date(2019, 4, 1) + timedelta(days=dice.randrange(2 * 365))
        written = dice.choice(("%Y%m%d", "%Y%m%d", "%Y%m%d", "%Y%m%d", "%Y.%m.%d", ""))
        key = add_study(
            database,
            study_date=day.strftime(written),
            study_description=dice.choice(("HEAD", "KNEE", "")),
            patient_sex=dice.choice("FM"),
        )
        made += [
            add_series(database, key, modality=dice.choice(("CT", "CT", "MR", "SR", "")))
            for _ in range(dice.choice((1, 1, 2, 3)))
        ]
    other = add_study(database, owner=8, study_date="20200601", study_description="HEAD")
    add_series(database, other, owner=8)
    return made


#: How far is walked at first, and then.
WAYS = ((2_000, 60_000), (16, 60_000), (12, 24), (4, 5), (1, 1))


@pytest.mark.parametrize("seed", range(2))
def test_what_is_found_and_its_pages_are_those_of_any_other_way(
    database: Database, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked = SeriesScope(frozenset(_fill(database, seed)), 7)
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    numbers = []
    for keys in QUERIES:
        matches = tuple(Match(*key) for key in keys)
        expected = search(database, walked, Query("study", matches)).results
        numbers.append(len(expected))
        for (first, long), (limit, offset) in product(WAYS, ((5, 0), (5, 5), (3, 2), (100, 0))):
            monkeypatch.setattr(search_plan, "FIRST_OF_YEARS", first)
            monkeypatch.setattr(search_plan, "LONG_WALK", long)
            asked.clear()
            page = search(database, OWNER, Query("study", matches, limit=limit, offset=offset))
            assert page.results == expected[offset : offset + limit], (keys, first, limit, offset)
            behind = max(0, len(expected) - offset - limit)
            assert bool(page.remaining) == bool(behind)
            assert page.remaining == behind if page.is_counted else page.remaining <= behind
            assert not page.results or any("study_year =" in statement for statement in asked)
    assert sum(number > 5 for number in numbers) > 2
    assert numbers[-1] == 0


@pytest.mark.parametrize(
    ("modalities", "first", "last", "parts"),
    [
        (("CT",), "20200101", "20201231", ["CT 2020"]),
        (("CT",), "20201201", "20210131", ["CT 2020", "CT 2021"]),
        (("CT", "MR", "CT"), "20200101", "20200630", ["CT 2020", "MR 2020"]),
        # Few days, for which there is another index; so many years that more than a few match.
        (("CT",), "20200101", "20200107", []),
        (("CT",), "20201225", "20210105", []),
        (("CT",), "20100101", "20201231", []),
        (("CT", "MR"), "20180101", "20211231", []),
        (("CT",), "20200101", "", []),
        (("CT",), "", "20200101", []),
        (("CT",), "20201231", "20200101", []),
        (("CT",), "99990101", "99991231", ["CT 9999"]),
        (("CT",), "00010101", "00011231", ["CT 0001"]),
        ((), "20200101", "20201231", []),
    ],
)
def test_years_are_told_apart_when_there_are_few_of_them(
    modalities: tuple[str, ...], first: str, last: str, parts: list[str]
) -> None:
    assert parts_of(modalities, Span(first, last)) == [Part(*part.split()) for part in parts]


def test_without_dates_there_are_no_years() -> None:
    assert parts_of(("CT",), None) == []
    assert days_of(Span("20200101", "20200101")) == 1
    assert days_of(Span("20191231", "20200101")) == 2
    assert days_of(Span("20200101", "")) is None


@pytest.mark.parametrize("way", ["the first", "all"])
def test_years_are_merged_and_not_sorted(database: Database, way: str) -> None:
    is_sqlite = database.engine.dialect.name == "sqlite"
    parts = [Part("CT", f"{year}") for year in range(2018, 2023)]
    found: Walked
    if way == "all":
        where = [study.c.patient_sex == "F"]
        found = walked_parts(OWNER, parts, where, Walk(), is_sqlite=is_sqlite)
    elif is_sqlite:
        found = end_of_parts(OWNER, parts, Walk(), 100)
    else:
        found = passed_parts(OWNER, parts, Walk())
    asked: list[tuple[str, Any]] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2:4]))
    with database.read() as connection:
        if not is_sqlite:
            # Of a few rows it would sort everything, unless it does not have to.
            for other in ("sort", "seqscan", "bitmapscan", "hashagg", "hashjoin", "mergejoin"):
                connection.exec_driver_sql(f"SET LOCAL enable_{other} = off")
        connection.execute(found.limit(10))
        statement, values = asked[-1]
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        plan = str(connection.exec_driver_sql(f"{explain} {statement}", values).all())
    assert is_sqlite or "Merge Append" in plan
    assert ("TEMP B-TREE" if is_sqlite else "Sort  (") not in plan


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_a_series_has_the_year_of_its_study(store: Store) -> None:
    first = ct_slice(1)
    later = ct_slice(2, series="1.2.826.0.1.3680043.8.498.1.4")
    # A modality that writes another date into one and the same study.
    first.StudyDate, later.StudyDate = "20200101", "20240101"
    store.put(first)
    store.put(later)
    found = select(study.c.study_date, series.c.study_year)
    found = found.select_from(series.join(study, study.c.id == series.c.study_id))
    with store.database.read() as connection:
        rows = connection.execute(found).all()
    assert len(rows) == 2
    assert all(row.study_year == row.study_date[:4] != "" for row in rows)
