"""What a service can do with a request, and what a peer may do meanwhile."""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

import pytest

from dimse import commands
from dimse.callers import STRANGER
from dimse.commands import Request
from dimse.errors import ProtocolViolation
from dimse.exchange import Accepted, Exchange
from dimse.notices import Notice, Notices
from dimse.query_statuses import COMPLETE, FOUND
from dimse.requests import event_report_request
from dimse.statuses import Status
from tests.dimse import raw_peer

FIND = "1.2.840.10008.5.1.4.1.2.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


class Peer:
    """An association whose other end says what it was told to say."""

    def __init__(self, *said: bytes, fragments: tuple[bytes, ...] = ()) -> None:
        self.said = deque(said)
        self.fragments = fragments
        self.read: list[bytes] = []
        self.notices = Notices(self.write)
        self.heard: list[tuple[int, commands.Request | commands.Response, bytes | None]] = []

    def write(self, context_id: int, command: bytes, data_set: Iterable[bytes] | None) -> None:
        """Hear a message."""
        data = None if data_set is None else b"".join(data_set)
        self.heard.append((context_id, commands.read(command), data))

    def is_waiting(self) -> bool:
        """Whether there is more to say."""
        return bool(self.said)

    def next_command(self) -> tuple[int, bytearray]:
        """Say something."""
        return 1, bytearray(self.said.popleft())

    def next_data_set(self, context_id: int) -> Iterator[memoryview]:
        """The data set of what was said first."""
        for fragment in self.fragments:
            self.read.append(fragment)
            yield memoryview(fragment)

    def contexts(self) -> Mapping[int, Accepted]:
        """Two contexts."""
        return {1: Accepted(FIND, "1.2"), 3: Accepted(CT, "1.2", is_ours_to_send=True)}

    def extended(self, sop_class_uid: str) -> bytes:
        """What was agreed."""
        return b"\1" if sop_class_uid == FIND else b""


def exchange_with(peer: Peer, message_id: int = 7) -> Exchange:
    """An exchange that has just begun."""
    request = Request(commands.C_FIND_RQ, message_id, FIND, "", True)
    return Exchange(peer, request, 1, STRANGER)


def number(value: int) -> bytes:
    """A US."""
    return value.to_bytes(2, "little")


def cancel(message_id: int) -> bytes:
    """A C-CANCEL-RQ."""
    return raw_peer.command(
        [(0x0100, number(0x0FFF)), (0x0120, number(message_id)), (0x0800, number(0x0101))]
    )


def answer(message_id: int, status: int = 0, field: int = commands.C_STORE_RSP) -> bytes:
    """A response to a C-STORE-RQ."""
    return raw_peer.command(
        [
            (0x0100, number(field)),
            (0x0120, number(message_id)),
            (0x0800, number(0x0101)),
            (0x0900, number(status)),
        ]
    )


def test_the_data_set_is_read_to_its_end_before_anything_is_answered() -> None:
    peer = Peer(fragments=(b"one", b"two"))
    exchange = exchange_with(peer)
    assert bytes(next(exchange.data_set())) == b"one"
    exchange.respond(FOUND, identifier=b"found")
    assert peer.read == [b"one", b"two"]
    ((context_id, response, data),) = peer.heard
    assert (context_id, data) == (1, b"found")
    assert response == commands.Response(0x8020, 7, 0xFF00, True)


def test_an_answer_that_is_not_pending_is_the_last() -> None:
    peer = Peer()
    exchange = exchange_with(peer)
    exchange.respond(Status(0xFF01))
    assert not exchange.is_answered
    exchange.respond(COMPLETE)
    assert exchange.is_answered
    with pytest.raises(AssertionError):
        exchange.respond(COMPLETE)


def test_a_cancel_is_noticed_if_it_is_for_this_request() -> None:
    assert not exchange_with(Peer()).is_cancelled()
    assert not exchange_with(Peer(cancel(6), cancel(8))).is_cancelled()
    exchange = exchange_with(Peer(cancel(6), cancel(7)))
    assert exchange.is_cancelled()
    assert exchange.is_cancelled()


@pytest.mark.parametrize("said", [raw_peer.store_rq(CT, "1.2.3", data_set=False), b"nonsense"])
def test_nothing_else_may_come_meanwhile(said: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        exchange_with(Peer(said)).is_cancelled()


def test_an_instance_is_sent_and_its_answer_waited_for() -> None:
    peer = Peer(cancel(7), answer(1, 0xB007), answer(2))
    exchange = exchange_with(peer)
    assert exchange.store(3, CT, "1.2.3", iter((b"da", b"ta"))) == 0xB007
    assert exchange.store(3, CT, "1.2.4", (b"",)) == 0
    sent = [(context_id, request, data) for context_id, request, data in peer.heard]
    assert sent == [
        (3, Request(commands.C_STORE_RQ, 1, CT, "1.2.3", True), b"data"),
        (3, Request(commands.C_STORE_RQ, 2, CT, "1.2.4", True), b""),
    ]
    # The cancel that came before the answer is remembered.
    assert peer.said == deque()
    assert exchange.is_cancelled()


@pytest.mark.parametrize("said", [answer(2), answer(1, field=0x8021)])
def test_an_answer_to_something_else_is_refused(said: bytes) -> None:
    with pytest.raises(ProtocolViolation):
        exchange_with(Peer(said)).store(3, CT, "1.2.3", (b"data",))


def noticed(peer: Peer) -> None:
    """A notice that the peer has not answered."""
    kind = commands.N_EVENT_REPORT_RQ
    message = event_report_request(1, "1.2", "1.2.3", 1)
    peer.notices.add(Notice(1, kind, 1, lambda _number: (message, ())))
    peer.notices.send_next()


def test_a_notice_may_be_answered_meanwhile() -> None:
    peer = Peer(answer(1, field=0x8100), cancel(7))
    noticed(peer)
    assert exchange_with(peer).is_cancelled()
    assert not peer.notices.is_one_outstanding


def test_an_instance_is_sent_when_a_notice_is_answered() -> None:
    peer = Peer(answer(1, field=0x8100))
    noticed(peer)
    heard = peer.write

    def write(context_id: int, command: bytes, data_set: Iterable[bytes] | None) -> None:
        # It has one operation of ours to answer at a time.
        assert not peer.said
        heard(context_id, command, data_set)
        peer.said.append(answer(1))

    peer.write = write  # type: ignore[method-assign]
    assert exchange_with(peer).store(3, CT, "1.2.3", (b"data",)) == 0
    peer = Peer(answer(1))
    noticed(peer)
    with pytest.raises(ProtocolViolation):
        exchange_with(peer).store(3, CT, "1.2.3", (b"data",))


def test_an_instance_that_breaks_off_cannot_be_made_whole() -> None:
    def broken() -> Iterator[bytes]:
        yield b"half of it"
        raise OSError("/a/path/that/nobody/should/see")

    with pytest.raises(ProtocolViolation) as raised:
        exchange_with(Peer(answer(1))).store(3, CT, "1.2.3", broken())
    assert "path" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_what_was_agreed_on_is_known() -> None:
    exchange = exchange_with(Peer())
    assert exchange.extended == b"\1"
    assert (exchange.abstract_syntax, exchange.transfer_syntax) == (FIND, "1.2")
