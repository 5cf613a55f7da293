"""Patients are what studies say of them, within a scope."""

import pytest

from store.access import OwnerScope, SeriesScope
from store.db import Database
from store.errors import NotSearchable
from store.search import Match
from store.search_patients import Related, patient_ids, related_to
from tests.store import rows

OWNER = OwnerScope(7)
NAME, ID, BIRTH = 0x00100010, 0x00100020, 0x00100030


def add(database: Database, patient_id: str, name: str, *series: int, owner: int = 7) -> list[int]:
    """A study of a patient, with series of so many instances; the keys of the series."""
    study = rows.add_study(database, owner, patient_id=patient_id, patient_name=name)
    return [
        rows.add_series(database, study, owner, number_of_series_related_instances=instances)
        for instances in series
    ]


def test_each_patient_is_there_once_the_newest_study_first(database: Database) -> None:
    for patient_id, name in (("A", "Doe"), ("B", "Roe"), ("A", "Poe"), ("", "Zoe"), ("B", "Doe")):
        add(database, patient_id, name, 1)
    add(database, "C", "Doe", 1, owner=8)
    assert patient_ids(database, OWNER, [], 10) == ["B", "", "A"]
    assert patient_ids(database, OWNER, [], 2) == ["B", ""]
    assert patient_ids(database, OWNER, [Match(NAME, "d*")], 10) == ["B", "A"]
    assert patient_ids(database, OWNER, [Match(NAME, "Doe"), Match(ID, "A")], 10) == ["A"]
    with pytest.raises(NotSearchable):
        patient_ids(database, OWNER, [Match(BIRTH, "yesterday")], 10)


def test_what_is_related_is_counted_within_the_scope(database: Database) -> None:
    first, second = add(database, "A", "Doe", 2, 3)
    add(database, "A", "Doe", 4)
    add(database, "B", "Doe", 5)
    add(database, "A", "Doe", 6, owner=8)
    assert related_to(database, OWNER, "A") == Related(2, 3, 9)
    assert related_to(database, OwnerScope(8), "A") == Related(1, 1, 6)
    assert related_to(database, SeriesScope(frozenset({second})), "A") == Related(1, 1, 3)
    assert related_to(database, SeriesScope(frozenset({first})), "B") == Related(0, 0, 0)
    assert patient_ids(database, SeriesScope(frozenset({first})), [], 10) == ["A"]
