"""Files of private cases lie apart, and come back; a job does it whenever something has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from accounts.plans import grant
from cases.cases import Case, create_case, delete_case
from cases.publishing import publish
from server.app import create_app
from server.config import load
from server.daily import perform_daily
from server.errors import ConfigError, TryLater
from server.kinds import MOVING, perform
from server.privacy import SETTLE, add_when_unsettled
from server.services import Services, now
from store.access import OwnerScope
from store.errors import NoPrivateRoom, StoreError
from store.jobs import JobState
from store.masks import Rectangle, mask_series
from tests.cases.rows import edit
from tests.server.sites import Site
from tests.support.datasets import ct_slice, encoded


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, slices=2)
    yield made
    made.services.database.dispose()


def case_of(site: Site, *, private: bool) -> Case:
    ref = site.services.archive.instances(OwnerScope(site.owner), site.study)[0]
    made = create_case(
        site.services.database,
        site.owner,
        title="A case",
        series=[(ref.study_instance_uid, ref.series_instance_uid)],
        clock=now,
        random_bytes=lambda number: bytes(number),
        private=private,
    )
    publish(site.services.database, site.owner, made.code, clock=now)
    return made


def files(site: Site, place: str) -> int:
    found = (site.folder / "data" / place).rglob("*")
    return sum(path.is_file() and path.stat().st_size > 0 for path in found)


def settle(site: Site) -> int | None:
    """Do what the worker would; the number of the job."""
    number = add_when_unsettled(site.services)
    job = site.services.jobs.take(tuple(MOVING), "worker")
    assert (job is None) == (number is None)
    if job is not None:
        perform(site.services, job, lambda _done, _total: None, print)
        site.services.jobs.finish(job.id, "worker")
    return number


@pytest.mark.promise("F25")
def test_no_file_of_a_private_case_lies_with_the_others_and_no_public_address_has_it(
    site: Site,
) -> None:
    found = case_of(site, private=False)
    stranger = create_app(site.services).test_client()
    study = f"dicomweb/studies/{site.study}"
    ref = site.services.archive.instances(OwnerScope(site.owner), site.study)[0]
    image = f"{study}/series/{ref.series_instance_uid}/instances/{ref.sop_instance_uid}"
    paths = [f"/{root}{path}" for root in ("", f"cases/{found.code}/") for path in (study, image)]
    of_case = [path for path in paths if path.startswith("/cases/")]
    assert settle(site) is None
    assert (files(site, "blobs"), files(site, "private")) == (2, 0)
    given = {path: stranger.get(path) for path in of_case}
    assert {answer.status_code for answer in given.values()} == {200}

    found = edit(site.services.database, found, private=True)
    assert settle(site) is not None
    assert (files(site, "blobs"), files(site, "private")) == (0, 2)
    assert {stranger.get(path).status_code for path in (*paths, f"/cases/{found.code}")} == {404}
    known = {"If-None-Match": given[of_case[1]].headers["ETag"]}
    assert stranger.get(of_case[1], headers=known).status_code == 404
    assert settle(site) is None

    edit(site.services.database, found, private=False)
    assert settle(site) is not None
    assert (files(site, "blobs"), files(site, "private")) == (2, 0)
    # It is the same image to whoever had it before.
    assert stranger.get(of_case[1], headers=known).status_code == 304


def test_whatever_changes_a_case_is_followed(site: Site) -> None:
    found = case_of(site, private=True)
    assert settle(site) is not None
    assert (files(site, "blobs"), files(site, "private")) == (0, 2)
    site.put(ct_slice(9))
    assert (files(site, "blobs"), files(site, "private")) == (1, 2)
    assert settle(site) is not None
    assert (files(site, "blobs"), files(site, "private")) == (0, 3)
    delete_case(site.services.database, site.owner, found.code)
    assert settle(site) is not None
    assert (files(site, "blobs"), files(site, "private")) == (3, 0)
    assert len(site.services.archive.instances(OwnerScope(site.owner), site.study)) == 3


def test_one_job_is_waiting_at_a_time_and_an_error_puts_it_off(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_of(site, private=True)
    number = add_when_unsettled(site.services)
    assert number is not None
    assert add_when_unsettled(site.services) is None

    def refuse(*_arguments: Any, **_more: Any) -> None:  # noqa: ANN401 - whatever it is given
        raise StoreError("no")

    job = site.services.jobs.take((SETTLE,), "worker")
    assert job is not None
    with monkeypatch.context() as refusing:
        refusing.setattr(site.services.blobs, "begin_copy", refuse)
        with pytest.raises(TryLater):
            perform(site.services, job, lambda _done, _total: None, print)
    assert files(site, "blobs") == 2
    told: list[tuple[int, int]] = []
    perform(site.services, job, lambda done, total: told.append((done, total)), print)
    assert told[0] == (0, 2)
    assert told[-1] == (2, 2)
    assert files(site, "private") == 2


@pytest.mark.integration
def test_the_worker_does_it_by_itself(site: Site) -> None:
    case_of(site, private=True)
    with site.working():
        number = None
        while number is None:
            number = next((j.id for j in site.services.jobs.newest() if j.kind == SETTLE), None)
        site.wait(number, JobState.DONE)
    assert (files(site, "blobs"), files(site, "private")) == (0, 2)


def test_once_a_day_every_file_is_looked_at(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    monkeypatch.setattr("server.privacy.doubt", looked.append)
    job = site.services.jobs.get(site.services.jobs.add(0, "daily", {}))
    perform_daily(site.services, job, lambda _done, _total: None, print)
    assert looked == [site.services.database]


@pytest.mark.parametrize(
    ("blobs", "private"),
    [("one", "one"), ("one", "one/private"), ("one/blobs", "one"), ("", "data/blobs/private")],
)
def test_the_two_places_are_apart(tmp_path: Path, blobs: str, private: str) -> None:
    settings = {"READINGROOM_DATA": str(tmp_path / "data")}
    settings |= {"READINGROOM_BLOBS": str(tmp_path / blobs)} if blobs else {}
    settings |= {"READINGROOM_PRIVATE_BLOBS": str(tmp_path / private)}
    with pytest.raises(ConfigError, match="private_blobs"):
        _ = Services(load(environment=settings)).blobs


@pytest.mark.parametrize(
    ("blobs", "private", "expected"),
    [
        ("s3://one/archive", "", "s3://one/archive-private"),
        ("s3://one/archive/", "", "s3://one/archive-private"),
        ("s3://one", "", "s3://one/private"),
        ("s3://one", "s3://two/a", "s3://two/a"),
        ("s3://one", "s3://one/", None),
    ],
)
def test_the_private_place_is_beside_the_shared_one_in_a_bucket(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    blobs: str,
    private: str,
    expected: str | None,
) -> None:
    settings = {"READINGROOM_DATA": str(tmp_path), "READINGROOM_BLOBS": blobs}
    settings["READINGROOM_PRIVATE_BLOBS"] = private
    made: list[str] = []
    monkeypatch.setattr(Services, "_blobs_at", lambda _self, place: made.append(place))
    services = Services(load(environment=settings))
    if expected is None:
        with pytest.raises(ConfigError):
            _ = services.blobs
    else:
        _ = services.blobs
        assert made == [blobs, expected]


@pytest.mark.promise("F37")
def test_without_room_only_what_comes_for_a_private_case_is_refused(site: Site) -> None:
    data = str(site.folder / "data")
    full = Services(load(environment={"READINGROOM_DATA": data, "READINGROOM_PRIVATE_BYTES": "1"}))
    case_of(site, private=True)
    grant(full.database, site.owner, premium=True)
    with full.ingest.batch(site.owner, "C-STORE") as batch:
        for number, ds in enumerate([ct_slice(9), ct_slice(1), ct_slice(1, study="1.2.3")]):
            incoming = batch.receive()
            incoming.feed(encoded(ds))
            if number:
                # What is there already is confirmed, and what is for no case is taken.
                assert incoming.finish().duplicate == (number == 1)
            else:
                with pytest.raises(NoPrivateRoom):
                    incoming.finish()
        batch.commit()
    owner = OwnerScope(site.owner)
    [series] = {one.series_instance_uid for one in full.archive.instances(owner, site.study)}
    corner = [Rectangle(0, 0, 4, 4)]
    masked = mask_series(full.archive, full.ingest, owner, site.owner, site.study, series, corner)
    assert len(masked) == len(full.archive.instances(owner, site.study)) == 2
    full.database.dispose()
