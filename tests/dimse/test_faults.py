"""What goes wrong around the listener: kill -9, a full disk, a locked database, aborts."""

import os
import resource
import signal
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from store.access import OwnerScope
from store.db import Database
from store.search import Query, search
from tests.dimse import instances, raw_peer
from tests.dimse.conftest import Listen
from tests.dimse.raw_peer import ABORT, RELEASE, RawPeer, pdu, pdv
from tests.dimse.receiver import Receiver
from tests.dimse.serving import Serving
from tests.dimse.test_broken_connections import (
    DATA,
    MESSAGE,
    REQUEST,
    eventually,
    serving_threads,
    stored_one,
)
from tests.dimse.test_with_store import PLANTED, Store, store

__all__ = ["store"]

pytestmark = pytest.mark.integration

ASSOCIATE = raw_peer.associate()
BIG = instances.ct(side=512)


def sent(port: int, number: int) -> int:
    """Send a slice of 512 KB over an association of its own; returns the status."""
    with RawPeer(port, timeout=60) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        return sent_over(peer, number)


def sent_over(peer: RawPeer, number: int) -> int:
    """Send a slice of 512 KB over an association; returns the status."""
    ds = instances.ct(number, side=512)
    request = raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID)
    peer.send(raw_peer.message(request, instances.encoded(ds)))
    return peer.status()


