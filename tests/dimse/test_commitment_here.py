"""Storage commitment told on the association of the request: a peer that goes on meanwhile."""

from __future__ import annotations

import struct
import threading
from collections.abc import Sequence
from io import BytesIO

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dimse.provider import _parts
from dimse.reports import PUSH_MODEL, PUSH_MODEL_INSTANCE
from store.commitment import Custody, Reference
from tests.dimse import raw_peer
from tests.dimse.raw_peer import RawPeer, pdu, pdv
from tests.dimse.test_broken_connections import ECHO, VERIFICATION
from tests.dimse.test_commitment import WAIT, everything, references_of, request, serving

CONTEXTS: list[tuple[str, list[str]]] = [(PUSH_MODEL, [ExplicitVRLittleEndian]), *VERIFICATION]
ACTION_RSP, REPORT_RQ, ECHO_RSP = 0x8130, 0x0100, 0x8030


class Asking(RawPeer):
    """A service class user that does not wait until it is told."""

    def __init__(self, port: int, *, maximum_length: int = 0) -> None:
        super().__init__(port)
        self.send(raw_peer.associate(CONTEXTS, maximum_length=maximum_length))
        assert self.pdu()[0] == 0x02
        self.odd = 0

    def ask(self, number: int, *names: str) -> None:
        """Send an N-ACTION-RQ; its number is in its Transaction UID, too."""
        references = [(str(CTImageStorage), name) for name in names or ("1.2.3",)]
        encoding = DicomBytesIO()
        encoding.is_little_endian, encoding.is_implicit_VR = True, False
        write_dataset(encoding, request(*references, uid=f"1.9.{number}"))
        command = raw_peer.command(
            [
                (0x0003, _even(PUSH_MODEL)),
                (0x0100, b"\x30\x01"),
                (0x0110, struct.pack("<H", number)),
                (0x0800, b"\1\0"),
                (0x1001, _even(PUSH_MODEL_INSTANCE)),
                (0x1008, b"\1\0"),
            ]
        )
        self.send(pdu(4, pdv(1, 3, command)) + pdu(4, pdv(1, 2, encoding.getvalue())))

    def answer_report(self, number: int, status: int = 0) -> None:
        """Send an N-EVENT-REPORT-RSP."""
        command = raw_peer.command(
            [
                (0x0002, _even(PUSH_MODEL)),
                (0x0100, b"\x00\x81"),
                (0x0120, struct.pack("<H", number)),
                (0x0800, b"\1\1"),
                (0x0900, struct.pack("<H", status)),
            ]
        )
        self.send(pdu(4, pdv(1, 3, command)))

    def pdu(self) -> tuple[int, bytes]:
        """Receive a PDU, and note whether its fragment is odd."""
        kind, value = super().pdu()
        if kind == 4:
            self.odd += len(value) % 2
        return kind, value

    def hear(self) -> tuple[int, int, int]:
        """Receive a response: its command field, the Message ID it answers, its status."""
        said = self.answer()
        return _number(said, 0x0100), _number(said, 0x0120), _number(said, 0x0900)

    def told(self) -> tuple[int, Dataset]:
        """Receive an N-EVENT-REPORT-RQ: its Message ID and Event Information."""
        said = self.answer()
        assert _number(said, 0x0100) == REPORT_RQ
        data, control = b"", 0
        while not control & 2:
            kind, value = self.pdu()
            assert kind == 4
            control = value[5]
            data += value[6:]
        return _number(said, 0x0110), read_dataset(BytesIO(data), False, True)


def _number(said: dict[int, bytes], element: int) -> int:
    return int.from_bytes(said[element], "little")


def _even(uid: str) -> bytes:
    return uid.encode() + (b"\0" if len(uid) % 2 else b"")


def test_a_peer_may_go_on_before_it_answers_a_report() -> None:
    with serving(everything, calling="SENDER") as server, Asking(server.port) as peer:
        peer.ask(1)
        assert peer.hear() == (ACTION_RSP, 1, 0)
        first, told = peer.told()
        assert told.TransactionUID == "1.9.1"
        # Its requests cross ours; each is answered.
        peer.send(pdu(4, pdv(3, 3, ECHO)))
        assert peer.hear()[0] == ECHO_RSP
        peer.ask(2)
        assert peer.hear() == (ACTION_RSP, 2, 0)
        peer.send(pdu(4, pdv(3, 3, ECHO)))
        # One operation of ours at a time: the second report follows the answer to the first.
        assert peer.hear()[0] == ECHO_RSP
        peer.answer_report(first)
        second, told = peer.told()
        assert told.TransactionUID == "1.9.2"
        peer.answer_report(second)
        peer.send(raw_peer.RELEASE)
        assert peer.pdu()[0] == 0x06


