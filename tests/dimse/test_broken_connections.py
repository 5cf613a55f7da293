"""Peers that vanish, stall, break the rules or never speak; and a listener that is stopped."""

import queue
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from pydicom.uid import CTImageStorage
from pynetdicom.association import Association

from dimse import Options, StorageListener
from dimse.transport import IDLE_AFTER, Bell, ReadAheadSocket
from tests.dimse import instances, raw_peer
from tests.dimse.conftest import OWNER, Listen
from tests.dimse.raw_peer import RawPeer, pdu, pdv
from tests.dimse.receiver import Receiver

pytestmark = pytest.mark.integration

DS = instances.ct(side=256)
DATA = instances.encoded(DS)
REQUEST = raw_peer.store_rq(CTImageStorage, DS.SOPInstanceUID)
MESSAGE = raw_peer.message(REQUEST, DATA)
VERIFICATION = [("1.2.840.10008.1.1", ["1.2.840.10008.1.2"])]
ECHO = raw_peer.command(
    [
        (0x0002, b"1.2.840.10008.1.1\0"),
        (0x0100, b"\x30\0"),
        (0x0110, b"\x05\0"),
        (0x0800, b"\x01\x01"),
    ]
)
ECHO_MESSAGE = pdu(4, pdv(1, 3, ECHO))