# Where in a conversation a sender goes: what it has sent by then, and how many answers it awaits.
STATES: dict[str, tuple[bytes, int]] = {
    "connected": (b"", 0),
    "in the request": (ASSOCIATE[:40], 0),
    "not yet accepted": (ASSOCIATE, 0),
    "accepted": (ASSOCIATE, 1),
    "in a PDU's header": (ASSOCIATE + MESSAGE[:3], 1),
    "in the command set": (ASSOCIATE + MESSAGE[:40], 1),
    "before the data set": (ASSOCIATE + pdu(4, pdv(1, 3, REQUEST)), 1),
    "in the data set": (ASSOCIATE + pdu(4, pdv(1, 3, REQUEST)) + pdu(4, pdv(1, 0, DATA[:5000])), 1),
    "in a PDU of the data set": (ASSOCIATE + MESSAGE[: len(MESSAGE) // 2], 1),
    "not yet answered": (ASSOCIATE + MESSAGE, 1),
    "answered": (ASSOCIATE + MESSAGE, 2),
    "not yet released": (ASSOCIATE + RELEASE, 1),
    "released": (ASSOCIATE + RELEASE, 2),
}


@pytest.mark.parametrize("end", ["abort", "close", "hang up"])
@pytest.mark.parametrize("state", STATES)
def test_a_sender_that_goes_in_any_state(
    port: int, receiver: Receiver, caplog: pytest.LogCaptureFixture, state: str, end: str
) -> None:
    said, answers = STATES[state]
    whole = MESSAGE in said
    for _ in range(3):
        with RawPeer(port) as peer:
            peer.send(said)
            for _ in range(answers):
                assert peer.pdu()[0] in (0x02, 0x04, 0x06)
            if end == "abort":
                peer.send(ABORT)
            elif end == "hang up":
                peer.hang_up()
                while peer.pdu()[0]:
                    pass
    assert eventually(lambda: serving_threads() == 0)
    assert receiver.open_batches == 0
    # Whole instances are kept even when nobody waits for the answer; nothing else is.
    assert len(receiver.stored) == (3 if whole else 0)
    assert receiver.begun - receiver.aborted == len(receiver.stored)
    assert "ended with" not in caplog.text
    stored_one(port)


def test_fifty_associations_store_in_parallel(port: int, store: Store, listen: Listen) -> None:
    port = listen(store.ingest)
    statuses: list[int] = []
    together = threading.Barrier(50, timeout=60)

    def send(first: int) -> None:
        with RawPeer(port, timeout=120) as peer:
            peer.send(raw_peer.associate())
            assert peer.pdu()[0] == 0x02
            together.wait()
            statuses.extend(sent_over(peer, first + n) for n in range(4))
            peer.send(RELEASE)
            assert peer.pdu()[0] == 0x06

    senders = [threading.Thread(target=send, args=(n * 4,)) for n in range(50)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(200)
    assert statuses == [0] * 200
    assert store.count() == 200


def test_a_locked_database_is_a700_and_the_association_goes_on(
    store: Store, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.db.LOCK_WAIT_SECONDS", 1)
    port = listen(store.ingest)
    with RawPeer(port, timeout=60) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        assert sent_over(peer, 1) == 0x0000
        # Connections that are open already would wait as long as they were told to.
        store.database.dispose()
        with sqlite3.connect(store.folder / "index.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            assert sent_over(peer, 2) == 0xA700
            other.execute("ROLLBACK")
        other.close()
        assert store.count() == 1
        assert sent_over(peer, 2) == 0x0000
    assert store.count() == 2


@contextmanager
def full_after(folder: Path, megabytes: int) -> Iterator[Callable[[], None]]:
    """A folder on a file system of so many megabytes; gives what makes room for more."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("nothing may be mounted here; the limit of a file's size stands in for it")

    def more() -> None:
        options = f"remount,size={megabytes * 4}m"
        subprocess.run(["mount", "-o", options, folder], check=True, capture_output=True)

    try:
        yield more
    finally:
        subprocess.run(["umount", "-l", folder], check=True, capture_output=True)


@pytest.mark.parametrize("full", ["blobs", "everything"])
def test_a_full_disk_is_a700_and_nothing_is_lost(tmp_path: Path, full: str) -> None:
    with full_after(tmp_path / "small", 12) as more:
        settings = {"READINGROOM_DIMSE_PROCESSES": "1"}
        if full == "blobs":
            settings["READINGROOM_BLOBS"] = str(tmp_path / "small" / "blobs")
        else:
            settings["READINGROOM_DATA"] = str(tmp_path / "small" / "data")
        with Serving(tmp_path / "server", "--no-http", settings=settings) as command:
            port = command.port
            data = Path(settings.get("READINGROOM_DATA", command.data))
            with RawPeer(port, timeout=60) as peer:
                peer.send(raw_peer.associate())
                assert peer.pdu()[0] == 0x02
                statuses = [sent_over(peer, number) for number in range(60)]
                stored = statuses.count(0x0000)
                assert 3 < stored < 60
                # Once full it stays so, and each is told the same.
                assert set(statuses) == {0x0000, 0xA700}
                assert statuses[-10:] == [0xA700] * 10
                assert visible(data) == stored
                more()
                assert sent_over(peer, 99) == 0x0000
                peer.send(RELEASE)
                assert peer.pdu()[0] == 0x06
            assert visible(data) == stored + 1
            assert command.stop() == 0


def test_files_that_may_not_grow_are_a700(store: Store, listen: Listen) -> None:
    """Stands in for a full disk where nothing may be mounted."""
    port = listen(store.ingest)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with RawPeer(port, timeout=60) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        assert sent_over(peer, 1) == 0x0000
        resource.setrlimit(resource.RLIMIT_FSIZE, (400 * 1024, hard))
        try:
            assert sent_over(peer, 2) == 0xA700
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            signal.signal(signal.SIGXFSZ, before)
        assert store.count() == 1
        assert sent_over(peer, 2) == 0x0000
    assert store.count() == 2


def test_kill_9_during_associations_leaves_nothing_half_stored(tmp_path: Path) -> None:
    settings = {"READINGROOM_DIMSE_PROCESSES": "2"}
    half = raw_peer.message(
        raw_peer.store_rq(CTImageStorage, BIG.SOPInstanceUID), instances.encoded(BIG)
    )
    acknowledged = 0
    for round_ in range(3):
        with Serving(tmp_path, "--no-http", settings=settings) as command:
            port = command.port
            assert visible(command.data) == acknowledged
            peers = [RawPeer(port, timeout=60) for _ in range(12)]
            for peer in peers:
                peer.send(raw_peer.associate(calling=instances.PLANTED_AE))
                assert peer.pdu()[0] == 0x02
            # A third has stored, a third is half-way, and a third is sending when it comes.
            for number, peer in enumerate(peers[:4]):
                assert sent_over(peer, number) == 0x0000
                acknowledged += 1
            for number, peer in enumerate(peers[4:8]):
                peer.send(half[: len(half) * (number + 1) // 6])
            sending = [_Sending(peer, 100 * round_) for peer in peers[8:]]
            for each in sending:
                assert each.has_begun.wait(60)
            command.kill()
            for each in sending:
                each.thread.join(30)
                acknowledged += each.answered
            for peer in peers:
                peer.socket.close()
            # An answer that was on its way when it came is one that nobody has heard.
            unheard = visible(command.data) - acknowledged
            assert 0 <= unheard <= len(sending)
            acknowledged += unheard
            _no_identity_below(tmp_path)
    with Serving(tmp_path, "--no-http", settings=settings) as command:
        assert sent(command.port, 1000) == 0x0000
        assert visible(command.data) == acknowledged + 1
        assert command.stop() == 0
    _no_identity_below(tmp_path)
    blobs = [path for path in (tmp_path / "data" / "blobs").rglob("*") if path.is_file()]
    assert len([path for path in blobs if path.stat().st_size]) == acknowledged + 1


class _Sending:
    """Sends slices over an association until it breaks."""

    def __init__(self, peer: RawPeer, first: int) -> None:
        self.answered = 0
        self.has_begun = threading.Event()
        self._peer = peer
        self._first = first
        self.thread = threading.Thread(target=self._send)
        self.thread.start()

    def _send(self) -> None:
        for number in range(self._first, self._first + 10_000):
            try:
                status = sent_over(self._peer, number)
            except (AssertionError, OSError, IndexError, KeyError):
                return
            self.answered += status == 0
            if self.answered == 2:
                self.has_begun.set()


def visible(data: Path) -> int:
    """How many instances the server's owner sees."""
    database = Database(f"sqlite:///{data / 'readingroom.sqlite'}")
    query = Query(level="instance", matches=(), include=frozenset(), limit=None, offset=0)
    try:
        return len(search(database, OwnerScope(1), query).results)
    finally:
        database.dispose()


def _no_identity_below(folder: Path) -> None:
    searched = 0
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            searched += len(content)
            for planted in (*PLANTED, BIG.SOPInstanceUID.encode()):
                assert planted not in content, path
    assert searched > os.path.getsize(folder / "data" / "readingroom.sqlite")
