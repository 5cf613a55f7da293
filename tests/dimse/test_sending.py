"""Sending stored instances: to real receivers, and to peers that misbehave."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileDataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)

from bench.peers.orthanc import PROGRAM, Orthanc
from bench.process import Server, free_port, is_listening
from dimse.errors import CannotReach, Refused
from dimse.negotiating import Agreement, Proposal, agreement_of, refusal_of, request_of
from dimse.requestor import Destination
from dimse.sending import Limits, Patience, Totals, send
from store.retrieve import StoredInstance
from tests.dimse.peers import PLAIN, Acceptor, Got, Scripted, Shelf, acceptance, provider
from tests.dimse.raw_peer import ABORT, command, pdu, pdv
from tests.dimse.test_memory import MEGABYTE, forget_peak, peak_of
from tests.support.datasets import ct_slice, ct_stack

QUICK = Limits(connect=5, associate=5, stall=5, answer=5, release=1)
HASTY = Patience(reopen=(0.01, 0.01), no_room=(0.01, 0.01))
CT = (CTImageStorage, PLAIN)


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "store")
    yield shelf
    shelf.database.dispose()


def sent(
    shelf: Shelf,
    refs: Sequence[StoredInstance],
    to: Destination,
    *,
    each: Callable[[Totals], bool] | None = None,
    limits: Limits = QUICK,
) -> tuple[int, int, int]:
    """Send; returns completed, warning, failed."""
    totals = send(
        shelf.archive,
        refs,
        to,
        calling_ae_title="READINGROOM",
        each=each,
        limits=limits,
        patience=HASTY,
    )
    assert len(totals.failed_uids) == totals.failed
    return totals.completed, totals.warning, totals.failed


def stored_data_set(shelf: Shelf, ref: StoredInstance) -> bytes:
    file = b"".join(shelf.archive.read(ref))
    return file[144 + int.from_bytes(file[140:144], "little") :]


def decoded(got: Got) -> FileDataset:
    syntax = pydicom.uid.UID(got.transfer_syntax)
    ds = read_dataset(BytesIO(got.data_set), syntax.is_implicit_VR, syntax.is_little_endian)
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    return ds  # type: ignore[return-value]


def compressed(number: int = 1) -> FileDataset:
    ds = ct_slice(number)
    ds.compress(RLELossless, generate_instance_uid=False)
    return ds


def in_encoding(ds: FileDataset, syntax: str) -> bytes:
    """The Part 10 file in another plain encoding."""
    ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
    uid = pydicom.uid.UID(syntax)
    out = DicomBytesIO()
    pydicom.dcmwrite(out, ds, implicit_vr=uid.is_implicit_VR, little_endian=uid.is_little_endian)
    return out.getvalue()


@pytest.mark.parametrize("maximum_length", [0, 128, 4097, 16384, 1 << 20])
def test_data_sets_arrive_as_they_are_stored(shelf: Shelf, maximum_length: int) -> None:
    refs = shelf.put(*ct_stack(3, size=128))
    with provider(CT, maximum_length=maximum_length) as peer:
        assert sent(shelf, refs, peer.destination) == (3, 0, 0)
    assert [got.data_set for got in peer.got] == [stored_data_set(shelf, ref) for ref in refs]
    assert [got.sop_instance_uid for got in peer.got] == [ref.sop_instance_uid for ref in refs]
    assert {(got.calling, got.originator) for got in peer.got} == {("READINGROOM", (None, None))}
    assert peer.released == 1


def test_the_originator_of_a_move_is_named(shelf: Shelf) -> None:
    refs = shelf.put(ct_slice())
    with provider(CT) as peer:
        send(
            shelf.archive,
            refs,
            peer.destination,
            calling_ae_title="READINGROOM",
            originator=("WORKSTATION", 4711),
        )
    assert [got.originator for got in peer.got] == [("WORKSTATION", 4711)]


def test_what_is_compressed_goes_as_it_is_where_the_peer_takes_it(shelf: Shelf) -> None:
    refs = shelf.put(compressed(1), ct_slice(2))
    with provider((CTImageStorage, [*PLAIN, RLELossless])) as peer:
        assert sent(shelf, refs, peer.destination) == (2, 0, 0)
    assert {got.transfer_syntax for got in peer.got} == {RLELossless, ExplicitVRLittleEndian}
    assert {got.data_set for got in peer.got} == {stored_data_set(shelf, ref) for ref in refs}


@pytest.mark.parametrize("taken", PLAIN)
def test_what_the_peer_does_not_take_is_sent_plain(shelf: Shelf, taken: str) -> None:
    original = ct_slice(1)
    refs = [
        *shelf.put(compressed(1)),
        shelf.put_chunks([in_encoding(ct_slice(2), ImplicitVRLittleEndian)]),
        *shelf.put(ct_slice(3)),
    ]
    with provider((CTImageStorage, [taken])) as peer:
        assert sent(shelf, refs, peer.destination) == (3, 0, 0)
    assert {got.transfer_syntax for got in peer.got} == {taken}
    first = next(got for got in peer.got if got.sop_instance_uid == refs[0].sop_instance_uid)
    assert decoded(first).PixelData == original.PixelData


def test_big_endian_becomes_little(shelf: Shelf) -> None:
    ds = ct_slice(1)
    pixels = ds.PixelData
    ds.PixelData = b"".join(
        pixels[at + 1 : at + 2] + pixels[at : at + 1] for at in range(0, len(pixels), 2)
    )
    ref = shelf.put_chunks([in_encoding(ds, ExplicitVRBigEndian)])
    with provider(CT) as peer:
        assert sent(shelf, [ref], peer.destination) == (1, 0, 0)
    assert decoded(peer.got[0]).PixelData == pixels


def test_a_peer_of_one_sop_class_gets_what_is_of_it(shelf: Shelf) -> None:
    other = ct_slice(2)
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = MRImageStorage
    refs = shelf.put(ct_slice(1), other, ct_slice(3))
    with provider(CT) as peer:
        totals = send(shelf.archive, refs, peer.destination, calling_ae_title="READINGROOM")
    assert (totals.completed, totals.failed) == (2, 1)
    assert totals.failed_uids == [refs[1].sop_instance_uid]


def test_a_peer_that_takes_nothing_of_it_gets_nothing(shelf: Shelf) -> None:
    refs = shelf.put(ct_slice(1), ct_slice(2))
    with provider((MRImageStorage, PLAIN)) as peer:
        assert sent(shelf, refs, peer.destination) == (0, 0, 2)


def test_what_cannot_be_decoded_fails_alone(shelf: Shelf) -> None:
    broken = compressed(1)
    # One segment where there should be two, and a single byte in it.
    broken.PixelData = encapsulate([struct.pack("<16I", 1, 64, *[0] * 14) + bytes(2)])
    broken["PixelData"].is_undefined_length = True
    refs = shelf.put(broken, ct_slice(2))
    with provider(CT) as peer:
        assert sent(shelf, refs, peer.destination) == (1, 0, 1)
        assert [got.sop_instance_uid for got in peer.got] == [refs[1].sop_instance_uid]
    assert peer.released == 1


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x0000, (2, 0, 0)),
        (0xB000, (0, 2, 0)),
        (0xB007, (0, 2, 0)),
        (0x0107, (0, 2, 0)),
        (0xA900, (0, 0, 2)),
        (0xC000, (0, 0, 2)),
        (0x0122, (0, 0, 2)),
    ],
)
def test_answers_are_counted_by_their_class(
    shelf: Shelf, status: int, expected: tuple[int, int, int]
) -> None:
    refs = shelf.put(*ct_stack(2))

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.serve(status)

    with Scripted(script) as peer:
        assert sent(shelf, refs, peer.destination) == expected
    assert peer.connections == 1


@pytest.mark.parametrize(
    ("status", "settled", "unsettled"),
    [
        (0x0000, True, 0),
        (0xB007, True, 0),
        (0xA900, False, 0),
        (0xC123, False, 0),
        (0x0122, False, 0),
        (0xA700, None, 1),
        (0x0110, None, 1),
        (0x0213, None, 1),
    ],
)
def test_what_another_attempt_would_not_change_is_settled(
    shelf: Shelf, status: int, settled: bool | None, unsettled: int
) -> None:
    refs = shelf.put(*ct_stack(2))
    told: list[tuple[StoredInstance, bool]] = []
    with provider(CT) as peer:
        first = refs[0].sop_instance_uid
        peer.answer = lambda event: status if peer.got[-1].sop_instance_uid == first else 0x0000
        totals = send(
            shelf.archive,
            refs,
            peer.destination,
            calling_ae_title="READINGROOM",
            settled=lambda ref, has_it: told.append((ref, has_it)),
            patience=HASTY,
        )
    expected = {refs[1]: True} | ({} if settled is None else {refs[0]: settled})
    assert dict(told) == expected
    assert len(told) == len(expected)
    assert totals.unsettled == unsettled
    assert totals.failed == unsettled + (settled is False)


def test_what_the_peer_has_no_context_for_is_settled_and_what_broke_is_not(shelf: Shelf) -> None:
    other = ct_slice(2)
    other.SOPClassUID = other.file_meta.MediaStorageSOPClassUID = MRImageStorage
    refs = shelf.put(ct_slice(1), other)
    told: list[tuple[str, bool]] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.request()
        of_ct = [one for one in acceptor.contexts if one[1] == CTImageStorage]
        refused = [(number, name, ["1.2.3"]) for number, name, _ in acceptor.contexts]
        contexts = [
            one if one in of_ct else refused[at] for at, one in enumerate(acceptor.contexts)
        ]
        acceptor.socket.sendall(acceptance(contexts, PLAIN, 16384))
        acceptor.message()
        acceptor.socket.sendall(ABORT)

    with Scripted(script) as peer:
        totals = send(
            shelf.archive,
            refs,
            peer.destination,
            calling_ae_title="READINGROOM",
            settled=lambda ref, has_it: told.append((ref.sop_instance_uid, has_it)),
            limits=QUICK,
            patience=HASTY,
        )
    assert told == [(refs[1].sop_instance_uid, False)]
    assert (totals.failed, totals.unsettled) == (2, 1)


def test_what_there_was_no_room_for_is_sent_again(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(3))
    answers = iter([0xA700, 0x0000, 0xA701, 0x0000, 0xA700, 0xB000])
    with provider(CT) as peer:
        peer.answer = lambda event: next(answers)
        assert sent(shelf, refs, peer.destination) == (2, 1, 0)
    a, b, c = (ref.sop_instance_uid for ref in refs)
    assert [got.sop_instance_uid for got in peer.got] == [a, b, c, a, c, c]
    assert peer.released == 3


def test_a_peer_that_never_has_room_is_given_up(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(2))
    with provider(CT) as peer:
        peer.answer = lambda event: 0xA700
        assert sent(shelf, refs, peer.destination) == (0, 0, 2)
    assert len(peer.got) == 2 * (1 + len(HASTY.no_room))


def test_progress_is_told_and_can_be_ended(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(4))
    told: list[int] = []

    def each(totals: Totals) -> bool:
        told.append(totals.completed)
        return totals.completed < 2

    with provider(CT) as peer:
        assert sent(shelf, refs, peer.destination, each=each) == (2, 0, 0)
    assert told == [1, 2]
    assert len(peer.got) == 2
    assert peer.released == 1


def test_nobody_there_is_told() -> None:
    with pytest.raises(CannotReach, match="Nobody listens"):
        send_nothing_to(Destination("X", "127.0.0.1", free_port()))


def test_an_unknown_host_is_told() -> None:
    with pytest.raises(CannotReach, match="host name is not known"):
        send_nothing_to(Destination("X", "no-such-host.invalid", 104))


def send_nothing_to(to: Destination, limits: Limits = QUICK) -> None:
    ref = StoredInstance(1, "1", "2", "3", CTImageStorage, ExplicitVRLittleEndian, "CT", 1, 1, "x")
    send(None, [ref], to, calling_ae_title="READINGROOM", limits=limits, patience=HASTY)  # type: ignore[arg-type]


def reject(result: int, source: int, reason: int) -> Callable[[Acceptor], object]:
    def script(peer: Acceptor) -> None:
        peer.request()
        peer.socket.sendall(pdu(0x03, bytes([0, result, source, reason])))

    return script


@pytest.mark.parametrize(
    ("rejection", "text", "is_transient"),
    [
        ((1, 1, 3), "does not know the AE title that calls", False),
        ((1, 1, 7), "does not go by the AE title", False),
        ((2, 3, 2), "no room", True),
        # Peers call these permanent, too; they pass.
        ((1, 3, 1), "no room", True),
        ((1, 3, 2), "no room", True),
        ((2, 1, 1), "refuses", True),
        ((1, 2, 1), "refuses", False),
    ],
)
def test_a_refusal_is_told(rejection: tuple[int, int, int], text: str, is_transient: bool) -> None:
    with Scripted(reject(*rejection)) as peer:
        with pytest.raises(Refused, match=text) as refused:
            send_nothing_to(peer.destination)
        assert refused.value.is_transient == is_transient
    assert peer.connections == 1


def garbage(peer: Acceptor) -> None:
    peer.request()
    peer.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def nonsense(peer: Acceptor) -> None:
    peer.request()
    peer.socket.sendall(pdu(0x02, bytes(3)))


@pytest.mark.parametrize(
    ("script", "error", "text"),
    [
        (lambda peer: peer.request(), CannotReach, "does not answer the request"),
        (lambda peer: (peer.request(), peer.socket.sendall(ABORT)), Refused, "aborted"),
        (garbage, CannotReach, "does not speak DICOM"),
        (nonsense, CannotReach, "does not speak DICOM"),
    ],
)
def test_what_is_no_association_is_told(
    script: Callable[[Acceptor], object], error: type[Exception], text: str
) -> None:
    with Scripted(script) as peer, pytest.raises(error, match=text) as told:
        send_nothing_to(peer.destination)
    # A peer that only hangs up has said nothing for good.
    assert getattr(told.value, "is_transient", True)


@pytest.mark.parametrize("said", [b"", b"\x02\x00\x00"])
def test_a_silent_peer_is_given_up(said: bytes) -> None:
    peer: Scripted

    def script(acceptor: Acceptor) -> None:
        acceptor.request()
        acceptor.socket.sendall(said)
        peer.done.wait(20)

    with (peer := Scripted(script)), pytest.raises(CannotReach, match="does not answer"):
        send_nothing_to(peer.destination, Limits(associate=0.2))


def test_a_peer_that_does_not_answer_is_asked_three_times(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(2))

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.message()
        acceptor.pdu()  # our abort

    with Scripted(script) as peer:
        limits = Limits(answer=0.2)
        assert sent(shelf, refs, peer.destination, limits=limits) == (0, 0, 2)
    assert peer.connections == 3


def test_a_peer_that_stops_reading_is_given_up(shelf: Shelf) -> None:
    refs = shelf.put(ct_slice(size=2048))
    peer: Scripted

    def script(acceptor: Acceptor) -> None:
        acceptor.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        acceptor.accept()
        peer.done.wait(0.5)

    with (peer := Scripted(script)):
        assert sent(shelf, refs, peer.destination, limits=Limits(stall=0.1)) == (0, 0, 1)
    assert peer.connections == 3


def breaks_after(count: int, ending: bytes = ABORT) -> Callable[[Acceptor], object]:
    """Answer so many instances, take half of the next, and end."""

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        for _ in range(count):
            acceptor.answer(acceptor.message(), 0x0000)
        acceptor.pdu()
        acceptor.socket.sendall(ending)

    return script


def whole(acceptor: Acceptor) -> None:
    acceptor.accept()
    acceptor.serve()


@pytest.mark.parametrize("ending", [ABORT, b"", pdu(0x05, bytes(4))])
def test_an_association_that_breaks_is_opened_again(shelf: Shelf, ending: bytes) -> None:
    refs = shelf.put(*ct_stack(5))
    with Scripted(breaks_after(2, ending), breaks_after(0, ending), whole) as peer:
        assert sent(shelf, refs, peer.destination) == (5, 0, 0)
    assert peer.connections == 3


def test_every_instance_may_need_an_association_of_its_own(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(4))
    with Scripted(breaks_after(1)) as peer:
        assert sent(shelf, refs, peer.destination) == (4, 0, 0)


def test_one_instance_that_a_peer_falls_over_holds_up_no_other(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(4))
    poison = refs[1].sop_instance_uid.encode()
    answered: list[bytes] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        while 0x0100 in (request := acceptor.message()):
            name = request[0x1000].rstrip(b"\0")
            if name == poison:
                acceptor.socket.sendall(ABORT)
                return
            answered.append(name)
            acceptor.answer(request, 0x0000)

    with Scripted(script) as peer:
        assert sent(shelf, refs, peer.destination) == (3, 0, 1)
    assert sorted(answered) == sorted(
        ref.sop_instance_uid.encode() for ref in refs if ref is not refs[1]
    )


def test_a_peer_that_goes_away_fails_what_is_left(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(3))
    peer: Scripted

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.answer(acceptor.message(), 0x0000)
        peer.stop_listening()

    with (peer := Scripted(script)):
        assert sent(shelf, refs, peer.destination) == (1, 0, 2)
    assert peer.connections == 1


def test_a_response_to_something_else_ends_the_association(shelf: Shelf) -> None:
    refs = shelf.put(ct_slice())

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        request = acceptor.message()
        acceptor.answer(request | {0x0110: b"\xff\x7f"}, 0x0000)
        acceptor.pdu()

    with Scripted(script, whole) as peer:
        assert sent(shelf, refs, peer.destination) == (1, 0, 0)
    assert peer.connections == 2


def response(*pdvs: bytes) -> bytes:
    return pdu(0x04, b"".join(pdvs))


ECHO_RQ = command(
    [
        (0x0002, b"1.2.840.10008.1.1\0"),
        (0x0100, b"\x30\x00"),
        (0x0110, b"\x01\x00"),
        (0x0800, b"\x01\x01"),
    ]
)


@pytest.mark.parametrize(
    "answer",
    [
        b"\x04\x00\xff\xff\xff\xff",
        response(bytes(3)),
        response(struct.pack(">LBB", 100, 1, 3)),
        response(struct.pack(">LBB", 1, 1, 3)),
        response(pdv(1, 2, b"a data set")),
        response(pdv(1, 1, bytes(40000)), pdv(1, 1, bytes(40000)), pdv(1, 3, b"")),
        response(pdv(1, 3, b"no command set")),
        response(pdv(1, 3, ECHO_RQ)),
        pdu(0x42, bytes(4)),
        pdu(0x02, bytes(68)),
    ],
)
def test_an_answer_that_is_none_ends_the_association(shelf: Shelf, answer: bytes) -> None:
    refs = shelf.put(ct_slice())

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.message()
        acceptor.socket.sendall(answer)
        assert acceptor.pdu()[0] in (0x07, 0)

    with Scripted(script, script, whole) as peer:
        assert sent(shelf, refs, peer.destination) == (1, 0, 0)
    assert peer.connections == 3


ACCEPTANCE = acceptance([(1, CTImageStorage, list(PLAIN))], PLAIN, 16384)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(ACCEPTANCE) - 1), byte=st.integers(0, 255), cut=st.integers(0, 400))
def test_damage_to_an_acceptance_is_no_other_error(at: int, byte: int, cut: int) -> None:
    data = bytearray(ACCEPTANCE)
    data[at] = byte
    asked = request_of([Proposal(CTImageStorage, PLAIN)], calling="A", called="B")
    with contextlib.suppress(CannotReach):
        assert isinstance(agreement_of(asked, bytes(data[: len(data) - cut])), Agreement)
    assert isinstance(refusal_of(bytes(data[:cut])), CannotReach | Refused)


def test_a_file_that_is_gone_fails_alone(shelf: Shelf) -> None:
    refs = shelf.put(*ct_stack(3))
    shelf.blobs.delete(refs[1].blob)
    with provider(CT) as peer:
        assert sent(shelf, refs, peer.destination) == (2, 0, 1)
    assert peer.released == 1


def test_a_file_that_ends_half_way_fails_alone(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    refs = shelf.put(*ct_stack(3, size=1024))
    read = shelf.archive.read

    def broken(ref: StoredInstance) -> Iterator[bytes]:
        chunks = read(ref)
        for number, chunk in enumerate(chunks):
            if number == 3 and ref == refs[0]:
                raise OSError("the disk is broken")
            yield chunk

    expected = [stored_data_set(shelf, ref) for ref in refs[1:]]
    monkeypatch.setattr(shelf.archive, "read", broken)
    with provider(CT) as peer:
        assert sent(shelf, refs, peer.destination) == (2, 0, 1)
    assert [got.sop_instance_uid for got in peer.got] == [r.sop_instance_uid for r in refs[1:]]
    # Nothing of the one went into the others: the association ended with it.
    assert [got.data_set for got in peer.got] == expected
    assert peer.associations == 2


def test_more_sop_classes_than_an_association_holds(shelf: Shelf) -> None:
    refs = [
        StoredInstance(
            n, "1", "2", f"1.2.{n}", f"1.2.3.{n}", ExplicitVRLittleEndian, "OT", 0, 1, "x"
        )
        for n in range(150)
    ]
    counts: list[int] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept(only=())
        counts.append(len(acceptor.contexts))
        assert [number for number, _, _ in acceptor.contexts] == list(
            range(1, 2 * len(acceptor.contexts), 2)
        )
        acceptor.serve()

    with Scripted(script) as peer:
        assert sent(shelf, refs, peer.destination) == (0, 0, 150)
    assert counts == [128, 128, 44]


def test_each_syntax_is_proposed_alone_and_the_plain_ones_together(shelf: Shelf) -> None:
    refs = shelf.put(compressed(1), ct_slice(2))
    seen: list[tuple[str, list[str]]] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept()
        seen.extend((abstract, syntaxes) for _, abstract, syntaxes in acceptor.contexts)
        acceptor.serve()

    with Scripted(script) as peer:
        assert sent(shelf, refs, peer.destination) == (2, 0, 0)
    assert seen == [
        (CTImageStorage, [RLELossless]),
        (CTImageStorage, [ExplicitVRLittleEndian]),
        (CTImageStorage, list(PLAIN)),
    ]


def test_nothing_of_a_peer_or_an_instance_is_logged(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    refs = shelf.put(*ct_stack(2))
    shelf.blobs.delete(refs[1].blob)
    with Scripted(breaks_after(0), whole) as peer:
        assert sent(shelf, refs, peer.destination) == (1, 0, 1)
    assert "broke" in caplog.text
    for secret in ("SCRIPTED", "127.0.0.1", *(ref.sop_instance_uid for ref in refs)):
        assert secret not in caplog.text


@pytest.mark.integration
@pytest.mark.parametrize("option", [(), ("+xi",), ("+xa",), ("-pdu", "4096")])
def test_storescp_receives(shelf: Shelf, tmp_path: Path, option: tuple[str, ...]) -> None:
    refs = [*shelf.put(*ct_stack(5, size=256)), *shelf.put(compressed(6))]
    folder = tmp_path / "received"
    folder.mkdir()
    with running(tmp_path, "storescp", *option, "-od", folder) as port:
        assert sent(shelf, refs, Destination("STORESCP", "127.0.0.1", port)) == (6, 0, 0)
    files = [pydicom.dcmread(path) for path in folder.iterdir()]
    assert {ds.SOPInstanceUID for ds in files} == {ref.sop_instance_uid for ref in refs}
    if option == ("+xi",):
        assert {ds.file_meta.TransferSyntaxUID for ds in files} == {ImplicitVRLittleEndian}
    if option == ("+xa",):
        assert RLELossless in {ds.file_meta.TransferSyntaxUID for ds in files}
    expected = compressed(6)
    expected.decompress()
    (last,) = (ds for ds in files if ds.InstanceNumber == 6)
    if last.file_meta.TransferSyntaxUID.is_compressed:
        last.decompress()
    assert last.PixelData == expected.PixelData


@pytest.mark.integration
@pytest.mark.parametrize("option", ["--refuse", "--abort-after", "--abort-during"])
def test_a_storescp_that_misbehaves(shelf: Shelf, tmp_path: Path, option: str) -> None:
    refs = shelf.put(*ct_stack(2))
    with running(tmp_path, "storescp", option, "--ignore") as port:
        to = Destination("STORESCP", "127.0.0.1", port)
        if option == "--refuse":
            with pytest.raises(Refused):
                sent(shelf, refs, to)
        else:
            assert sent(shelf, refs, to) == (0, 0, 2)


@pytest.mark.integration
def test_dcmqrscp_receives(shelf: Shelf, tmp_path: Path) -> None:
    refs = [*shelf.put(*ct_stack(3)), *shelf.put(compressed(4))]
    folder = tmp_path / "DCMQR"
    folder.mkdir()
    port = free_port()
    config = tmp_path / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 16384\nMaxAssociations = 4\n"
        "HostTable BEGIN\nHostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nDCMQR {folder} RW (50, 100mb) ANY\nAETable END\n"
    )
    with running(tmp_path, "dcmqrscp", "-c", config, port=port):
        assert sent(shelf, refs, Destination("DCMQR", "127.0.0.1", port)) == (4, 0, 0)
        with pytest.raises(Refused, match="does not go by"):
            sent(shelf, refs, Destination("OTHER", "127.0.0.1", port))
    received = [path for path in folder.iterdir() if path.name != "index.dat"]
    uids = {pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in received}
    assert uids == {ref.sop_instance_uid for ref in refs}


@pytest.mark.integration
@pytest.mark.skipif(not os.path.exists(PROGRAM), reason="Orthanc is not installed")
def test_orthanc_receives(shelf: Shelf, tmp_path: Path) -> None:
    refs = [*shelf.put(*ct_stack(5)), *shelf.put(compressed(6))]
    peer = Orthanc()
    peer.start(tmp_path)
    try:
        to = Destination("ORTHANC", "127.0.0.1", peer.dimse_port)
        assert sent(shelf, refs, to) == (6, 0, 0)
        assert peer.stored() == 6
        assert sent(shelf, refs, to) == (6, 0, 0)
    finally:
        peer.stop()


@pytest.mark.integration
@pytest.mark.parametrize(
    ("syntax", "maximum_length"), [(PLAIN[0], 16384), (PLAIN[0], 0xFFFFFFFF), (PLAIN[1], 0)]
)
def test_a_multi_frame_of_200_mb_is_sent_in_little_memory(
    shelf: Shelf, syntax: str, maximum_length: int
) -> None:
    frames = 200
    ds = ct_slice(frames=1, size=64)
    ds.NumberOfFrames = frames
    ds.Rows, ds.Columns = 1024, 512
    del ds.PixelData
    out = BytesIO()
    ds.save_as(out, enforce_file_format=True)
    length = frames * MEGABYTE
    head = out.getvalue() + b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little")
    ref = shelf.put_chunks(chunk for chunk in (head, *(bytes(MEGABYTE) for _ in range(frames))))
    taken: list[int] = []

    def script(acceptor: Acceptor) -> None:
        acceptor.accept(only=[syntax], maximum_length=maximum_length)
        size, control = 0, 0
        while control != 2:
            _, value = acceptor.pdu()
            control = value[5]
            size += len(value) - 6 if control != 3 else 0
            request = value if control == 3 else b""
        taken.append(size)
        number = {0x0100: b"\1\0", 0x0110: b"\1\0", -3: value[4:5]}
        acceptor.answer(number, 0x0000)
        assert not request
        acceptor.pdu()

    with Scripted(script) as peer:
        forget_peak()
        before = peak_of()
        assert sent(shelf, [ref], peer.destination) == (1, 0, 0)
        grown = peak_of() - before
    assert taken[0] > length
    assert grown < 50 * MEGABYTE, f"resident size grew by {grown // MEGABYTE} MB"


def running(folder: Path, name: str, *arguments: object, port: int | None = None) -> _Running:
    """One of DCMTK's receivers."""
    return _Running(folder, name, arguments, port)


class _Running:
    def __init__(
        self, folder: Path, name: str, arguments: Sequence[object], port: int | None
    ) -> None:
        path = shutil.which(name)
        assert path, f"DCMTK's {name} is not installed (Debian package dcmtk)"
        self.port = port or free_port()
        tail = [] if port else [str(self.port)]
        self.command = [path, *map(str, arguments), *tail]
        self.log = folder / f"{name}.log"

    def __enter__(self) -> int:
        self.server = Server(self.command, self.log)
        self.server.wait_until(lambda: is_listening(self.port))
        return self.port

    def __exit__(self, *_: object) -> None:
        self.server.stop()
