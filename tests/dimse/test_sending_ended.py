"""Sending that is ended in the midst of an instance: it is heard, and the association aborted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian

from dimse import connection
from dimse.sending import Totals
from store.retrieve import StoredInstance
from tests.dimse.peers import Acceptor, Scripted, Shelf
from tests.dimse.test_sending import QUICK, sent
from tests.support.datasets import ct_slice, ct_stack

MEGABYTES = 8
PATIENT = connection.Limits(connect=5, associate=5, stall=600, answer=600, release=1)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "store")
    yield shelf
    shelf.database.dispose()


@pytest.fixture
def large(shelf: Shelf) -> StoredInstance:
    """One that takes more than the buffers between us and a peer."""
    (ref,) = shelf.put(ct_slice(size=2048))
    assert ref.size >= MEGABYTES << 20
    return ref


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LOOK_EVERY_SECONDS", 0.01)


class Ending:
    """Ends the sending the third time that it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, totals: Totals) -> bool:
        assert (totals.completed, totals.warning, totals.failed) == (0, 0, 0)
        self.asked += 1
        return self.asked < 3


def test_an_instance_that_a_peer_takes_is_broken_off_between_two_pdus(
    shelf: Shelf, large: StoredInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Asked before each of the blocks, of which there are dozens.
    monkeypatch.setattr(connection, "LOOK_EVERY_SECONDS", 1e-6)
    got: list[int] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        while (pdu := acceptor.pdu())[0] == 0x04:
            got.append(len(pdu[1]))
        got.append(-pdu[0])

    with Scripted(script) as peer:
        assert sent(shelf, [large], peer.destination, each=Ending(), limits=PATIENT) == (0, 0, 0)
    assert got.pop() == -0x07
    assert sum(got) < MEGABYTES << 20
    assert peer.connections == 1


def test_a_peer_that_takes_nothing_more_is_left(shelf: Shelf, large: StoredInstance) -> None:
    ended = threading.Event()
    ends: list[int] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        acceptor.accept()
        assert ended.wait(20)
        while (pdu := acceptor.pdu())[0] == 0x04:
            ends.append(len(pdu[1]))

    with Scripted(script) as peer:
        assert sent(shelf, [large], peer.destination, each=Ending(), limits=PATIENT) == (0, 0, 0)
        ended.set()
    # The last PDU is a torn one, and an abort in it would have been taken for pixels.
    assert sum(ends) < MEGABYTES << 20


def test_a_peer_that_does_not_answer_is_left(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(2))
    ends: list[int] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        assert acceptor.message()[0x0100] == b"\x01\x00"
        ends.append(acceptor.pdu()[0])

    with Scripted(script) as peer:
        assert sent(shelf, refs, peer.destination, each=Ending(), limits=PATIENT) == (0, 0, 0)
    assert ends == [0x07]
    assert peer.connections == 1


def test_what_the_asked_one_raises_comes_out_and_is_no_failure_of_an_instance(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    refs = shelf.put(*ct_stack(2))

    def each(totals: Totals) -> bool:
        raise LookupError("the queue is away")

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.message()
        assert acceptor.pdu()[0] == 0x07

    with Scripted(script) as peer, pytest.raises(LookupError):
        sent(shelf, refs, peer.destination, each=each, limits=PATIENT)
    assert caplog.text == ""


def test_whoever_lets_it_go_on_gets_all_of_it_sent(shelf: Shelf, large: StoredInstance) -> None:
    asked: list[int] = []

    def each(totals: Totals) -> bool:
        asked.append(totals.completed)
        return True

    def script(acceptor: Acceptor) -> None:
        acceptor.accept(only=[str(ExplicitVRLittleEndian)])
        request = acceptor.message()
        while len(asked) < 5:
            time.sleep(0.01)
        acceptor.answer(request, 0x0000)
        acceptor.serve()

    with Scripted(script) as peer:
        assert sent(shelf, [large], peer.destination, each=each, limits=QUICK) == (1, 0, 0)
    assert asked[-1] == 1
