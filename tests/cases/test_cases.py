"""Making, reading, saving and deleting cases."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from cases.cases import (
    Case,
    case_by_code,
    case_of_owner,
    cases_of_owner,
    count_of_owner,
    create_case,
    delete_case,
    save_case,
)
from cases.document import Document, ShownSeries, ShownStudy, StartState
from cases.errors import Changed, InvalidText, NoSuchCase
from cases.publishing import published
from cases.schema import WORKING_COPY, case, case_series, case_tag, case_version
from store.access import OwnerScope
from store.changes import current_version
from store.db import Database
from store.errors import NoSuchSeries
from store.schema import series
from tests.cases.rows import (
    NOW,
    OWNER,
    Pair,
    add_case,
    add_pair,
    add_published,
    clock,
    edit,
    random_bytes,
)
from tests.store.rows import add_study

OTHER = 8


def made(database: Database, *pairs: Pair, title: str = "T", owner: int = OWNER) -> Case:
    return create_case(
        database, owner, title=title, series=pairs, clock=clock, random_bytes=random_bytes
    )


def uids_in(database: Database, found: Case, version: int = WORKING_COPY) -> set[str]:
    query = select(series.c.series_instance_uid).join(
        case_series, case_series.c.series_id == series.c.id
    )
    query = query.where(case_series.c.case_id == found.id, case_series.c.version == version)
    with database.read() as connection:
        return set(connection.execute(query).scalars())


def column(database: Database, found: Case, name: str) -> object:
    with database.read() as connection:
        query = select(case.c[name]).where(case.c.id == found.id)
        return connection.execute(query).scalar_one()


@pytest.mark.promise("F11", "F13")
def test_a_case_is_pending_and_shows_its_series_in_the_order_given(database: Database) -> None:
    study_id = add_study(database, OWNER)
    first, second = (add_pair(database, study_id=study_id, images=images) for images in (3, 4))
    third = add_pair(database, modality="SR")
    found = made(database, third, second, first, title="  Wrist \u00a0 pain\n")
    assert found == case_by_code(database, found.code) == case_of_owner(database, OWNER, found.code)
    assert (found.title, found.version, found.published_at) == ("Wrist pain", None, None)
    assert found.saved == 0
    assert found.created_at == found.updated_at == NOW
    assert (found.private, found.changed) == (False, False)
    assert found.document.series_uids() == [third, second, first]
    assert uids_in(database, found) == {uid for _, uid in (first, second, third)}
    assert column(database, found, "images") == 9
    # A report has no picture that could stand for the case.
    assert column(database, found, "picture") == " ".join(second)


def test_modality_and_body_part_are_those_of_most_images(database: Database) -> None:
    pairs = [
        add_pair(database, modality="CT", body_part_examined="HEAD", images=3),
        add_pair(database, modality="MR", body_part_examined="C SPINE", images=2),
        add_pair(database, modality="MR", body_part_examined="Cspine", images=2),
        add_pair(database, modality="SR", images=50),
        add_pair(database, modality="??", body_part_examined="SOMEWHERE", images=50),
    ]
    found = made(database, *pairs)
    assert (found.modality, found.body_part) == ("MR", "CSPINE")
    empty = made(database, pairs[-1])
    assert (empty.modality, empty.body_part) == ("", "")


def test_only_series_of_the_owner_can_be_in_a_case(database: Database) -> None:
    own, others = add_pair(database), add_pair(database, OTHER)
    with pytest.raises(NoSuchSeries):
        made(database, own, others)
    # Nor with the study of one and the series of the other.
    with pytest.raises(NoSuchSeries):
        made(database, (own[0], others[1]))
    assert count_of_owner(database, OWNER) == 0
    found = made(database, own)
    studies = (*found.document.studies, ShownStudy(others[0], "", (ShownSeries(others[1]),)))
    saved = edit(database, found, studies=studies)
    assert saved.document == found.document
    assert uids_in(database, found) == {own[1]}


def test_a_series_is_shown_once_and_a_study_stays_when_it_shows_none(database: Database) -> None:
    study_id = add_study(database, OWNER)
    (study_uid, one), (_, two) = (add_pair(database, study_id=study_id) for _ in range(2))
    found = made(database, (study_uid, one), (study_uid, one))
    twice = (
        ShownStudy(study_uid, "name", (ShownSeries(one), ShownSeries(one, "again"))),
        ShownStudy(study_uid, "", (ShownSeries(two),)),
    )
    saved = edit(database, found, studies=twice, start=StartState(two, 1))
    shown = (ShownSeries(one), ShownSeries(two))
    assert saved.document.studies == (ShownStudy(study_uid, "name", shown),)
    assert saved.document.start == StartState(two, 1)
    none = edit(database, saved, studies=(ShownStudy(study_uid, "name"),))
    assert none.document.studies == (ShownStudy(study_uid, "name"),)
    # What is not shown is not what the viewer begins with.
    assert none.document.start == StartState()
    assert uids_in(database, none) == set()
    assert column(database, none, "picture") == ""


@pytest.mark.promise("F13", "F16", "F17")
def test_title_modality_and_body_part_apply_at_save_and_the_rest_does_not(
    database: Database,
) -> None:
    found = add_published(database, description="old", tags=("a",))
    before = current_version(database, OwnerScope(OWNER))
    later = NOW + timedelta(days=1)
    saved = edit(
        database,
        found,
        now=later,
        title="New",
        modality="MR",
        body_part="KNEE",
        description="new",
        tags=("b",),
    )
    assert (saved.title, saved.modality, saved.body_part) == ("New", "MR", "KNEE")
    assert (saved.changed, saved.version, saved.updated_at) == (True, 1, later)
    shown = published(database, found.id)
    assert (shown.title, shown.modality, shown.body_part) == ("New", "MR", "KNEE")
    assert shown.document.description == "old"
    assert column(database, found, "words") == "old\na"
    assert current_version(database, OwnerScope(OWNER)) > before
    with database.read() as connection:
        assert list(connection.execute(select(case_tag.c.tag)).scalars()) == ["a"]
    # Back to what is published.
    assert not edit(database, saved, description="old", tags=("a",)).changed


def test_the_picture_of_a_published_case_waits_for_publishing(database: Database) -> None:
    one, two = add_pair(database), add_pair(database)
    found = add_published(database, pairs=[one])
    study = ShownStudy(two[0], "", (ShownSeries(two[1]),))
    saved = edit(database, found, studies=(study,))
    assert column(database, saved, "picture") == " ".join(one)
    assert uids_in(database, found, 1) == {one[1]}
    assert uids_in(database, found) == {two[1]}


def test_a_save_upon_an_older_state_changes_nothing(database: Database) -> None:
    found = add_case(database)
    first = edit(database, found, description="first")
    with pytest.raises(Changed):
        edit(database, found, description="second")
    assert case_by_code(database, found.code) == first


def test_of_two_who_save_at_once_one_is_told(database: Database) -> None:
    found = add_case(database)

    def press(word: str) -> str:
        try:
            return edit(database, found, description=word).document.description
        except Changed:
            return ""

    with ThreadPoolExecutor(4) as pool:
        saved = [word for word in pool.map(press, "abcd") if word]
    assert saved == [case_by_code(database, found.code).document.description]


@pytest.mark.parametrize(
    "fields",
    [
        {"title": "x" * 201},
        {"title": "a\u202eb"},
        {"modality": "XX"},
        {"body_part": "Head"},
        {"title": " "},
    ],
)
def test_what_cannot_be_is_not_saved(database: Database, fields: dict[str, Any]) -> None:
    found = add_published(database)
    with pytest.raises(InvalidText):
        edit(database, found, **fields)
    assert case_by_code(database, found.code) == found


def test_a_pending_case_may_be_without_a_title(database: Database) -> None:
    assert edit(database, add_case(database), title="").title == ""


@pytest.mark.parametrize(
    "act",
    [
        lambda database, code: case_of_owner(database, OTHER, code),
        lambda database, code: delete_case(database, OTHER, code),
        lambda database, code: save_case(
            database,
            OTHER,
            code,
            title="",
            modality="",
            body_part="",
            document=Document(),
            saved=0,
            clock=clock,
        ),
    ],
)
def test_a_case_of_another_is_no_case(
    database: Database, act: Callable[[Database, str], object]
) -> None:
    found = add_case(database)
    for code in (found.code, "22222222", "no code", ""):
        with pytest.raises(NoSuchCase):
            act(database, code)
    assert case_by_code(database, found.code) == found


def test_the_list_of_an_owner_has_the_last_changed_first(database: Database) -> None:
    first, second, third = (add_case(database, title=title) for title in "abc")
    add_case(database, OTHER)
    edit(database, first, now=NOW + timedelta(hours=1))
    listed = cases_of_owner(database, OWNER)
    assert [found.code for found in listed] == [first.code, third.code, second.code]
    assert cases_of_owner(database, OWNER, limit=1, offset=1) == [third]
    assert count_of_owner(database, OWNER) == 3


def test_with_a_case_all_of_it_goes_but_its_series(database: Database) -> None:
    pair = add_pair(database)
    found = add_published(database, pairs=[pair], tags=("a",))
    kept = add_published(database, pairs=[pair], tags=("a",))
    before = current_version(database, OwnerScope(OWNER))
    delete_case(database, OWNER, found.code)
    with pytest.raises(NoSuchCase):
        case_by_code(database, found.code)
    with database.read() as connection:
        for table in (case_version, case_series, case_tag):
            ids = set(connection.execute(select(table.c.case_id)).scalars())
            assert ids == {kept.id}
        assert connection.execute(select(series.c.id)).all()
    assert current_version(database, OwnerScope(OWNER)) > before


def test_a_series_that_is_deleted_leaves_every_case(database: Database) -> None:
    one, two = add_pair(database), add_pair(database)
    found = add_published(database, pairs=[one, two])
    with database.write() as connection:
        connection.execute(delete(series).where(series.c.series_instance_uid == one[1]))
    assert uids_in(database, found, 1) == uids_in(database, found) == {two[1]}
    # The document still names it until it is saved, and then it counts as taken out.
    saved = edit(database, case_by_code(database, found.code))
    assert [uid for _, uid in saved.document.series_uids()] == [two[1]]
    assert saved.changed


def test_codes_that_are_taken_are_not_given_again(database: Database) -> None:
    drawn = iter([b"\0" * 16, b"\0" * 16, b"\1" * 16])
    for _ in range(2):
        create_case(
            database, OWNER, title="", series=[], clock=clock, random_bytes=lambda _: next(drawn)
        )
    assert len({found.code for found in cases_of_owner(database, OWNER)}) == 2
