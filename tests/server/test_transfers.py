"""Studies go to Orthanc, to another server like this one and back, as jobs; real ones, both."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from accounts.peers import add_peer
from accounts.people import create_account
from accounts.reach import Reach
from bench.peers.orthanc import Orthanc
from bench.process import free_port
from server import watching
from server.errors import Cancelled, TransferError
from server.importing import import_studies
from server.services import now
from server.transfers import perform, send_studies
from store.audit import deeds
from store.jobs import JobState
from tests.dimse.peers import Scripted
from tests.dimse.test_moving_ended import Stuck
from tests.server.sites import EMAIL, Site
from tests.support.datasets import PLANTED, ct_slice, ct_stack, encoded
from tests.support.server import OWNER, running_server

pytestmark = pytest.mark.integration
TROUBLE = "This server may not connect to the peer's address. Its operator can allow it."
LARGE = ct_slice(99, size=2048, study="1.2.826.0.1.3680043.8.498.78")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.services.database.dispose()


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Orthanc]:
    folder = tmp_path / "orthanc"
    (folder / "storage").mkdir(parents=True)
    with Orthanc() as peer:
        peer.start(folder)
        yield peer


def test_a_study_goes_to_orthanc_by_c_store(site: Site, orthanc: Orthanc) -> None:
    add_peer(site.services.database, "ORTHANC", site.owner, "127.0.0.1", orthanc.dimse_port)
    number = send_studies(site.services, site.owner, [site.study], peer="ORTHANC")
    with site.working():
        job = site.wait(number, JobState.DONE, JobState.FAILED)
    assert (job.state, job.done, job.total, job.trouble) == (JobState.DONE, 3, 3, "")
    assert orthanc.uids("/studies", "0020000D") == [site.study]
    assert orthanc.stored() == 3
    [deed] = deeds(site.services.database)
    assert (deed.account_id, deed.what) == (site.owner, "send study")
    assert deed.which == f"{site.study} to ORTHANC"


def test_a_study_goes_to_orthanc_by_stow_and_comes_back(site: Site, orthanc: Orthanc) -> None:
    url = f"http://127.0.0.1:{orthanc.http_port}{orthanc.root}"
    site.services.remotes.add(site.owner, "archive", url)
    number = send_studies(site.services, site.owner, [site.study], remote="archive")
    with site.working():
        job = site.wait(number, JobState.DONE, JobState.FAILED)
    assert (job.state, job.trouble) == (JobState.DONE, "")
    assert orthanc.stored() == 3

    other = create_account(site.services.database, "omar@example.org", clock=now).id
    said: list[tuple[int, int]] = []
    remote = site.services.remotes.get(site.owner, "archive")
    imported = import_studies(
        site.services, other, remote, [site.study], lambda done, total: said.append((done, total))
    )
    assert (imported.stored, imported.duplicates, imported.failed) == (3, 0, 0)
    assert said[0] == (0, 3)
    assert said[-1] == (3, 3)
    # Another account's key makes other UIDs: nothing links the two.
    [study] = imported.studies
    assert study != site.study
    again = import_studies(site.services, other, remote, [site.study], lambda *_: None)
    assert (again.stored, again.duplicates) == (0, 3)
    assert {(deed.account_id, deed.what) for deed in deeds(site.services.database, other)} == {
        (other, "import study")
    }


def test_commands_send_to_and_import_from_a_server_like_this(site: Site, tmp_path: Path) -> None:
    with running_server(tmp_path / "other") as other, site.working():
        site.command(
            "remote", "add", "ward", other.root, "--account", EMAIL, "--token-stdin",
            stdin=other.token + "\n",
        )  # fmt: skip
        assert other.token not in site.command("remote", "list", "--json")
        sent = site.command(
            "send", site.study, "--account", EMAIL, "--remote", "ward", "--wait", "--json"
        )
        assert '"state": "done"' in sent
        assert other.session().get(f"{other.root}/instances", timeout=20).json()[2]
        said = site.command(
            "import", "--account", EMAIL, "--remote", "ward", "--match", "Modality=CT", "--json"
        )
        assert '"stored": 3' in said
        assert "import" in site.command("job", "list")


def test_the_running_server_works_on_jobs(orthanc: Orthanc, tmp_path: Path) -> None:
    with running_server(tmp_path / "server") as server:
        port = str(orthanc.dimse_port)
        server.command(
            "peer", "add", "ORTHANC", "--account", OWNER, "--host", "127.0.0.1", "--port", port
        )
        (tmp_path / "one.dcm").write_bytes(encoded(ct_slice(1)))
        body = (
            b"--b\r\nContent-Type: application/dicom\r\n\r\n"
            + encoded(ct_slice(1))
            + b"\r\n--b--\r\n"
        )
        headers = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'}
        session = server.session()
        session.post(f"{server.root}/studies", data=body, headers=headers, timeout=60)
        [study] = session.get(f"{server.root}/studies", timeout=20).json()
        uid = study["0020000D"]["Value"][0]
        server.command("send", uid, "--account", OWNER, "--peer", "ORTHANC", "--wait")
        assert orthanc.uids("/studies", "0020000D") == [uid]


def test_a_job_is_cancelled_in_the_midst_of_an_instance(site: Site) -> None:
    study = site.put(LARGE)
    stuck = Stuck()
    add_peer(site.services.database, "AWAY", site.owner, "127.0.0.1", free_port())
    with Scripted(stuck) as peer, site.working():
        add_peer(site.services.database, "STUCK", site.owner, "127.0.0.1", peer.destination.port)
        number = send_studies(site.services, site.owner, [study], peer="STUCK")
        assert stuck.has_begun.wait(30)
        site.services.jobs.cancel(number)
        # The worker is free for the next, while the peer still takes nothing.
        following = send_studies(site.services, site.owner, [study], peer="AWAY")
        end = time.monotonic() + 60
        while not site.services.jobs.get(following).trouble:
            assert time.monotonic() < end
            time.sleep(0.05)
        stuck.goes_on.set()
    job = site.services.jobs.get(number)
    assert (job.state, job.done) == (JobState.CANCELLED, 0)
    assert stuck.got < 8 << 20


def test_a_worker_that_ends_leaves_an_instance_and_gives_the_job_back(site: Site) -> None:
    study = site.put(LARGE)
    stuck = Stuck()
    with Scripted(stuck) as peer:
        add_peer(site.services.database, "STUCK", site.owner, "127.0.0.1", peer.destination.port)
        with site.working():
            number = send_studies(site.services, site.owner, [study], peer="STUCK")
            assert stuck.has_begun.wait(30)
        job = site.services.jobs.get(number)
        stuck.goes_on.set()
    assert (job.state, job.attempts, job.trouble) == (JobState.QUEUED, 0, "")


def cancelled_at_the_fifth(asked: list[int]) -> Callable[[int, int], None]:
    """A progress that notes how far it is, and cancels when it is asked for the fifth time."""

    def progress(done: int, total: int) -> None:
        asked.append(done)
        if len(asked) == 5:
            raise Cancelled("The job was cancelled.")

    return progress


def test_a_request_to_another_server_is_broken_off_in_the_midst_of_an_instance(
    site: Site, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0.0)
    study = site.put(LARGE)
    url = f"http://127.0.0.1:{orthanc.http_port}{orthanc.root}"
    site.services.remotes.add(site.owner, "archive", url)
    job = site.services.jobs.get(send_studies(site.services, site.owner, [study], remote="archive"))
    asked: list[int] = []

    with pytest.raises(Cancelled):
        perform(site.services, job, cancelled_at_the_fifth(asked))
    assert asked == [0] * 5
    assert orthanc.stored() == 0
    perform(site.services, job, lambda *_: None)
    assert orthanc.stored() == 1


def test_an_import_is_broken_off_in_the_midst_of_an_instance(
    site: Site, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LOOK_EVERY_SECONDS", 0.0)
    base = f"http://127.0.0.1:{orthanc.http_port}"
    ds = LARGE
    requests.post(f"{base}/instances", data=encoded(ds), timeout=30).raise_for_status()
    site.services.remotes.add(site.owner, "archive", f"{base}{orthanc.root}")
    remote = site.services.remotes.get(site.owner, "archive")
    asked: list[int] = []

    progress, studies = cancelled_at_the_fifth(asked), [ds.StudyInstanceUID]
    with pytest.raises(Cancelled):
        import_studies(site.services, site.owner, remote, studies, progress)
    assert asked == [0] * 5
    done = import_studies(site.services, site.owner, remote, [ds.StudyInstanceUID], lambda *_: None)
    assert (done.stored, done.duplicates) == (1, 0)


def test_a_job_to_where_the_server_may_not_connect_fails_and_says_so(site: Site) -> None:
    with Scripted(Stuck()) as peer:
        port = peer.destination.port
        add_peer(
            site.services.database, "PACS", site.owner, "localhost", port, reach=Reach(public=True)
        )
        number = send_studies(site.services, site.owner, [site.study], peer="PACS")
        with site.working():
            job = site.wait(number, JobState.FAILED)
    assert (
        job.trouble
        == "This server may not connect to the peer's address. Its operator can allow it."
    )
    assert peer.connections == 0


def test_what_is_away_is_tried_again_later(site: Site) -> None:
    add_peer(site.services.database, "AWAY", site.owner, "127.0.0.1", free_port())
    site.services.remotes.add(site.owner, "away", f"http://127.0.0.1:{free_port()}/dicom-web")
    numbers = [
        send_studies(site.services, site.owner, [site.study], peer="AWAY"),
        send_studies(site.services, site.owner, [site.study], remote="away"),
    ]
    with site.working():
        for number in numbers:
            end = time.monotonic() + 60
            while not (job := site.services.jobs.get(number)).trouble:
                assert time.monotonic() < end
                time.sleep(0.05)
            assert (job.state, job.attempts) == (JobState.QUEUED, 1)
            assert job.due_at > now()


def test_what_cannot_be_sent_is_said_at_once(site: Site) -> None:
    stranger = create_account(site.services.database, "omar@example.org", clock=now).id
    add_peer(site.services.database, "NOWHERE", site.owner)
    with pytest.raises(TransferError, match="no such study"):
        send_studies(site.services, site.owner, ["1.2.3"], peer="NOWHERE")
    with pytest.raises(TransferError, match="no such study"):
        send_studies(site.services, stranger, [site.study], peer="NOWHERE")
    with pytest.raises(TransferError, match="host and port"):
        send_studies(site.services, site.owner, [site.study], peer="NOWHERE")
    assert site.services.jobs.newest() == []
    assert deeds(site.services.database) == []


def test_an_import_leaves_no_original_on_the_disk(
    site: Site, orthanc: Orthanc, tmp_path: Path
) -> None:
    """Orthanc has the originals, with a patient's name; here nothing of them may lie."""
    for ds in ct_stack(2, study="1.2.826.0.1.3680043.8.498.77"):
        requests.post(
            f"http://127.0.0.1:{orthanc.http_port}/instances", data=encoded(ds), timeout=30
        ).raise_for_status()
    url = f"http://127.0.0.1:{orthanc.http_port}{orthanc.root}"
    site.command("remote", "add", "clinic", url, "--account", EMAIL)
    said = site.command(
        "import", "--account", EMAIL, "--remote", "clinic",
        "--study", "1.2.826.0.1.3680043.8.498.77", "--json",
    )  # fmt: skip
    assert '"stored": 2' in said
    planted = [text.encode() for text in PLANTED] + [b"3680043.8.498.77"]
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not [text for text in planted if text in content], path
