"""Storage commitment: asked by pynetdicom's user, told on a new association or on the same."""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import queue
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import pytest
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.events import Event
from pynetdicom.pdu import P_DATA_TF

from bench.peers.orthanc import PROGRAM, Orthanc
from bench.process import free_port
from dimse import StorageListener
from dimse.callers import Caller
from dimse.commitment import COMMITMENT_SOP_CLASSES, commitment
from dimse.reports import PUSH_MODEL, PUSH_MODEL_INSTANCE, Reports, Transaction
from dimse.requestor import Destination, Limits
from dimse.tls import acceptor_context, requestor_context
from store.access import OwnerScope
from store.commitment import Custody, LookUp, Reference, custody_of
from store.ingest import Ingest
from tests.dimse.peers import OWNER, Acceptor, Scripted, Shelf
from tests.dimse.raw_peer import ABORT
from tests.dimse.test_tls import Keys, keys
from tests.support.datasets import ct_slice, ct_stack, encoded

__all__ = ["keys"]

QUICK = Limits(connect=2, associate=2, stall=2, answer=2, release=1)
WAIT = 20.0
Told = tuple[int, Dataset]


@dataclass
class Modality:
    """A service class user: asks, and takes reports."""

    told: queue.Queue[Told] = field(default_factory=queue.Queue)
    answers: int = 0x0000
    reports: int = 0
    answered: int = 0

    def report(self, event: Event) -> tuple[int, None]:
        """Take a report."""
        request = cast(Any, event.request)
        assert request.AffectedSOPInstanceUID == PUSH_MODEL_INSTANCE
        self.reports += 1
        self.told.put((request.EventTypeID, event.event_information))
        return self.answers, None

    def sent(self, event: Event) -> None:
        """Note that an answer has gone out; it is one PDU, and the last thing that is sent."""
        if isinstance(event.pdu, P_DATA_TF):
            self.answered = self.reports

    def next(self) -> Told:
        """Wait for a report."""
        return self.told.get(timeout=WAIT)

    @contextlib.contextmanager
    def listening(
        self, port: int = 0, title: str = "MODALITY", *, tls: ssl.SSLContext | None = None
    ) -> Iterator[Destination]:
        """Take reports on associations that others open, over TLS or not."""
        ae = AE(title)
        ae.require_called_aet = True
        ae.add_supported_context(PUSH_MODEL, scu_role=False, scp_role=True)
        server = ae.start_server(
            ("127.0.0.1", port),
            block=False,
            ssl_context=tls,
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.report)],
        )
        assert server is not None
        try:
            yield Destination(title, "127.0.0.1", server.server_address[1])
        finally:
            server.shutdown()

    def associate(self, port: int, syntax: str = ExplicitVRLittleEndian) -> Association:
        """Open an association."""
        ae = AE("MODALITY")
        ae.add_requested_context(PUSH_MODEL, syntax)
        assoc = ae.associate(
            "127.0.0.1",
            port,
            ae_title="READINGROOM",
            evt_handlers=[(evt.EVT_N_EVENT_REPORT, self.report), (evt.EVT_PDU_SENT, self.sent)],
        )
        assert assoc.is_established
        return assoc


@dataclass
class Server:
    """A listener that commits; `to` is where it believes the modality to be, `found` how often."""

    port: int
    reports: Reports
    to: Destination | None = None
    found: int = 0


@contextlib.contextmanager
def serving(
    look_up: LookUp,
    *,
    to: Destination | None = None,
    pauses: Sequence[float] = (0.0, *(0.05,) * 200),
    owner_id: int | None = OWNER,
    ingest: Ingest | None = None,
    calling: str = "MODALITY",
) -> Iterator[Server]:
    reports = Reports(look_up, ae_title="READINGROOM", pauses=pauses, limits=QUICK)
    server = Server(0, reports, to)

    def destination(caller: Caller, ae_title: str) -> Destination | None:
        assert (caller.owner_id, ae_title) == (owner_id, calling)
        server.found += 1
        return server.to

    def callers(title: str, called: str, host: str) -> Caller:
        return Caller(owner_id, (OwnerScope(1),), title, host)

    services = commitment(look_up, reports, ae_title="READINGROOM", destinations=destination)
    listener = StorageListener(
        ingest,  # type: ignore[arg-type]
        callers=callers,
        services=services,
        sop_classes=COMMITMENT_SOP_CLASSES,
        port=0,
    )
    server.port = listener.start()
    reports.start()
    try:
        yield server
    finally:
        listener.stop(within=2.0)
        reports.stop(within=5.0)


