"""Once a day, whichever worker looks first."""

from datetime import timedelta
from pathlib import Path

import pytest

from cases.cases import cases_of_owner, create_case
from server.daily import DAILY, add_when_due, perform_daily, retain
from server.kinds import KINDS
from store.access import OwnerScope
from store.jobs import JobState
from tests.server.sites import Clock, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, slices=1)


def test_the_job_is_added_once_a_day(site: Site) -> None:
    clock = Clock()
    first = add_when_due(site.services, clock)
    assert first is not None
    assert add_when_due(site.services, clock) is None
    clock.ahead = timedelta(hours=23, minutes=59)
    assert add_when_due(site.services, clock) is None
    clock.ahead = timedelta(hours=24, minutes=1)
    second = add_when_due(site.services, clock)
    assert second is not None
    assert [one.kind for one in site.services.jobs.newest()] == [DAILY, DAILY]
    assert DAILY in KINDS


def test_the_job_deletes_what_is_over_after_its_owner_was_told(site: Site) -> None:
    ref = site.services.archive.instances(OwnerScope(site.owner), site.study)[0]
    create_case(
        site.services.database,
        site.owner,
        title="Pending",
        series=[(ref.study_instance_uid, ref.series_instance_uid)],
        clock=site.clock,
        random_bytes=lambda number: bytes(number),
    )
    clock = Clock()
    clock.ahead = timedelta(days=12)
    assert retain(site.services, clock).told == 1
    clock.ahead = timedelta(days=16)
    ran = retain(site.services, clock)
    assert (ran.deleted, ran.images) == (1, 1)
    assert cases_of_owner(site.services.database, site.owner) == []
    assert site.services.archive.instances(OwnerScope(site.owner), site.study) == []


def test_the_job_says_how_far_it_is(site: Site) -> None:
    number = add_when_due(site.services)
    assert number is not None
    job = site.services.jobs.take((DAILY,), "worker")
    assert job is not None
    told: list[tuple[int, int]] = []
    perform_daily(site.services, job, lambda done, total: told.append((done, total)), print)
    site.services.jobs.finish(job.id, "worker")
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert site.services.jobs.get(number).state is JobState.DONE
