"""Whatever bytes come, a real listener goes on: no crash, no leak, nothing of them in the log."""

import logging
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from dimse import Options, StorageListener
from dimse.callers import Caller
from dimse.commitment import COMMITMENT_SOP_CLASSES, commitment
from dimse.query_retrieve import QUERY_RETRIEVE_SOP_CLASSES, query_retrieve
from dimse.reports import PUSH_MODEL, PUSH_MODEL_INSTANCE, Reports
from store.access import OwnerScope
from store.blobs_folder import FolderBlobs
from store.commitment import custody_of
from store.db import Database
from store.keys import KeyRing
from store.retrieve import Archive
from tests.dimse import instances, raw_peer
from tests.dimse.conftest import OWNER
from tests.dimse.raw_peer import RawPeer, item, pdu, pdv
from tests.dimse.receiver import Receiver
from tests.dimse.test_broken_connections import ECHO, VERIFICATION, eventually, serving_threads
from tests.support.tables import make_tables

pytestmark = pytest.mark.integration

FUZZ = settings(
    max_examples=int(os.environ.get("READINGROOM_FUZZ_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
DS = instances.ct()
DATA = instances.encoded(DS)
STORE = raw_peer.store_rq(CTImageStorage, DS.SOPInstanceUID)
MARK = b"IDENTIFIERMARK"
# A query for the studies of a patient's name.
IDENTIFIER = b"\x08\0\x52\0CS\x06\0STUDY \x10\0\x10\0PN\x10\0IDENTIFIERMARK^A\x20\0\x0d\0UI\0\0"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
CONTEXTS: list[tuple[str, list[str]]] = [
    (CTImageStorage, [ExplicitVRLittleEndian]),
    *VERIFICATION,
    (FIND, [ExplicitVRLittleEndian]),
    ("1.2.840.10008.5.1.4.1.2.2.3", [ExplicitVRLittleEndian]),
    (PUSH_MODEL, [ExplicitVRLittleEndian]),
]
COMMIT = raw_peer.command(
    [
        (0x0003, PUSH_MODEL.encode()),
        (0x0100, b"\x30\x01"),
        (0x0110, b"\1\0"),
        (0x0800, b"\1\0"),
        (0x1001, PUSH_MODEL_INSTANCE.encode()),
        (0x1008, b"\1\0"),
    ]
)
REPORTED = raw_peer.command(
    [
        (0x0002, PUSH_MODEL.encode()),
        (0x0100, b"\x00\x81"),
        (0x0120, b"\1\0"),
        (0x0800, b"\1\1"),
        (0x0900, b"\0\0"),
    ]
)
# Whether an instance of a marked name is stored.
REFERENCE = b"\x08\0\x50\x11UI\4\x001.2\0\x08\0\x55\x11UI\6\x001.2.3\0"
ACTION = (
    b"\x08\0\x95\x11UI\4\x009.8\0\x08\0\x99\x11SQ\0\0"
    + struct.pack("<L", len(REFERENCE) + 8)
    + struct.pack("<HHL", 0xFFFE, 0xE000, len(REFERENCE))
    + REFERENCE
)


@dataclass
class Target:
    """A listener, and what it had before anything was sent to it."""

    port: int
    database: Database
    threads: int = 0
    open_files: int = 0

    def settle(self) -> None:
        """Wait until nobody is served any more."""
        echoes(self.port)
        assert eventually(lambda: serving_threads() == 0)
        # Connections to the index are kept for the next who asks.
        self.database.dispose()


def somebody(calling: str, _called: str, host: str) -> Caller:
    """Everybody may do everything."""
    return Caller(OWNER, (OwnerScope(OWNER),), calling, host)


def nowhere(_caller: Caller, _title: str) -> None:
    """Nobody is known to listen."""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """One for all examples, so that leaks add up."""
    folder = tmp_path_factory.mktemp("fuzz")
    database = Database(f"sqlite:///{folder / 'index.db'}")
    make_tables(database)
    archive = Archive(database, FolderBlobs(folder / "blobs", lambda: datetime.now(UTC)))
    look_up = partial(custody_of, database, KeyRing(database, bytes(32), os.urandom))
    reports = Reports(look_up, ae_title="HOME")
    listener = StorageListener(
        Receiver(),
        callers=somebody,
        services={
            **query_retrieve(archive, ae_title="HOME", destinations=nowhere),
            **commitment(look_up, reports, ae_title="HOME", destinations=nowhere),
        },
        sop_classes=(*QUERY_RETRIEVE_SOP_CLASSES, *COMMITMENT_SOP_CLASSES),
        port=0,
        options=Options(association_timeout=2.0, idle_timeout=2.0, stall_timeout=1.0),
    )
    target = Target(listener.start(), database)
    # What the first of all imports and allocates stays.
    query = raw_peer.command(
        [(0x0002, FIND.encode() + b"\0"), (0x0100, b"\x20\0"), (0x0110, b"\1\0"), (0x0800, b"\1\0")]
    )
    to_the_end(target.port, pdu(4, pdv(5, 3, query) + pdv(5, 2, IDENTIFIER)), associated=True)
    with RawPeer(target.port) as peer:
        peer.send(raw_peer.associate(CONTEXTS))
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(9, 3, COMMIT) + pdv(9, 2, ACTION)))
        # What is changed below is a request that is served, and a report that is told.
        assert peer.status() == 0x0000
        assert peer.answer()[0x0100] == b"\x00\x01"
    target.settle()
    target.threads, target.open_files = threading.active_count(), descriptors()
    yield target
    listener.stop(within=5.0)
    database.dispose()


@pytest.fixture(autouse=True)
def nothing_leaks(target: Target, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After all examples of a test everything is as before, and nothing sent was logged."""
    with caplog.at_level(logging.DEBUG):
        yield
    target.settle()
    assert eventually(lambda: threading.active_count() <= target.threads)
    assert eventually(lambda: descriptors() <= target.open_files)
    text = "\n".join(f"{each.getMessage()} {each.exc_text or ''}" for each in caplog.records)
    for planted in (MARK.decode(), DS.SOPInstanceUID, "PLANTED", "SENDER"):
        assert planted not in text
    # Each is turned away on purpose, none by an exception that nobody had thought of.
    assert "ended with" not in text
    assert "failed with" not in text


def descriptors() -> int:
    """How many files and sockets this process holds."""
    return len(os.listdir("/proc/self/fd"))


def echoes(port: int) -> None:
    """The next peer is served as if nothing had been."""
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate(VERIFICATION))
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(1, 3, ECHO)))
        assert peer.status() == 0
        peer.send(raw_peer.RELEASE)
        assert peer.pdu()[0] == 0x06


def to_the_end(port: int, data: bytes, *, associated: bool = False) -> None:
    """Send bytes, and take what comes until the listener has closed."""
    with RawPeer(port) as peer:
        if associated:
            peer.send(raw_peer.associate(CONTEXTS))
            assert peer.pdu()[0] == 0x02
        peer.send(data)
        peer.hang_up()
        while peer.exactly(65536):
            pass


marked = st.binary(max_size=60).map(lambda value: MARK + value)
uid = st.one_of(
    st.sampled_from([CTImageStorage, ExplicitVRLittleEndian, "1.2.840.10008.1.1", ""]).map(
        str.encode
    ),
    marked,
    st.text("0123456789.", max_size=70).map(str.encode),
)
short = st.integers(0, 0xFFFF)


def lied(value: bytes, by: int) -> bytes:
    """An item whose length is wrong by so much."""
    return value[:2] + struct.pack(">H", (len(value) - 4 + by) & 0xFFFF) + value[4:]


items = st.builds(item, st.integers(0, 255), st.one_of(marked, uid))
role = st.builds(
    lambda sop_class, rest: item(0x54, struct.pack(">H", len(sop_class)) + sop_class + rest),
    uid,
    st.binary(max_size=3),
)
extended = st.builds(
    lambda length, sop_class, rest: item(0x56, struct.pack(">H", length) + sop_class + rest),
    short,
    uid,
    marked,
)
identity = st.builds(
    lambda kind, length, rest: item(0x58, struct.pack(">BBH", kind, 1, length) + rest),
    st.integers(0, 255),
    short,
    marked,
)
user = st.lists(
    st.one_of(
        items,
        role,
        extended,
        identity,
        st.builds(lambda n: item(0x51, struct.pack(">L", n)), st.integers(0, 2**32 - 1)),
        st.builds(lambda value: item(0x53, value), st.binary(max_size=6)),
    ),
    max_size=6,
).map(b"".join)
context = st.builds(
    lambda number, abstract, transfer, more: item(
        0x20,
        bytes([number, 0, 0, 0])
        + item(0x30, abstract)
        + b"".join(item(0x40, one) for one in transfer)
        + more,
    ),
    st.integers(0, 255),
    uid,
    st.lists(uid, max_size=3),
    st.one_of(st.just(b""), items),
)
part = st.one_of(
    items,
    context,
    user.map(lambda value: item(0x50, value)),
    st.builds(lied, context, st.integers(-20, 20)),
    st.just(item(0x10, raw_peer.APPLICATION_CONTEXT.encode())),
)
title = st.binary(min_size=16, max_size=16) | st.just(b"IDENTIFIERMARK  ")
association_request = st.builds(
    lambda version, called, calling, parts: pdu(
        1, struct.pack(">HH", version, 0) + called + calling + bytes(32) + b"".join(parts)
    ),
    short,
    title,
    title,
    st.lists(part, max_size=8),
)
fragment = st.builds(
    lambda length, number, control, value: (
        struct.pack(">LBB", length if length is not None else len(value) + 2, number, control)
        + value
    ),
    st.none() | st.integers(0, 2**32 - 1),
    st.sampled_from([1, 3, 5, 9, 0, 255]),
    st.integers(0, 255) | st.sampled_from([0, 1, 2, 3]),
    st.one_of(marked, *map(st.just, (STORE, DATA, ECHO, COMMIT, ACTION, REPORTED))),
)
any_pdu = st.one_of(
    association_request,
    st.builds(pdu, st.integers(0, 255), marked),
    st.lists(fragment, max_size=4).map(lambda parts: pdu(4, b"".join(parts))),
    st.builds(
        lambda kind, length, value: raw_peer.PDU.pack(kind, length) + value,
        st.integers(0, 8),
        st.integers(0, 2**32 - 1),
        marked,
    ),
    st.sampled_from([raw_peer.RELEASE, raw_peer.ABORT, pdu(6, bytes(4)), pdu(2, bytes(68))]),
    st.binary(max_size=64),
)
element = st.tuples(
    st.sampled_from(
        [0x0000, 0x0002, 0x0003, 0x0100, 0x0110, 0x0120, 0x0600, 0x0700, 0x0800, 0x0900, 0x1000]
    )
    | short,
    st.one_of(
        marked,
        uid,
        short.map(lambda n: struct.pack("<H", n)),
        st.sampled_from([b"\x01\0", b"\x20\0", b"\x10\0", b"\x21\0", b"\x30\0", b"\xff\x0f"]),
    ),
)
command_set = st.one_of(
    st.lists(element, max_size=10).map(raw_peer.command),
    st.lists(element, max_size=4).map(lambda more: STORE + raw_peer.command(more)),
    st.lists(element, max_size=4).map(lambda more: COMMIT + raw_peer.command(more)),
    st.builds(lambda at, byte: STORE[:at] + bytes([byte]) + STORE[at + 1 :], short, st.just(255)),
    st.binary(max_size=200),
)


@FUZZ
@given(st.lists(any_pdu, max_size=4).map(b"".join))
def test_any_pdus_on_a_fresh_connection(target: Target, data: bytes) -> None:
    to_the_end(target.port, data)


@FUZZ
@given(association_request, st.lists(any_pdu, max_size=2).map(b"".join))
def test_any_association_request(target: Target, request_: bytes, more: bytes) -> None:
    to_the_end(target.port, request_ + more)


@FUZZ
@given(st.lists(any_pdu, max_size=5).map(b"".join))
def test_any_pdus_in_an_association(target: Target, data: bytes) -> None:
    to_the_end(target.port, data, associated=True)


@FUZZ
@given(
    command_set,
    st.sampled_from([1, 3, 5, 7, 9]),
    st.one_of(*map(st.just, (DATA, IDENTIFIER, ACTION)), st.none(), marked),
)
def test_any_command_set(
    target: Target, command: bytes, context_id: int, data: bytes | None
) -> None:
    sent = pdu(4, pdv(context_id, 3, command))
    if data is not None:
        sent += pdu(4, pdv(context_id, 2, data))
    # What it is answered must leave the stream in step for what comes after it.
    to_the_end(target.port, sent + pdu(4, pdv(3, 3, ECHO)) + raw_peer.RELEASE, associated=True)


queried = st.tuples(
    st.sampled_from([b"\x08\0\x52\0", b"\x10\0\x10\0", b"\x20\0\x0d\0", b"\x08\0\x20\0"])
    | st.binary(min_size=4, max_size=4),
    st.sampled_from([b"CS", b"PN", b"UI", b"DA", b"LO", b"SQ", b"OB"])
    | st.binary(min_size=2, max_size=2),
    st.one_of(
        marked, uid, st.sampled_from([b"STUDY ", b"IMAGE ", b"PATIENT ", b"20200101-", b"*"])
    ),
).map(lambda one: one[0] + one[1] + struct.pack("<H", len(one[2])) + one[2])
identifier = st.one_of(
    st.lists(queried, max_size=6).map(b"".join),
    st.lists(queried, max_size=3).map(lambda more: IDENTIFIER + b"".join(more)),
    st.builds(lambda at: IDENTIFIER[:at], st.integers(0, len(IDENTIFIER))),
)


@FUZZ
@given(st.sampled_from([(0x20, 5), (0x10, 7), (0x21, 5), (0x20, 7)]), identifier)
def test_any_identifier(target: Target, asked: tuple[int, int], sent: bytes) -> None:
    field, context_id = asked
    command = raw_peer.command(
        [
            (0x0002, FIND.encode() + b"\0"),
            (0x0100, struct.pack("<H", field)),
            (0x0110, b"\1\0"),
            (0x0600, MARK),
            (0x0800, b"\1\0"),
        ]
    )
    said = pdu(4, pdv(context_id, 3, command)) + pdu(4, pdv(context_id, 2, sent))
    to_the_end(target.port, said + pdu(4, pdv(3, 3, ECHO)) + raw_peer.RELEASE, associated=True)


action = st.one_of(
    st.lists(queried, max_size=3).map(lambda more: ACTION + b"".join(more)),
    st.builds(lambda at: ACTION[:at], st.integers(0, len(ACTION))),
    st.builds(
        lambda at, byte: ACTION[:at] + bytes([byte]) + ACTION[at + 1 :],
        st.integers(0, len(ACTION) - 1),
        st.integers(0, 255),
    ),
)


@FUZZ
@given(st.lists(action, min_size=1, max_size=3), st.lists(st.sampled_from([REPORTED, ECHO])))
def test_any_request_for_commitment_and_whatever_is_said_to_its_report(
    target: Target, sent: list[bytes], answers: list[bytes]
) -> None:
    said = b"".join(pdu(4, pdv(9, 3, COMMIT)) + pdu(4, pdv(9, 2, one)) for one in sent)
    said += b"".join(pdu(4, pdv(9 if one is REPORTED else 3, 3, one)) for one in answers)
    to_the_end(target.port, said + raw_peer.RELEASE, associated=True)


@FUZZ
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_a_good_conversation_with_some_bytes_changed(
    target: Target, seed: int, changes: int
) -> None:
    said = bytearray(raw_peer.associate(CONTEXTS, calling=MARK.decode()))
    said += raw_peer.message(STORE, DATA) + pdu(4, pdv(3, 3, ECHO))
    said += raw_peer.message(COMMIT, ACTION, context=9) + raw_peer.RELEASE
    state = seed
    for _ in range(changes):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        said[(state >> 33) % len(said)] = state >> 24 & 0xFF
    to_the_end(target.port, bytes(said))
