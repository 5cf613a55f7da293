"""Pages begin where those before them ended, and are the same as without."""

from collections.abc import Iterator

import pytest
from sqlalchemy import event

from store import search_plan, search_positions
from store.access import OwnerScope, Scope, SeriesScope
from store.db import Database
from store.search import Match, Query, search
from store.search_positions import Position, Positions
from tests.store.rows import add_series, add_study

OWNER = OwnerScope(7)
QUERIES = (
    (),
    (Match(0x00100010, "*mill*"),),
    (Match(0x00100010, "mill*"), Match(0x00081030, "*head*")),
    (Match(0x00080061, "CT"),),
    (Match(0x00080020, "20200103-20200124"),),
    (Match(0x00080061, "CT"), Match(0x00080020, "20200103-20200124")),
    (Match(0x00100040, "F"),),
)


def _fill(database: Database) -> list[int]:
    made = []
    for number in range(30):
        study = add_study(
            database,
            patient_name=("Miller^Anna", "Hamill^Mark", "Jones")[number % 3],
            patient_sex="FM"[number % 2],
            study_description=("HEAD", "KNEE")[number % 4 // 2],
            study_date=f"202001{number % 28 + 1:02}",
        )
        made.append(add_series(database, study, modality=("CT", "MR")[number % 5 // 3]))
        if number % 6 == 0:
            made.append(add_series(database, study, modality="CT"))
    return made


def _uids(database: Database, scope: Scope, query: Query) -> list[str]:
    found = search(database, scope, query).results
    return [str(result["0020000D"]["Value"][0]) for result in found]


@pytest.mark.parametrize(("few", "first"), [(5_000, 4_000), (-1, 4_000), (-1, 12), (-1, 2)])
@pytest.mark.parametrize("is_owner", [True, False])
def test_pages_in_a_row_are_all_results_once(
    database: Database, few: int, first: int, is_owner: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_plan, "FEW", few)
    monkeypatch.setattr(search_plan, "FIRST_WALK", first)
    monkeypatch.setattr(search_plan, "LONG_WALK", 3 * first)
    made = _fill(database)
    scope: Scope = OWNER if is_owner else SeriesScope(frozenset(made), 7)
    for matches in QUERIES:
        everything = _uids(database, scope, Query("study", matches))
        assert len(everything) > 4
        pages: list[str] = []
        for offset in range(0, len(everything) + 8, 4):
            page = search(database, scope, Query("study", matches, limit=4, offset=offset))
            pages += [str(result["0020000D"]["Value"][0]) for result in page.results]
            behind = max(0, len(everything) - offset - 4)
            assert page.remaining <= behind
            assert bool(page.remaining) == bool(behind)
            assert not page.is_counted or page.remaining == behind
        assert pages == everything, matches
        # Backwards, and from where no page ended.
        for offset in (17, 9, 2, 1):
            query = Query("study", matches, limit=5, offset=offset)
            assert _uids(database, scope, query) == everything[offset : offset + 5]


@pytest.fixture
def skipped(database: Database) -> Iterator[list[int]]:
    """How many rows each statement passes over."""
    found: list[int] = []

    def record(*args: object) -> None:
        statement, values = str(args[2]), args[3]
        if "OFFSET" in statement:
            found.append(list(values.values() if isinstance(values, dict) else values)[-1])  # type: ignore[call-overload]

    event.listen(database.engine, "before_cursor_execute", record)
    yield found
    event.remove(database.engine, "before_cursor_execute", record)


def test_a_page_after_another_passes_over_nothing(database: Database, skipped: list[int]) -> None:
    _fill(database)
    _uids(database, OWNER, Query("study", limit=10, offset=10))
    assert max(skipped) == 10
    skipped.clear()
    _uids(database, OWNER, Query("study", limit=5, offset=20))
    assert max(skipped, default=0) == 0


def test_a_change_forgets_where_pages_ended(database: Database) -> None:
    _fill(database)
    first = _uids(database, OWNER, Query("study", limit=10))
    newest = add_study(database)
    add_series(database, newest)
    after = _uids(database, OWNER, Query("study", limit=10, offset=10))
    assert after[0] == first[-1]


def test_another_owner_has_positions_of_their_own(database: Database) -> None:
    _fill(database)
    add_series(database, add_study(database, owner=8), owner=8)
    assert len(_uids(database, OWNER, Query("study", limit=10))) == 10
    assert _uids(database, OwnerScope(8), Query("study", limit=10, offset=10)) == []
    assert len(_uids(database, OwnerScope(8), Query("study", limit=10))) == 1


def test_behind_the_end_nothing_is_looked_for() -> None:
    positions = Positions()
    positions.remember("a", 100, [], 100)
    assert positions.before("a", 101).is_end
    assert not positions.before("a", 99).is_end
    positions.remember("a", 90, [4, 3], 92)
    assert positions.before("a", 92).is_end
    assert positions.before("b", 200) == Position()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_positions, "MAX_SEARCHES", 2)
    monkeypatch.setattr(search_positions, "MAX_POSITIONS", 10)
    positions = Positions()
    for number in range(100):
        positions.remember("a", number, [1_000 - number], None)
        assert positions.before("a", number + 1) == Position(number + 1, 1_000 - number)
    known = positions.before("a", 50)
    assert known.key == 1_000 - known.offset + 1 or known == Position()
    positions.remember("b", 0, [1], None)
    positions.remember("c", 0, [1], None)
    assert positions.before("a", 100) == Position()
