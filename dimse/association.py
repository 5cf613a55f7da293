"""Associations: who may open one, what it may carry, and the threads that serve it.

Standard: PS3.8 section 9.3 (A-ASSOCIATE), PS3.7 Annex D (negotiation).
Invariants: an association that may store belongs to an owner before its first data set comes; a
calling AE title nobody answers for may verify (C-ECHO) and nothing else; no AE title is logged.
Not here: what flows over an association (`dimse.provider`), settings (`dimse.listener`).
"""

import logging
import socket
import sys
from collections.abc import Callable
from typing import NamedTuple, cast

from pynetdicom.acse import ACSE
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider, _QueueItem
from pynetdicom.events import EVT_REJECTED, trigger
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext
from pynetdicom.transport import AssociationServer, RequestHandler

from dimse.contexts import VERIFICATION
from dimse.errors import ProtocolViolation
from dimse.provider import StorageProvider
from dimse.storage import StorageService
from dimse.transport import IDLE_WAIT, ReadAheadSocket

logger = logging.getLogger(__name__)

Peers = Callable[[str, str], int | None]

# PS3.8 Table 9-21: result, source, reason.
_CALLING_AE_TITLE_NOT_RECOGNISED = (0x01, 0x01, 0x03)
_TEMPORARY_CONGESTION = (0x02, 0x03, 0x01)


class Accepted(NamedTuple):
    """What was agreed for a presentation context."""

    abstract_syntax: str
    transfer_syntax: str


class Entity(ApplicationEntity):
    """Our application entity; counts only associations that were asked for.

    A peer that has connected and says nothing takes no place of one that speaks.
    """

    @property
    def active_associations(self) -> list[Association]:
        """The associations that are open or being negotiated."""
        everything = super().active_associations
        return [assoc for assoc in everything if assoc.requestor.primitive is not None]


class Negotiation(ACSE):
    """Accepts or refuses associations: finds the owner first, leaves the rest to pynetdicom."""

    def _negotiate_as_acceptor(self) -> None:
        assoc = cast("StorageAssociation", self.assoc)
        request = cast(A_ASSOCIATE, self.requestor.primitive)
        address = assoc.requestor.address_info
        host = address.address if address else ""
        try:
            assoc.owner_id = assoc.peers(request.calling_ae_title.strip(), host)
        except Exception as error:
            logger.error("the peers could not be looked up: %s", type(error).__name__)
            self._refuse(_TEMPORARY_CONGESTION)
            return
        if assoc.owner_id is None and not _only_verifies(request):
            logger.warning("association from %s refused: calling AE title not recognised", host)
            self._refuse(_CALLING_AE_TITLE_NOT_RECOGNISED)
            return
        super()._negotiate_as_acceptor()

    def _refuse(self, reason: tuple[int, int, int]) -> None:
        self.send_reject(*reason)
        trigger(self.assoc, EVT_REJECTED, {})
        self.assoc.kill()


class _PatientReactor(DIMSEServiceProvider):
    """Lets the association's own thread sleep until there is something for it.

    That thread asks here for a message once in each of its rounds; messages never come, since the
    provider serves them itself, but releases and aborts do.
    """

    def get_msg(self, block: bool = False) -> _QueueItem:
        """Wait a while for news; see `pynetdicom.dimse.DIMSEServiceProvider.get_msg`."""
        news = cast(StorageProvider, self.assoc.dul).news
        news.wait(IDLE_WAIT)
        news.clear()
        return super().get_msg(block=False)


class StorageAssociation(Association):
    """An association that a peer opened with us.

    Args:
        ae: our application entity.
        service: takes the instances.
        peers: maps a calling AE title and host to an owner, None when nobody answers for it.

    Attributes:
        owner_id: to whom belongs what comes; None allows nothing but C-ECHO.
    """

    def __init__(self, ae: Entity, service: StorageService, peers: Peers) -> None:
        super().__init__(ae, "acceptor")
        self.peers = peers
        self.owner_id: int | None = None
        self.acse = Negotiation(self)
        self.dul = StorageProvider(self, service)
        self.dimse = _PatientReactor(self)
        # These setters pass the timeouts on to the provider, which has just been replaced.
        self.acse_timeout = ae.acse_timeout
        self.network_timeout = ae.network_timeout

    @property
    def provider(self) -> StorageProvider:
        """The upper layer that reads this association's connection."""
        return cast(StorageProvider, self.dul)

    def accepted(self, context_id: int) -> Accepted:
        """Return what was agreed for a presentation context.

        Raises:
            ProtocolViolation: that context was not accepted.
        """
        context = self._accepted_cx.get(context_id)
        if context is None or context.abstract_syntax is None:
            raise ProtocolViolation("a message came in a presentation context not accepted")
        return Accepted(str(context.abstract_syntax), str(context.transfer_syntax[0]))


class ConnectionHandler(RequestHandler):
    """Makes an association of an accepted connection."""

    server: "Server"

    def _create_association(self) -> StorageAssociation:
        server = self.server
        assoc = StorageAssociation(server.entity, server.service, server.peers)
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


class Server(AssociationServer):
    """Accepts connections.

    Args:
        entity: our application entity.
        address: host and port; port 0 takes a free one.
        ae_title: our AE title.
        contexts: what is accepted.
        service: takes the instances.
        peers: maps a calling AE title and host to an owner.
        stall_timeout: seconds that a peer may pause in the middle of a PDU or message.
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
        peers: Peers,
        stall_timeout: float,
    ) -> None:
        self.entity = entity
        self.service = service
        self.peers = peers
        self.stall_timeout = stall_timeout
        super().__init__(entity, address, ae_title, contexts, request_handler=ConnectionHandler)

    @property
    def associations(self) -> list[StorageAssociation]:
        """The associations whose threads run, negotiated or not."""
        return [cast(StorageAssociation, assoc) for assoc in self.active_associations]

    def verify_request(self, request: object, client_address: object) -> bool:
        """Refuse connections beyond twice the associations we would accept."""
        return len(self.active_associations) < 2 * self.entity.maximum_associations

    def handle_error(self, request: object, client_address: object) -> None:
        """Log that a connection could not be served; socketserver would print a traceback."""
        error = sys.exc_info()[1]
        logger.error("a connection could not be served: %s", type(error).__name__)
        cast(socket.socket, request).close()

    def service_actions(self) -> None:
        """Do nothing; pynetdicom forces a garbage collection of the whole process here."""

    def shutdown(self) -> None:
        """Accept no more connections."""
        super(AssociationServer, self).shutdown()
        self.server_close()


def _only_verifies(request: A_ASSOCIATE) -> bool:
    proposed = request.presentation_context_definition_list
    return all(context.abstract_syntax == VERIFICATION for context in proposed)
