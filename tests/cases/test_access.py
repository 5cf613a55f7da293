"""Who sees which case, and which of its series: every caller by every state of a case."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest
from sqlalchemy import select, update

from cases.access import CaseScope, PublishedScope, case_seen_by, scope_of_case
from cases.cases import Case, create_case, delete_case
from cases.document import ShownSeries, ShownStudy
from cases.errors import NoSuchCase
from cases.publishing import publish
from cases.schema import case
from store import search_plan
from store.access import OwnerScope, Scope, visible
from store.db import Database
from store.schema import series
from store.search import Level, Match, Query, search
from store.states import State
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

OTHER, MODERATOR = 8, 9
FIRST, SECOND, WORKING = "first version", "second version", "working copy"


@dataclass(frozen=True)
class Caller:
    account_id: int | None
    moderator: bool = False


CALLERS = {
    "stranger": Caller(None),
    "other": Caller(OTHER),
    "moderator": Caller(MODERATOR, moderator=True),
    "owner": Caller(OWNER),
}
EVERYBODY = {FIRST, SECOND}
ALL = {FIRST, SECOND, WORKING}
NOBODY: dict[str, set[str]] = {}
# What each caller sees at the root of the case; who is not named is told that there is none.
SEEN: Mapping[str, dict[str, set[str]]] = {
    "pending": NOBODY | {"owner": {WORKING}},
    "published": dict.fromkeys(CALLERS, EVERYBODY) | {"owner": ALL},
    "private and pending": NOBODY | {"owner": {WORKING}},
    "private": NOBODY | {"owner": ALL},
    "hidden": NOBODY | {"moderator": EVERYBODY, "owner": ALL},
    "hidden and private": NOBODY | {"owner": ALL},
    "hidden and pending": NOBODY | {"owner": {WORKING}},
    "deleted": NOBODY,
}


@dataclass
class Shown:
    """A case, and a series of each of its versions."""

    database: Database
    case: Case
    pairs: dict[str, Pair]

    def names(self, scope: Scope) -> set[str]:
        """Which of its series the scope shows."""
        query = select(series.c.series_instance_uid).where(visible(scope))
        with self.database.read() as connection:
            uids = set(connection.execute(query).scalars())
        return {name for name, (_, uid) in self.pairs.items() if uid in uids}

    def set(self, **columns: object) -> None:
        with self.database.write() as connection:
            connection.execute(update(case).where(case.c.id == self.case.id).values(columns))


def of(pair: Pair) -> tuple[ShownStudy, ...]:
    return (ShownStudy(pair[0], series=(ShownSeries(pair[1]),)),)


def make(database: Database, state: str) -> Shown:
    """A case in a state; it was published twice, unless it is pending."""
    pairs = {name: add_pair(database) for name in (FIRST, SECOND, WORKING)}
    add_pair(database)
    if "pending" in state:
        made = add_case(database, pairs=[pairs[WORKING]])
        pairs = {WORKING: pairs[WORKING]}
    else:
        made = add_published(database, pairs=[pairs[FIRST]])
        edit(database, made, studies=of(pairs[SECOND]))
        publish(database, OWNER, made.code, clock=clock)
        made = edit(database, case_seen_by(database, made.code, OWNER), studies=of(pairs[WORKING]))
    shown = Shown(database, made, pairs)
    if "private" in state:
        shown.set(private=True)
    if "hidden" in state:
        shown.set(hidden_at=NOW)
    if state == "deleted":
        delete_case(database, OWNER, made.code)
    return shown


@pytest.mark.parametrize("state", SEEN)
def test_each_caller_sees_of_a_case_what_its_state_allows(database: Database, state: str) -> None:
    shown = make(database, state)
    seen = {}
    for name, caller in CALLERS.items():
        try:
            scope = scope_of_case(
                database, shown.case.code, caller.account_id, moderator=caller.moderator
            )
        except NoSuchCase:
            with pytest.raises(NoSuchCase):
                case_seen_by(
                    database, shown.case.code, caller.account_id, moderator=caller.moderator
                )
            continue
        seen[name] = shown.names(scope)
        found = case_seen_by(
            database, shown.case.code, caller.account_id, moderator=caller.moderator
        )
        assert found.id == shown.case.id
    assert seen == SEEN[state]
    assert shown.names(PublishedScope()) == ({SECOND} if state == "published" else set())


@pytest.mark.parametrize("state", SEEN)
@pytest.mark.parametrize("caller", CALLERS)
def test_a_scope_that_was_given_before_shows_what_is_allowed_now(
    database: Database, state: str, caller: str
) -> None:
    """Also when what is asked was decided just before: the condition asks for itself."""
    shown, who = make(database, "published"), CALLERS[caller]
    code, given = shown.case.code, SEEN["published"][caller]
    scope = scope_of_case(database, code, who.account_id, moderator=who.moderator)
    assert shown.names(scope) == given
    if "pending" in state:
        shown.set(version=None)
    if "private" in state:
        shown.set(private=True)
    if "hidden" in state:
        shown.set(hidden_at=NOW)
    if state == "deleted":
        delete_case(database, OWNER, code)
    kept = state == "published" or (caller == "owner" and state != "deleted")
    assert shown.names(scope) == (given if kept else set())


@pytest.mark.parametrize("state", State)
def test_what_is_held_or_left_out_is_seen_by_its_owner_alone(
    database: Database, state: State
) -> None:
    shown = make(database, "published")
    with database.write() as connection:
        connection.execute(update(series).values(review_state=state))
    is_open = state in (State.FREE, State.ATTESTED, State.MASKED)
    code = shown.case.code
    assert shown.names(PublishedScope()) == ({SECOND} if is_open else set())
    assert shown.names(scope_of_case(database, code, None)) == (EVERYBODY if is_open else set())
    shown.set(hidden_at=NOW)
    moderators = scope_of_case(database, code, MODERATOR, moderator=True)
    assert shown.names(moderators) == (EVERYBODY if is_open else set())
    # A preview shows its owner more than readers will see; the viewer marks it as held.
    assert shown.names(scope_of_case(database, code, OWNER)) == ALL


@pytest.mark.parametrize("code", ["", "x", "k7m2qxv", "k7m2qxvb", "K7M2QXVB", "k7m2qxv'", "%", "é"])
def test_there_is_no_case_of_another_code(database: Database, code: str) -> None:
    add_published(database)
    for account_id in (None, OWNER):
        with pytest.raises(NoSuchCase):
            scope_of_case(database, code, account_id)


def test_everybody_who_is_not_the_owner_has_the_same_scope(database: Database) -> None:
    code = make(database, "published").case.code
    stranger = scope_of_case(database, code, None)
    assert stranger.owner_id is None
    assert scope_of_case(database, code, OTHER) == stranger
    assert scope_of_case(database, code, MODERATOR, moderator=True) == stranger
    assert scope_of_case(database, code, OWNER) == CaseScope(stranger.case_id, OWNER)


def test_one_case_shows_nothing_of_another(database: Database) -> None:
    first, second = make(database, "published"), make(database, "published")
    for account_id in (None, OWNER):
        scope = scope_of_case(database, first.case.code, account_id)
        assert first.names(scope)
        assert second.names(scope) == set()


def test_a_series_in_two_cases_is_shown_while_one_of_them_is(database: Database) -> None:
    pair = add_pair(database)
    first = add_published(database, pairs=[pair])
    second = create_case(
        database, OWNER, title="Again", series=[pair], clock=clock, random_bytes=random_bytes
    )
    shown = Shown(database, first, {FIRST: pair})
    publish(database, OWNER, second.code, clock=clock)
    shown.set(hidden_at=NOW)
    assert shown.names(PublishedScope()) == {FIRST}
    delete_case(database, OWNER, second.code)
    assert shown.names(PublishedScope()) == set()
    with pytest.raises(NoSuchCase):
        scope_of_case(database, first.code, None)


@pytest.mark.parametrize(("few", "walk"), [(5000, 10), (0, 1), (0, 3), (0, 1000)])
def test_every_way_of_a_search_finds_what_is_published(
    database: Database, monkeypatch: pytest.MonkeyPatch, few: int, walk: int
) -> None:
    """The published ones are among the newest, or far behind what nobody may see."""
    pairs = []
    for number in range(8):
        pairs.append(add_pair(database, modality="MR" if number % 2 else "CT"))
        add_pair(database, modality="MR")
    for pair in pairs[:4]:
        add_published(database, pairs=[pair])
    add_case(database, pairs=[pairs[5]])
    monkeypatch.setattr(search_plan, "FEW", few)
    monkeypatch.setattr(search_plan, "SHORT_WALK", walk)
    every = [study for study, _ in reversed(pairs[:4])]
    modality = (Match(0x00080061, "MR"),)
    levels: tuple[Level, ...] = ("study", "series")
    for kind in levels:
        for offset, limit in ((0, 10), (0, 2), (1, 2), (3, 5), (4, 5)):
            page = search(database, PublishedScope(), Query(kind, limit=limit, offset=offset))
            found = [result["0020000D"]["Value"][0] for result in page.results]
            assert found == every[offset : offset + limit]
            assert page.remaining == max(0, 4 - offset - limit)
        some = search(database, PublishedScope(), Query("study", modality, limit=10))
        assert len(some.results) == 2


@pytest.mark.parametrize("level", ["study", "series"])
def test_searches_count_what_is_published_and_no_more(database: Database, level: Level) -> None:
    shown = make(database, "published")
    make(database, "pending")
    make(database, "private")
    page = search(database, PublishedScope(), Query(level, limit=1, count_all=True))
    assert (len(page.results), page.remaining) == (1, 0)
    [found] = page.results
    assert found["0020000D"]["Value"] == [shown.pairs[SECOND][0]]
    own = search(database, OwnerScope(OWNER), Query(level, limit=1, count_all=True))
    assert own.remaining > 5
