"""Accepts connections: each becomes an association with threads of its own.

Standard: PS3.8 section 9.1 (the transport service).
Invariants: whatever a peer does or leaves undone, the next is accepted; processes may share a
socket, and who has the fewest associations accepts.
Not here: what is negotiated (`dimse.association`), TLS (`dimse.tls`), settings (`dimse.listener`).
"""

import errno
import logging
import socket
import ssl
import sys
import threading
import time
from types import MappingProxyType
from typing import cast

from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationServer, RequestHandler

from dimse.association import Places, StorageAssociation
from dimse.callers import Callers
from dimse.exchange import Services
from dimse.storage import StorageService
from dimse.transport import ReadAheadSocket, end_connection

logger = logging.getLogger(__name__)

# So long an association that is open makes a process wait before it accepts another, so that one
# with fewer comes first: up to so many, which is no delay that a peer would notice.
TURN_SECONDS = 0.001
MOST_TURNS = 5

# Each is two threads of this process; known callers are not held up by them.
MOST_STRANGERS = 20


class Entity(ApplicationEntity):
    """Our application entity; leaves it to the places how many associations there may be.

    A peer that has connected and says nothing takes no place of one that speaks.
    """

    @property
    def active_associations(self) -> list[Association]:
        """None: pynetdicom would look through all threads for them, for each that is opened."""
        return []


class ConnectionHandler(RequestHandler):
    """Makes an association of an accepted connection."""

    server: "Server"

    def _create_association(self) -> StorageAssociation:
        server = self.server
        assoc = StorageAssociation(
            server.entity,
            server.service,
            server.callers,
            server.services,
            places=server.places,
            strangers=server.strangers,
        )
        assoc._server = server
        # pynetdicom finds the associations of a server by this part of the name.
        assoc.name = f"AcceptorThread-{assoc.ident or id(assoc)}"
        self.request.settimeout(server.stall_timeout)
        assoc.set_socket(ReadAheadSocket(assoc, self.request, assoc.provider.bell))
        assoc.acceptor.maximum_length = server.entity.maximum_pdu_size
        assoc.acceptor.ae_title = server.ae_title
        assoc.acceptor.address_info = self.local
        assoc.acceptor.implementation_class_uid = server.entity.implementation_class_uid
        assoc.acceptor.implementation_version_name = server.entity.implementation_version_name
        # Shared, not copied as pynetdicom does (70 ms): negotiation reads them and no more.
        assoc.acceptor.supported_contexts = server.contexts
        assoc.requestor.address_info = self.remote
        return assoc

    def handle(self) -> None:
        """Begin an association."""
        assoc = self._create_association()
        self.server.remember(assoc)
        try:
            assoc.start()
        except RuntimeError:
            # No more threads are to be had.
            self.server.forget(assoc)
            assoc.provider.bell.close()
            raise


class Server(AssociationServer):
    """Accepts connections.

    Args:
        entity: our application entity.
        address: host and port; port 0 takes a free one.
        ae_title: our AE title.
        contexts: what is accepted.
        service: takes the instances.
        callers: tells who calls.
        services: serve the other requests.
        places: how many more associations there may be.
        most_connections: open at the same time, associations or not.
        stall_timeout: seconds that a peer may pause in the middle of a PDU or message.
        bound: a socket that is bound to it already, which other processes may listen on, too.
        tls: what is spoken; None is no TLS.
    """

    request_queue_size = 128

    def __init__(
        self,
        entity: Entity,
        address: tuple[str, int],
        ae_title: str,
        contexts: list[PresentationContext],
        *,
        service: StorageService,
        callers: Callers,
        services: Services = MappingProxyType({}),
        places: Places,
        most_connections: int,
        stall_timeout: float,
        bound: socket.socket | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.entity = entity
        self.service = service
        self.callers = callers
        self.services = services
        self.places = places
        self.strangers = threading.BoundedSemaphore(MOST_STRANGERS)
        self.most_connections = most_connections
        self.stall_timeout = stall_timeout
        self._bound = bound
        self._open: set[StorageAssociation] = set()
        self._open_lock = threading.Lock()
        super().__init__(entity, address, ae_title, contexts, tls, None, ConnectionHandler)

    @property
    def associations(self) -> list[StorageAssociation]:
        """The associations whose threads run, negotiated or not."""
        with self._open_lock:
            return list(self._open)

    @property
    def active_associations(self) -> list[Association]:
        """The same; pynetdicom would look for them by the names of all threads."""
        return [*self.associations]

    def remember(self, assoc: StorageAssociation) -> None:
        """Note an association that begins."""
        with self._open_lock:
            self._open.add(assoc)

    def forget(self, assoc: StorageAssociation) -> None:
        """Forget an association that has ended."""
        with self._open_lock:
            self._open.discard(assoc)

    @property
    def _listening(self) -> socket.socket:
        return cast(socket.socket, self.socket)

    def server_bind(self) -> None:
        """Bind the port, or take over a socket for which that is done."""
        if self._bound is None:
            super().server_bind()
        else:
            self._listening.close()
            self.socket = self._bound
            self.server_address = self._bound.getsockname()
        # A peer that is gone again before it is accepted must not be waited for.
        self._listening.setblocking(False)

    def server_close(self) -> None:
        """Listen no more; other processes that share the socket go on."""
        self._listening.close()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Accept a connection; TLS is agreed on in its own thread, where it holds up nobody."""
        if self._bound is not None:
            time.sleep(min(len(self._open), MOST_TURNS) * TURN_SECONDS)
        try:
            connection, address = self._listening.accept()
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                # It stays there to be accepted; asking again at once would help nobody.
                time.sleep(0.1)
            raise
        return connection, address

    def verify_request(self, request: object, client_address: object) -> bool:
        """Refuse connections beyond those that may be open."""
        with self._open_lock:
            return len(self._open) < self.most_connections

    def handle_error(self, request: object, client_address: object) -> None:
        """Log that a connection could not be served; socketserver would print a traceback."""
        error = sys.exc_info()[1]
        logger.error("a connection could not be served: %s", type(error).__name__)
        end_connection(cast(socket.socket, request))

    def shutdown_request(self, request: object) -> None:
        """Close a connection."""
        end_connection(cast(socket.socket, request))

    def service_actions(self) -> None:
        """Do nothing; pynetdicom forces a garbage collection of the whole process here."""

    def shutdown(self) -> None:
        """Accept no more connections."""
        super(AssociationServer, self).shutdown()
        self.server_close()
