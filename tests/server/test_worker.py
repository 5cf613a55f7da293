"""The worker with peers that take only a part, say no or fall silent, and jobs that nobody does."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydicom.uid import CTImageStorage
from pynetdicom.events import Event

from accounts.peers import add_peer
from server.cli import commands
from server.errors import TransferError, TryLater
from server.importing import IMPORT, Imported, import_studies
from server.standing import Standing
from server.transfers import send_studies
from server.worker import work
from store.access import OwnerScope
from store.audit import deeds
from store.jobs import LEASE, PAUSES, Job, JobState
from tests.dimse.peers import PLAIN, Acceptor, Provider, Scripted, provider
from tests.dimse.raw_peer import ABORT
from tests.dimse.test_sending import reject, running
from tests.server.sites import EMAIL, Site
from tests.server.test_dicomweb_client import Answer, Server, _saying, server
from tests.support.datasets import ct_slice, ct_stack, encoded

__all__ = ["server"]

pytestmark = pytest.mark.integration
CT = (CTImageStorage, PLAIN)
OVER = (JobState.DONE, JobState.FAILED)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, slices=5)
    yield made
    made.services.database.dispose()


@pytest.fixture
def peer(site: Site) -> Iterator[Provider]:
    """A peer of the account, PEER; takes all that it is sent."""
    with provider(CT) as made:
        add_peer(site.services.database, "PEER", site.owner, "127.0.0.1", made.port)
        yield made


def to_peer(site: Site, *studies: str) -> int:
    return send_studies(site.services, site.owner, studies or [site.study], peer="PEER")


def trouble_of(site: Site, number: int) -> Job:
    """The job once an attempt has failed."""
    end = time.monotonic() + 60
    while not (job := site.services.jobs.get(number)).trouble:
        assert time.monotonic() < end, job
        time.sleep(0.05)
    return job


@pytest.mark.parametrize(
    ("script", "state"),
    [
        (reject(2, 3, 2), JobState.QUEUED),
        (lambda acceptor: (acceptor.request(), acceptor.socket.sendall(ABORT)), JobState.QUEUED),
        (reject(1, 1, 3), JobState.FAILED),
    ],
)
def test_a_rejection_is_final_only_if_it_says_so(
    site: Site, script: Callable[[Acceptor], object], state: JobState
) -> None:
    def whole(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.serve()

    with Scripted(script, whole) as scripted, site.working():
        port = scripted.destination.port
        add_peer(site.services.database, "PEER", site.owner, "127.0.0.1", port)
        number = to_peer(site)
        job = trouble_of(site, number)
        assert (job.state, job.attempts) == (state, 1)
        if state is JobState.QUEUED:
            site.again(number)
            assert site.wait(number, *OVER).state is JobState.DONE


def test_what_the_peer_will_never_take_is_sent_once_and_fails_the_job(
    site: Site, peer: Provider
) -> None:
    peer.answer = lambda event: 0xA900 if len(peer.got) == 2 else 0x0000
    number = to_peer(site)
    with site.working():
        job = site.wait(number, *OVER)
    assert (job.state, job.attempts, job.done, job.total) == (JobState.FAILED, 1, 5, 5)
    assert job.trouble == "The other side will not take 1 of 5 instances."
    assert len(peer.got) == 5


def test_a_next_attempt_sends_only_what_may_still_be_taken(site: Site, peer: Provider) -> None:
    answers = iter([0x0000, 0x0110, 0xA900, 0x0000, 0x0110, 0x0110, 0x0000, 0x0000])
    peer.answer = lambda event: next(answers)
    number = to_peer(site)
    with site.working():
        job = site.again(number)
        assert (job.done, job.total) == (3, 5)
        assert job.trouble == "The other side did not take 2 of 5 instances."
        job = site.again(number, attempts=2)
        assert (job.done, job.total) == (4, 5)
        assert job.trouble == "The other side did not take 1 of 5 instances."
        job = site.wait(number, *OVER)
    # In the end all is settled, though not as was wished.
    assert (job.state, job.done) == (JobState.FAILED, 5)
    assert job.trouble == "The other side will not take 1 of 5 instances."
    sent = [got.sop_instance_uid for got in peer.got]
    assert sent[5:] == [sent[1], sent[4], sent[1]]


def test_an_attempt_begins_where_the_last_one_broke_off(site: Site, peer: Provider) -> None:
    """The process dies: nothing is given back, and what it has written down is all there is."""
    number = to_peer(site)
    job = site.services.jobs.take(["send-to-peer"], "dead")
    assert job is not None
    refs = site.services.archive.instances(OwnerScope(site.owner), site.study)
    standing = Standing(refs)
    for ref in refs[:3]:
        standing.settle(ref, has_it=True)
    site.services.jobs.go_on(number, "dead", 3, 5, str(standing))
    site.clock.ahead += LEASE
    with site.working():
        assert site.wait(number, *OVER).state is JobState.DONE
    assert [got.sop_instance_uid for got in peer.got] == [ref.sop_instance_uid for ref in refs[3:]]


@pytest.mark.parametrize("last", [2, 5])
def test_a_worker_that_is_stopped_has_nothing_sent_again(
    site: Site, peer: Provider, last: int
) -> None:
    stop = threading.Event()

    def answer(event: Event) -> int:
        if len(peer.got) == last:
            stop.set()
        return 0x0000

    peer.answer = answer
    number = to_peer(site)
    work(site.services, stop)
    job = site.services.jobs.get(number)
    if last == 5:
        assert (job.state, job.attempts) == (JobState.DONE, 1)
    else:
        assert (job.state, job.attempts, job.done) == (JobState.QUEUED, 0, 2)
    with site.working():
        site.wait(number, JobState.DONE)
    uids = [got.sop_instance_uid for got in peer.got]
    assert len(uids) == len(set(uids)) == 5


def test_a_job_that_is_cancelled_between_two_instances_sends_no_more(
    site: Site, peer: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.worker.SAY_EVERY_SECONDS", 0.0)
    number = to_peer(site)

    def answer(event: Event) -> int:
        if len(peer.got) == 2:
            site.services.jobs.cancel(number)
        return 0x0000

    peer.answer = answer
    following = to_peer(site)
    with site.working():
        assert site.wait(following, *OVER).state is JobState.DONE
    assert site.services.jobs.get(number).state is JobState.CANCELLED
    assert len(peer.got) == 2 + 5
    assert peer.released == 2


def test_storescp_that_aborts_gets_later_what_it_did_not_acknowledge(
    site: Site, tmp_path: Path
) -> None:
    """DCMTK's receiver takes an instance and aborts before it answers; then another runs."""
    with running(tmp_path, "storescp", "--abort-after", "--ignore") as port:
        add_peer(site.services.database, "PEER", site.owner, "127.0.0.1", port)
        number = to_peer(site)
        stop = threading.Event()
        thread = threading.Thread(target=work, args=(site.services, stop))
        thread.start()
        job = trouble_of(site, number)
        stop.set()
        thread.join(60)
    assert job.trouble == "The other side did not take 5 of 5 instances."
    with running(tmp_path, "storescp", "--ignore") as port:
        add_peer(site.services.database, "PEER", site.owner, "127.0.0.1", port)
        site.clock.ahead += PAUSES[-1]
        with site.working():
            job = site.wait(number, *OVER)
    assert (job.state, job.done) == (JobState.DONE, 5)


