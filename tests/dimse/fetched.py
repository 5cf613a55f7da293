"""Asks by C-GET and C-MOVE, and notes what came of it."""

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import build_role
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

from dimse.sending import Destination
from store.access import OwnerScope
from store.search import Query, search
from tests.dimse import instances
from tests.dimse.served import OTHER, OWNER, Served, association

GET, MOVE = StudyRootQueryRetrieveInformationModelGet, StudyRootQueryRetrieveInformationModelMove
PATIENT_GET = PatientRootQueryRetrieveInformationModelGet
PATIENT_MOVE = PatientRootQueryRetrieveInformationModelMove
PLAIN = [str(ExplicitVRLittleEndian)]
Handler = Callable[[evt.Event], int]


def fill(served: Served) -> None:
    """Store a study of four CT and two MR slices of one owner, and a slice of another."""
    study = generate_uid()
    of_class = {CTImageStorage: generate_uid(), MRImageStorage: generate_uid()}
    slices = []
    for sop_class, count in ((CTImageStorage, 4), (MRImageStorage, 2)):
        for number in range(1, count + 1):
            ds = instances.ct(number, sop_class=sop_class)
            ds.Modality = "CT" if sop_class == CTImageStorage else "MR"
            ds.StudyInstanceUID, ds.SeriesInstanceUID = study, of_class[sop_class]
            ds.SeriesNumber = 1 if sop_class == CTImageStorage else 2
            slices.append(ds)
    served.put(*slices)
    served.put(instances.ct(), owner=OTHER)


def stored(served: Served, owner: int = OWNER) -> list[tuple[str, str, str, str]]:
    """Study, series, instance and SOP class of all that an owner has, in order."""
    page = search(served.database, OwnerScope(owner), Query("instance"))
    names = ("0020000D", "0020000E", "00080018", "00080016")
    return [tuple(found[name]["Value"][0] for name in names) for found in page.results]


def identifier(level: str, /, **keys: object) -> Dataset:
    """An identifier."""
    ds = Dataset()
    ds.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    return ds


def uid_of(event: evt.Event) -> str:
    """The instance that a C-STORE request brings."""
    return str(cast(C_STORE, event.request).AffectedSOPInstanceUID)


class Fetched:
    """What came of a C-GET or C-MOVE."""

    def __init__(self) -> None:
        self.data_sets: list[Dataset] = []
        self.responses: list[tuple[Dataset, Dataset | None]] = []

    def take(self, event: evt.Event) -> int:
        """Take an instance."""
        ds = event.dataset
        ds.file_meta = event.file_meta
        self.data_sets.append(ds)
        return 0x0000

    @property
    def uids(self) -> list[str]:
        return [ds.SOPInstanceUID for ds in self.data_sets]

    @property
    def status(self) -> int:
        return int(self.responses[-1][0].Status)

    @property
    def counts(self) -> list[tuple[int | None, int, int, int]]:
        """Remaining, completed, failed and with a warning, of each response."""
        return [
            (
                status.get("NumberOfRemainingSuboperations"),
                status.NumberOfCompletedSuboperations,
                status.NumberOfFailedSuboperations,
                status.NumberOfWarningSuboperations,
            )
            for status, _ in self.responses
        ]

    @property
    def failed(self) -> list[str]:
        """The UIDs that the last response says failed."""
        ds = self.responses[-1][1]
        if ds is None or "FailedSOPInstanceUIDList" not in ds:
            return []
        value = ds.FailedSOPInstanceUIDList
        return [value] if isinstance(value, str) else list(value)


def get(
    served: Served,
    asked: Dataset,
    *,
    model: UID = GET,
    calling: str = "MINE",
    syntaxes: Mapping[str, Sequence[str]] | None = None,
    handler: Handler | None = None,
    cancels: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """Ask by C-GET; may cancel with each instance that comes."""
    fetched = Fetched()
    options: dict[str, Any] = {"tls_args": (tls, "127.0.0.1")} if tls else {}

    def cancel(event: evt.Event) -> int:
        event.assoc.send_c_cancel(5, query_model=model)
        return fetched.take(event)

    handler = handler or (cancel if cancels else fetched.take)
    syntaxes = syntaxes or {CTImageStorage: PLAIN, MRImageStorage: PLAIN}
    contexts: list[tuple[str, Sequence[str]]] = [(str(model), PLAIN), *syntaxes.items()]
    handlers = [(evt.EVT_C_STORE, handler)]
    roles = [build_role(UID(uid), scp_role=True) for uid in syntaxes]
    with association(
        served, *contexts, calling=calling, ext_neg=roles, evt_handlers=handlers, **options
    ) as assoc:
        fetched.responses = list(assoc.send_c_get(asked, model, msg_id=5))
    return fetched


def move(
    served: Served, asked: Dataset, to: str = "DEST", *, model: UID = MOVE, calling: str = "MINE"
) -> Fetched:
    """Ask by C-MOVE."""
    fetched = Fetched()
    with association(served, (str(model), PLAIN), calling=calling) as assoc:
        fetched.responses = list(assoc.send_c_move(asked, to, model, msg_id=11))
    return fetched


@contextmanager
def destination(served: Served, handler: Handler) -> Iterator[None]:
    """A peer of the owner's that takes CT and MR."""
    ae = AE("DEST")
    ae.add_supported_context(CTImageStorage, PLAIN)
    ae.add_supported_context(MRImageStorage, PLAIN)
    server = ae.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, handler)]
    )
    assert server is not None
    served.destinations[OWNER, "DEST"] = Destination("DEST", *server.server_address[:2])
    try:
        yield
    finally:
        server.shutdown()