def test_a_peer_that_hangs_up_instead_of_listening_learns_nothing() -> None:
    asked = threading.Event()

    def look_up(owner_id: int, references: Sequence[Reference]) -> list[Custody]:
        asked.set()
        return everything(owner_id, references)

    with serving(look_up, calling="SENDER") as server:
        with Asking(server.port) as peer:
            peer.ask(1)
            peer.send(raw_peer.ABORT)
            assert asked.wait(WAIT)
        # The listener is none the worse.
        with Asking(server.port) as peer:
            peer.ask(2)
            assert peer.hear() == (ACTION_RSP, 2, 0)
            assert peer.told()[1].TransactionUID == "1.9.2"


def test_whatever_a_peer_answers_the_next_is_told() -> None:
    with serving(everything, calling="SENDER") as server, Asking(server.port) as peer:
        for number in (1, 2):
            peer.ask(number)
            assert peer.hear() == (ACTION_RSP, number, 0)
            report, told = peer.told()
            assert told.TransactionUID == f"1.9.{number}"
            peer.answer_report(report, 0x0110)


def test_an_answer_to_no_report_ends_the_association() -> None:
    with serving(everything, calling="SENDER") as server:
        with Asking(server.port) as peer:
            peer.answer_report(1)
            assert peer.pdu()[0] == 0x07
        with Asking(server.port) as peer:
            peer.ask(1)
            peer.hear()
            report, _ = peer.told()
            peer.answer_report(report)
            peer.answer_report(report)
            assert peer.pdu()[0] == 0x07


def test_a_peer_that_never_answers_is_told_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dimse.notices.MOST_WAITING", 2)
    with serving(everything, calling="SENDER") as server, Asking(server.port) as peer:
        peer.ask(1)
        assert peer.hear() == (ACTION_RSP, 1, 0)
        report, _ = peer.told()
        for number, status in ((2, 0), (3, 0), (4, 0x0213)):
            peer.ask(number)
            assert peer.hear() == (ACTION_RSP, number, status)
        peer.answer_report(report)
        assert peer.told()[1].TransactionUID == "1.9.2"


def test_references_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dimse.notices.LARGEST_TOGETHER", 3)
    with serving(everything, calling="SENDER") as server, Asking(server.port) as peer:
        for number, names, status in ((1, 4, 0), (2, 2, 0), (3, 2, 0x0213), (4, 1, 0)):
            peer.ask(number, *(f"1.2.{n}" for n in range(names)))
            assert peer.hear() == (ACTION_RSP, number, status)
            if number == 1:
                peer.told()


def test_a_store_that_fails_tells_nothing_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    failures = iter([RuntimeError("1.2.3")])

    def look_up(owner_id: int, references: Sequence[Reference]) -> list[Custody]:
        for failure in failures:
            raise failure
        return everything(owner_id, references)

    with serving(look_up, calling="SENDER") as server, Asking(server.port) as peer:
        for number in (1, 2):
            peer.ask(number)
            assert peer.hear() == (ACTION_RSP, number, 0)
        assert peer.told()[1].TransactionUID == "1.9.2"
    assert "a report failed with RuntimeError" in caplog.text
    assert "1.2.3" not in caplog.text


@pytest.mark.parametrize("maximum_length", [1, 7, 9, 71, 16383])
def test_fragments_are_even_whatever_the_peers_maximum(maximum_length: int) -> None:
    names = [f"1.2.826.0.1.{n}" for n in range(40)]
    with (
        serving(everything, calling="SENDER") as server,
        Asking(server.port, maximum_length=maximum_length) as peer,
    ):
        peer.ask(1, *names)
        peer.hear()
        _, told = peer.told()
    assert [name for _, name in references_of(told.ReferencedSOPSequence)] == names
    assert peer.odd == 0


@pytest.mark.parametrize(
    "chunks", [(b"a", b"bc", b"d"), (b"abc", b"", b"defgh"), (b"ab",), (b"", b""), ()]
)
def test_odd_pieces_are_sent_as_even_fragments(chunks: tuple[bytes, ...]) -> None:
    parts = [(bytes(part), is_last) for part, is_last in _parts(chunks, 4)]
    assert b"".join(part for part, _ in parts) == b"".join(chunks)
    assert [is_last for _, is_last in parts] == [False] * (len(parts) - 1) + [True]
    assert all(len(part) % 2 == 0 and len(part) <= 4 for part, _ in parts)