def eventually(condition: Callable[[], bool], within: float = 30.0) -> bool:
    """Whether something becomes true in time."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def serving_threads() -> int:
    """How many threads serve associations."""
    names = [type(thread).__name__ for thread in threading.enumerate()]
    return names.count("StorageProvider") + names.count("StorageAssociation")


def stored_one(port: int) -> None:
    """Send an instance over a new association; it has to be stored."""
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(MESSAGE)
        assert peer.status() == 0x0000


def test_a_connection_cut_anywhere_keeps_nothing(port: int, receiver: Receiver) -> None:
    rng = random.Random(7)
    conversation = raw_peer.associate() + MESSAGE
    cuts = [rng.randrange(len(conversation)) for _ in range(40)]
    cuts += [0, 1, 5, 6, 7, len(raw_peer.associate()), len(conversation) - 1]
    for number, cut in enumerate(cuts):
        with RawPeer(port) as peer:
            peer.send(conversation[:cut])
            if number % 2:
                # Closed with answers unread, a connection is reset, and what was sent may be lost.
                peer.hang_up()
                peer.exactly(len(conversation))
    assert eventually(lambda: serving_threads() == 0)
    assert receiver.stored == []
    assert receiver.open_batches == 0
    assert receiver.aborted == receiver.begun > 0
    stored_one(port)


def test_a_reset_connection_keeps_nothing(port: int, receiver: Receiver) -> None:
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate() + MESSAGE[: len(MESSAGE) // 2])
        assert peer.pdu()[0] == 0x02
        linger = struct.pack("ii", 1, 0)
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    assert eventually(lambda: receiver.aborted == 1)
    assert receiver.stored == []
    stored_one(port)


def test_an_abort_in_the_middle_of_a_data_set_keeps_nothing(port: int, receiver: Receiver) -> None:
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(1, 3, REQUEST)) + pdu(4, pdv(1, 0, DATA[:1000])) + raw_peer.ABORT)
        assert peer.pdu()[0] == 0
    assert eventually(lambda: receiver.aborted == 1)
    assert receiver.stored == []


def test_a_release_in_the_middle_of_a_data_set_keeps_nothing(port: int, receiver: Receiver) -> None:
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(1, 3, REQUEST)) + pdu(4, pdv(1, 0, DATA[:1000])) + raw_peer.RELEASE)
        assert peer.pdu()[0] == 0x06
    assert receiver.aborted == 1
    assert receiver.stored == []


def test_a_peer_that_stalls_in_a_data_set_is_given_up(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, stall_timeout=0.3)
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(MESSAGE[: len(MESSAGE) // 2])
        assert peer.exactly(1) == b""
    assert receiver.aborted == 1
    assert receiver.stored == []


def test_a_peer_that_trickles_is_given_up(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, stall_timeout=0.3)
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(1, 3, REQUEST)))
        part = pdu(4, pdv(1, 0, DATA[:8]))
        for _ in range(200):
            peer.send(part)
            time.sleep(0.05)
            if receiver.aborted:
                break
        assert peer.exactly(1) == b""
    assert receiver.aborted == 1
    assert receiver.stored == []


def test_the_time_that_the_store_takes_is_not_the_peers(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, stall_timeout=0.3)
    receiver.on_feed = lambda size: time.sleep(0.1)
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(MESSAGE)
        assert peer.status() == 0x0000
    assert receiver.begun == 1


class _Association:
    """As much of an association as a connection needs."""

    def __init__(self) -> None:
        self.dul = self
        self.event_queue: queue.Queue[str] = queue.Queue()


@pytest.mark.parametrize("reads", [True, False])
def test_a_peer_that_takes_nothing_has_ended_the_connection(reads: bool) -> None:
    ours, theirs = socket.socketpair()
    ours.settimeout(0.3)
    bell, assoc = Bell(), _Association()
    connection = ReadAheadSocket(cast(Association, assoc), ours, bell)
    data = random.Random(3).randbytes(5_000_000)
    taken = bytearray()

    def read() -> None:
        while len(taken) < len(data):
            taken.extend(theirs.recv(50_000))

    reading = threading.Thread(target=read if reads else lambda: None)
    reading.start()
    connection.send(data)
    reading.join(10)
    assert list(assoc.event_queue.queue) == (["Evt5"] if reads else ["Evt5", "Evt17"])
    assert taken == (data if reads else b"")
    for each in (ours, theirs, bell):
        each.close()


def test_idle_associations_wake_nobody(port: int) -> None:
    peers = [RawPeer(port) for _ in range(50)]
    for peer in peers:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
    time.sleep(IDLE_AFTER + 1)
    before = switches()
    time.sleep(1)
    # The two loops that accept, and this test; a look at each every half a second makes 200.
    assert switches() - before < 60
    for peer in peers:
        peer.socket.close()


def switches() -> int:
    """How often the threads of this process have gone to sleep so far."""
    return sum(
        int(line.split()[1])
        for status in Path("/proc/self/task").glob("*/status")
        for line in status.read_text().splitlines()
        if line.startswith("voluntary_ctxt_switches")
    )


def test_a_silent_peer_holds_up_nobody_and_is_dropped(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, association_timeout=0.5, maximum_associations=3)
    silent = [RawPeer(port) for _ in range(4)]
    stored_one(port)
    for peer in silent:
        assert peer.exactly(1) == b""
        peer.socket.close()
    assert eventually(lambda: serving_threads() == 0)


def test_an_idle_association_is_aborted(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, idle_timeout=0.3)
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        assert peer.pdu()[0] == 0x07


def test_a_slow_store_is_not_an_idle_association(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, idle_timeout=0.2)
    receiver.on_commit = lambda: time.sleep(1.2)
    stored_one(port)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        bytes(64),
        b"\x09\x00\x00\x00\x00\x04abcd",
        b"\x01\x00\xff\xff\xff\xff" + bytes(64),
        b"\x01\x00\x00\x00\x00\x04abcd",
        raw_peer.PDU.pack(4, 0xFFFFFFFF) + bytes(64),
    ],
)
def test_what_is_no_association_request_is_turned_away(
    port: int, receiver: Receiver, garbage: bytes
) -> None:
    with RawPeer(port) as peer:
        peer.send(garbage)
        kind, _ = peer.pdu()
        assert kind in (0x00, 0x07)
    stored_one(port)


@pytest.mark.parametrize(
    "violation",
    [
        pdu(4, b""),
        pdu(4, b"\0\0\0"),
        pdu(4, struct.pack(">LBB", 0xFFFFFFF0, 1, 3)),
        pdu(4, struct.pack(">LBB", 1, 1, 3)),
        pdu(4, pdv(1, 0, DATA[:100])),
        pdu(4, pdv(9, 3, REQUEST)),
        pdu(4, pdv(1, 3, b"no command set")),
        pdu(4, pdv(1, 1, bytes(70000))),
        pdu(4, pdv(1, 3, REQUEST)) + pdu(4, pdv(3, 0, DATA[:100])),
        pdu(4, pdv(1, 3, REQUEST)) + pdu(4, pdv(1, 0, DATA[:100])) + pdu(4, pdv(1, 3, REQUEST)),
        b"\xff" * 100,
    ],
)
def test_a_peer_that_breaks_the_rules_is_aborted(
    port: int, receiver: Receiver, violation: bytes
) -> None:
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(violation)
        assert peer.pdu()[0] == 0x07
    assert receiver.stored == []
    assert receiver.open_batches == 0
    stored_one(port)


def test_command_and_data_set_may_share_a_pdu(port: int, receiver: Receiver) -> None:
    both = pdv(1, 3, REQUEST) + pdv(1, 0, DATA[:1000]) + pdv(1, 2, DATA[1000:])
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, both))
        assert peer.status() == 0x0000
    assert receiver.stored[0].size == len(DATA)


def test_a_command_set_may_come_in_single_bytes(port: int, receiver: Receiver) -> None:
    fragments = [
        pdu(4, pdv(1, 3 if at == len(REQUEST) - 1 else 1, REQUEST[at : at + 1]))
        for at in range(len(REQUEST))
    ]
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(b"".join(fragments) + pdu(4, pdv(1, 0, b"")) + pdu(4, pdv(1, 2, DATA)))
        assert peer.status() == 0x0000


def test_a_small_maximum_length_of_the_peer_is_kept(port: int, receiver: Receiver) -> None:
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate(maximum_length=32))
        assert peer.pdu()[0] == 0x02
        peer.send(MESSAGE)
        kind, value = peer.pdu()
        assert (kind, len(value)) == (0x04, 32)


def test_stopping_waits_for_the_instance_under_way(receiver: Receiver) -> None:
    listener = StorageListener(receiver, lambda ae_title, host: OWNER, port=0)
    port = listener.start()
    inside, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        inside.set()
        go_on.wait(10)

    receiver.on_commit = wait
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(MESSAGE)
        assert inside.wait(5)
        stopping = threading.Thread(target=listener.stop)
        stopping.start()
        time.sleep(0.3)
        go_on.set()
        assert peer.status() == 0x0000
        assert peer.pdu()[0] == 0x07
        peer.socket.close()
        stopping.join(5)
    assert not stopping.is_alive()
    assert len(receiver.stored) == 1
    assert serving_threads() == 0
    with pytest.raises(ConnectionRefusedError):
        RawPeer(port)


def test_stopping_cuts_what_does_not_end_in_time(receiver: Receiver) -> None:
    listener = StorageListener(receiver, lambda ae_title, host: OWNER, port=0, options=Options())
    port = listener.start()
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(MESSAGE[: len(MESSAGE) // 2])
        assert eventually(lambda: receiver.begun == 1)
        begun = time.monotonic()
        listener.stop(within=0.3)
        assert time.monotonic() - begun < 3
    assert receiver.aborted == 1
    assert receiver.stored == []
    assert serving_threads() == 0


def test_a_stopped_listener_can_be_started_again(receiver: Receiver) -> None:
    listener = StorageListener(receiver, lambda ae_title, host: OWNER, port=0)
    for _ in range(2):
        stored_one(listener.start())
        listener.stop()
    assert len(receiver.stored) == 2
