"""Reports: what is reported is hidden at once from everybody, until a moderator decides."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from accounts.messages import messages_of
from accounts.people import create_account
from cases.access import CaseScope, PublishedScope, case_seen_by
from cases.cases import Case, case_by_code, delete_case
from cases.errors import Changed, InvalidText, NoSuchCase, NoSuchReport, NotReady
from cases.publishing import publish
from cases.report_rows import (
    Spot,
    counts_of_reports,
    open_reports,
    report_by_id,
    speed_of_reports,
)
from cases.reports import QUIET, decide, report_case, take_down
from store.access import Scope, visible
from store.audit import deeds
from store.changes import current_version
from store.db import Database
from store.schema import series
from tests.cases.rows import NOW, OWNER, add_case, add_pair, add_published, clock, edit

MODERATOR = 99
SECOND = timedelta(seconds=1)


class Clock:
    """Time that passes: a second each time that somebody looks."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += SECOND
        return self.now


def seen(database: Database, scope: Scope) -> set[str]:
    query = select(series.c.series_instance_uid).where(visible(scope))
    with database.read() as connection:
        return set(connection.execute(query).scalars())


def is_hidden(database: Database, case: Case) -> bool:
    return case_by_code(database, case.code).hidden_at is not None


def test_a_reported_case_is_gone_for_strangers_at_once_and_stays_for_its_owner(
    database: Database,
) -> None:
    pair = add_pair(database)
    case = add_published(database, pairs=[pair])
    other = add_published(database)
    before = seen(database, PublishedScope())
    assert pair[1] in before
    kept_under = current_version(database, PublishedScope())

    made = report_case(database, case.code, kind="rights", words="From a book.", clock=clock)

    assert (made.state, made.kind, made.words) == ("open", "rights", "From a book.")
    assert seen(database, PublishedScope()) == before - {pair[1]}
    assert seen(database, CaseScope(case.id)) == set()
    assert seen(database, CaseScope(case.id, MODERATOR, sees_hidden=True)) == {pair[1]}
    assert seen(database, CaseScope(case.id, OWNER)) == {pair[1]}
    with pytest.raises(NoSuchCase):
        case_seen_by(database, case.code, None)
    assert case_seen_by(database, case.code, OWNER).hidden_at == NOW
    assert case_seen_by(database, other.code, None).hidden_at is None
    # What was kept of before is asked for no more.
    assert current_version(database, PublishedScope()) > kept_under


def test_a_name_in_a_picture_hides_every_case_that_shows_the_picture(database: Database) -> None:
    named, clean = add_pair(database), add_pair(database)
    both = add_published(database, pairs=[named, clean])
    first, second = (add_published(database, pairs=[pair]) for pair in (named, clean))

    spot = Spot(series=named[1], image=1, x=4, y=4, width=90, height=20)
    made = report_case(database, first.code, kind="anonymity", spot=spot, clock=clock)

    assert made.spot == spot
    assert made.spot.has_box
    assert [is_hidden(database, one) for one in (both, first, second)] == [True, True, False]
    assert seen(database, PublishedScope()) == {clean[1]}
    decide(database, made.id, "restored", by=MODERATOR, reason="A phantom.", clock=clock)
    assert [is_hidden(database, one) for one in (both, first, second)] == [False] * 3


@pytest.mark.promise("F87")
def test_rights_hide_the_case_that_is_named_and_no_other(database: Database) -> None:
    pair = add_pair(database)
    first, second = (add_published(database, pairs=[pair]) for _ in range(2))
    report_case(database, first.code, kind="rights", clock=clock)
    assert [is_hidden(database, one) for one in (first, second)] == [True, False]


