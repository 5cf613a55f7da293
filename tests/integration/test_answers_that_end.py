"""A long answer is cut off when a case is hidden or a share link deleted while it is being read."""

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, IncompleteRead

import pytest
from sqlalchemy import update

from accounts.people import first_account
from cases.cases import Case, create_case
from cases.publishing import publish
from cases.schema import case
from cases.sharing import Wanted, create_share, delete_share
from server.config import load
from server.services import Services, now
from store.changes import bump
from tests.support.datasets import ct_stack, encoded
from tests.support.server import RunningServer

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

SLICES, SIDE = 24, 1024
BYTES = SLICES * SIDE * SIDE * 2
FEW = 1 << 20
LONG = 60


@dataclass
class Library:
    server: RunningServer
    services: Services
    case: Case
    study: str

    def hide(self) -> None:
        with self.services.database.write() as connection:
            hidden = update(case).where(case.c.id == self.case.id).values(hidden_at=now())
            connection.execute(hidden)
            bump(connection, self.case.owner_id)

    def show(self) -> None:
        with self.services.database.write() as connection:
            connection.execute(update(case).values(hidden_at=None))
            bump(connection, self.case.owner_id)


@pytest.fixture(scope="module")
def library(server: RunningServer) -> Iterator[Library]:
    services = Services(load(environment={"READINGROOM_DATA": str(server.data)}))
    owner = first_account(services.database)
    assert owner is not None
    with services.ingest.batch(owner.id, "STOW-RS") as batch:
        for ds in ct_stack(SLICES, size=SIDE):
            incoming = batch.receive()
            incoming.feed(encoded(ds))
            received = incoming.finish()
        batch.commit()
    pair = (received.study_instance_uid, received.series_instance_uid)
    made = create_case(
        services.database,
        owner.id,
        title="A long one",
        series=[pair],
        clock=now,
        random_bytes=os.urandom,
    )
    publish(services.database, owner.id, made.code, clock=now)
    yield Library(server, services, made, pair[0])
    services.database.dispose()


def read_slowly(server: RunningServer, path: str, meanwhile: Callable[[], None]) -> tuple[int, int]:
    """How long the body was said to be, and how much of it came, by a reader who takes its time."""
    with socket.socket() as reader:
        # Little of the answer is under way in buffers of the kernel.
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        reader.settimeout(LONG)
        reader.connect(("127.0.0.1", server.http_port))
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = bytearray()
        while len(received) < FEW:
            received += reader.recv(1 << 16)
        head, _, body = bytes(received).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        [said] = [
            line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
        ]
        length, count = int(said.partition(b":")[2]), len(body)
        meanwhile()
        # Longer than an answer goes on without being asked for.
        time.sleep(0.7)
        with suppress(ConnectionError):
            while count < length and (piece := reader.recv(1 << 20)):
                count += len(piece)
    return length, count


@pytest.mark.parametrize("query", ["", "?accept=application/zip"])
def test_a_case_that_is_hidden_ends_what_is_being_read_of_it(library: Library, query: str) -> None:
    path = f"/dicomweb/studies/{library.study}{query}"
    for root in ("", f"/cases/{library.case.code}"):
        length, count = read_slowly(library.server, root + path, lambda: None)
        assert length == count > BYTES
        length, count = read_slowly(library.server, root + path, library.hide)
        library.show()
        assert length > BYTES
        assert count < length - 2 * FEW


@pytest.mark.promise("N6", "F30")
def test_a_link_that_is_deleted_ends_what_is_being_read_through_it(library: Library) -> None:
    link, secret = create_share(
        library.services.database,
        library.case.owner_id,
        "case",
        library.case.code,
        Wanted("Trainees", downloadable=True),
        clock=now,
        random_bytes=os.urandom,
    )
    path = f"/share/{secret}/dicomweb/studies/{library.study}?accept=application/zip"

    def delete() -> None:
        delete_share(library.services.database, library.case.owner_id, link.id, clock=now)

    length, count = read_slowly(library.server, path, delete)
    assert count < length - 2 * FEW


def read_in_chunks(
    library: Library, path: str, accept: str, meanwhile: Callable[[], None]
) -> bytes:
    """What came of a body without a length, to a reader who takes its time."""
    connection = HTTPConnection("127.0.0.1", library.server.http_port, timeout=LONG)
    connection.connect()
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    connection.request("GET", path, headers={"Accept": accept})
    answer = connection.getresponse()
    assert (answer.status, answer.length) == (200, None)
    received = answer.read(FEW)
    meanwhile()
    time.sleep(0.7)
    with suppress(ConnectionError, IncompleteRead):
        received += answer.read()
    connection.close()
    return received


@pytest.mark.parametrize("kind", ["transcoded", "archive"])
def test_what_is_made_while_it_is_sent_has_no_end_when_it_is_cut_off(
    library: Library, kind: str
) -> None:
    rle = "transfer-syntax=1.2.840.10008.1.2.5"
    path = f"/cases/{library.case.code}/dicomweb/studies/{library.study}"
    accept, end = f'multipart/related; type="application/dicom"; {rle}', b"--\r\n"
    if kind == "archive":
        accept, end = f"application/zip; {rle}", b"PK\5\6"
    whole = read_in_chunks(library, path, accept, lambda: None)
    assert end in whole[-64:]
    cut = read_in_chunks(library, path, accept, library.hide)
    library.show()
    # The server in front cannot break off a body whose length it was not told; its form can.
    assert len(cut) < len(whole) - FEW
    assert end not in cut[-64:]
