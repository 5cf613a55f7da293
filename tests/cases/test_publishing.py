"""Versions: what publishing shows, refuses, and never changes."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from cases.cases import Case, case_by_code, create_case
from cases.document import ShownSeries, ShownStudy, StartState
from cases.errors import InvalidText, NoSuchCase, NoSuchVersion, NotReady
from cases.publishing import (
    blockers,
    discard,
    publish,
    published,
    restore,
    versions_of,
    words_of,
)
from cases.schema import case, case_series, case_tag, case_version
from store import schema
from store.access import OwnerScope
from store.audit import deeds
from store.changes import current_version
from store.db import Database
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

OTHER = 8


def again(database: Database, found: Case) -> Case:
    return case_by_code(database, found.code)


def row_of(database: Database, found: Case) -> dict[str, object]:
    with database.read() as connection:
        row = connection.execute(select(case).where(case.c.id == found.id)).mappings().one()
    return dict(row)


def ids_in(database: Database, found: Case, version: int) -> set[int]:
    query = select(case_series.c.series_id).where(case_series.c.case_id == found.id)
    with database.read() as connection:
        return set(connection.execute(query.where(case_series.c.version == version)).scalars())


def set_state(database: Database, pair: Pair, state: str) -> None:
    change = update(series).where(series.c.series_instance_uid == pair[1])
    with database.write() as connection:
        connection.execute(change.values(review_state=state))


@pytest.mark.promise("F86")
def test_what_lists_and_searches_use_follows_what_was_published(database: Database) -> None:
    one, two = add_pair(database, images=3), add_pair(database, images=4)
    found = add_case(
        database,
        pairs=[one, two],
        findings="[Image 10](view:1/10) shows it.",
        diagnosis="Rupture",
        closed=("diagnosis", "discussion"),
        tags=("hand", "trauma"),
        authors=("Ines Ferreira", "Otto Kern"),
        downloadable=True,
        start=StartState(two[1], 2),
    )
    before = current_version(database, OwnerScope(OWNER))
    later = NOW + timedelta(days=2)
    assert publish(database, OWNER, found.code, clock=lambda: later, note=" First\n") == 1
    shown, row = again(database, found), row_of(database, found)
    assert (shown.version, shown.changed, shown.published_at) == (1, False, later)
    assert row["words"] == "Image 10 shows it.\nRupture\nhand\ntrauma"
    assert row["authors"] == "Ines Ferreira\nOtto Kern"
    assert (row["images"], row["picture"]) == (7, " ".join(two))
    assert (row["downloadable"], row["has_closed_sections"]) == (True, True)
    with database.read() as connection:
        assert set(connection.execute(select(case_tag.c.tag)).scalars()) == {"hand", "trauma"}
    assert ids_in(database, found, 1) == ids_in(database, found, 0)
    assert len(ids_in(database, found, 1)) == 2
    assert current_version(database, OwnerScope(OWNER)) > before
    assert [(v.number, v.note, v.published_at) for v in versions_of(database, found.id)] == [
        (1, "First", later)
    ]
    deed = deeds(database)[0]
    assert (deed.account_id, deed.what) == (OWNER, "publish case")
    assert deed.which == f"{found.code}, version 1; rights affirmed"


def test_a_section_that_is_closed_and_empty_does_not_count_as_closed(database: Database) -> None:
    found = add_published(database, diagnosis=" ", closed=("diagnosis",))
    assert row_of(database, found)["has_closed_sections"] is False


@pytest.mark.promise("N9")
def test_a_version_never_changes(database: Database) -> None:
    one, two = add_pair(database), add_pair(database)
    found = add_published(database, pairs=[one], title="First", findings="one", tags=("a",))
    study = ShownStudy(two[0], "", (ShownSeries(two[1]),))
    later = NOW + timedelta(days=1)
    edit(database, found, title="Second", modality="US", findings="two", studies=(study,), tags=())
    assert publish(database, OWNER, found.code, clock=lambda: later) == 2
    first, second = (published(database, found.id, number) for number in (1, 2))
    assert published(database, found.id) == second
    assert (first.title, first.modality, first.document.findings) == ("First", "CT", "one")
    assert first.document.series_uids() == [one]
    assert first.published_at == NOW
    assert (second.title, second.modality, second.document.findings) == ("Second", "US", "two")
    assert ids_in(database, found, 1) != ids_in(database, found, 2)
    shown = again(database, found)
    assert (shown.published_at, shown.updated_at) == (NOW, later)
    assert [version.number for version in versions_of(database, found.id)] == [2, 1]


def test_the_shown_version_has_the_title_of_now_and_older_ones_that_of_their_time(
    database: Database,
) -> None:
    found = add_published(database, title="First")
    edit(database, found, title="Second")
    assert published(database, found.id).title == "Second"
    assert published(database, found.id, 1).title == "Second"
    assert publish(database, OWNER, found.code, clock=clock) == 2
    assert published(database, found.id, 1).title == "First"


def test_what_was_not_published_is_no_version(database: Database) -> None:
    found = add_case(database)
    for number in (None, 0, 1):
        with pytest.raises(NoSuchVersion):
            published(database, found.id, number)
    assert versions_of(database, found.id) == []
    with pytest.raises(NoSuchVersion):
        discard(database, OWNER, found.code, clock=clock)
    with pytest.raises(NoSuchVersion):
        restore(database, OWNER, found.code, 1, clock=clock)


def test_a_version_of_another_case_is_none_of_this_one(database: Database) -> None:
    found, other = add_published(database), add_published(database)
    publish(database, OWNER, edit(database, other, findings="x").code, clock=clock)
    with pytest.raises(NoSuchVersion):
        published(database, found.id, 2)


def test_a_case_is_not_published_before_it_is_ready(database: Database) -> None:
    found = create_case(
        database, OWNER, title="", series=[], clock=clock, random_bytes=random_bytes
    )
    assert blockers(database, found) == ["The case has no title.", "The case shows no series."]
    with pytest.raises(NotReady, match=r"The case has no title\. The case shows no series\."):
        publish(database, OWNER, found.code, clock=clock)
    assert again(database, found) == found
    assert "publish case" not in {one.what for one in deeds(database)}


@pytest.mark.parametrize(("state", "says"), [("held", "held for review"), ("left-out", "left out")])
def test_a_series_that_others_may_not_see_holds_the_case_back(
    database: Database, state: str, says: str
) -> None:
    named, unnamed, fine = (
        add_pair(database, review_state=state),
        add_pair(database, review_state=state, series_number=99, series_description="SC"),
        add_pair(database, review_state="masked"),
    )
    found = add_case(database, pairs=[named, unnamed, fine])
    studies = (ShownStudy(named[0], "", (ShownSeries(named[1], "Capture"),)),)
    found = edit(database, found, studies=studies + found.document.studies[1:])
    first, second = blockers(database, found)
    assert first.startswith("Capture is ")
    assert second.startswith("99 - SC is ")
    assert says in first
    with pytest.raises(NotReady):
        publish(database, OWNER, found.code, clock=clock)
    for pair in (named, unnamed):
        set_state(database, pair, "attested")
    assert publish(database, OWNER, found.code, clock=clock) == 1


def test_a_case_without_changes_is_not_published_again(database: Database) -> None:
    found = add_published(database)
    assert blockers(database, found) == ["Nothing has changed since version 1."]
    with pytest.raises(NotReady):
        publish(database, OWNER, found.code, clock=clock)
    # A title that applied at once makes a version that can be cited by it.
    edit(database, found, title="Another")
    assert publish(database, OWNER, found.code, clock=clock) == 2


def test_a_series_that_was_deleted_and_came_again_can_be_published_again(
    database: Database,
) -> None:
    pair, other = add_pair(database), add_pair(database)
    found = add_published(database, pairs=[pair, other])
    with database.write() as connection:
        row = dict(
            connection.execute(select(series).where(series.c.series_instance_uid == pair[1]))
            .mappings()
            .one()
        )
        connection.execute(delete(series).where(series.c.id == row["id"]))
        del row["id"]
        connection.execute(insert(series).values(row))
    assert len(ids_in(database, found, 1)) == 1
    saved = edit(database, again(database, found))
    assert saved.document == found.document
    assert saved.changed
    assert publish(database, OWNER, found.code, clock=clock) == 2
    assert len(ids_in(database, found, 2)) == 2


def test_what_a_report_hides_is_not_published(database: Database) -> None:
    pair = add_pair(database)
    found, same = add_published(database, pairs=[pair]), add_case(database, pairs=[pair])
    edit(database, found, findings="x")
    assert blockers(database, same) == []
    with database.write() as connection:
        connection.execute(update(case).where(case.c.id == found.id).values(hidden_at=NOW))
    with pytest.raises(NotReady, match="moderator"):
        publish(database, OWNER, found.code, clock=clock)
    # Nor under another name.
    with pytest.raises(NotReady, match="part of another case"):
        publish(database, OWNER, same.code, clock=clock)


def test_only_its_owner_publishes_a_case(database: Database) -> None:
    found = edit(database, add_published(database), findings="x")
    for code in (found.code, "22222222", ""):
        for act in (publish, discard):
            with pytest.raises(NoSuchCase):
                act(database, OTHER, code, clock=clock)
        with pytest.raises(NoSuchCase):
            restore(database, OTHER, code, 1, clock=clock)
    assert again(database, found) == found


def test_a_note_is_one_short_line(database: Database) -> None:
    found = add_case(database)
    for note in ("x" * 501, "a\u202eb"):
        with pytest.raises(InvalidText):
            publish(database, OWNER, found.code, clock=clock, note=note)


@pytest.mark.promise("N9")
def test_an_older_version_becomes_the_working_copy_and_nothing_else(database: Database) -> None:
    found = add_published(database, title="T", findings="one", tags=("a",))
    found = edit(database, found, findings="two", title="U")
    publish(database, OWNER, found.code, clock=clock)
    restored = restore(database, OWNER, found.code, 1, clock=clock)
    assert restored.document.findings == "one"
    assert (restored.title, restored.changed, restored.version) == ("U", True, 2)
    assert restored.saved == found.saved + 1
    assert published(database, found.id).document.findings == "two"
    assert publish(database, OWNER, found.code, clock=clock) == 3
    assert published(database, found.id).document == published(database, found.id, 1).document


def test_changes_are_discarded(database: Database) -> None:
    found = add_published(database, findings="one")
    edit(database, found, findings="two", title="U")
    discarded = discard(database, OWNER, found.code, clock=clock)
    assert discarded.document == found.document
    assert (discarded.changed, discarded.title) == (False, "U")


def test_what_was_deleted_does_not_come_back_with_an_older_version(database: Database) -> None:
    one, two = add_pair(database), add_pair(database)
    found = add_published(database, pairs=[one, two])
    with database.write() as connection:
        connection.execute(delete(schema.study).where(schema.study.c.study_instance_uid == one[0]))
    restored = restore(database, OWNER, found.code, 1, clock=clock)
    assert restored.document.series_uids() == [two]
    assert len(ids_in(database, found, 0)) == 1


def test_two_who_publish_at_once_make_one_version(database: Database) -> None:
    found = add_case(database)

    def press(_: int) -> object:
        try:
            return publish(database, OWNER, found.code, clock=clock)
        except NotReady as error:
            return str(error)

    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(press, range(4)))
    assert sorted(map(str, outcomes)) == ["1", *["Nothing has changed since version 1."] * 3]
    with database.read() as connection:
        assert len(connection.execute(select(case_version)).all()) == 1


def test_moments_have_their_zone(database: Database) -> None:
    found = add_published(database)
    for moment in (found.created_at, versions_of(database, found.id)[0].published_at):
        assert moment.utcoffset() == timedelta(0)


def test_words_are_without_the_targets_of_links_and_with_names_and_tags(
    database: Database,
) -> None:
    pair = add_pair(database)
    studies = (ShownStudy(pair[0], "Wrist", (ShownSeries(pair[1], "PD coronal"),)),)
    found = add_case(
        database,
        pairs=[pair],
        description="See [this](https://example.org/secret) and ![a picture](x.png)",
        studies=studies,
        tags=("hand",),
    )
    assert words_of(found.document) == "See this and a picture\nhand\nWrist\nPD coronal"
