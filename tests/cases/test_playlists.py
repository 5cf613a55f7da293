"""Playlists: who sees which, in what order, and that nothing is lost when they are saved."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Table, insert, select, update

from accounts.schema import account
from cases import schema
from cases.around import Step
from cases.cases import Case, delete_case
from cases.errors import Changed, InvalidText, NoSuchCase, NoSuchPlaylist, NotAllowed
from cases.playing import (
    count_of_public_playlists,
    items_of,
    playlist_of_share,
    playlist_seen_by,
    playlists_of_owner,
    public_playlists,
)
from cases.playlist_items import CASES, NOTE_CHARACTERS
from cases.playlists import (
    DESCRIPTION_CHARACTERS,
    Playlist,
    add_case,
    create_playlist,
    delete_playlist,
    playlist_of_owner,
    save_playlist,
)
from cases.share_access import ShareScope
from cases.steps import Neighbours, neighbours
from store.audit import deeds
from store.db import Database
from tests.cases.rows import NOW, OWNER, add_published, clock, random_bytes
from tests.cases.rows import add_case as add_pending

OTHER = 8
LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def accounts(database: Database) -> None:
    for number, name in ((OWNER, "Ines Ferreira"), (OTHER, "")):
        row = {"id": number, "email": f"{number}@example.org", "created_at": NOW, "name": name}
        with database.write() as connection:
            connection.execute(insert(account).values(**row, premium=number == OWNER, admin=False))


def made(
    database: Database,
    *cases: Case,
    title: str = "Wrists",
    visibility: str = "public",
    owner: int = OWNER,
    now: datetime = NOW,
) -> Playlist:
    playlist = create_playlist(
        database,
        owner,
        title=title,
        visibility=visibility,
        clock=lambda: now,
        random_bytes=random_bytes,
    )
    for one in cases:
        playlist = add_case(database, owner, playlist.code, one.code, clock=lambda: now)
    return playlist


def saved(database: Database, old: Playlist, *items: tuple[Case, str], **values: str) -> Playlist:
    texts = {name: getattr(old, name) for name in ("title", "description", "visibility")}
    return save_playlist(
        database,
        old.owner_id,
        old.code,
        **(texts | values),
        items=[(one.code, note) for one, note in items],
        saved=old.saved,
        clock=lambda: LATER,
    )


def titles(database: Database, playlist: Playlist, eyes: int | ShareScope | None) -> list[str]:
    return [one.title for one in items_of(database, playlist.id, eyes)]


def put(database: Database, table: Table, number: int, **values: object) -> None:
    with database.write() as connection:
        connection.execute(update(table).where(table.c.id == number).values(**values))


def test_cases_are_in_the_order_in_which_they_were_added(database: Database) -> None:
    cases = [add_published(database, title=name) for name in "abc"]
    playlist = made(database, *cases, cases[0])
    assert titles(database, playlist, OWNER) == ["a", "b", "c"]
    first = items_of(database, playlist.id, None)[0]
    (study, series), *_ = cases[0].document.series_uids()
    assert (first.code, first.images, first.picture) == (cases[0].code, 2, (study, series))
    assert (first.author, first.state, first.note) == ("Ines Ferreira", "published", "")


def test_a_save_changes_order_notes_and_texts_and_removes(database: Database) -> None:
    a, b, c = (add_published(database, title=name) for name in "abc")
    playlist = made(database, a, b, c)
    after = saved(
        database,
        playlist,
        (c, " Start here. \r\nThen on. "),
        (a, ""),
        title=" Carpus ",
        description="x",
    )
    items = items_of(database, playlist.id, None)
    assert [(one.title, one.note) for one in items] == [("c", "Start here. \nThen on."), ("a", "")]
    assert (after.title, after.description, after.updated_at) == ("Carpus", "x", LATER)
    assert playlist_of_owner(database, OWNER, playlist.code) == after


def test_a_save_from_an_older_state_changes_nothing(database: Database) -> None:
    case = add_published(database)
    playlist = made(database, case)
    saved(database, playlist, (case, "first"))
    with pytest.raises(Changed):
        saved(database, playlist, (case, "second"), title="Other")
    assert items_of(database, playlist.id, None)[0].note == "first"
    assert playlist_of_owner(database, OWNER, playlist.code).title == "Wrists"


def test_what_the_owner_does_not_see_keeps_its_place(database: Database) -> None:
    cases = {name: add_published(database, OTHER, title=name) for name in ("x", "y")}
    cases |= {name: add_published(database, title=name) for name in ("a", "b")}
    playlist = made(database, *(cases[name] for name in ("x", "a", "y", "b")))
    for name in ("x", "y"):
        put(database, schema.case, cases[name].id, hidden_at=NOW)
    assert titles(database, playlist, OWNER) == ["a", "b"]
    playlist = saved(database, playlist, (cases["b"], ""), (cases["a"], ""))
    for name in ("x", "y"):
        put(database, schema.case, cases[name].id, hidden_at=None)
    assert titles(database, playlist, None) == ["x", "b", "a", "y"]
    with pytest.raises(NoSuchCase):
        saved(database, playlist, (add_published(database), ""))


def test_others_see_only_what_is_public_without_a_trace(database: Database) -> None:
    shown, hidden = add_published(database, title="shown"), add_published(database, title="hidden")
    private = add_published(database, title="private", private=True)
    pending = add_pending(database, title="pending")
    playlist = made(database, pending, shown, private, hidden)
    put(database, schema.case, hidden.id, hidden_at=NOW)
    for eyes in (None, OTHER):
        assert titles(database, playlist, eyes) == ["shown"]
        seen = playlist_seen_by(database, playlist.code, eyes)
        assert (seen.cases, seen.first and seen.first.title) == (1, "shown")
    states = [one.state for one in items_of(database, playlist.id, OWNER)]
    assert states == ["pending", "published", "private", "hidden"]
    (listed,) = public_playlists(database)
    assert (listed.cases, listed.owner) == (1, "Ines Ferreira")


@pytest.mark.promise("F21")
def test_who_sees_which_playlist(database: Database) -> None:
    case = add_published(database)
    lists = {v: made(database, case, visibility=v) for v in ("public", "unlisted", "private")}
    empty = made(database)
    for name, one in lists.items():
        assert playlist_seen_by(database, one.code, OWNER).playlist == one
        for eyes in (None, OTHER):
            if name == "private":
                with pytest.raises(NoSuchPlaylist):
                    playlist_seen_by(database, one.code, eyes)
            else:
                assert playlist_seen_by(database, one.code, eyes).playlist == one
    assert [one.playlist for one in public_playlists(database)] == [lists["public"]]
    assert count_of_public_playlists(database) == 1
    mine = [one.playlist.code for one in playlists_of_owner(database, OWNER)]
    assert mine == [one.code for one in (empty, *reversed(lists.values()))]
    assert playlists_of_owner(database, OTHER) == []
    for code in ("", "x" * 8, "../../etc", empty.code.upper()):
        with pytest.raises(NoSuchPlaylist):
            playlist_seen_by(database, code, OWNER)


def test_public_playlists_come_in_pages_those_that_changed_last_first(database: Database) -> None:
    case = add_published(database)
    lists = [
        made(database, case, title=str(number), now=NOW + timedelta(minutes=number))
        for number in range(3)
    ]
    saved(database, lists[0], (case, ""))
    order = [one.playlist.title for one in public_playlists(database)]
    assert order == ["0", "2", "1"]
    page = public_playlists(database, limit=1, offset=1)
    assert [one.playlist.title for one in page] == ["2"]


def test_the_way_through_a_playlist(database: Database) -> None:
    cases = [add_published(database, title=name) for name in "abc"]
    items = items_of(database, made(database, *cases).id, None)
    a, b, c = (Step(one.code, one.title) for one in cases)
    found = [neighbours(items, one.code) for one in cases]
    places = [(1, None, b), (2, a, c), (3, b, None)]
    assert found == [Neighbours(place, 3, before, after) for place, before, after in places]
    assert neighbours(items, "bcdfghjk") is None


@pytest.mark.promise("F21")
def test_a_private_playlist_needs_the_plan(database: Database) -> None:
    with pytest.raises(NotAllowed):
        made(database, owner=OTHER, visibility="private")
    theirs = made(database, owner=OTHER)
    with pytest.raises(NotAllowed):
        saved(database, theirs, visibility="private")
    mine = made(database, add_published(database, private=True), visibility="private")
    put(database, account, OWNER, premium=False)
    # What is private stays so, and may be edited.
    assert saved(database, mine, title="Carpus").visibility == "private"
    assert saved(database, playlist_of_owner(database, OWNER, mine.code), visibility="public")


def test_only_what_one_sees_is_added_and_only_to_ones_own(database: Database) -> None:
    playlist = made(database)
    for case in (add_pending(database, OTHER), add_published(database, OTHER, private=True)):
        with pytest.raises(NoSuchCase):
            add_case(database, OWNER, playlist.code, case.code, clock=clock)
    with pytest.raises(NoSuchCase):
        add_case(database, OWNER, playlist.code, "nothing!", clock=clock)
    public = add_published(database, OTHER)
    add_case(database, OWNER, playlist.code, public.code, clock=clock)
    with pytest.raises(NoSuchPlaylist):
        add_case(database, OTHER, playlist.code, public.code, clock=clock)
    for act in (playlist_of_owner, lambda *args: delete_playlist(*args, clock=clock)):
        with pytest.raises(NoSuchPlaylist):
            act(database, OTHER, playlist.code)
    assert titles(database, playlist, OWNER) == [public.title]


def test_a_deleted_playlist_leaves_its_cases_and_a_deleted_case_leaves_it(
    database: Database,
) -> None:
    a, b = (add_published(database, title=name) for name in "ab")
    playlist = made(database, a, b)
    delete_case(database, OWNER, a.code)
    assert titles(database, playlist, OWNER) == ["b"]
    delete_playlist(database, OWNER, playlist.code, clock=clock)
    with database.read() as connection:
        assert connection.execute(select(schema.case.c.title)).scalars().all() == ["b"]
        assert connection.execute(select(schema.playlist_item)).all() == []
    done = [(one.what, one.which) for one in deeds(database, OWNER)]
    assert ("delete playlist", playlist.code) in done


def test_texts_that_are_refused(database: Database) -> None:
    case = add_published(database)
    playlist = made(database, case)
    wrong = [
        {"title": " "},
        {"title": "x" * 201},
        {"title": "two\nlines"},
        {"description": "x" * (DESCRIPTION_CHARACTERS + 1)},
        {"visibility": "secret"},
    ]
    for values in wrong:
        with pytest.raises(InvalidText):
            saved(database, playlist, (case, ""), **values)
    with pytest.raises(InvalidText):
        saved(database, playlist, (case, "x" * (NOTE_CHARACTERS + 1)))
    assert playlist_of_owner(database, OWNER, playlist.code) == playlist


def test_a_playlist_has_an_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    assert CASES == 500
    monkeypatch.setattr("cases.playlist_items.CASES", 1)
    playlist = made(database, add_published(database))
    with pytest.raises(InvalidText):
        add_case(database, OWNER, playlist.code, add_published(database).code, clock=clock)


def test_a_share_link_shows_the_playlist_it_is_of(database: Database) -> None:
    playlist = made(database, add_pending(database, title="pending"), visibility="private")
    share = {"owner_id": OWNER, "playlist_id": playlist.id, "digest": b"1", "label": "x"}
    with database.write() as connection:
        number = connection.execute(
            insert(schema.share)
            .values(**share, downloadable=False, created_at=NOW)
            .returning(schema.share.c.id)
        ).scalar_one()
    scope = ShareScope(number, None, playlist.id, False, True, NOW)
    assert playlist_of_share(database, scope).cases == 1
    assert titles(database, playlist, scope) == ["pending"]
    with pytest.raises(NoSuchPlaylist):
        playlist_of_share(database, ShareScope(number, 1, None, False, True, NOW))
