"""C-MOVE of one large instance, ended while it is sent: by C-CANCEL, by the caller, by a stop."""

import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.association import Association

from dimse import connection
from tests.dimse import instances
from tests.dimse.fetched import MOVE, PLAIN, identifier
from tests.dimse.peers import Acceptor, Scripted
from tests.dimse.served import HOME, OWNER, Served, association, serving
from tests.dimse.test_broken_connections import eventually, serving_threads

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOOK_EVERY_SECONDS", 0.05)


class Stuck:
    """A destination that takes the beginning of an instance, and no more until that is ended."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.goes_on = threading.Event()
        self.got = 0

    def __call__(self, acceptor: Acceptor) -> None:
        acceptor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        acceptor.accept()
        acceptor.pdu()
        self.has_begun.set()
        assert self.goes_on.wait(60)
        while (pdu := acceptor.pdu())[0] == 0x04:
            self.got += len(pdu[1])


@pytest.fixture
def stuck(served: Served) -> Iterator[Stuck]:
    """The destination of the owner's."""
    stuck = Stuck()
    with Scripted(stuck) as peer:
        served.destinations[OWNER, "DEST"] = peer.destination
        yield stuck
        stuck.goes_on.set()
    # The instance has 8 MB of pixels.
    assert stuck.got < 8 << 20


def test_it_is_cancelled(served: Served, stuck: Stuck) -> None:
    [uid] = served.put(instances.ct(side=2048))
    with association(served, (str(MOVE), PLAIN)) as assoc:
        asked = identifier("IMAGE", SOPInstanceUID=uid)
        responses = assoc.send_c_move(asked, "DEST", MOVE, msg_id=3)
        # The caller is told that it is under way, also while nothing of it moves.
        for _ in range(3):
            pending = next(responses)[0]
            counts = pending.NumberOfRemainingSuboperations, pending.NumberOfFailedSuboperations
            assert (pending.Status, counts) == (0xFF00, (1, 0))
        assoc.send_c_cancel(3, query_model=MOVE)
        *_, (last, failed) = responses
        assert (last.Status, last.NumberOfRemainingSuboperations) == (0xFE00, 1)
        assert (last.NumberOfCompletedSuboperations, bool(failed)) == (0, False)
    assert not stuck.goes_on.is_set()


def test_a_caller_that_goes_away_ends_it(served: Served, stuck: Stuck) -> None:
    assoc = _begun(served, stuck)
    assoc.abort()
    _until_over()


def test_a_stop_of_the_server_ends_it(tmp_path: Path) -> None:
    folder = tmp_path / "stops"
    folder.mkdir()
    stuck = Stuck()
    with Scripted(stuck) as peer:
        with serving(folder) as served:
            served.destinations[OWNER, "DEST"] = peer.destination
            served.stops_within = 0.1
            _begun(served, stuck)
        _until_over()
        stuck.goes_on.set()
    assert stuck.got < 8 << 20


def _begun(served: Served, stuck: Stuck) -> Association:
    """Ask for a large instance; returns when it is under way."""
    [uid] = served.put(instances.ct(side=2048))
    ae = AE("MINE")
    ae.add_requested_context(MOVE, PLAIN)
    assoc = ae.associate("127.0.0.1", served.port, ae_title=HOME)
    asked = identifier("IMAGE", SOPInstanceUID=uid)
    responses = assoc.send_c_move(asked, "DEST", MOVE, msg_id=3)
    threading.Thread(target=partial(list, responses), daemon=True).start()
    assert stuck.has_begun.wait(20)
    return assoc


def _until_over() -> None:
    # The thread that serves the C-MOVE also sends.
    assert eventually(lambda: serving_threads() == 0)
