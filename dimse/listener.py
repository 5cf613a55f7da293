"""The DIMSE listener: a C-STORE and C-ECHO service class provider on a TCP port.

Standard: PS3.4 Annexes A and B (Verification, Storage), PS3.8.
Invariants: an instance is answered with success only when it is durable; pynetdicom logs nothing
and creates no file.
Not here: to whom an AE title belongs (`accounts.peers`, wired in by `server`).
"""

import logging
import threading
import time
from dataclasses import dataclass

from pydicom.uid import UID
from pynetdicom import _config

from dimse import statuses
from dimse.association import Entity, Peers, Server, StorageAssociation
from dimse.contexts import supported_contexts
from dimse.door import Ingest
from dimse.storage import StorageService

logger = logging.getLogger(__name__)

# Derived from a UUID (PS3.5 B.2), so that it needs no registration.
IMPLEMENTATION_CLASS_UID = UID("2.25.283842733044362474416824623696927105440")
IMPLEMENTATION_VERSION_NAME = "READINGROOM"


@dataclass(frozen=True)
class Options:
    """How the listener behaves.

    Attributes:
        maximum_associations: open at the same time; more are refused as a transient condition.
        maximum_pdu_size: advertised to peers; 0 is no limit, and costs no memory here.
        association_timeout: seconds in which a peer that connected has to ask for an association.
        idle_timeout: seconds after which an association without any message is aborted.
        stall_timeout: seconds that a peer may pause in the middle of a message.
        answer_coercion: answer B000 (coercion of data elements) and not 0000, since every
            instance is de-identified; off by default, as many modalities take it for a failure.
        check_called_ae_title: refuse associations that call another AE title than ours.
    """

    maximum_associations: int = 50
    maximum_pdu_size: int = 0
    association_timeout: float = 15.0
    idle_timeout: float = 300.0
    stall_timeout: float = 60.0
    answer_coercion: bool = False
    check_called_ae_title: bool = False


class StorageListener:
    """Receives instances over DIMSE and passes them through the one door.

    Args:
        ingest: the door; `store.ingest.Ingest`.
        peers: maps calling AE title and host to the owner of what comes, None for a stranger.
        ae_title: our own AE title.
        host: address to bind.
        port: to bind; 0 takes a free one.
        options: how it behaves.
    """

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers,
        *,
        ae_title: str = "READINGROOM",
        host: str = "127.0.0.1",
        port: int = 11112,
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        stored = statuses.STORED_CHANGED if self._options.answer_coercion else statuses.STORED
        self._service = StorageService(ingest, stored)
        self._peers = peers
        self._ae_title = ae_title
        self._address = (host, port)
        self._server: Server | None = None
        self._accepting: threading.Thread | None = None

    def start(self) -> int:
        """Begin to listen; returns at once.

        Returns:
            The port that is bound.

        Raises:
            OSError: the address cannot be bound.
        """
        if self._server is not None:
            raise RuntimeError("the listener is running already")
        _silence_pynetdicom()
        self._server = Server(
            self._entity(),
            self._address,
            self._ae_title,
            supported_contexts(),
            service=self._service,
            peers=self._peers,
            stall_timeout=self._options.stall_timeout,
        )
        self._accepting = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="dimse-listener", daemon=True
        )
        self._accepting.start()
        return int(self._server.server_address[1])

    def stop(self, within: float = 10.0) -> None:
        """Stop listening; instances under way may end within so many seconds, then are cut."""
        if self._server is None or self._accepting is None:
            return
        self._server.shutdown()
        self._accepting.join()
        associations = self._server.associations
        for assoc in associations:
            if assoc.is_established:
                assoc.abort(block=False)
        _wait_until_idle(associations, time.monotonic() + within)
        for assoc in associations:
            assoc.provider.cut()
        for assoc in associations:
            assoc.provider.join(5.0)
            assoc.join(5.0)
        self._server = self._accepting = None

    def _entity(self) -> Entity:
        entity = Entity(self._ae_title)
        entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
        entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
        entity.maximum_associations = self._options.maximum_associations
        entity.maximum_pdu_size = self._options.maximum_pdu_size
        entity.acse_timeout = self._options.association_timeout
        entity.network_timeout = self._options.idle_timeout
        entity.require_called_aet = self._options.check_called_ae_title
        return entity


def _wait_until_idle(associations: list[StorageAssociation], deadline: float) -> None:
    while any(assoc.provider.busy for assoc in associations) and time.monotonic() < deadline:
        time.sleep(0.01)
    # The abort of an association that has just become idle is on its way to the peer.
    grace = time.monotonic() + 0.5
    while any(assoc.is_alive() for assoc in associations) and time.monotonic() < grace:
        time.sleep(0.01)


def _silence_pynetdicom() -> None:
    """Keep everything that pynetdicom would log to itself.

    It logs AE titles, UIDs and data sets at several levels, and exceptions that quote them.
    What an operator has to know is logged by this package.
    """
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.STORE_RECV_CHUNKED_DATASET = False
    theirs = logging.getLogger("pynetdicom")
    theirs.setLevel(logging.CRITICAL + 1)
    theirs.propagate = False
