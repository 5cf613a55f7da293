"""Share links: what they open, how often, for how long, and that nothing opens them afterwards."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Table, insert, select, update

from accounts.schema import account
from cases import schema, share_tries
from cases.cases import Case, delete_case
from cases.errors import (
    InvalidText,
    NeedsPassword,
    NoSuchCase,
    NoSuchPlaylist,
    NoSuchShare,
    NotAllowed,
    WrongPassword,
)
from cases.playlists import add_case as add_to_playlist
from cases.playlists import create_playlist, delete_playlist
from cases.publishing import publish
from cases.share_access import ShareScope, client_of, open_with_password, share_scope
from cases.share_ends import Ended, ended
from cases.share_list import Kind, Share, shares_of
from cases.share_openings import OPENING
from cases.share_tries import OF_ADDRESS, OF_LINK, WINDOW
from cases.sharing import UNDO, Wanted, create_share, delete_share, end_of, restore_share
from store.access import visible
from store.audit import deeds
from store.changes import current_version
from store.db import Database
from store.errors import TooManyRequests
from store.schema import series
from tests.cases.rows import NOW, OWNER, add_case, add_pair, add_published, edit, random_bytes

OTHER = 8
ANA, BEN = (client_of(b"key", "192.0.2.1", agent) for agent in ("Firefox", "Chromium"))
PASSWORD = "carpal arcs"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are kept are slow to check, as they should be."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(share_tries, "_hasher", quick)


@pytest.fixture(autouse=True)
def accounts(database: Database) -> None:
    for number, premium in ((OWNER, True), (OTHER, False)):
        row = {"id": number, "email": f"{number}@example.org", "created_at": NOW}
        with database.write() as connection:
            connection.execute(insert(account).values(**row, premium=premium, admin=False))


def made(
    database: Database,
    of: Case | str,
    clock: Clock,
    owner: int = OWNER,
    **wanted: Any,  # noqa: ANN401 - fields of `Wanted`
) -> tuple[Share, str]:
    kind: Kind = "case" if isinstance(of, Case) else "playlist"
    code = of.code if isinstance(of, Case) else of
    wish = Wanted(**{"label": "Trainees", **wanted})
    return create_share(
        database,
        owner,
        kind,
        code,
        wish,
        clock=clock,
        random_bytes=random_bytes,
    )


def opened(
    database: Database, secret: str, clock: Clock, client: bytes = ANA, **password: str
) -> ShareScope | None:
    return share_scope(database, secret, client=client, now=clock(), **password)


def uids(database: Database, scope: ShareScope | None) -> set[str]:
    assert scope is not None
    with database.read() as connection:
        query = select(series.c.series_instance_uid).where(visible(scope))
        return set(connection.execute(query).scalars())


def series_of(of: Case) -> set[str]:
    return {uid for _, uid in of.document.series_uids()}


def playlist_with(database: Database, clock: Clock, *cases: Case) -> str:
    code = create_playlist(
        database, OWNER, title="Wrists", clock=clock, random_bytes=random_bytes
    ).code
    for one in cases:
        add_to_playlist(database, OWNER, code, one.code, clock=clock)
    return code


def set_column(database: Database, table: Table, number: int, **values: object) -> None:
    with database.write() as connection:
        connection.execute(update(table).where(table.c.id == number).values(**values))


@pytest.mark.promise("F24", "F27")
def test_a_link_shows_a_private_case_to_whoever_has_it(database: Database, clock: Clock) -> None:
    private = add_published(database, private=True)
    add_published(database)
    _, secret = made(database, private, clock)
    assert uids(database, opened(database, secret, clock)) == series_of(private)
    for wrong in ("", "x", secret[:-1], secret + "A", "é" * 43, secret.swapcase()):
        assert opened(database, wrong, clock) is None
        assert ended(database, wrong, clock()) == Ended("unknown")


@pytest.mark.promise("N6")
def test_only_digests_are_kept(database: Database, clock: Clock) -> None:
    _, secret = made(database, add_case(database), clock, password=PASSWORD)
    inside = open_with_password(
        database, secret, PASSWORD, address="192.0.2.1", random_bytes=random_bytes, clock=clock
    )
    with database.read() as connection:
        for table in (schema.share, schema.share_opening):
            kept = repr(connection.execute(select(table)).all())
            for word in (secret, inside, PASSWORD):
                assert word not in kept
        assert "argon2id" in repr(connection.execute(select(schema.share)).all())
    assert all(secret not in one.which for one in deeds(database))


def test_a_pending_case_is_shown_as_it_is_edited_a_published_one_as_it_was_published(
    database: Database, clock: Clock
) -> None:
    pending = add_case(database)
    _, secret = made(database, pending, clock)
    assert uids(database, opened(database, secret, clock)) == series_of(pending)
    publish(database, OWNER, pending.code, clock=clock)
    more = replace(pending.document, studies=add_case(database).document.studies)
    edited = edit(database, pending, document=more)
    assert uids(database, opened(database, secret, clock)) == series_of(pending)
    publish(database, OWNER, pending.code, clock=clock)
    assert uids(database, opened(database, secret, clock)) == series_of(edited)


def test_what_is_held_for_review_is_not_shown(database: Database, clock: Clock) -> None:
    free, held = add_pair(database), add_pair(database, review_state="held")
    _, secret = made(database, add_case(database, pairs=[free, held]), clock)
    assert uids(database, opened(database, secret, clock)) == {free[1]}


def test_a_playlist_shows_all_of_its_owners_and_of_others_what_is_public(
    database: Database, clock: Clock
) -> None:
    mine = [add_published(database, private=True), add_case(database), add_published(database)]
    open_, shut = (add_published(database, OTHER) for _ in range(2))
    code = playlist_with(database, clock, *mine, open_, shut)
    _, secret = made(database, code, clock)
    set_column(database, schema.case, shut.id, hidden_at=NOW)
    shown = set().union(*map(series_of, [*mine, open_]))
    assert uids(database, opened(database, secret, clock)) == shown
    set_column(database, schema.case, open_.id, private=True)
    set_column(database, schema.case, mine[0].id, hidden_at=NOW)
    shown -= series_of(open_) | series_of(mine[0])
    assert uids(database, opened(database, secret, clock)) == shown


@pytest.mark.promise("F30")
def test_a_deleted_link_is_dead_at_once_also_under_way(database: Database, clock: Clock) -> None:
    case = add_case(database)
    share, secret = made(database, case, clock)
    under_way = opened(database, secret, clock)
    assert under_way is not None
    before = current_version(database, under_way)
    delete_share(database, OWNER, share.id, clock=clock)
    assert uids(database, under_way) == set()
    assert opened(database, secret, clock) is None
    assert ended(database, secret, clock()) == Ended("unknown")
    assert shares_of(database, OWNER) == []
    # Answers that were kept are not given any more.
    assert current_version(database, under_way) != before
    with pytest.raises(NoSuchShare):
        delete_share(database, OWNER, share.id, clock=clock)


def test_undo_brings_a_link_back_for_a_moment(database: Database, clock: Clock) -> None:
    case = add_case(database)
    share, secret = made(database, case, clock)
    opened(database, secret, clock)
    delete_share(database, OWNER, share.id, clock=clock)
    with pytest.raises(NoSuchShare):
        restore_share(database, OTHER, share.id, clock=clock)
    clock.now += timedelta(seconds=6)
    restore_share(database, OWNER, share.id, clock=clock)
    assert uids(database, opened(database, secret, clock)) == series_of(case)
    assert [one.uses for one in shares_of(database, OWNER)] == [1]
    delete_share(database, OWNER, share.id, clock=clock)
    clock.now += UNDO
    with pytest.raises(NoSuchShare):
        restore_share(database, OWNER, share.id, clock=clock)
    made(database, case, clock)
    with database.read() as connection:
        assert len(connection.execute(select(schema.share.c.id)).all()) == 1


@pytest.mark.promise("F29")
def test_a_link_ends_also_under_way(database: Database, clock: Clock) -> None:
    case = add_case(database)
    ends = end_of(date(2026, 6, 1))
    assert str(ends) == "2026-06-01 23:59:59+00:00"
    _, secret = made(database, case, clock, expires_at=ends)
    clock.now = ends - timedelta(seconds=1)
    under_way = opened(database, secret, clock)
    assert uids(database, under_way) == series_of(case)
    clock.now = ends
    assert opened(database, secret, clock) is None
    assert ended(database, secret, clock()) == Ended("expired", ends)
    assert under_way is not None
    assert uids(database, replace(under_way, now=ends)) == set()


def test_a_hidden_case_is_dead_through_its_links(database: Database, clock: Clock) -> None:
    case = add_published(database)
    _, secret = made(database, case, clock)
    under_way = opened(database, secret, clock)
    set_column(database, schema.case, case.id, hidden_at=NOW)
    assert uids(database, under_way) == set()
    assert ended(database, secret, clock()).kind == "closed"


def test_links_end_with_the_plan_when_they_show_private_cases(
    database: Database, clock: Clock
) -> None:
    private, public = add_published(database, private=True), add_published(database)
    code = playlist_with(database, clock, private, public)
    scopes = [
        opened(database, made(database, of, clock)[1], clock) for of in (private, public, code)
    ]
    set_column(database, account, OWNER, premium=False)
    assert [uids(database, one) for one in scopes] == [set(), series_of(public), series_of(public)]
    with pytest.raises(NotAllowed):
        made(database, private, clock)


def test_links_end_when_their_owner_is_suspended(database: Database, clock: Clock) -> None:
    _, secret = made(database, add_published(database), clock)
    under_way = opened(database, secret, clock)
    set_column(database, account, OWNER, active=False)
    assert uids(database, under_way) == set()
    assert opened(database, secret, clock) is None
    assert ended(database, secret, clock()).kind == "closed"


def test_a_use_is_an_opening_that_lasts_half_a_day(database: Database, clock: Clock) -> None:
    case = add_case(database)
    share, secret = made(database, case, clock)
    assert (share.uses, share.last_used_at) == (0, None)

    def uses() -> list[tuple[int, datetime | None]]:
        return [(one.uses, one.last_used_at) for one in shares_of(database, OWNER)]

    for _ in range(3):
        opened(database, secret, clock)
    assert uses() == [(1, NOW)]
    clock.now += OPENING - timedelta(seconds=1)
    opened(database, secret, clock)
    assert uses() == [(1, NOW)]
    opened(database, secret, clock, BEN)
    assert uses() == [(2, clock.now)]
    clock.now += timedelta(seconds=1)
    opened(database, secret, clock)
    assert uses() == [(3, clock.now)]


@pytest.mark.promise("N6")
def test_a_spent_link_goes_on_for_those_who_have_opened_it(
    database: Database, clock: Clock
) -> None:
    case = add_case(database)
    _, secret = made(database, case, clock, max_uses=1)
    assert uids(database, opened(database, secret, clock)) == series_of(case)
    assert opened(database, secret, clock, BEN) is None
    assert ended(database, secret, clock()) == Ended("spent")
    assert uids(database, opened(database, secret, clock)) == series_of(case)
    assert [one.is_spent for one in shares_of(database, OWNER)] == [True]
    clock.now += OPENING
    assert opened(database, secret, clock) is None
    assert [one.uses for one in shares_of(database, OWNER)] == [1]


def test_openings_are_told_apart_by_who_asks(database: Database, clock: Clock) -> None:
    assert client_of(b"key", "192.0.2.1", "Firefox") == ANA != BEN
    assert client_of(b"other", "192.0.2.1", "Firefox") != ANA
    assert client_of(b"key", "192.0.2.2", "Firefox") != ANA
    assert client_of(b"key", "::ffff:192.0.2.1", "Firefox") == ANA
    networks = [
        client_of(b"k", f"2001:db8:0:{net}::{host}", "") for net, host in ("11", "12", "21")
    ]
    assert networks[0] == networks[1] != networks[2]
    case = add_case(database)
    for _ in range(2):
        opened(database, made(database, case, clock)[1], clock)
    with database.read() as connection:
        digests = connection.execute(select(schema.share_opening.c.digest)).scalars().all()
    # Nobody sees in the index that the same one opened both.
    assert len(set(digests)) == 2
    assert sha256(ANA).digest() not in digests


def test_a_password_gives_another_address(database: Database, clock: Clock) -> None:
    case = add_case(database)
    _, secret = made(database, case, clock, password=PASSWORD, max_uses=2)

    def enter(password: str) -> str:
        return open_with_password(
            database, secret, password, address="192.0.2.1", random_bytes=random_bytes, clock=clock
        )

    with pytest.raises(NeedsPassword):
        opened(database, secret, clock)
    with pytest.raises(WrongPassword):
        enter("carpal arc")
    assert shares_of(database, OWNER)[0].uses == 0
    inside = enter(PASSWORD)
    assert inside != secret
    for client in (ANA, BEN):
        assert uids(database, opened(database, inside, clock, client)) == series_of(case)
    assert shares_of(database, OWNER)[0].uses == 1
    with pytest.raises(NeedsPassword):
        opened(database, secret, clock)
    enter(PASSWORD)
    with pytest.raises(NoSuchShare):
        enter(PASSWORD)
    clock.now += OPENING
    assert opened(database, inside, clock) is None


def test_a_deleted_link_is_dead_under_the_address_that_a_password_gave(
    database: Database, clock: Clock
) -> None:
    share, secret = made(database, add_case(database), clock, password=PASSWORD)
    inside = open_with_password(
        database, secret, PASSWORD, address="", random_bytes=random_bytes, clock=clock
    )
    under_way = opened(database, inside, clock)
    delete_share(database, OWNER, share.id, clock=clock)
    assert uids(database, under_way) == set()
    assert opened(database, inside, clock) is None
    with pytest.raises(NoSuchShare):
        open_with_password(
            database, secret, PASSWORD, address="", random_bytes=random_bytes, clock=clock
        )


def test_programs_bring_the_password_along(database: Database, clock: Clock) -> None:
    case = add_case(database)
    _, secret = made(database, case, clock, password=PASSWORD)
    with pytest.raises(NeedsPassword):
        opened(database, secret, clock, password="carpal arc")
    for _ in range(3):
        scope = opened(database, secret, clock, password=PASSWORD)
        assert uids(database, scope) == series_of(case)
    assert shares_of(database, OWNER)[0].uses == 1


@pytest.mark.parametrize("most", [OF_ADDRESS, OF_LINK])
def test_tries_are_slowed_down(database: Database, clock: Clock, most: int) -> None:
    case = add_case(database)
    (_, secret), (_, second) = (made(database, case, clock, password=PASSWORD) for _ in range(2))

    def enter(where: str, at: str) -> None:
        open_with_password(
            database, at, "guess", address=where, random_bytes=random_bytes, clock=clock
        )

    for number in range(most):
        where = "192.0.2.1" if most == OF_ADDRESS else f"192.0.2.{number}"
        with pytest.raises(WrongPassword):
            enter(where, secret)
    last = "192.0.2.1" if most == OF_ADDRESS else "198.51.100.7"
    with pytest.raises(TooManyRequests) as refused:
        enter(last, secret)
    assert refused.value.retry_after == WINDOW.total_seconds()
    # One address is counted at all links, one link from all addresses.
    if most == OF_ADDRESS:
        with pytest.raises(TooManyRequests):
            enter(last, second)
    with pytest.raises(WrongPassword):
        enter("198.51.100.8" if most == OF_ADDRESS else last, second)
    clock.now += WINDOW
    with pytest.raises(WrongPassword):
        enter(last, secret)


def test_wishes_that_cannot_be_granted(database: Database, clock: Clock) -> None:
    case = add_case(database)
    wrong: list[dict[str, Any]] = [
        {"label": "  "},
        {"label": "two\nlines"},
        {"label": "x" * 101},
        {"expires_at": NOW},
        {"password": "short"},
        {"password": "x" * 201},
        {"max_uses": 0},
        {"max_uses": 1_000_001},
    ]
    for wish in wrong:
        with pytest.raises(InvalidText):
            made(database, case, clock, **wish)
    assert shares_of(database) == []


@pytest.mark.promise("F27")
def test_only_what_is_ones_own_is_shared_listed_and_deleted(
    database: Database, clock: Clock
) -> None:
    case, playlist = add_published(database), playlist_with(database, clock)
    with pytest.raises(NoSuchCase):
        made(database, case, clock, OTHER)
    with pytest.raises(NoSuchPlaylist):
        made(database, playlist, clock, OTHER)
    with pytest.raises(NoSuchPlaylist):
        made(database, "not a code", clock)
    of_case, _ = made(database, case, clock, label=" Dr Wilk ", downloadable=True, max_uses=50)
    of_list, _ = made(database, playlist, clock)
    foreign, _ = made(database, add_case(database, OTHER), clock, OTHER)
    assert shares_of(database, OWNER) == [of_list, of_case]
    assert shares_of(database, OWNER, kind="case", code=case.code) == [of_case]
    assert shares_of(database, OWNER, kind="playlist", code=playlist) == [of_list]
    assert shares_of(database) == [foreign, of_list, of_case]
    assert (of_case.label, of_case.kind, of_case.code) == ("Dr Wilk", "case", case.code)
    assert (of_case.downloadable, of_case.max_uses, of_case.created_at) == (True, 50, NOW)
    with pytest.raises(NoSuchShare):
        delete_share(database, OTHER, of_case.id, clock=clock)
    delete_share(database, None, of_case.id, clock=clock)
    assert shares_of(database, OWNER) == [of_list]


@pytest.mark.promise("F28")
def test_any_number_of_links_each_with_an_end_of_its_own(database: Database, clock: Clock) -> None:
    case = add_case(database)
    links = [made(database, case, clock) for _ in range(60)]
    assert {share.id for share in shares_of(database, OWNER)} == {share.id for share, _ in links}
    assert len({secret for _, secret in links}) == len(links)
    (gone, secret), *others = links
    delete_share(database, OWNER, gone.id, clock=clock)
    assert opened(database, secret, clock) is None
    assert None not in [opened(database, other, clock) for _, other in others]


def test_links_go_with_what_they_show(database: Database, clock: Clock) -> None:
    case, code = add_case(database), playlist_with(database, clock)
    secrets = [made(database, of, clock)[1] for of in (case, code)]
    delete_case(database, OWNER, case.code)
    delete_playlist(database, OWNER, code, clock=clock)
    assert [opened(database, secret, clock) for secret in secrets] == [None, None]
    assert shares_of(database) == []


def test_the_audit_says_who_shared_what(database: Database, clock: Clock) -> None:
    case = add_case(database)
    share, _ = made(database, case, clock, label="Dr Wilk")
    delete_share(database, OWNER, share.id, clock=clock)
    restore_share(database, OWNER, share.id, clock=clock)
    done = [(one.account_id, one.what, one.which) for one in deeds(database)]
    which = f"case {case.code}"
    assert done[:3] == [(OWNER, what, which) for what in ("share again", "unshare", "share")]
