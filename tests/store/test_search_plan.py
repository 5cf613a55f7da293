"""The ways on which a search finds its rows: all find the same, none sorts everything."""

from pathlib import Path

import pytest
from sqlalchemy import BigInteger, event, literal_column, text

from store import search_blocks, search_plan
from store.access import OwnerScope, SeriesScope
from store.db import Database
from store.search import Level, Match, Query, search
from store.search_plan import Cut, find
from store.search_rules import LITERAL
from store.search_terms import terms_of
from tests.store.rows import add_instance, add_series, add_study
from tests.support.databases import ready

OWNER = OwnerScope(7)
QUERIES = [
    [],
    [(0x00100010, "*mill*")],
    [(0x00100010, "*mill*"), (0x00081030, "*head*")],
    [(0x00100010, "mil*er"), (0x00080061, "CT")],
    [(0x00100010, "*il*")],
    [(0x00100020, "P0001")],
    [(0x00080020, "20200105-20200110")],
    [(0x00080061, "CT")],
    [(0x00080061, "CT,MR"), (0x00080020, "20200105-")],
    [(0x00080061, "CT"), (0x00080020, "20200101-20201231")],
    [(0x00080061, "CT"), (0x00081030, "*head*"), (0x00080020, "20200103-20200118")],
    [(0x00080060, "MR")],
    [(0x00080060, "MR"), (0x0008103E, "*a*")],
    [(0x00080016, "1.2.840.10008.5.1.4.1.1.2"), (0x00081030, "*knee*")],
]


# How many are few, how far is walked (of years the same), and how many are too many for an index:
# nothing counts as few, or nothing is found by walking, or not even by an index.
WAYS = (
    (20_000, 4_000, 60_000, 50_000),
    (0, 4_000, 60_000, 50_000),
    (0, 20, 60_000, 50_000),
    (0, 2, 3, 50_000),
    (0, 2, 3, 0),
)


