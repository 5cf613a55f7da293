"""Nothing of a sender or its data sets reaches a log, standard error or a file."""

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.dimse import instances, raw_peer
from tests.dimse.conftest import OWNER, Listen
from tests.dimse.raw_peer import RawPeer, pdu, pdv
from tests.dimse.receiver import Receiver

pytestmark = pytest.mark.integration

PLANTED = [
    instances.PLANTED_AE,
    "Plantedfamily",
    "PLANTED-ID",
    "PLANTED-ACC",
    "1.2.999.4711",
    "PLANTEDCALLED",
]


class _Opened:
    """Files opened for writing, while switched on; an audit hook cannot be taken away again."""

    def __init__(self) -> None:
        self.on = False
        self.files: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.on or event not in ("open", "tempfile.mkstemp", "tempfile.mkdtemp"):
            return
        mode = str(arguments[1]) if len(arguments) > 1 else "w"
        if event != "open" or any(letter in mode for letter in "wax+"):
            self.files.append(f"{event} {arguments[0]!r}")


_OPENED = _Opened()


@contextmanager
def files_opened() -> Iterator[list[str]]:
    """Collects the files that this process opens for writing."""
    _OPENED.files.clear()
    _OPENED.on = True
    try:
        yield _OPENED.files
    finally:
        _OPENED.on = False


def talk(port: int) -> None:
    """Everything a peer may do, right and wrong, with planted identities."""
    ds = instances.ct()
    ds.SOPInstanceUID = "1.2.999.4711.1"
    data = instances.encoded(ds)
    good = raw_peer.store_rq(CTImageStorage, "1.2.999.4711.1")
    contexts: list[tuple[str, list[str]]] = [
        (CTImageStorage, [ExplicitVRLittleEndian]),
        ("1.2.999.4711", ["1.2.999.4711.2"]),
    ]
    called = "PLANTEDCALLED"
    opening = raw_peer.associate(contexts, calling=instances.PLANTED_AE, called=called)
    for conversation in (
        raw_peer.message(good, data),
        raw_peer.message(good, data[:200]),
        raw_peer.message(good, data[300:]),
        raw_peer.message(raw_peer.store_rq(CTImageStorage, "1.2.999.4711.2"), data),
        raw_peer.message(raw_peer.store_rq("1.2.999.4711.3", "PLANTED-ID"), data),
        raw_peer.message(good, data)[:-2000],
        pdu(4, pdv(1, 3, good)) + pdu(4, pdv(1, 0, data)) + pdu(4, data),
        pdu(4, pdv(1, 3, data)),
        pdu(4, data),
        pdu(1, data),
        data,
    ):
        with RawPeer(port) as peer:
            peer.send(opening)
            peer.pdu()
            peer.send(conversation)
            peer.send(raw_peer.RELEASE)
            peer.hang_up()
            while peer.exactly(1):
                pass
    with RawPeer(port) as peer:
        peer.send(raw_peer.pdu(1, data))
        peer.hang_up()
        peer.exactly(1)


def wait_for_threads() -> None:
    """Wait until no association is served any more."""
    for thread in threading.enumerate():
        if type(thread).__name__ in ("StorageProvider", "StorageAssociation"):
            thread.join(5)


@pytest.mark.parametrize("known", [True, False])
def test_logs_and_standard_error_are_clean_of_planted_identities(
    listen: Listen,
    receiver: Receiver,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    known: bool,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError(instances.PLANTED_NAME)

    port = listen(receiver, lambda ae_title, host: OWNER if known else None)
    with caplog.at_level(logging.DEBUG):
        talk(port)
        receiver.on_finish = fail
        talk(port)
        wait_for_threads()
    # The whole one and the one that ends early: this door does not look beyond the first elements.
    assert len(receiver.stored) == 2 * known
    output = capfd.readouterr()
    for text in (caplog.text, output.out, output.err):
        assert [value for value in PLANTED if value in text] == []
    assert not [record for record in caplog.records if record.name.startswith("pynetdicom")]
    if not known:
        assert "calling AE title not recognised" in caplog.text


def test_no_file_is_opened_for_writing(port: int, receiver: Receiver, tmp_path: Path) -> None:
    with files_opened() as opened:
        (tmp_path / "control").write_text("the hook sees this")
        talk(port)
        wait_for_threads()
    assert len(receiver.stored) == 2
    assert len(opened) == 1, opened
    assert "control" in opened[0]
