"""Peers that we send to: pynetdicom's provider, and one that does what a script says."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from pydicom.dataset import FileDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.events import Event
from pynetdicom.transport import ThreadedAssociationServer

from dimse.requestor import Destination
from store.access import OwnerScope
from store.blobs_folder import FolderBlobs
from store.db import Database
from store.ingest import Ingest
from store.keys import KeyRing
from store.retrieve import Archive, StoredInstance
from tests.dimse.raw_peer import PDU, RELEASE, item, message, pdu
from tests.support.datasets import encoded
from tests.support.tables import make_tables

OWNER = 7
PLAIN = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))


class Shelf:
    """A store to send from and to ask about."""

    def __init__(self, folder: Path) -> None:
        def now() -> datetime:
            return datetime.now(UTC)

        folder.mkdir()
        self.database = Database(f"sqlite:///{folder / 'index.db'}")
        make_tables(self.database)
        # The same key each time, so that names can be compared.
        self.keys = KeyRing(self.database, b"a secret of the server", lambda count: bytes(count))
        self.blobs = FolderBlobs(folder / "blobs", now)
        self.ingest = Ingest(self.database, self.blobs, self.keys, now)
        self.archive = Archive(self.database, self.blobs)

    def put(self, *data_sets: FileDataset) -> list[StoredInstance]:
        """Store instances; returns them as they can be sent."""
        files = (encoded(ds) for ds in data_sets)
        return [self.put_chunks([data]) for data in files]

    def put_chunks(self, chunks: Sequence[bytes] | Iterator[bytes]) -> StoredInstance:
        """Store a Part 10 file that comes in pieces."""
        with self.ingest.batch(OWNER, "STOW-RS") as batch:
            incoming = batch.receive()
            for chunk in chunks:
                incoming.feed(chunk)
            uids = incoming.finish()
            batch.commit()
        (ref,) = self.archive.instances(
            OwnerScope(OWNER),
            uids.study_instance_uid,
            uids.series_instance_uid,
            uids.sop_instance_uid,
        )
        return ref


@dataclass(frozen=True)
class Got:
    """What a provider was sent."""

    sop_instance_uid: str
    transfer_syntax: str
    data_set: bytes
    calling: str
    originator: tuple[str | None, int | None]


@dataclass
class Provider:
    """What a running provider was sent, and what it answers."""

    port: int = 0
    got: list[Got] = field(default_factory=list)
    associations: int = 0
    released: int = 0
    answer: Callable[[Event], int] = lambda event: 0x0000

    @property
    def destination(self) -> Destination:
        """Where it is."""
        return Destination("PROVIDER", "127.0.0.1", self.port)


@contextlib.contextmanager
def provider(
    *contexts: tuple[str, Sequence[str]], maximum_length: int = 16382
) -> Iterator[Provider]:
    """Run pynetdicom's storage provider for these SOP classes and transfer syntaxes."""
    running = Provider()

    def store(event: Event) -> int:
        request = cast(Any, event.request)
        running.got.append(
            Got(
                str(request.AffectedSOPInstanceUID),
                str(event.context.transfer_syntax),
                event.encoded_dataset(include_meta=False),
                event.assoc.requestor.ae_title,
                (
                    request.MoveOriginatorApplicationEntityTitle,
                    request.MoveOriginatorMessageID,
                ),
            )
        )
        return running.answer(event)

    def accept(event: Event) -> None:
        running.associations += 1

    def release(event: Event) -> None:
        running.released += 1

    ae = AE("PROVIDER")
    ae.maximum_pdu_size = maximum_length
    for abstract, syntaxes in contexts:
        ae.add_supported_context(abstract, list(syntaxes))
    server = ae.start_server(
        ("127.0.0.1", 0),
        block=False,
        evt_handlers=[
            (evt.EVT_C_STORE, store),
            (evt.EVT_ACCEPTED, accept),
            (evt.EVT_RELEASED, release),
        ],
    )
    assert isinstance(server, ThreadedAssociationServer)
    running.port = server.server_address[1]
    try:
        yield running
    finally:
        server.shutdown()


def acceptance(
    contexts: Sequence[tuple[int, str, list[str]]], only: Sequence[str], maximum_length: int
) -> bytes:
    """An A-ASSOCIATE-AC that accepts the first proposed syntax that is among these."""
    body = struct.pack(">HH", 1, 0) + bytes(64) + item(0x10, b"1.2.840.10008.3.1.1.1")
    for number, _, syntaxes in contexts:
        chosen = next((syntax for syntax in syntaxes if syntax in only), None)
        result = 0 if chosen else 4
        syntax = item(0x40, (chosen or syntaxes[0]).encode())
        body += item(0x21, bytes([number, 0, result, 0]) + syntax)
    user = item(0x51, struct.pack(">L", maximum_length)) + item(0x52, b"1.2.3.4")
    return pdu(0x02, body + item(0x50, user))


