"""The listener as real peers see it: DCMTK's tools and pynetdicom's SCU."""

import contextlib
import hashlib
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)
from pynetdicom import AE
from pynetdicom.association import Association

from dimse import StorageListener
from tests.dimse import instances, raw_peer
from tests.dimse.conftest import OWNER, Listen
from tests.dimse.raw_peer import RawPeer
from tests.dimse.receiver import Receiver
from tests.dimse.test_broken_connections import eventually, serving_threads

pytestmark = pytest.mark.integration

VERIFICATION = "1.2.840.10008.1.1"
VERIFYING = raw_peer.associate([(VERIFICATION, [ImplicitVRLittleEndian])], calling="STRANGER")


def tool(name: str, *arguments: object, expect: int | None = 0) -> str:
    """Run one of DCMTK's tools; returns what it prints."""
    path = shutil.which(name)
    assert path, f"DCMTK's {name} is not installed (Debian package dcmtk)"
    done = subprocess.run(
        [path, *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    output = done.stdout + done.stderr
    assert expect is None or done.returncode == expect, output
    return output


def associate(port: int, *contexts: tuple[str, str], calling: str = "SENDER") -> Association:
    """Open an association with pynetdicom."""
    ae = AE(calling)
    for abstract, transfer in contexts or ((CTImageStorage, ExplicitVRLittleEndian),):
        ae.add_requested_context(abstract, transfer)
    return ae.associate("127.0.0.1", port, ae_title="READINGROOM")


def only_known(ae_title: str, _host: str) -> int | None:
    """One peer is known."""
    return OWNER if ae_title == "KNOWN" else None


def test_echoscu_is_answered(port: int) -> None:
    assert "Received Echo Response (Success)" in tool("echoscu", "-v", "127.0.0.1", port)


def test_storescu_sends_a_folder(port: int, receiver: Receiver, tmp_path: Path) -> None:
    sent = instances.series(tmp_path, 20)
    output = tool("storescu", "-v", "+sd", "+r", "127.0.0.1", port, tmp_path)
    assert output.count("Received Store Response (Success)") == 20
    assert {n.sent_sop_instance_uid for n in receiver.stored} == {s.SOPInstanceUID for s in sent}
    assert {n.owner_id for n in receiver.stored} == {OWNER}


@pytest.mark.parametrize("pdu", [4096, 16384, 131072])
def test_storescu_with_any_pdu_size(
    port: int, receiver: Receiver, tmp_path: Path, pdu: int
) -> None:
    instances.series(tmp_path, 3, side=256)
    tool("storescu", "--max-send-pdu", pdu, "-pdu", pdu, "+sd", "127.0.0.1", port, tmp_path)
    assert len(receiver.stored) == 3


def test_dcmsend_sends_a_folder(port: int, receiver: Receiver, tmp_path: Path) -> None:
    instances.series(tmp_path, 5)
    output = tool("dcmsend", "-v", "+sd", "127.0.0.1", port, tmp_path)
    assert "with status SUCCESS  : 5" in output
    assert len(receiver.stored) == 5


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_the_data_set_arrives_as_it_was_sent(port: int, receiver: Receiver, syntax: str) -> None:
    ds = instances.ct()
    assoc = associate(port, (CTImageStorage, syntax))
    with RawPeer(port) as peer:
        data = instances.encoded(ds, syntax)
        peer.send(raw_peer.associate([(CTImageStorage, [syntax])]))
        assert peer.pdu()[0] == 0x02
        peer.send(raw_peer.message(raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID), data))
        assert peer.status() == 0x0000
    assoc.release()
    (noted,) = receiver.stored
    assert noted.transfer_syntax == syntax
    assert noted.digest == _digest(data)


def test_pynetdicom_sends_a_data_set_in_a_single_pdu(port: int, receiver: Receiver) -> None:
    assoc = associate(port)
    assert assoc.acceptor.maximum_length == 0
    for number in range(3):
        ds = instances.ct(number, side=1024)
        instances.part10(ds)
        assert assoc.send_c_store(ds).Status == 0x0000
    assoc.release()
    assert assoc.is_released
    assert len(receiver.stored) == 3


def test_echo_and_store_share_an_association(port: int, receiver: Receiver) -> None:
    assoc = associate(
        port, (VERIFICATION, ImplicitVRLittleEndian), (CTImageStorage, ExplicitVRLittleEndian)
    )
    ds = instances.ct()
    instances.part10(ds)
    assert assoc.send_c_echo().Status == 0x0000
    assert assoc.send_c_store(ds).Status == 0x0000
    assert assoc.send_c_echo().Status == 0x0000
    assoc.release()
    assert len(receiver.stored) == 1


def test_a_strangers_store_association_is_rejected(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, only_known)
    assert raw_peer.rejection(port, calling="STRANGER") == (1, 1, 3)
    known = associate(port, calling="KNOWN")
    assert known.is_established
    known.release()


def test_a_strangers_echo_is_answered(listen: Listen, receiver: Receiver) -> None:
    port = listen(receiver, lambda ae_title, host: None)
    assert "Success" in tool("echoscu", "-v", "127.0.0.1", port)


def test_peers_are_told_apart_by_title_and_host(listen: Listen, receiver: Receiver) -> None:
    asked: list[tuple[str, str]] = []

    def peers(ae_title: str, host: str) -> int:
        asked.append((ae_title, host))
        return OWNER

    associate(listen(receiver, peers), calling="MODALITY 1").release()
    assert asked == [("MODALITY 1", "127.0.0.1")]


def test_a_failing_look_up_of_peers_is_a_transient_rejection(
    listen: Listen, receiver: Receiver
) -> None:
    def peers(ae_title: str, host: str) -> int:
        raise OSError("database gone")

    assert raw_peer.rejection(listen(receiver, peers)) == (2, 3, 1)


def test_an_unknown_sop_class_is_not_negotiated(port: int) -> None:
    assoc = associate(
        port, ("1.2.3.4.5.6", ExplicitVRLittleEndian), (CTImageStorage, ExplicitVRLittleEndian)
    )
    assert [str(cx.abstract_syntax) for cx in assoc.rejected_contexts] == ["1.2.3.4.5.6"]
    assoc.release()


def test_wrong_affected_uids_are_refused_and_the_association_goes_on(
    port: int, receiver: Receiver
) -> None:
    ds = instances.ct()
    data = instances.encoded(ds)
    contexts = [(c, [ExplicitVRLittleEndian]) for c in (CTImageStorage, MRImageStorage)]
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate(contexts))
        assert peer.pdu()[0] == 0x02
        peer.send(raw_peer.message(raw_peer.store_rq(CTImageStorage, "1.2.3"), data))
        assert peer.status() == 0xA900
        wrong_class = raw_peer.store_rq(MRImageStorage, ds.SOPInstanceUID)
        peer.send(raw_peer.message(wrong_class, data, context=3))
        assert peer.status() == 0xA900
        peer.send(raw_peer.message(wrong_class, data, context=1))
        assert peer.status() == 0x0122
        assert receiver.stored == []
        peer.send(raw_peer.message(raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID), data))
        assert peer.status() == 0x0000
        peer.send(raw_peer.RELEASE)
        assert peer.pdu()[0] == 0x06
    assert len(receiver.stored) == 1


