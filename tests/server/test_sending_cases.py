"""The series that a case shows go to a peer, and nothing else of their studies."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.uid import CTImageStorage

from accounts.peers import add_peer
from accounts.people import create_account
from cases.cases import Case, create_case
from cases.publishing import publish
from server.cli import commands
from server.errors import CommandFailed, TransferError
from server.services import now
from server.transfers import send_studies
from store.access import OwnerScope
from store.jobs import JobState
from tests.dimse.peers import PLAIN, Provider, provider
from tests.server.sites import EMAIL, Site
from tests.support.datasets import ct_slice

pytestmark = pytest.mark.integration
OVER = (JobState.DONE, JobState.FAILED)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, slices=2)
    # A series that no case shows, in the same study.
    made.put(ct_slice(9, series="1.2.826.0.1.3680043.8.498.9.9"))
    yield made
    made.services.database.dispose()


@pytest.fixture
def peer(site: Site) -> Iterator[Provider]:
    with provider((CTImageStorage, PLAIN)) as made:
        add_peer(site.services.database, "PEER", site.owner, "127.0.0.1", made.port)
        yield made


@pytest.fixture
def case(site: Site) -> Case:
    refs = site.services.archive.instances(OwnerScope(site.owner), site.study)
    chosen = max(ref.series_instance_uid for ref in refs if ref.modality == "CT")
    return create_case(
        site.services.database,
        site.owner,
        title="Wrist pain",
        series=[(site.study, chosen)],
        clock=now,
        random_bytes=os.urandom,
    )


def send(site: Site, *arguments: str) -> int:
    said = site.command("send", *arguments, "--account", EMAIL, "--peer", "PEER", "--json")
    assert said
    return site.services.jobs.newest(site.owner)[0].id


@pytest.mark.parametrize("is_published", [False, True])
def test_a_case_is_sent_as_it_is_shown(
    site: Site, peer: Provider, case: Case, is_published: bool
) -> None:
    [(_, series)] = case.document.series_uids()
    if is_published:
        publish(site.services.database, site.owner, case.code, clock=now)
    expected = site.services.archive.instances(OwnerScope(site.owner), site.study, series)
    number = send(site, "--case", case.code)
    with site.working():
        assert site.wait(number, *OVER).state is JobState.DONE
    sent = {got.sop_instance_uid for got in peer.got}
    assert sent == {ref.sop_instance_uid for ref in expected}
    assert len(sent) < site.held(site.study)


@pytest.mark.parametrize(
    "arguments",
    [("--case", "k7m2qxvb"), ("--case", "no code"), (), ("--case", "k7m2qxvb", "1.2.3")],
)
def test_what_is_no_case_of_the_account_is_not_sent(
    site: Site, peer: Provider, arguments: tuple[str, ...]
) -> None:
    data = ["--account", EMAIL, "--peer", "PEER", "--data", str(site.folder / "data")]
    done = CliRunner().invoke(commands, ["send", *arguments, *data])
    assert done.exit_code != 0
    assert "Traceback" not in done.output
    assert peer.got == []


def test_a_case_of_another_account_is_not_sent(site: Site, peer: Provider, case: Case) -> None:
    create_account(site.services.database, "otto@example.org", clock=now)
    data = ["--account", "otto@example.org", "--remote", "x", "--data", str(site.folder / "data")]
    done = CliRunner().invoke(commands, ["send", "--case", case.code, *data])
    assert isinstance(done.exception, CommandFailed)
    assert "no such case" in str(done.exception)
    with pytest.raises(TransferError):
        send_studies(site.services, site.owner, [site.study], series=["1.2.3"], peer="PEER")
