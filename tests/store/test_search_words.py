"""Merging the index of words changes how it lies there, and nothing that is found."""

from sqlalchemy import text

from store.access import OwnerScope
from store.db import Database
from store.search import Match, Query, search
from store.search_words import merge_words
from tests.store.rows import add_instance, add_series, add_study

OWNER = OwnerScope(7)
NAMES = ("Miller^Anna", "Hamill^Mark", "Jones")


def _fill(database: Database) -> None:
    for number in range(40):
        study = add_study(database, patient_name=NAMES[number % 3], patient_id=f"P{number:04}")
        add_instance(database, add_series(database, study))


def _found(database: Database) -> list[list[str]]:
    values = ("*mill*", "*amil*", "*nobody*")
    pages = [search(database, OWNER, Query("study", (Match(0x00100010, each),))) for each in values]
    return [[one["00100020"]["Value"][0] for one in page.results] for page in pages]


def _pieces(database: Database) -> int:
    counted = text("SELECT count(DISTINCT segid) FROM study_words_idx")
    with database.read() as connection:
        return int(connection.execute(counted).scalar_one())


def test_what_is_found_stays_the_same(database: Database) -> None:
    _fill(database)
    before = _found(database)
    assert [len(ids) for ids in before] == [27, 13, 0]
    is_sqlite = database.engine.dialect.name == "sqlite"
    assert not is_sqlite or _pieces(database) > 1

    steps = merge_words(database, pages=1)

    assert bool(steps) == is_sqlite
    assert not is_sqlite or _pieces(database) == 1
    assert _found(database) == before
    # Nothing is left to do, and what is added afterwards is found.
    assert merge_words(database) == 0
    _fill(database)
    assert [len(ids) for ids in _found(database)] == [54, 26, 0]


def test_studies_that_were_merged_can_be_deleted(database: Database) -> None:
    _fill(database)
    merge_words(database)
    with database.write() as connection:
        connection.execute(text("DELETE FROM instance"))
        connection.execute(text("DELETE FROM series"))
        connection.execute(text("DELETE FROM study WHERE patient_name = 'Jones'"))
    merge_words(database)
    assert [len(ids) for ids in _found(database)] == [27, 13, 0]
