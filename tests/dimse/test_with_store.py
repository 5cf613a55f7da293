"""The listener in front of the real store: what is answered is what has become of the instance."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from store.access import OwnerScope
from store.blobs_folder import FolderBlobs
from store.db import Database
from store.ingest import Ingest
from store.keys import KeyRing
from store.search import Query, search
from tests.dimse import instances, raw_peer
from tests.dimse.conftest import OWNER, Listen
from tests.dimse.raw_peer import RawPeer, pdu, pdv
from tests.dimse.test_listener import tool
from tests.dimse.test_memory import FRAMES, LIMIT, MEGABYTE, forget_peak, multi_frame, peak_of
from tests.support.tables import make_tables

pytestmark = pytest.mark.integration

PLANTED = (b"Plantedfamily", b"PLANTED-ID", b"PLANTED-ACC", instances.PLANTED_AE.encode())


@dataclass
class Store:
    """A store in a folder."""

    folder: Path
    database: Database
    ingest: Ingest

    def count(self, owner_id: int = OWNER) -> int:
        """How many instances the owner sees."""
        query = Query(level="instance", matches=(), include=frozenset(), limit=None, offset=0)
        return len(search(self.database, OwnerScope(owner_id), query).results)

    def files(self) -> list[Path]:
        """Every file of a blob, finished or not; names made ahead of their bytes do not count."""
        blobs = (self.folder / "blobs").rglob("*")
        return [path for path in blobs if path.is_file() and path.stat().st_size]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""

    def now() -> datetime:
        return datetime.now(UTC)

    folder = tmp_path / "data"
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'index.db'}")
    make_tables(database)
    keys = KeyRing(database, b"a secret of the server", os.urandom)
    yield Store(folder, database, Ingest(database, FolderBlobs(folder / "blobs", now), keys, now))
    database.dispose()


@pytest.fixture
def port(listen: Listen, store: Store) -> int:
    """The port of a listener in front of the store."""
    return listen(store.ingest)


def send(port: int, ds: Dataset, data: bytes, syntax: str = ExplicitVRLittleEndian) -> int:
    """Send a data set over an association of its own; returns the status."""
    with RawPeer(port, timeout=60) as peer:
        peer.send(raw_peer.associate([(CTImageStorage, [syntax])], calling=instances.PLANTED_AE))
        assert peer.pdu()[0] == 0x02
        peer.send(raw_peer.message(raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID), data))
        return peer.status()


@pytest.mark.promise("F98")
def test_storescu_stores_a_folder_once_however_often_it_is_sent(
    port: int, store: Store, tmp_path: Path
) -> None:
    folder = tmp_path / "sent"
    folder.mkdir()
    instances.series(folder, 10)
    for _ in range(2):
        output = tool("storescu", "-v", "+sd", "+r", "127.0.0.1", port, folder)
        assert output.count("Received Store Response (Success)") == 10
        assert store.count() == 10
    assert store.count(owner_id=OWNER + 1) == 0
    assert len(store.files()) == 10


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian]
)
def test_every_encoding_is_stored(port: int, store: Store, syntax: str) -> None:
    ds = instances.ct()
    assert send(port, ds, instances.encoded(ds, syntax), syntax) == 0x0000
    assert store.count() == 1


def test_other_pixels_under_the_same_name_are_refused(port: int, store: Store) -> None:
    ds = instances.ct()
    assert send(port, ds, instances.encoded(ds)) == 0x0000
    ds.PixelData = bytes(len(ds.PixelData))
    assert send(port, ds, instances.encoded(ds)) == 0xA900
    assert store.count() == 1


def test_a_wrong_affected_sop_instance_uid_stores_nothing(port: int, store: Store) -> None:
    ds = instances.ct()
    data = instances.encoded(ds)
    ds.SOPInstanceUID = "1.2.3"
    assert send(port, ds, data) == 0xA900
    assert (store.count(), store.files()) == (0, [])


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99])
def test_a_truncated_data_set_is_c000_and_stores_nothing(
    port: int, store: Store, kept: float
) -> None:
    ds = instances.ct()
    data = instances.encoded(ds)
    assert send(port, ds, data[: int(len(data) * kept) & ~1]) == 0xC000
    assert (store.count(), store.files()) == (0, [])


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"])
def test_a_missing_identifier_is_c000(port: int, store: Store, keyword: str) -> None:
    ds = instances.ct()
    whole = instances.ct()
    delattr(ds, keyword)
    assert send(port, whole, instances.encoded(ds)) == 0xC000
    assert (store.count(), store.files()) == (0, [])


def test_a_cut_connection_stores_nothing(port: int, store: Store) -> None:
    ds = instances.ct(side=512)
    message = raw_peer.message(
        raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID), instances.encoded(ds)
    )
    for part in (0.1, 0.5, 0.9):
        with RawPeer(port) as peer:
            peer.send(raw_peer.associate())
            assert peer.pdu()[0] == 0x02
            peer.send(message[: int(len(message) * part)])
    # The listener may not even have begun with the last of them.
    deadline, empty = time.monotonic() + 20, 0
    while empty < 20 and time.monotonic() < deadline:
        time.sleep(0.05)
        empty = 0 if store.files() else empty + 1
    assert (store.count(), store.files()) == (0, [])


def test_no_identity_reaches_the_disk(
    port: int, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    ds = instances.ct()
    data = instances.encoded(ds)
    uids = (ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID)
    assert send(port, ds, data) == 0x0000
    assert send(port, ds, data[:-100]) == 0xC000
    with RawPeer(port) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        peer.send(pdu(4, pdv(1, 3, raw_peer.store_rq(CTImageStorage, ds.SOPInstanceUID))))
        peer.send(pdu(4, pdv(1, 0, data[:-50])))
    searched = 0
    for path in store.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            searched += len(content)
            for planted in (*PLANTED, *(uid.encode() for uid in uids)):
                assert planted not in content, path.name
                assert planted.decode() not in caplog.text
    assert searched > len(data)


def test_a_multi_frame_of_300_mb_is_stored_in_little_memory(port: int, store: Store) -> None:
    uid = "1.2.3.4.5"
    head, length = multi_frame(uid)
    part = pdu(4, pdv(1, 0, bytes(MEGABYTE)))
    with RawPeer(port, timeout=120) as peer:
        peer.send(raw_peer.associate())
        assert peer.pdu()[0] == 0x02
        forget_peak()
        before = peak_of()
        peer.send(pdu(4, pdv(1, 3, raw_peer.store_rq(CTImageStorage, uid))))
        peer.send(pdu(4, pdv(1, 0, head)))
        for _ in range(FRAMES):
            peer.send(part)
        peer.send(pdu(4, pdv(1, 2, b"")))
        assert peer.status() == 0x0000
        grown = peak_of() - before
    assert store.files()[0].stat().st_size > length
    assert grown < LIMIT, f"resident size grew by {grown // MEGABYTE} MB"
