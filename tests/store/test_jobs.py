"""The queue: one worker for a job, progress, retries with pauses, an end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from store.db import Database
from store.errors import NoSuchJob
from store.jobs import LEASE, PAUSES, Job, Jobs, JobState


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 5, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def jobs(database: Database, clock: Clock) -> Jobs:
    return Jobs(database, clock)


def _take(jobs: Jobs, worker: str = "w", kind: str = "send") -> Job:
    job = jobs.take([kind], worker)
    assert job is not None
    return job


def test_jobs_are_taken_in_their_order_and_by_kind(jobs: Jobs, clock: Clock) -> None:
    first = jobs.add(7, "send", {"to": "A"})
    clock.now += timedelta(seconds=1)
    jobs.add(7, "other", {})
    second = jobs.add(8, "send", {"to": "B"})
    assert [_take(jobs).id, _take(jobs).id] == [first, second]
    assert jobs.take(["send"], "w") is None


def test_a_job_goes_on_and_ends(jobs: Jobs, clock: Clock) -> None:
    jobs.add(7, "send", {"studies": ["1.2"]})
    job = _take(jobs)
    assert (job.arguments, job.state, job.attempts) == ({"studies": ["1.2"]}, "running", 1)
    assert jobs.go_on(job.id, "w", 3, 9)
    assert (jobs.get(job.id).done, jobs.get(job.id).total) == (3, 9)
    clock.now += timedelta(minutes=1)
    assert jobs.finish(job.id, "w")
    done = jobs.get(job.id)
    assert (done.state, done.finished_at) == (JobState.DONE, clock.now)
    assert not jobs.go_on(job.id, "w", 4, 9)


def test_what_is_put_off_waits_longer_each_time_and_fails_at_last(jobs: Jobs, clock: Clock) -> None:
    jobs.add(7, "send", {})
    for pause in PAUSES:
        job = _take(jobs)
        assert jobs.put_off(job, "w", "Away.")
        assert (jobs.get(job.id).state, jobs.get(job.id).trouble) == (JobState.QUEUED, "Away.")
        clock.now += pause - timedelta(seconds=1)
        assert jobs.take(["send"], "w") is None
        clock.now += timedelta(seconds=1)
    job = _take(jobs)
    assert job.attempts == len(PAUSES) + 1
    jobs.put_off(job, "w", "Still away.")
    assert (jobs.get(job.id).state, jobs.get(job.id).trouble) == (JobState.FAILED, "Still away.")
    clock.now += timedelta(days=9)
    assert jobs.take(["send"], "w") is None


def test_the_job_of_a_silent_worker_is_taken_by_another(jobs: Jobs, clock: Clock) -> None:
    jobs.add(7, "send", {})
    job = _take(jobs, "dead")
    clock.now += LEASE - timedelta(seconds=1)
    assert jobs.take(["send"], "alive") is None
    assert jobs.go_on(job.id, "dead", 1, 2)
    clock.now += LEASE - timedelta(seconds=1)
    assert jobs.take(["send"], "alive") is None
    clock.now += timedelta(seconds=1)
    again = _take(jobs, "alive")
    assert (again.id, again.attempts, again.done) == (job.id, 2, 0)
    assert not jobs.go_on(job.id, "dead", 2, 2)
    assert not jobs.finish(job.id, "dead")
    assert jobs.get(job.id).state is JobState.RUNNING


def test_a_job_whose_workers_die_comes_to_an_end(jobs: Jobs, clock: Clock) -> None:
    number = jobs.add(7, "send", {})
    for attempt in range(1, len(PAUSES) + 2):
        assert _take(jobs, f"w{attempt}").attempts == attempt
        clock.now += LEASE
    assert jobs.take(["other"], "last") is None
    assert jobs.get(number).state is JobState.RUNNING
    assert jobs.take(["send"], "last") is None
    found = jobs.get(number)
    assert (found.state, found.finished_at) == (JobState.FAILED, clock.now)
    assert found.trouble == "It broke off each time that it was begun."
    assert not jobs.finish(number, f"w{len(PAUSES) + 1}")


def test_a_last_attempt_that_lives_is_left_alone(jobs: Jobs, clock: Clock) -> None:
    number = jobs.add(7, "send", {})
    for attempt in range(1, len(PAUSES) + 2):
        clock.now += LEASE
        _take(jobs, f"w{attempt}")
    clock.now += LEASE - timedelta(seconds=1)
    assert jobs.take(["send"], "other") is None
    assert jobs.finish(number, f"w{len(PAUSES) + 1}")


def test_what_is_settled_is_there_for_the_next_attempt(jobs: Jobs, clock: Clock) -> None:
    jobs.add(7, "send", {})
    job = _take(jobs)
    assert job.settled == ""
    jobs.go_on(job.id, "w", 1, 2, "half of it")
    jobs.go_on(job.id, "w", 1, 2)
    jobs.put_off(job, "w", "Away.")
    clock.now += PAUSES[0]
    assert _take(jobs, "next").settled == "half of it"
    assert not jobs.go_on(job.id, "w", 2, 2, "all of it")
    assert jobs.get(job.id).settled == "half of it"


def test_a_job_of_ones_own_fails_when_nobody_is_heard_of(jobs: Jobs, clock: Clock) -> None:
    number = jobs.add(7, "import", {}, worker="me")
    clock.now += LEASE - timedelta(seconds=1)
    jobs.end_alone(["import"])
    assert jobs.get(number).state is JobState.RUNNING
    clock.now += timedelta(seconds=1)
    jobs.end_alone(["other"])
    assert jobs.get(number).state is JobState.RUNNING
    jobs.end_alone(["import"])
    found = jobs.get(number)
    assert (found.state, found.finished_at) == (JobState.FAILED, clock.now)
    assert found.trouble
    assert not jobs.go_on(number, "me", 1, 2)


def test_work_is_seen_while_a_worker_is_heard_of(jobs: Jobs, clock: Clock) -> None:
    jobs.add(7, "send", {})
    assert not jobs.is_worked_on(["send"])
    _take(jobs)
    assert jobs.is_worked_on(["send"])
    assert not jobs.is_worked_on(["other"])
    clock.now += LEASE
    assert not jobs.is_worked_on(["send"])


def test_a_job_that_is_given_back_is_due_at_once_and_was_no_attempt(jobs: Jobs) -> None:
    jobs.add(7, "send", {})
    assert jobs.give_back(_take(jobs), "w")
    again = _take(jobs, "next")
    assert again.attempts == 1


def test_an_owner_cancels_only_what_is_theirs_and_not_over(jobs: Jobs) -> None:
    number = jobs.add(7, "send", {})
    with pytest.raises(NoSuchJob):
        jobs.cancel(number, 8)
    with pytest.raises(NoSuchJob):
        jobs.get(number, 8)
    job = _take(jobs)
    jobs.cancel(number, 7)
    assert not jobs.go_on(job.id, "w", 1, 2)
    assert not jobs.finish(job.id, "w")
    assert jobs.get(number, 7).state is JobState.CANCELLED
    with pytest.raises(NoSuchJob):
        jobs.cancel(number, 7)


def test_owners_see_their_own_newest_first(jobs: Jobs) -> None:
    numbers = [jobs.add(owner, "send", {}) for owner in (7, 8, 7)]
    assert [job.id for job in jobs.newest(7)] == [numbers[2], numbers[0]]
    assert [job.id for job in jobs.newest()] == numbers[::-1]


def test_a_job_of_ones_own_is_taken_by_nobody_else(jobs: Jobs) -> None:
    number = jobs.add(7, "send", {}, worker="me")
    assert jobs.take(["send"], "w") is None
    assert jobs.go_on(number, "me", 1, 2)


def test_each_job_is_taken_once_whoever_asks_at_the_same_time(jobs: Jobs) -> None:
    numbers = {jobs.add(7, "send", {}) for _ in range(12)}

    def take_all(worker: str) -> list[int]:
        taken = []
        # Another may be ahead by one job; there is one for each look all the same.
        for _ in range(40):
            job = jobs.take(["send"], worker)
            if job is not None:
                taken.append(job.id)
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [one for found in pool.map(take_all, "abcd") for one in found]
    assert sorted(taken) == sorted(numbers)