def test_nothing_that_was_typed_is_kept_and_one_missing_study_is_enough(
    site: Site, peer: Provider, tmp_path: Path
) -> None:
    original = str(ct_slice(1).StudyInstanceUID)
    for typed in (original, "DOE^JANE 1961", "2.25.4711"):
        with pytest.raises(TransferError) as told:
            to_peer(site, site.study, typed)
        assert str(told.value) == "There is no such study."
        with pytest.raises(TransferError, match="no such study"):
            to_peer(site, typed, site.study)
    assert site.services.jobs.newest() == []
    assert deeds(site.services.database) == []
    job = site.services.jobs.get(to_peer(site, site.study, site.study))
    assert job.arguments == {"studies": [site.study], "to": "PEER"}
    site.services.database.dispose()
    for path in (tmp_path / "data").rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        assert not [text for text in (original, "DOE^JANE") if text.encode() in content], path


def test_a_job_one_of_whose_studies_is_gone_fails_and_sends_nothing(
    site: Site, peer: Provider
) -> None:
    arguments = {"studies": [site.study, "2.25.4711"], "to": "PEER"}
    number = site.services.jobs.add(site.owner, "send-to-peer", arguments)
    with site.working():
        job = site.wait(number, *OVER)
    assert (job.state, job.trouble) == (JobState.FAILED, "There is no such study.")
    assert peer.got == []


def test_an_import_that_nobody_does_any_more_fails(site: Site) -> None:
    number = site.services.jobs.add(site.owner, IMPORT, {"from": "ward"}, worker="killed")
    site.clock.ahead += LEASE
    with site.working():
        assert site.wait(number, *OVER).state is JobState.FAILED