def _fill(database: Database) -> None:
    for number in range(24):
        study = add_study(
            database,
            patient_name=("Miller^Anna", "Hamill^Mark", "Jones")[number % 3],
            patient_id=f"P{number:04}",
            study_description=("HEAD", "KNEE", "HEAD AND NECK", "")[number % 4],
            study_date=f"202001{number + 1:02}",
        )
        for place, modality in enumerate(("CT", "MR", "SR")[: number % 4]):
            series = add_series(
                database, study, modality=modality, series_description="ab"[place % 2]
            )
            add_instance(database, series)
        if number % 4 == 0:
            add_series(database, study, modality="")
    add_study(database, owner=8, patient_name="Miller", study_description="HEAD")


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_every_way_finds_the_same(
    database: Database, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fill(database)
    with database.read() as connection:
        ids = connection.execute(text("SELECT id FROM series WHERE owner_id = 7")).scalars().all()
    # The same rows by a scope that knows no owner's index: everything is walked.
    walked = SeriesScope(frozenset(ids), 7)
    for keys in QUERIES:
        query = Query(level, tuple(Match(*key) for key in keys), limit=9, offset=2)
        found = []
        for few, first, long, many in WAYS:
            monkeypatch.setattr(search_plan, "FEW", few)
            monkeypatch.setattr(search_plan, "FIRST_WALK", first)
            monkeypatch.setattr(search_plan, "FIRST_OF_YEARS", first)
            monkeypatch.setattr(search_plan, "LONG_WALK", long)
            monkeypatch.setattr(search_plan, "MANY", many)
            monkeypatch.setattr(search_plan, "RARE", few)
            found += [search(database, scope, query) for scope in (OWNER, walked)]
        everything = Query(level, query.matches)
        all_behind = max(0, len(search(database, OWNER, everything).results) - 11)
        assert all(page.results == found[0].results for page in found), keys
        for page in found:
            # How much is counted behind the page depends on the way.
            assert bool(page.remaining) == bool(found[0].remaining)
            assert page.remaining <= all_behind
            assert not page.is_counted or page.remaining == all_behind


@pytest.mark.parametrize("offset", [0, 5])
def test_blocks_of_studies_come_in_order(
    database: Database, offset: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("its index of words has an order")
    _fill(database)
    terms = terms_of(OWNER, "study", [Match(0x00100010, "*mill*")], LITERAL)
    with database.read() as connection:
        expected = find(connection, OWNER, "study", terms, Cut(offset, 7)).keys[:7]
    assert len(expected) == 7
    asked = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    # Blocks of two studies; nothing is found by walking.
    monkeypatch.setattr(search_blocks, "_block", literal_column("(id >> 1)", BigInteger))
    monkeypatch.setattr(search_plan, "FIRST_WALK", 2)
    monkeypatch.setattr(search_plan, "RARE", 0)
    for blockwise in (0, 1_000_000):
        asked.clear()
        monkeypatch.setattr(search_blocks, "BLOCKWISE", blockwise)
        with database.read() as connection:
            assert find(connection, OWNER, "study", terms, Cut(offset, 7)).keys[:7] == expected
        assert any("RECURSIVE" in statement for statement in asked) == (blockwise == 0)


@pytest.mark.parametrize(
    ("keys", "rounds"),
    [
        # What the planner expects, and those that have the text.
        ([(0x00100010, "*mill*")], ["EXPLAIN", "WITH looked_up"]),
        ([(0x00100010, "*mill*"), (0x00081030, "*head*")], ["SELECT anon_1.matching"]),
        ([(0x00080061, "CT"), (0x00080020, "20200101-20201231")], ["SELECT anon_1.matching"]),
    ],
)
def test_postgresql_is_asked_in_few_rounds(
    database: Database, keys: list[tuple[int, str]], rounds: list[str]
) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("it is in this process")
    _fill(database)
    terms = terms_of(OWNER, "study", [Match(*key) for key in keys], LITERAL)
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with database.read() as connection:
        assert find(connection, OWNER, "study", terms, Cut(0, 100)).is_all
    assert len(asked) == len(rounds)
    assert all(map(str.startswith, asked, rounds)), asked


@pytest.mark.parametrize(
    ("keys", "few", "used"),
    [
        ([], 20_000, "ix_study_owner_id_id_study_date"),
        ([(0x00080020, "20150101-20240101")], 0, "id_study_date"),
        ([(0x00080020, "20200105-20200110")], 20_000, "ix_study_owner_id_study_date_id"),
        (
            [(0x00080061, "CT"), (0x00080020, "20200105-20200110"), (0x00081030, "*head*")],
            20_000,
            "ix_study_owner_id_study_date_id",
        ),
        ([(0x00100010, "*mill*")], 0, "study_words VIRTUAL TABLE"),
        ([(0x00080061, "CT")], 0, "ix_series_owner_id_modality_study_id"),
        ([(0x00080061, "CT")], 20_000, "ix_series_owner_id_modality_study_id"),
        (
            [(0x00080061, "CT"), (0x00080020, "20200101-20201231"), (0x00081030, "*head*")],
            0,
            "ix_series_owner_id_modality_study_year_study_id",
        ),
        (
            [(0x00080061, "CT,MR"), (0x00080020, "20190601-20200531"), (0x00081030, "*head*")],
            0,
            "ix_series_owner_id_modality_study_year_study_id",
        ),
    ],
)
def test_a_page_comes_in_the_order_of_an_index(
    tmp_path: Path,
    keys: list[tuple[int, str]],
    few: int,
    used: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = Database(f"sqlite:///{tmp_path / 'index.sqlite'}")
    ready(database)
    # With nothing stored every lead ends soon, unless few are fewer than none.
    monkeypatch.setattr(search_plan, "FEW", few or -1)
    terms = terms_of(OWNER, "study", [Match(*key) for key in keys], LITERAL)
    executed = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: executed.append(args[2:4]))
    with database.read() as connection:
        find(connection, OWNER, "study", terms, Cut(0, 100))
        statement, values = executed[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
    database.dispose()
    steps = [row[3] for row in plan]
    assert any(used in step for step in steps), steps
    if few == 0 or not keys:
        assert not any("ORDER BY" in step for step in steps), steps