def test_what_is_restored_is_shown_again_when_nothing_else_hides_it(database: Database) -> None:
    case = add_published(database)
    one = report_case(database, case.code, kind="rights", clock=clock)
    two = report_case(database, case.code, kind="anonymity", clock=clock)
    assert [found.id for found in open_reports(database)] == [one.id, two.id]

    decided = decide(database, one.id, "restored", by=MODERATOR, reason="Own work.", clock=clock)
    assert (decided.state, decided.decision, decided.hidden) == ("restored", "Own work.", True)
    assert is_hidden(database, case)
    decided = decide(database, two.id, "restored", by=MODERATOR, reason="A phantom.", clock=clock)
    assert not decided.hidden
    assert case_seen_by(database, case.code, None).code == case.code
    assert counts_of_reports(database) == (0, 2)


@pytest.mark.promise("F87")
def test_what_is_removed_stays_hidden_until_it_is_decided_again(database: Database) -> None:
    case = add_published(database)
    made = report_case(database, case.code, kind="rights", clock=clock)
    removed = decide(database, made.id, "removed", by=MODERATOR, reason="Copied.", clock=clock)
    assert (removed.state, removed.hidden) == ("removed", True)
    # Another report that is settled does not bring it back.
    later = report_case(database, case.code, kind="other", clock=clock)
    decide(database, later.id, "restored", by=MODERATOR, reason="Nothing.", clock=clock)
    assert is_hidden(database, case)
    # A counter-notice does.
    decide(database, made.id, "restored", by=MODERATOR, reason="Licensed.", clock=clock)
    assert not is_hidden(database, case)
    decide(database, made.id, "removed", by=MODERATOR, reason="It is not.", clock=clock)
    assert is_hidden(database, case)


def test_who_decides_upon_what_has_changed_is_told(database: Database) -> None:
    case = add_published(database)
    made = report_case(database, case.code, kind="rights", clock=clock)
    decide(database, made.id, "removed", by=1, reason="Copied.", clock=clock, seen="open")
    with pytest.raises(Changed):
        decide(database, made.id, "restored", by=2, reason="No.", clock=clock, seen="open")
    assert report_by_id(database, made.id).state == "removed"
    with pytest.raises(NoSuchReport):
        decide(database, made.id + 1, "restored", by=2, reason="No.", clock=clock)


def test_the_same_again_waits_without_hiding_until_the_case_or_the_week_is_another(
    database: Database,
) -> None:
    case = add_published(database)
    made = report_case(database, case.code, kind="anonymity", clock=clock)
    decided_at = NOW + timedelta(hours=1)
    decide(database, made.id, "restored", by=MODERATOR, reason="Clean.", clock=lambda: decided_at)

    def again(kind: str, after: timedelta) -> bool:
        moment = decided_at + after
        found = report_case(
            database,
            case.code,
            kind=kind,  # type: ignore[arg-type]
            clock=lambda: moment,
        )
        hid = is_hidden(database, case)
        assert (found.hidden_ms is not None) == hid
        if hid:
            decide(database, found.id, "restored", by=1, reason="No.", clock=lambda: moment)
        return hid

    assert not again("anonymity", QUIET - SECOND)
    assert counts_of_reports(database)[0] == 1
    assert again("rights", timedelta(hours=1))
    edit(database, case, description="Another text.")
    publish(database, OWNER, case.code, clock=lambda: decided_at + timedelta(hours=2), note="more")
    assert again("anonymity", timedelta(hours=3))
    assert not again("anonymity", timedelta(hours=4))
    assert again("anonymity", timedelta(hours=3) + QUIET + SECOND)


