"""All jobs: counting them, and doing one again."""

from datetime import UTC, datetime, timedelta

import pytest

from store.db import Database
from store.errors import NoSuchJob
from store.job_list import counts_of_jobs, oldest_due, retry
from store.jobs import Jobs, JobState

NOW = datetime(2026, 5, 12, 14, 30, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def test_a_job_that_is_over_is_done_again_with_what_it_had_settled(database: Database) -> None:
    jobs = Jobs(database, clock)
    number = jobs.add(7, "send", {"to": "PEER"})
    assert jobs.take(("send",), "worker")
    jobs.go_on(number, "worker", 1, 2, settled="so far")
    with pytest.raises(NoSuchJob):
        retry(database, number, clock=clock)
    jobs.fail(number, "worker", "It was refused.")
    with pytest.raises(NoSuchJob):
        retry(database, number, but_not=("send",), clock=clock)
    retry(database, number, but_not=("import",), clock=clock)
    again = jobs.get(number)
    assert (again.state, again.attempts, again.trouble) == (JobState.QUEUED, 0, "")
    assert (again.settled, again.finished_at) == ("so far", None)
    taken = jobs.take(("send",), "another")
    assert taken is not None
    assert taken.id == number


def test_jobs_are_counted_and_the_oldest_one_is_known(database: Database) -> None:
    assert counts_of_jobs(database) == {}
    assert oldest_due(database) is None
    Jobs(database, lambda: NOW - timedelta(hours=1)).add(7, "send", {})
    jobs = Jobs(database, clock)
    jobs.add(7, "send", {})
    jobs.cancel(jobs.add(8, "import", {}))
    assert counts_of_jobs(database) == {("send", "queued"): 2, ("import", "cancelled"): 1}
    assert oldest_due(database) == NOW - timedelta(hours=1)
