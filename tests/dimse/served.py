"""An index in a folder, and a listener that answers queries on it and sends what is in it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.association import Association

from dimse import Options, Secure, StorageListener
from dimse.callers import STRANGER, Caller
from dimse.query_retrieve import QUERY_RETRIEVE_SOP_CLASSES, query_retrieve
from dimse.sending import Destination
from store.access import OwnerScope, Scope
from store.blobs_folder import FolderBlobs
from store.db import Database
from store.ingest import Ingest
from store.keys import KeyRing
from store.retrieve import Archive
from tests.dimse.instances import part10
from tests.support.tables import make_tables

OWNER, OTHER = 7, 8
HOME = "HOME"


@dataclass
class Served:
    """A listener, and what is behind it."""

    folder: Path
    database: Database
    ingest: Ingest
    archive: Archive
    destinations: dict[tuple[int | None, str], Destination]
    scopes: dict[str, Scope]
    port: int = 0
    secure_port: int | None = None
    stops_within: float = 5.0

    def put(self, *data_sets: Dataset, owner: int = OWNER) -> list[str]:
        """Store instances; returns the SOP Instance UIDs that they have got."""
        with self.ingest.batch(owner, "C-STORE") as batch:
            received = []
            for ds in data_sets:
                incoming = batch.receive()
                incoming.feed(part10(ds))
                received.append(incoming.finish())
            batch.commit()
        return [each.sop_instance_uid for each in received]

    def caller(self, calling: str, _called: str, host: str) -> Caller:
        """Who the tests' AE titles are; those of `scopes` read, and store nothing."""
        if calling in self.scopes:
            return Caller(None, (self.scopes[calling],), calling, host)
        owners = {"MINE": OWNER, "STORES": OWNER, "OTHER": OTHER}
        if calling not in owners:
            return STRANGER
        scopes = () if calling == "STORES" else (OwnerScope(owners[calling]),)
        return Caller(owners[calling], scopes, calling, host)


@contextmanager
def serving(folder: Path, secure: Secure | None = None) -> Iterator[Served]:
    """Run a listener in front of an empty archive."""

    def now() -> datetime:
        return datetime.now(UTC)

    database = Database(f"sqlite:///{folder / 'index.db'}")
    make_tables(database)
    blobs = FolderBlobs(folder / "blobs", now)
    keys = KeyRing(database, b"a secret of the server", os.urandom)
    archive = Archive(database, blobs)
    served = Served(folder, database, Ingest(database, blobs, keys, now), archive, {}, {})
    listener = StorageListener(
        served.ingest,
        callers=served.caller,
        services=query_retrieve(
            archive,
            ae_title=HOME,
            destinations=lambda who, title: served.destinations.get((who.owner_id, title)),
        ),
        sop_classes=QUERY_RETRIEVE_SOP_CLASSES,
        ae_title=HOME,
        port=0,
        secure=secure,
        options=Options(stall_timeout=10.0),
    )
    served.port = listener.start()
    served.secure_port = listener.secure_port
    try:
        yield served
    finally:
        listener.stop(within=served.stops_within)
        database.dispose()


@contextmanager
def association(
    served: Served,
    *contexts: tuple[str, Sequence[str]],
    calling: str = "MINE",
    **options: object,
) -> Iterator[Association]:
    """An association of pynetdicom's."""
    ae = AE(calling)
    for abstract, syntaxes in contexts:
        ae.add_requested_context(abstract, list(syntaxes))
    port = served.secure_port if "tls_args" in options else served.port
    assert port is not None
    assoc = ae.associate("127.0.0.1", port, ae_title=HOME, **options)  # type: ignore[arg-type]
    assert assoc.is_established
    try:
        yield assoc
    finally:
        assoc.release()
