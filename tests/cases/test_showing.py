"""What readers see of a case: order, names, and what is left out."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from cases.access import CaseScope
from cases.document import Document, ShownSeries, ShownStudy, StartState
from cases.showing import (
    SeriesOfCase,
    StudyOfCase,
    default_name,
    default_study_name,
    picture_of,
    shown,
)
from store.access import NothingScope, OwnerScope, SeriesScope
from store.db import Database
from store.schema import series
from store.states import State
from tests.cases.rows import OWNER, add_case, add_pair, add_published
from tests.store.rows import add_study

OTHER = 8


@pytest.mark.promise("F4", "F6", "F10")
@pytest.mark.parametrize(
    ("number", "description", "name"),
    [
        (1, "FLAIR axial", "1 - FLAIR axial"),
        (0, "Scout", "0 - Scout"),
        (3, "", "Series 3"),
        (None, "FLAIR axial", "FLAIR axial"),
        (None, "", "Series without a number"),
    ],
)
def test_default_names_are_made_of_number_and_description_alone(
    number: int | None, description: str, name: str
) -> None:
    assert default_name(number, description) == name


def test_studies_are_counted_within_the_case() -> None:
    assert default_study_name(2, "MR wrist") == "2 - MR wrist"
    assert default_study_name(2, "") == "Study 2"


@pytest.mark.promise("F7", "F11")
def test_studies_and_series_come_in_the_authors_order_and_with_their_names(
    sqlite: Database,
) -> None:
    study_id = add_study(sqlite, study_description="MR wrist", study_date="20210302")
    one = add_pair(sqlite, study_id=study_id, series_number=3, series_description="PD", images=16)
    two = add_pair(sqlite, study_id=study_id, series_number=1, modality="MR")
    three = add_pair(sqlite, review_state="masked", of_study={"study_description": "CR wrist"})
    found = add_case(sqlite, pairs=[three, one, two])
    named = ShownStudy(one[0], "Wrist", (ShownSeries(one[1], "PD coronal"), ShownSeries(two[1])))
    document = replace(found.document, studies=(found.document.studies[0], named))
    first, second = shown(sqlite, CaseScope(found.id, OWNER), document)
    assert (first.uid, first.name, first.date) == (three[0], "1 - CR wrist", "")
    assert first.series[0].state is State.MASKED
    assert (second.uid, second.name, second.date) == (one[0], "Wrist", "20210302")
    assert second.series[0] == SeriesOfCase(*one, "PD coronal", "CT", 16, State.FREE, "PD", 3)
    assert second.series[0].default_name == "3 - PD"
    assert (second.series[1].name, second.series[1].modality) == ("Series 1", "MR")


def test_what_is_not_visible_is_left_out_and_a_study_without_series_with_it(
    sqlite: Database,
) -> None:
    held, fine = add_pair(sqlite, review_state="held"), add_pair(sqlite)
    found = add_case(sqlite, pairs=[held, fine])
    document = found.document
    with sqlite.read() as connection:
        everything = SeriesScope(frozenset(connection.execute(select(series.c.id)).scalars()))
    [one] = shown(sqlite, everything, document)
    assert (one.uid, one.name) == (fine[0], "Study 1")
    # Its owner sees it with its state.
    both = shown(sqlite, CaseScope(found.id, OWNER), document)
    assert [study.series[0].state for study in both] == [State.HELD, State.FREE]
    assert shown(sqlite, CaseScope(found.id), document) == []
    assert shown(sqlite, OwnerScope(OTHER), document) == []
    assert shown(sqlite, NothingScope(), document) == []
    assert shown(sqlite, OwnerScope(OWNER), Document()) == []


def test_a_document_shows_nothing_that_the_scope_has_not(sqlite: Database) -> None:
    inside, outside = add_pair(sqlite), add_pair(sqlite)
    found = add_published(sqlite, pairs=[inside])
    studies = (*found.document.studies, ShownStudy(outside[0], "", (ShownSeries(outside[1]),)))
    [study] = shown(sqlite, CaseScope(found.id), replace(found.document, studies=studies))
    assert study.uid == inside[0]


def series_of(uid: str, modality: str = "CT", state: State = State.FREE) -> SeriesOfCase:
    return SeriesOfCase("1", uid, uid, modality, 1, state, "", None)


def test_the_picture_is_where_the_viewer_begins_else_the_first_that_is_open() -> None:
    report, held = series_of("2", "SR"), series_of("3", state=State.HELD)
    first, second = series_of("4"), series_of("5")
    studies = [StudyOfCase("1", "", "", (report, held, first, second))]
    assert picture_of(Document(), studies) == first
    assert picture_of(Document(start=StartState("5")), studies) == second
    assert picture_of(Document(start=StartState("2")), studies) == first
    assert picture_of(Document(), [StudyOfCase("1", "", "", (report, held))]) == held
    waves = series_of("6", "ECG")
    assert picture_of(Document(), [StudyOfCase("1", "", "", (report, waves))]) == waves
    assert (
        picture_of(Document(start=StartState("6")), [*studies, StudyOfCase("2", "", "", (waves,))])
        == waves
    )
    assert picture_of(Document(), [StudyOfCase("1", "", "", (report,))]) == report
    assert picture_of(Document(), []) is None