def test_waiting_says_when_no_server_takes_the_job(site: Site, peer: Provider) -> None:
    arguments = ["send", site.study, "--account", EMAIL, "--peer", "PEER", "--wait", "--data"]
    with subprocess.Popen(
        [sys.executable, "-c", "from server.cli import main; main()", *arguments,
         str(site.folder / "data")],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as waiting:  # fmt: skip
        assert waiting.stderr is not None
        assert waiting.stderr.readline().startswith("No server takes the job")
        with site.working():
            said, more = waiting.communicate(timeout=60)
    assert (waiting.returncode, more) == (0, "")
    assert "done  5 of 5" in said


class Stow:
    """Answers what a server of DICOMweb would that stores all but what is named."""

    def __init__(self, server: Server, reasons: dict[int, int]) -> None:
        self.server, self.reasons = server, reasons
        self.sent: list[str] = []

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        stored, failed = [], []
        for part in self.server.bodies[-1].split(b"DICM")[1:]:
            # Media Storage SOP Instance UID (0002,0003), of the file meta information.
            at = part.index(b"\x02\x00\x03\x00UI")
            uid = part[at + 8 : at + 8 + part[at + 6]].rstrip(b"\0").decode()
            self.sent.append(uid)
            item: dict[str, object] = {"00081155": {"vr": "UI", "Value": [uid]}}
            reason = self.reasons.get(len(self.sent))
            if reason is None:
                stored.append(item)
            else:
                failed.append(item | {"00081197": {"vr": "US", "Value": [reason]}})
        report = {"00081199": {"vr": "SQ", "Value": stored}}
        if failed:
            report["00081198"] = {"vr": "SQ", "Value": failed}
        _saying(202 if failed else 200, json.dumps(report).encode())(handler)


@pytest.mark.parametrize(
    ("reason", "state", "sent"), [(0xA700, JobState.DONE, 6), (0xC000, JobState.FAILED, 5)]
)
def test_another_server_gets_again_only_what_it_may_still_take(
    site: Site, server: Server, reason: int, state: JobState, sent: int
) -> None:
    server.answer = stow = Stow(server, {3: reason})
    site.services.remotes.add(site.owner, "ward", server.remote.url)
    number = send_studies(site.services, site.owner, [site.study], remote="ward")
    with site.working():
        if state is JobState.DONE:
            assert site.again(number).done == 4
        job = site.wait(number, *OVER)
    assert (job.state, job.done, job.total) == (state, 5, 5)
    assert len(stow.sent) == sent
    assert stow.sent[5:] == stow.sent[2:3] * (sent - 5)


def test_an_import_that_fails_says_what_it_has_stored_and_is_over(
    site: Site, server: Server
) -> None:
    whole = _broken_at("none", [])

    def answer(handler: BaseHTTPRequestHandler) -> None:
        (_saying(403) if "/studies/1.2/series/" in handler.path else whole)(handler)

    server.answer = answer
    site.services.remotes.add(site.owner, "ward", server.remote.url)
    done = CliRunner().invoke(
        commands,
        ["import", "--account", EMAIL, "--remote", "ward", "--study", "1", "--study", "1.2",
         "--data", str(site.folder / "data")],
    )  # fmt: skip
    assert done.exit_code == 1
    assert "does not allow it. Stored 3 instances of 1 studies" in str(done.exception)
    [job] = site.services.jobs.newest()
    assert (job.state, job.done) == (JobState.FAILED, 3)
    assert job.arguments == {"from": "ward"}
    assert [deed.what for deed in deeds(site.services.database)] == ["import study"]


def _broken_at(study: str, numbers: list[int]) -> Answer:
    """A server of two studies, in one of which each answer breaks off after so many instances."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.path.split("?")[0].endswith("/series"):
            is_first = "offset=0" in handler.path
            found = [{"0020000E": {"Value": ["9.9"]}, "00201209": {"Value": [3]}}] * is_first
            return _saying(200, json.dumps(found).encode())(handler)
        which = handler.path.split("/")[-3]
        whole = [encoded(ds) for ds in ct_stack(3, study=f"1.2.840.99999.{which}")]
        count = numbers.pop(0) if which == study else 3
        body = b"".join(b"--b\r\n\r\n" + one + b"\r\n" for one in whole[:count])
        body += b"--b--" if count == 3 else b"--b\r\n\r\n"
        return _saying(200, body, "multipart/related; boundary=b")(handler)

    return answer


def test_an_import_that_breaks_off_is_on_record_and_counts_over_all_attempts(
    site: Site, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.importing.BATCH_INSTANCES", 1)
    server.answer = _broken_at("2", [1, 2, 3, 3])
    remote = server.remote
    imported = Imported()

    def attempt(into: Imported) -> Imported:
        return import_studies(
            site.services, site.owner, remote, ["1", "2"], lambda *_: None, into
        )  # fmt: skip

    with pytest.raises(TryLater):
        attempt(imported)
    assert (imported.stored, imported.duplicates, len(imported.studies)) == (4, 0, 2)
    noted = {f"{study} from there" for study in imported.studies}
    assert {deed.which for deed in deeds(site.services.database)} == noted
    with pytest.raises(TryLater):
        attempt(imported)
    attempt(imported)
    assert (imported.stored, imported.duplicates, imported.failed) == (6, 0, 0)
    # What was whole is not fetched again, and each study is on record once.
    assert [path for _, path, _ in server.seen].count("/archive/studies/1/series/9.9") == 1
    assert len(deeds(site.services.database)) == 2
    again = attempt(Imported())
    assert (again.stored, again.duplicates) == (0, 6)