@pytest.mark.promise("F87")
def test_owner_moderators_and_reporter_are_told_and_nobody_is_named(database: Database) -> None:
    owner = create_account(database, "ines@northfield.example", clock=clock)
    create_account(database, "admin@northfield.example", clock=clock, admin=True)
    case = add_published(database, owner.id, title="Reading the scout")
    made = report_case(
        database,
        case.code,
        kind="anonymity",
        words="A name at the top left.",
        contact="reader@elsewhere.example",
        clock=clock,
        base="https://cases.example",
    )
    decide(database, made.id, "removed", by=MODERATOR, reason="A name.", clock=clock)
    told = [(one.recipient, one.subject) for one in reversed(messages_of(database))]
    assert told == [
        ("ines@northfield.example", "Your case is hidden until a moderator has looked at it"),
        ("admin@northfield.example", "A case was reported"),
        ("ines@northfield.example", "Your case stays hidden"),
        ("reader@elsewhere.example", "What became of your report"),
    ]
    bodies = [one.body for one in messages_of(database)]
    assert not [body for body in bodies if "@" in body or "top left" in body]
    assert f"https://cases.example/admin/reports/{made.id}" in bodies[2]
    assert [(one.account_id, one.what, one.which) for one in deeds(database)][:2] == [
        (MODERATOR, "remove case", case.code),
        (None, "report case", case.code),
    ]


def test_how_long_it_took_is_measured(database: Database) -> None:
    assert speed_of_reports(database).hidden_ms is None
    case, passing = add_published(database), Clock()
    made = report_case(
        database, case.code, kind="other", clock=passing, arrived_at=NOW - 2 * SECOND
    )
    # Arrived two seconds before, and two looks at the clock until it was hidden.
    assert made.hidden_ms == 4000
    assert made.created_at == NOW - 2 * SECOND
    hour = NOW + timedelta(hours=1) - 2 * SECOND
    decide(database, made.id, "restored", by=MODERATOR, reason="Fine.", clock=lambda: hour)
    speed = speed_of_reports(database)
    assert (speed.hidden_ms, speed.slowest_hidden_ms) == (4000, 4000)
    assert speed.decided == timedelta(hours=1)


def test_a_moderator_takes_down_what_nobody_has_reported(database: Database) -> None:
    case = add_published(database)
    made = take_down(database, case.code, by=MODERATOR, reason="Advertising.", clock=clock)
    assert (made.state, made.decision, made.decided_by) == ("removed", "Advertising.", MODERATOR)
    assert is_hidden(database, case)
    with pytest.raises(InvalidText):
        take_down(database, case.code, by=MODERATOR, reason=" ", clock=clock)


def test_a_private_or_pending_case_is_hidden_from_links_too(database: Database) -> None:
    for case in (add_case(database), add_published(database, private=True)):
        report_case(database, case.code, kind="other", clock=clock)
        assert is_hidden(database, case)


def test_editing_and_publishing_do_not_bring_it_back(database: Database) -> None:
    case = add_published(database)
    report_case(database, case.code, kind="rights", clock=clock)
    edit(database, case, title="Another title")
    with pytest.raises(NotReady):
        publish(database, OWNER, case.code, clock=clock)
    assert is_hidden(database, case)


def test_a_report_outlives_its_case(database: Database) -> None:
    case = add_published(database)
    made = report_case(database, case.code, kind="rights", clock=clock)
    delete_case(database, OWNER, case.code)
    found = report_by_id(database, made.id)
    assert (found.case_code, found.case_id, found.title) == (case.code, None, "")
    decided = decide(database, made.id, "removed", by=1, reason="It is gone.", clock=clock)
    assert decided.state == "removed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "boredom"},
        {"place": "moon"},
        {"words": "x" * 4001},
        {"contact": "not an address"},
        {"contact": "a@b@c.example"},
        {"spot": Spot(x=-1)},
        {"spot": Spot(series="1" * 65)},
    ],
)
def test_what_makes_no_sense_hides_nothing(database: Database, wrong: dict[str, object]) -> None:
    case = add_published(database)
    given: dict[str, object] = {"kind": "other", "clock": clock} | wrong
    with pytest.raises(InvalidText):
        report_case(database, case.code, **given)  # type: ignore[arg-type]
    assert not is_hidden(database, case)
    with pytest.raises(NoSuchCase):
        report_case(database, "bcdfghjk", kind="other", clock=clock)
