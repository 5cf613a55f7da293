"""What is published, besides one account's own: for those who see that anyhow."""

from cases.access import PublishedScope
from store.access import OwnerScope
from store.db import Database
from store.search import Query, search
from store.search_patients import Related, patient_ids, related_to
from tests.cases.rows import add_case, add_pair, add_published

MINE, THEIRS = 7, 9


def studies(database: Database, scope: PublishedScope | OwnerScope) -> set[str]:
    page = search(database, scope, Query("study"))
    return {found["0020000D"]["Value"][0] for found in page.results}


def test_what_is_published_of_others_is_apart_from_ones_own(database: Database) -> None:
    mine, theirs = add_pair(database, MINE), add_pair(database, THEIRS)
    add_published(database, MINE, pairs=[mine])
    add_published(database, THEIRS, pairs=[theirs])
    add_case(database, THEIRS)
    assert studies(database, PublishedScope()) == {mine[0], theirs[0]}
    assert studies(database, PublishedScope(besides=MINE)) == {theirs[0]}
    assert studies(database, OwnerScope(MINE)) == {mine[0]}


def test_patients_are_those_of_the_series_that_are_shown(database: Database) -> None:
    of_study = {"patient_id": "P1"}
    add_published(database, THEIRS, pairs=[add_pair(database, THEIRS, of_study=of_study)])
    add_pair(database, THEIRS, of_study={"patient_id": "P2"})
    add_published(database, MINE, pairs=[add_pair(database, MINE, of_study={"patient_id": "P3"})])
    scope = PublishedScope(besides=MINE)
    assert patient_ids(database, scope, (), 10) == ["P1"]
    assert related_to(database, scope, "P1") == Related(studies=1, series=1, instances=2)
    assert related_to(database, scope, "P2") == Related(studies=0, series=0, instances=0)
