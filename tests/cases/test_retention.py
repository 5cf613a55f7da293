"""Retention: who never publishes is told, and then loses the case; nobody else loses anything."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from accounts.messages import messages_of
from accounts.people import create_account
from accounts.plans import grant, plan_of
from cases import retention
from cases.cases import case_by_code, cases_of_owner, create_case
from cases.errors import InvalidText, NoSuchCase, NotReady
from cases.keeping import keep, kept_cases, release
from cases.publishing import publish
from cases.reports import report_case
from cases.retention import Fate, Rules, deadline_of, preview, run
from store.audit import deeds
from store.blobs_folder import FolderBlobs
from store.db import Database
from store.ingest import Ingest
from store.keys import KeyRing
from store.schema import instance
from tests.cases.rows import NOW, Pair, add_case, random_bytes
from tests.support.datasets import ct_slice, encoded

RULES = Rules(pending_days=14, notice_days=3)
DAY = timedelta(days=1)
OF_DEMO = "1.2.826.0.1.3680043.8.498.77"


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Library:
    """A database with files, an account, and a clock that tests set."""

    database: Database
    ingest: Ingest
    clock: Clock
    folder: Path
    owner: int

    def send(self, number: int) -> Pair:
        """A series of one image."""
        uid = f"{OF_DEMO}.{number}"
        with self.ingest.batch(self.owner, "STOW-RS") as batch:
            incoming = batch.receive()
            incoming.feed(encoded(ct_slice(study=uid, series=f"{uid}.1", size=16)))
            received = incoming.finish()
            batch.commit()
        return received.study_instance_uid, received.series_instance_uid

    def make(self, *pairs: Pair, title: str = "Shoulder") -> str:
        return create_case(
            self.database,
            self.owner,
            title=title,
            series=pairs,
            clock=self.clock,
            random_bytes=random_bytes,
        ).code

    def on_day(self, day: float) -> tuple[int, int, int]:
        """Run on that day: told, deleted, images."""
        self.clock.now = NOW + day * DAY
        ran = run(self.ingest, rules=RULES, clock=self.clock, base="https://cases.example")
        return ran.told, ran.deleted, ran.images

    def images(self) -> tuple[int, int]:
        """Rows, and files."""
        with self.database.read() as connection:
            rows = connection.execute(select(func.count()).select_from(instance)).scalar_one()
        return rows, sum(path.is_file() for path in self.folder.rglob("*.dcm"))

    def codes(self) -> list[str]:
        return [case.code for case in cases_of_owner(self.database, self.owner)]


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    clock = Clock()
    keys = KeyRing(database, b"secret of these tests" * 2, random_bytes)
    ingest = Ingest(database, FolderBlobs(tmp_path / "blobs", clock), keys, clock)
    owner = create_account(database, "ines@northfield.example", clock=clock)
    return Library(database, ingest, clock, tmp_path / "blobs", owner.id)


@pytest.mark.promise("F14", "N11")
def test_it_is_told_on_day_11_and_deleted_on_day_14_with_what_no_other_case_has(
    library: Library,
) -> None:
    lonely, shared, unused = (library.send(number) for number in (1, 2, 3))
    code = library.make(lonely, shared)
    published = library.make(shared, title="Published")
    publish(library.database, library.owner, published, clock=library.clock)
    rows, files = library.images()
    assert rows == 3

    assert library.on_day(10.99) == (0, 0, 0)
    assert library.on_day(11) == (1, 0, 0)
    [told] = messages_of(library.database)
    assert told.recipient == "ines@northfield.example"
    assert "26 May 2026" in told.subject
    assert f"https://cases.example/cases/{code}/edit" in told.body
    assert library.on_day(12) == library.on_day(13.99) == (0, 0, 0)
    assert library.on_day(14) == (0, 1, 1)
    assert library.codes() == [published]
    # The file is gone, too; what was never put into a case stays, and what another case shows.
    assert library.images() == (2, files - 1 if files else 0)
    assert library.on_day(100) == (0, 0, 0)
    assert [unused[1] != lonely[1], len(messages_of(library.database))] == [True, 1]


def test_nobody_loses_a_case_without_having_been_told_in_time(library: Library) -> None:
    library.make(library.send(1))
    # The server was off for a month.
    assert library.on_day(30) == (1, 0, 0)
    assert library.on_day(32.9) == (0, 0, 0)
    assert library.on_day(33) == (0, 1, 1)


@pytest.mark.promise("F14")
def test_who_publishes_or_has_a_plan_loses_nothing(library: Library) -> None:
    code = library.make(library.send(1))
    assert library.on_day(11) == (1, 0, 0)
    grant(library.database, library.owner, premium=True)
    assert library.on_day(50) == (0, 0, 0)
    # When the plan ends, the owner is told anew.
    grant(library.database, library.owner, premium=False)
    assert library.on_day(51) == (1, 0, 0)
    publish(library.database, library.owner, code, clock=library.clock)
    assert library.on_day(99) == (0, 0, 0)
    assert library.codes() == [code]


def test_what_is_reported_stays_until_it_is_decided(library: Library) -> None:
    code = library.make(library.send(1))
    library.on_day(11)
    report_case(library.database, code, kind="other", clock=library.clock)
    assert library.on_day(20) == (0, 0, 0)
    assert case_by_code(library.database, code).code == code


@pytest.mark.promise("N11")
def test_looking_changes_nothing_and_tells_what_goes_with_it(library: Library) -> None:
    pair = library.send(1)
    code = library.make(pair)
    library.make(pair, title="The same pictures")
    early = preview(library.database, NOW + 13 * DAY, rules=RULES, now=NOW)
    assert early == []
    first, second = preview(library.database, NOW + 14 * DAY, rules=RULES, now=NOW)
    assert (first.code, first.email, first.goes_at) == (
        code,
        "ines@northfield.example",
        NOW + 14 * DAY,
    )
    # Each has the series of the other.
    assert [(one.images, one.size) for one in (first, second)] == [(0, 0), (0, 0)]
    assert messages_of(library.database) == []
    assert len(library.codes()) == 2
    assert library.on_day(14) == (2, 0, 0)
    assert library.on_day(17)[1:] == (2, 1)
    with pytest.raises(NoSuchCase):
        case_by_code(library.database, code)
    assert library.images()[0] == 0


def test_it_can_be_switched_off(library: Library) -> None:
    library.make(library.send(1))
    rules = Rules(pending_days=0, notice_days=3)
    library.clock.now = NOW + 999 * DAY
    assert run(library.ingest, rules=rules, clock=library.clock).deleted == 0
    later = NOW + 9999 * DAY
    assert preview(library.database, later, rules=rules, now=library.clock.now) == []


def test_the_deadline_is_what_pages_show(library: Library) -> None:
    account = create_account(library.database, "jon@northfield.example", clock=library.clock)
    case = add_case(library.database, account.id)
    free = plan_of(account)
    assert deadline_of(case, plan=free, pending_days=14) == NOW + 14 * DAY
    assert deadline_of(case, plan=free, pending_days=0) is None
    late = NOW + 13 * DAY
    shown = deadline_of(case, plan=free, pending_days=14, notice_days=3, now=late)
    assert shown == late + 3 * DAY


@pytest.mark.promise("F14", "N11")
def test_a_case_that_is_kept_stays_for_good_or_until_its_day(library: Library) -> None:
    database, clock = library.database, library.clock
    code = library.make(library.send(1))
    assert library.on_day(11) == (1, 0, 0)
    until = NOW + 40 * DAY
    assert keep(database, code, by=5, clock=clock, until=until).until == until
    # Who was told that it goes is told that it stays.
    told = messages_of(database)[0]
    assert (told.subject, "until 21 June 2026" in told.body) == ("A case of yours is kept", True)
    assert library.on_day(36) == (0, 0, 0)
    [fate] = preview(database, until, rules=RULES, now=clock.now)
    assert (fate.goes_at, fate.kept_until, fate.told_at) == (until, until, None)
    assert library.on_day(37) == (1, 0, 0)
    keep(database, code, by=5, clock=clock)
    assert library.on_day(99) == (0, 0, 0)
    assert [(one.code, one.until) for one in kept_cases(database, clock.now)] == [(code, None)]
    # Released, it has the days of the notice again.
    release(database, code, by=None, clock=clock)
    assert kept_cases(database, clock.now) == []
    assert library.on_day(100) == (1, 0, 0)
    assert library.on_day(103) == (0, 1, 1)
    done = [(one.account_id, one.what, one.which) for one in deeds(database)]
    assert (5, "keep case", f"{code}, until 21 June 2026") in done
    assert (5, "keep case", f"{code}, for good") in done
    assert (None, "release case", code) in done


def test_what_cannot_be_kept_is_refused(library: Library) -> None:
    database, clock = library.database, library.clock
    code = library.make(library.send(1))
    with pytest.raises(InvalidText):
        keep(database, code, by=None, clock=clock, until=clock.now)
    for wrong in ("no code", "22222222"):
        with pytest.raises(NoSuchCase):
            keep(database, wrong, by=None, clock=clock)
    with pytest.raises(NoSuchCase):
        release(database, code, by=None, clock=clock)
    publish(database, library.owner, code, clock=clock)
    with pytest.raises(NotReady):
        keep(database, code, by=None, clock=clock)


def test_a_case_that_is_kept_at_the_last_moment_stays(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = library.make(library.send(1))
    library.on_day(11)
    looked = retention.preview

    def then_kept(*asked: Any, **rules: Any) -> list[Fate]:  # noqa: ANN401 - as it is called
        found = looked(*asked, **rules)
        keep(library.database, code, by=None, clock=library.clock)
        return found

    monkeypatch.setattr(retention, "preview", then_kept)
    assert library.on_day(14) == (0, 0, 0)
    assert library.codes() == [code]