@pytest.mark.parametrize("broken", [b"", b"\xff" * 5000, b"\x08\x00\x16\x00UI"])
def test_a_broken_data_set_is_c000_and_the_association_goes_on(
    port: int, receiver: Receiver, broken: bytes
) -> None:
    ds = instances.ct()
    request = raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID, message=9)
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(raw_peer.message(request, broken or b"\0\0"))
        answer = peer.answer()
        assert int.from_bytes(answer[0x0900], "little") == 0xC000
        assert int.from_bytes(answer[0x0120], "little") == 9
        assert answer[0x1000].rstrip(b"\0").decode() == ds.SOPInstanceUID
        assert 0 < len(answer[0x0902]) <= 64
        peer.send(raw_peer.message(request, instances.encoded(ds)))
        assert peer.status() == 0x0000
    assert len(receiver.stored) == 1


def test_two_associations_store_in_parallel(port: int, receiver: Receiver) -> None:
    both_inside = threading.Barrier(2, timeout=10)
    receiver.on_finish = both_inside.wait
    ends: list[int] = []

    def send() -> None:
        assoc = associate(port)
        for number in range(5):
            ds = instances.ct(number)
            instances.part10(ds)
            ends.append(assoc.send_c_store(ds).Status)
        assoc.release()

    senders = [threading.Thread(target=send) for _ in range(2)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join(20)
    assert ends == [0] * 10
    assert len(receiver.stored) == 10


def test_other_commands_are_not_recognised(port: int) -> None:
    find = raw_peer.command(
        [
            (0x0002, b"1.2.840.10008.5.1.4.1.2.2.1"),
            (0x0100, b"\x20\x00"),
            (0x0110, b"\x04\x00"),
            (0x0700, b"\x00\x00"),
            (0x0800, b"\x01\x00"),
        ]
    )
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(raw_peer.message(find, bytes(100)))
        answer = peer.answer()
        assert int.from_bytes(answer[0x0900], "little") == 0x0211
        assert int.from_bytes(answer[0x0100], "little") == 0x8020


def test_the_limit_of_associations_is_a_transient_rejection(
    listen: Listen, receiver: Receiver
) -> None:
    port = listen(receiver, maximum_associations=2)
    first, second = associate(port), associate(port)
    assert (first.is_established, second.is_established) == (True, True)
    assert raw_peer.rejection(port) == (2, 3, 2)
    first.release()
    second.release()


def test_strangers_who_verify_take_no_place_of_those_who_are_known(
    listen: Listen, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dimse.accepting.MOST_STRANGERS", 3)
    port = listen(receiver, only_known, maximum_associations=1)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            peer = stack.enter_context(RawPeer(port))
            peer.send(VERIFYING)
            assert peer.pdu()[0] == 0x02
        known = associate(port, calling="KNOWN")
        assert known.is_established
        # Both are counted, each by itself.
        fourth = stack.enter_context(RawPeer(port))
        fourth.send(VERIFYING)
        assert fourth.pdu() == (0x03, bytes([0, 2, 3, 2]))
        assert raw_peer.rejection(port, calling="KNOWN") == (2, 3, 2)
        known.release()


def test_a_stranger_who_says_nothing_is_not_kept(
    listen: Listen, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dimse.accepting.MOST_STRANGERS", 1)
    monkeypatch.setattr("dimse.association.STRANGERS_IDLE", 0.3)
    port = listen(receiver, only_known)
    for _ in range(2):
        with RawPeer(port) as peer:
            peer.send(VERIFYING)
            assert peer.pdu()[0] == 0x02
            assert peer.pdu()[0] == 0x07
        assert eventually(lambda: serving_threads() == 0)


def test_a_wrong_called_title_is_refused_where_it_is_checked(
    listen: Listen, receiver: Receiver
) -> None:
    port = listen(receiver, check_called_ae_title=True)
    assert "Success" in tool("echoscu", "-v", "-aec", "READINGROOM", "127.0.0.1", port)
    output = tool("echoscu", "-aec", "OTHER", "127.0.0.1", port, expect=None)
    assert "Called AE Title Not Recognized" in output


def test_fifty_associations_at_once_are_served(port: int, receiver: Receiver) -> None:
    open_associations = [associate(port) for _ in range(50)]
    assert all(assoc.is_established for assoc in open_associations)
    ds = instances.ct()
    instances.part10(ds)
    assert open_associations[-1].send_c_store(ds).Status == 0x0000
    for assoc in open_associations:
        assoc.release()


def test_an_address_in_use_is_an_error(port: int, receiver: Receiver) -> None:
    second = StorageListener(receiver, lambda ae_title, host: OWNER, port=port)
    with pytest.raises(OSError, match="in use"):
        second.start()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
