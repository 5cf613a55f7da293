"""Memory does not grow with the instance, however the peer packs it."""

import contextlib
import threading
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage

from tests.dimse import instances, raw_peer
from tests.dimse.raw_peer import PDU, RawPeer, pdu, pdv
from tests.dimse.receiver import Receiver

pytestmark = pytest.mark.integration

MEGABYTE = 1024 * 1024
FRAMES = 300
LIMIT = 100 * MEGABYTE
HEADER = instances.encoded(instances.ct())[:-8200]


def peak_of(process: str = "self") -> int:
    """The largest resident size so far, in bytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


def forget_peak() -> None:
    """Let the kernel count the largest resident size anew."""
    Path("/proc/self/clear_refs").write_text("5")


def multi_frame(uid: str) -> tuple[bytes, int]:
    """The beginning of a made-up multi-frame, and the length of its pixel data."""
    ds = instances.ct()
    ds.SOPInstanceUID = uid
    ds.NumberOfFrames = FRAMES
    del ds.PixelData
    length = FRAMES * MEGABYTE
    pixel_data = b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little")
    return instances.encoded(ds) + pixel_data, length


@pytest.mark.parametrize("packing", ["one PDU", "PDUs of 1 MB", "PDUs of 16 KB"])
def test_a_multi_frame_of_300_mb_passes_in_little_memory(
    port: int, receiver: Receiver, packing: str
) -> None:
    uid = "1.2.3.4.5"
    head, length = multi_frame(uid)
    frame = bytes(MEGABYTE)
    with RawPeer(port, timeout=60) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        forget_peak()
        before = peak_of()
        peer.send(pdu(4, pdv(1, 3, raw_peer.store_rq(CTImageStorage, uid))))
        if packing == "one PDU":
            whole = len(head) + length
            peer.send(PDU.pack(4, whole + 6) + (whole + 2).to_bytes(4, "big") + b"\x01\x02" + head)
            for _ in range(FRAMES):
                peer.send(frame)
        else:
            size = MEGABYTE if "1 MB" in packing else 16 * 1024
            part = pdu(4, pdv(1, 0, bytes(size)))
            peer.send(pdu(4, pdv(1, 0, head)))
            for _ in range(length // size):
                peer.send(part)
            peer.send(pdu(4, pdv(1, 2, b"")))
        assert peer.status() == 0x0000
        grown = peak_of() - before
    (noted,) = receiver.stored
    assert noted.size == len(head) + length
    assert grown < LIMIT, f"resident size grew by {grown // MEGABYTE} MB"


def test_a_slow_door_slows_the_peer_down(port: int, receiver: Receiver) -> None:
    head, length = multi_frame("1.2.3")
    go_on = threading.Event()
    receiver.on_feed = lambda size: size < 4 * MEGABYTE or go_on.wait(30)
    sent = 0
    part = pdu(4, pdv(1, 0, bytes(MEGABYTE)))
    with RawPeer(port, timeout=0.5) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(1, 3, raw_peer.store_rq(CTImageStorage, "1.2.3"))))
        peer.send(pdu(4, pdv(1, 0, head)))
        forget_peak()
        before = peak_of()
        with contextlib.suppress(TimeoutError):
            while sent < length:
                peer.send(part)
                sent += MEGABYTE
    go_on.set()
    assert sent < 64 * MEGABYTE
    assert peak_of() - before < LIMIT