class Acceptor:
    """One connection that a script serves, byte by byte."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.contexts: list[tuple[int, str, list[str]]] = []

    def pdu(self) -> tuple[int, bytes]:
        """Receive a PDU; type 0 when the other side closed."""
        header = self._exactly(PDU.size)
        if len(header) < PDU.size:
            return 0, b""
        kind, length = PDU.unpack(header)
        return kind, self._exactly(length)

    def request(self) -> list[tuple[int, str, list[str]]]:
        """Receive an A-ASSOCIATE-RQ; returns the proposed contexts."""
        kind, value = self.pdu()
        assert kind == 0x01
        at = 68
        while at < len(value):
            kind, length = value[at], struct.unpack_from(">H", value, at + 2)[0]
            if kind == 0x20:
                self.contexts.append(_proposed(value[at + 4 : at + 4 + length]))
            at += 4 + length
        return self.contexts

    def accept(self, *, maximum_length: int = 16384, only: Sequence[str] = PLAIN) -> None:
        """Accept the first proposed syntax of each context that is among these."""
        self.request()
        self.socket.sendall(acceptance(self.contexts, only, maximum_length))

    def message(self) -> dict[int, bytes]:
        """Receive a message: the elements of its command set, its data set as element -1."""
        parts = {1: b"", 0: b""}
        ended: set[int] = set()
        elements: dict[int, bytes] = {}
        while True:
            kind, value = self.pdu()
            if kind != 0x04:
                return {-2: bytes([kind])}
            at = 0
            while at < len(value):
                length, context_id, control = struct.unpack_from(">LBB", value, at)
                parts[control & 1] += value[at + 6 : at + 4 + length]
                if control & 2:
                    ended.add(control & 1)
                at += 4 + length
            if 1 in ended and not elements:
                elements = _elements(parts[1]) | {-3: bytes([context_id])}
            if elements and (elements[0x0800] == b"\x01\x01" or 0 in ended):
                return elements | {-1: parts[0]}

    def answer(self, request: dict[int, bytes], status: int) -> None:
        """Answer a message that was received."""
        operation = struct.unpack("<H", request[0x0100])[0] | 0x8000
        elements = [
            (0x0100, struct.pack("<H", operation)),
            (0x0120, request[0x0110]),
            (0x0800, b"\x01\x01"),
            (0x0900, struct.pack("<H", status)),
        ]
        body = b"".join(struct.pack("<HHL", 0, at, len(value)) + value for at, value in elements)
        command = struct.pack("<HHLL", 0, 0, 4, len(body)) + body
        self.socket.sendall(message(command, b"", context=request[-3][0]))

    def serve(self, status: int = 0x0000) -> int:
        """Answer messages until the release; returns how many came."""
        count = 0
        while 0x0100 in (request := self.message()):
            self.answer(request, status)
            count += 1
        if request[-2] == b"\x05":
            self.socket.sendall(pdu(0x06, bytes(4)))
        return count

    def release(self) -> None:
        """Ask for the release."""
        self.socket.sendall(RELEASE)

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(count - len(data))
            except OSError:
                piece = b""
            if not piece:
                break
            data += piece
        return data


class Scripted:
    """A peer that serves each connection by the next of its scripts; a context manager.

    Attributes:
        connections: how many came.
        failures: what its scripts raised.
    """

    def __init__(self, *scripts: Callable[[Acceptor], object]) -> None:
        self.connections = 0
        self.failures: list[BaseException] = []
        self.done = threading.Event()
        self._scripts = scripts
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        self.destination = Destination("SCRIPTED", "127.0.0.1", port)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Scripted:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.done.set()
        self.stop_listening()
        self._thread.join(20)
        assert not self._thread.is_alive()
        assert self.failures == []

    def stop_listening(self) -> None:
        """Refuse connections from now on."""
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            script = self._scripts[min(self.connections, len(self._scripts) - 1)]
            self.connections += 1
            connection.settimeout(20)
            with connection:
                try:
                    script(Acceptor(connection))
                except (AssertionError, KeyError) as error:
                    self.failures.append(error)


def _proposed(value: bytes) -> tuple[int, str, list[str]]:
    at, names = 4, []
    while at < len(value):
        length = struct.unpack_from(">H", value, at + 2)[0]
        names.append(value[at + 4 : at + 4 + length].decode())
        at += 4 + length
    return value[0], names[0], names[1:]


def _elements(command: bytes) -> dict[int, bytes]:
    found, at = {}, 0
    while at < len(command):
        _, element, length = struct.unpack_from("<HHL", command, at)
        found[element] = command[at + 8 : at + 8 + length]
        at += 8 + length
    return found
