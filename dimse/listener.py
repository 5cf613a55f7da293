"""The DIMSE listener: a service class provider for C-STORE, C-ECHO and more on a TCP port.

Standard: PS3.4 Annexes A and B (Verification, Storage), PS3.8.
Invariants: an instance is answered with success only when it is durable; pynetdicom logs nothing
and creates no file.
Not here: to whom an AE title belongs (`accounts`, wired in by `server`); the other services.
"""

import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType

from dimse import implementation, statuses
from dimse.accepting import Entity, Server
from dimse.association import Places, StorageAssociation
from dimse.callers import Callers, Peers, only_storing
from dimse.contexts import supported_contexts
from dimse.door import Ingest
from dimse.exchange import Services
from dimse.storage import StorageService

logger = logging.getLogger(__name__)

# Connections that may be open beside the associations: they have asked for none, or are ending.
MORE_CONNECTIONS = 100


@dataclass(frozen=True)
class Options:
    """How the listener behaves.

    Attributes:
        maximum_associations: open at the same time; more are refused as a transient condition.
            Those of strangers, who may only verify, are counted by themselves.
        maximum_pdu_size: advertised to peers; 0 is no limit, and costs no memory here.
        association_timeout: seconds in which a peer that connected has to ask for an association.
        idle_timeout: seconds after which an association without any message is aborted.
        stall_timeout: seconds that a peer may pause in the middle of a message.
        answer_coercion: answer B000 (coercion of data elements) and not 0000, since every
            instance is de-identified; off by default, as many modalities take it for a failure.
        check_called_ae_title: refuse associations that call another AE title than ours.
        private_sop_classes: stored beside those of the standard.
    """

    maximum_associations: int = 200
    maximum_pdu_size: int = 0
    association_timeout: float = 15.0
    idle_timeout: float = 300.0
    stall_timeout: float = 60.0
    answer_coercion: bool = False
    check_called_ae_title: bool = False
    private_sop_classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Secure:
    """A second port, on which TLS is spoken.

    Attributes:
        context: what is spoken; `dimse.tls` makes it.
        host, port: to bind.
        bound: instead of them, a socket that is bound already.
    """

    context: ssl.SSLContext
    host: str = "127.0.0.1"
    port: int = 0
    bound: socket.socket | None = None


class StorageListener:
    """Receives instances over DIMSE and passes them through the one door.

    Args:
        ingest: the door; `store.ingest.Ingest`.
        peers: maps calling AE title and host to the owner of what comes, None for a stranger; for
            listeners that only receive.
        callers: tells who calls; instead of `peers`.
        services: serve the requests that are neither C-STORE nor C-ECHO, by command field.
        sop_classes: those of the services.
        ae_title: our own AE title.
        host: address to bind.
        port: to bind; 0 takes a free one.
        bound: instead of host and port, a socket that is bound already: several processes listen
            on it together.
        secure: where TLS is spoken, beside it.
        places: how many associations there may be, shared with other processes; None counts
            those of this one.
        options: how it behaves.
    """

    def __init__(
        self,
        ingest: Ingest,
        peers: Peers | None = None,
        *,
        callers: Callers | None = None,
        services: Services = MappingProxyType({}),
        sop_classes: Iterable[str] = (),
        ae_title: str = "READINGROOM",
        host: str = "127.0.0.1",
        port: int = 11112,
        bound: socket.socket | None = None,
        secure: Secure | None = None,
        places: Places | None = None,
        options: Options | None = None,
    ) -> None:
        self._options = options or Options()
        stored = statuses.STORED_CHANGED if self._options.answer_coercion else statuses.STORED
        self._service = StorageService(ingest, stored)
        self._callers = callers or only_storing(peers or (lambda _calling, _host: None))
        self._services = services
        self._sop_classes = tuple(sop_classes)
        self._ae_title = ae_title
        self._address = (host, port) if bound is None else bound.getsockname()[:2]
        self._bound = bound
        self._secure = secure
        self._places = places or threading.BoundedSemaphore(self._options.maximum_associations)
        self._servers: list[Server] = []
        self._accepting: list[threading.Thread] = []

    @property
    def secure_port(self) -> int | None:
        """The port that is bound for TLS; None when there is none."""
        ports = [server.server_address[1] for server in self._servers[1:]]
        return int(ports[0]) if ports else None

    def start(self) -> int:
        """Begin to listen; returns at once.

        Returns:
            The port that is bound.

        Raises:
            OSError: an address cannot be bound.
        """
        if self._servers:
            raise RuntimeError("the listener is running already")
        implementation.silence_pynetdicom()
        servers = [self._server(self._address, self._bound)]
        if self._secure is not None:
            address, bound = (self._secure.host, self._secure.port), self._secure.bound
            try:
                servers.append(self._server(address, bound, self._secure.context))
            except OSError:
                servers[0].server_close()
                raise
        self._servers = servers
        for server in servers:
            accepting = threading.Thread(
                target=server.serve_forever, args=(0.1,), name="dimse-listener", daemon=True
            )
            accepting.start()
            self._accepting.append(accepting)
        return int(servers[0].server_address[1])

    def stop(self, within: float = 10.0) -> None:
        """Stop listening; instances under way may end within so many seconds, then are cut."""
        for server in self._servers:
            server.shutdown()
        for accepting in self._accepting:
            accepting.join()
        associations = [assoc for server in self._servers for assoc in server.associations]
        for assoc in associations:
            if assoc.is_established:
                assoc.abort(block=False)
        _wait_until_idle(associations, time.monotonic() + within)
        for assoc in associations:
            assoc.provider.cut()
        for assoc in associations:
            assoc.end()
        self._servers, self._accepting = [], []

    def _server(
        self,
        address: tuple[str, int],
        bound: socket.socket | None,
        tls: ssl.SSLContext | None = None,
    ) -> Server:
        options = self._options
        return Server(
            self._entity(),
            address,
            self._ae_title,
            supported_contexts(self._sop_classes, options.private_sop_classes),
            service=self._service,
            callers=self._callers,
            services=self._services,
            places=self._places,
            most_connections=options.maximum_associations + MORE_CONNECTIONS,
            stall_timeout=options.stall_timeout,
            bound=bound,
            tls=tls,
        )

    def _entity(self) -> Entity:
        entity = Entity(self._ae_title)
        entity.implementation_class_uid = implementation.CLASS_UID
        entity.implementation_version_name = implementation.VERSION_NAME
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