def request(*references: tuple[str, str], uid: str = "1.2.3.4.5") -> Dataset:
    action = Dataset()
    action.TransactionUID = uid
    action.ReferencedSOPSequence = Items([_item(*reference) for reference in references])
    return action


def without_sequence() -> Dataset:
    action = request()
    del action.ReferencedSOPSequence
    return action


def _item(sop_class: str, sop_instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
    return item


def ask(
    modality: Modality,
    server: Server,
    action: Dataset,
    *,
    action_type: int = 1,
    instance: str = PUSH_MODEL_INSTANCE,
    syntax: str = ExplicitVRLittleEndian,
) -> int:
    """Ask for commitment on an association of its own; returns the status."""
    assoc = modality.associate(server.port, syntax)
    before = modality.reports
    status, _ = assoc.send_n_action(action, action_type, PUSH_MODEL, instance)
    if server.to is None and status.Status == 0x0000:
        # Known to come on this association, which a modality then keeps open. pynetdicom's thread
        # dies if it answers when the release is under way, and leaves its socket behind.
        wait_until(lambda: modality.answered > before)
    assoc.release()
    return int(status.Status)


def everything(_owner_id: int, references: Sequence[Reference]) -> list[Custody]:
    return [Custody.STORED] * len(references)


@pytest.fixture
def modality() -> Modality:
    return Modality()


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    shelf = Shelf(tmp_path / "store")
    yield shelf
    shelf.database.dispose()


def references_of(sequence: Sequence[Dataset]) -> list[tuple[str, str]]:
    return [(item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) for item in sequence]


@pytest.mark.parametrize("is_known", [True, False])
@pytest.mark.parametrize(
    "syntax",
    [
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ],
)
def test_what_is_stored_is_committed_by_the_names_it_came_with(
    shelf: Shelf, modality: Modality, is_known: bool, syntax: str
) -> None:
    slices = ct_stack(3)
    names = [(str(CTImageStorage), str(ds.SOPInstanceUID)) for ds in slices]
    shelf.put(*slices)
    look_up = partial(custody_of, shelf.database, shelf.keys)
    with modality.listening() as to, serving(look_up, to=to if is_known else None) as server:
        assert ask(modality, server, request(*names), syntax=syntax) == 0x0000
        event_type, told = modality.next()
    assert event_type == 1
    assert told.TransactionUID == "1.2.3.4.5"
    assert told.RetrieveAETitle == "READINGROOM"
    assert references_of(told.ReferencedSOPSequence) == names
    assert "FailedSOPSequence" not in told


def test_what_is_not_stored_is_told_with_its_reason(shelf: Shelf, modality: Modality) -> None:
    slices = ct_stack(2)
    stored, other = (str(ds.SOPInstanceUID) for ds in slices)
    shelf.put(*slices)
    asked = [(CTImageStorage, stored), (CTImageStorage, "1.2.3.99"), (MRImageStorage, other)]
    look_up = partial(custody_of, shelf.database, shelf.keys)
    with modality.listening() as to, serving(look_up, to=to) as server:
        assert ask(modality, server, request(*asked)) == 0x0000
        event_type, told = modality.next()
    assert event_type == 2
    assert references_of(told.ReferencedSOPSequence) == asked[:1]
    assert references_of(told.FailedSOPSequence) == asked[1:]
    assert [item.FailureReason for item in told.FailedSOPSequence] == [0x0112, 0x0119]


def test_a_modality_that_speaks_tls_is_told_over_it(modality: Modality, keys: Keys) -> None:
    theirs = acceptor_context(keys.server.certificate, keys.server.key, keys.authority.certificate)
    ours = requestor_context(keys.authority.certificate, (keys.client.certificate, keys.client.key))
    with modality.listening(tls=theirs) as to, serving(everything, to=replace(to, tls=ours)) as at:
        assert ask(modality, at, request((CTImageStorage, "1.2"))) == 0x0000
        assert modality.next()[0] == 1


def test_a_report_waits_for_a_modality_that_is_down(modality: Modality) -> None:
    port = free_port()
    looks = 0

    def look_up(owner_id: int, references: Sequence[Reference]) -> list[Custody]:
        nonlocal looks
        looks += 1
        return everything(owner_id, references)

    with serving(look_up, to=Destination("MODALITY", "127.0.0.1", port)) as server:
        assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0000
        wait_until(lambda: server.found > 4)
        assert modality.told.empty()
        # Nobody can make us look and look by being away.
        assert looks == 0
        with modality.listening(port):
            assert modality.next()[0] == 1
    assert looks == 1


def test_a_report_goes_where_the_modality_is_known_to_be_by_then(modality: Modality) -> None:
    away = Destination("MODALITY", "127.0.0.1", free_port())
    with serving(everything, to=away) as server, modality.listening() as to:
        assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0000
        server.to = to
        assert modality.next()[0] == 1


def test_a_modality_that_is_known_no_longer_is_told_nothing(
    modality: Modality, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    port = free_port()
    with serving(everything, to=Destination("MODALITY", "127.0.0.1", port)) as server:
        assert ask(modality, server, request((CTImageStorage, "1.2.3.4711"))) == 0x0000
        server.to = None
        # Dropped, and its names with it.
        wait_until(lambda: "its peer is gone" in caplog.text)
        wait_until(lambda: "1.2.3.4.5" not in str(vars(server.reports)))
        with modality.listening(port) as server.to:
            assert ask(modality, server, request((CTImageStorage, "1.2"), uid="9.8")) == 0x0000
            assert modality.next()[1].TransactionUID == "9.8"
    assert modality.told.empty()
    assert "4711" not in caplog.text


def test_a_report_waits_for_the_store(modality: Modality) -> None:
    failures = iter([OSError("no"), RuntimeError("no")])

    def look_up(owner_id: int, references: Sequence[Reference]) -> list[Custody]:
        for failure in failures:
            raise failure
        return everything(owner_id, references)

    with modality.listening() as to, serving(look_up, to=to) as server:
        assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0000
        assert modality.next()[0] == 1


def test_a_report_is_given_up_in_the_end(
    modality: Modality, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    to = Destination("MODALITY", "127.0.0.1", free_port())
    with serving(everything, to=to, pauses=(0.0, 0.0, 0.0)) as server:
        for _ in range(2):
            caplog.clear()
            assert ask(modality, server, request((CTImageStorage, "1.2.3.4711"))) == 0x0000
            wait_until(lambda: "given up" in caplog.text)
            # Each attempt is told of, without a name.
            assert caplog.text.count("waits: CannotReach") == 3
            for name in ("4711", "1.2.3.4.5", "MODALITY", "127.0.0.1"):
                assert name not in caplog.text


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_second_transaction_of_the_same_uid_is_a_duplicate(modality: Modality) -> None:
    go_on = threading.Event()

    def look_up(owner_id: int, references: Sequence[Reference]) -> list[Custody]:
        go_on.wait(WAIT)
        return everything(owner_id, references)

    with modality.listening() as to, serving(look_up, to=to) as server:
        for _ in range(2):
            assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0000
        event_type, told = modality.next()
        assert event_type == 2
        assert [item.FailureReason for item in told.FailedSOPSequence] == [0x0131]
        assert ask(modality, server, request((CTImageStorage, "1.2"), uid="9.8")) == 0x0000
        go_on.set()
        both = [modality.next() for _ in range(2)]
        assert sorted((kind, told.TransactionUID) for kind, told in both) == [
            (1, "1.2.3.4.5"),
            (1, "9.8"),
        ]
        # Told, it is not pending any more, and its name is forgotten.
        wait_until(lambda: "1.2.3.4.5" not in str(vars(server.reports)))
        assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0000
        assert modality.next()[0] == 1


def test_whatever_a_modality_answers_it_has_been_told(modality: Modality) -> None:
    modality.answers = 0x0110
    with modality.listening() as to, serving(everything, to=to) as server:
        assert ask(modality, server, request((CTImageStorage, "1.2"), uid="1.1")) == 0x0000
        modality.next()
        assert ask(modality, server, request((CTImageStorage, "1.2"), uid="2.2")) == 0x0000
        assert modality.next()[1].TransactionUID == "2.2"
    assert modality.told.empty()


def test_we_are_the_provider_on_the_association_that_we_open(modality: Modality) -> None:
    roles: list[bytes] = []
    commands: list[dict[int, bytes]] = []

    def script(acceptor: Acceptor) -> None:
        kind, value = 0x01, b""
        original = acceptor.pdu

        def remembered() -> tuple[int, bytes]:
            nonlocal value
            kind, value = original()
            if kind == 0x01:
                uid = PUSH_MODEL.encode()
                at = value.index(b"\x54\x00")
                roles.append(value[at + 4 : at + 8 + len(uid)])
            return kind, value

        acceptor.pdu = remembered  # type: ignore[method-assign]
        acceptor.accept()
        message = acceptor.message()
        commands.append(message)
        acceptor.answer(message, 0x0000)
        assert kind
        acceptor.serve()

    with Scripted(script) as peer, serving(everything, to=peer.destination) as server:
        assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0000
        wait_until(lambda: bool(commands))
    uid = PUSH_MODEL.encode()
    assert roles == [len(uid).to_bytes(2, "big") + uid + b"\x00\x01"]
    (command,) = commands
    assert command[0x0100] == b"\x00\x01"
    assert command[0x0002].rstrip(b"\0") == uid
    assert command[0x1000].rstrip(b"\0") == PUSH_MODEL_INSTANCE.encode()
    assert command[0x1002] == b"\x01\x00"
    told = read_dataset(BytesIO(command[-1]), False, True)
    assert references_of(told.ReferencedSOPSequence) == [(CTImageStorage, "1.2")]


def test_a_modality_that_aborts_is_told_again(modality: Modality) -> None:
    def aborts(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.message()
        acceptor.socket.sendall(ABORT)

    def refuses_the_context(acceptor: Acceptor) -> None:
        acceptor.accept(only=())
        acceptor.pdu()

    told = threading.Event()
    looks: list[int] = []

    def look_up(owner_id: int, references: Sequence[Reference]) -> list[Custody]:
        looks.append(len(references))
        return everything(owner_id, references)

    def takes(acceptor: Acceptor) -> None:
        acceptor.accept()
        acceptor.answer(acceptor.message(), 0x0000)
        told.set()
        acceptor.serve()

    with (
        Scripted(aborts, refuses_the_context, takes) as peer,
        serving(look_up, to=peer.destination) as server,
    ):
        assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0000
        assert told.wait(WAIT)
    assert peer.connections == 3
    assert looks == [1]


@pytest.mark.parametrize(
    ("action", "options", "status"),
    [
        (request((CTImageStorage, "1.2")), {"action_type": 2}, 0x0123),
        (request((CTImageStorage, "1.2")), {"instance": "1.2.3"}, 0x0112),
        (request(), {}, 0x0115),
        (without_sequence(), {}, 0x0115),
        (request((CTImageStorage, "")), {}, 0x0115),
        (request((CTImageStorage, "1.2"), uid=""), {}, 0x0115),
    ],
)
def test_what_cannot_be_asked_is_refused(
    modality: Modality, action: Dataset, options: dict[str, object], status: int
) -> None:
    with modality.listening() as to, serving(everything, to=to) as server:
        assert ask(modality, server, action, **options) == status  # type: ignore[arg-type]
        # The association is none the worse, and nothing is told.
        assert ask(modality, server, request((CTImageStorage, "1.2"), uid="7.7")) == 0x0000
        assert modality.next()[1].TransactionUID == "7.7"
    assert modality.told.empty()


def test_who_may_store_nothing_is_committed_nothing(modality: Modality) -> None:
    with serving(everything, owner_id=None) as server:
        assert ask(modality, server, request((CTImageStorage, "1.2"))) == 0x0124


def test_too_much_is_refused_until_there_is_room(
    modality: Modality, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dimse.reports.MOST_REFERENCES", 3)
    go_on = threading.Event()

    def look_up(owner_id: int, references: Sequence[Reference]) -> list[Custody]:
        go_on.wait(WAIT)
        return everything(owner_id, references)

    two = [(CTImageStorage, "1.2"), (CTImageStorage, "1.3")]
    with modality.listening() as to, serving(look_up, to=to) as server:
        assert ask(modality, server, request(*two, uid="1.1")) == 0x0000
        assert ask(modality, server, request(*two, uid="2.2")) == 0x0213
        assert ask(modality, server, request(two[0], uid="3.3")) == 0x0000
        go_on.set()
        assert {modality.next()[1].TransactionUID for _ in range(2)} == {"1.1", "3.3"}

        def is_taken() -> bool:
            return ask(modality, server, request(*two, uid="2.2")) == 0x0000

        wait_until(is_taken)
        assert modality.next()[1].TransactionUID == "2.2"


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_a_request_of_thousands_is_answered(modality: Modality, syntax: str) -> None:
    many = [(str(CTImageStorage), f"1.2.826.0.1.3680043.8.498.{n}") for n in range(5000)]
    with modality.listening() as to, serving(everything, to=to) as server:
        assert ask(modality, server, request(*many), syntax=syntax) == 0x0000
        _, told = modality.next()
    assert references_of(told.ReferencedSOPSequence) == many


def test_what_is_pending_at_a_stop_is_forgotten(modality: Modality) -> None:
    reports = Reports(everything, ae_title="READINGROOM", pauses=(0.2,), limits=QUICK)
    transaction = Transaction(OWNER, "1.2.3", (Reference(CTImageStorage, "1.2"),))
    with modality.listening() as to:
        assert not reports.add(transaction, lambda: to)
        reports.start()
        assert reports.add(transaction, lambda: to)
        reports.stop()
        assert not reports.add(transaction, lambda: to)
        assert modality.told.empty()
        with pytest.raises(RuntimeError):
            reports.start()


def test_no_name_is_shown_by_what_holds_it() -> None:
    reference = Reference(CTImageStorage, "1.2.3.4711")
    transaction = Transaction(OWNER, "9.8.7", (reference,))
    shown = repr((reference, transaction, Destination("X", "secret.example", 104)))
    for secret in ("1.2.3.4711", "9.8.7", "secret.example"):
        assert secret not in shown


@pytest.mark.integration
@pytest.mark.skipif(not Path(PROGRAM).exists(), reason="Orthanc is not installed")
def test_orthanc_is_told_that_what_it_sent_is_stored(shelf: Shelf, tmp_path: Path) -> None:
    orthanc = Orthanc()
    orthanc.start(tmp_path)
    try:
        to = Destination("ORTHANC", "127.0.0.1", orthanc.dimse_port)
        look_up = partial(custody_of, shelf.database, shelf.keys)
        with serving(look_up, to=to, ingest=shelf.ingest, calling="ORTHANC") as server:
            sent = _rest(orthanc, "POST", "/instances", encoded(ct_slice(1)))["ID"]
            kept = _rest(orthanc, "POST", "/instances", encoded(ct_slice(2)))["ID"]
            us = {"AET": "READINGROOM", "Host": "127.0.0.1", "Port": server.port}
            _rest(orthanc, "PUT", "/modalities/us", {**us, "AllowStorageCommitment": True})
            _rest(orthanc, "POST", "/modalities/us/store", [sent])
            assert _commitment_of(orthanc, [sent])["Status"] == "Success"
            told = _commitment_of(orthanc, [sent, kept])
            assert told["Status"] == "Failure"
            assert told["Success"] == _named(ct_slice(1))
            (failure,) = told["Failures"]
            assert failure["FailureReason"] == 0x0112
            assert failure["SOPInstanceUID"] == str(ct_slice(2).SOPInstanceUID)
    finally:
        orthanc.stop()


def _named(ds: Dataset) -> list[dict[str, str]]:
    return [{"SOPClassUID": str(ds.SOPClassUID), "SOPInstanceUID": str(ds.SOPInstanceUID)}]


def _commitment_of(orthanc: Orthanc, resources: list[str]) -> Any:  # noqa: ANN401 - JSON
    place = "/modalities/us/storage-commitment"
    report = _rest(orthanc, "POST", place, {"Resources": resources, "Timeout": 10})["Path"]
    deadline = time.monotonic() + WAIT
    while (told := _rest(orthanc, "GET", report))["Status"] == "Pending":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return told


def _rest(orthanc: Orthanc, method: str, path: str, body: object = b"") -> Any:  # noqa: ANN401 - JSON
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection = http.client.HTTPConnection("127.0.0.1", orthanc.http_port, timeout=WAIT)
    with contextlib.closing(connection):
        connection.request(method, path, data)
        response = connection.getresponse()
        text = response.read()
    assert response.status == 200, text
    return json.loads(text) if text else None
