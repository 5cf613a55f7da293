"""Associations: who may open one, what it may carry, and the threads that serve it.

Standard: PS3.8 section 9.3 (A-ASSOCIATE), PS3.7 Annex D (negotiation).
Invariants: who calls is known before the first message comes; a calling AE title nobody answers
for may verify (C-ECHO) and nothing else, and takes no place of one that is known; no AE title is
logged.
Not here: what flows over an association (`dimse.provider`), connections (`dimse.accepting`).
"""

import logging
import ssl
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

from pydicom.uid import UID
from pynetdicom.acse import ACSE
from pynetdicom.ae import ApplicationEntity
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider, _QueueItem
from pynetdicom.events import EVT_REJECTED, EVT_SOP_EXTENDED, Event, trigger
from pynetdicom.pdu_primitives import A_ASSOCIATE

from dimse.callers import STRANGER, Callers
from dimse.contexts import VERIFICATION
from dimse.errors import ProtocolViolation
from dimse.exchange import Accepted, Services
from dimse.extended import agreed
from dimse.provider import StorageProvider
from dimse.storage import StorageService
from dimse.transport import LONGEST_WAIT, ReadAheadSocket

if TYPE_CHECKING:
    from dimse.accepting import Server

logger = logging.getLogger(__name__)

# PS3.8 Table 9-21: result, source, reason.
_CALLING_AE_TITLE_NOT_RECOGNISED = (0x01, 0x01, 0x03)
_TEMPORARY_CONGESTION = (0x02, 0x03, 0x01)
_LOCAL_LIMIT_EXCEEDED = (0x02, 0x03, 0x02)

_IDLE = "Sta1"

# Somebody who tests a cable is done in a second.
STRANGERS_IDLE = 15.0


class Places(Protocol):
    """How many more associations there may be; a bounded semaphore, of threads or of processes."""

    def acquire(self, block: bool, /) -> bool:
        """Take a place, if there is one."""

    def release(self) -> None:
        """Give it back."""


class Negotiation(ACSE):
    """Accepts or refuses associations: finds who calls first, leaves the rest to pynetdicom."""

    def _negotiate_as_acceptor(self) -> None:
        assoc = cast("StorageAssociation", self.assoc)
        request = cast(A_ASSOCIATE, self.requestor.primitive)
        address = assoc.requestor.address_info
        host = address.address if address else ""
        try:
            assoc.caller = assoc.callers(
                request.calling_ae_title.strip(), request.called_ae_title.strip(), host
            )
        except Exception as error:
            logger.error("the caller could not be looked up: %s", type(error).__name__)
            self._refuse(_TEMPORARY_CONGESTION)
            return
        if assoc.caller.is_stranger and not _only_verifies(request):
            logger.warning("association from %s refused: calling AE title not recognised", host)
            self._refuse(_CALLING_AE_TITLE_NOT_RECOGNISED)
            return
        if not assoc.take_place():
            logger.warning("association from %s refused: there are as many as may be", host)
            self._refuse(_LOCAL_LIMIT_EXCEEDED)
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
        provider = cast(StorageProvider, self.assoc.dul)
        # The timer may be over while a message is under way, which is no idleness.
        until_idle = max(0.1, provider._idle_timer.remaining + 0.01)
        provider.news.wait(min(LONGEST_WAIT, until_idle))
        provider.news.clear()
        if provider.state_machine.current_state == _IDLE:
            # Ended by an abort of ours, of which pynetdicom tells its own side nothing.
            self.assoc._kill = True
        return super().get_msg(block=False)


class StorageAssociation(Association):
    """An association that a peer opened with us.

    Args:
        ae: our application entity.
        service: takes the instances.
        callers: tells who calls.
        services: serve the other requests.
        places: how many more there may be.
        strangers: how many more of strangers.

    Attributes:
        caller: who calls; a stranger may do nothing but C-ECHO.
        extended: what was agreed by SOP Class Extended Negotiation, by SOP class.
    """

    def __init__(
        self,
        ae: ApplicationEntity,
        service: StorageService,
        callers: Callers,
        services: Services = MappingProxyType({}),
        *,
        places: Places,
        strangers: Places,
    ) -> None:
        super().__init__(ae, "acceptor")
        self._places = places
        self._strangers = strangers
        self._taken: Places | None = None
        self.callers = callers
        self.caller = STRANGER
        self.extended: dict[str, bytes] = {}
        self.bind(EVT_SOP_EXTENDED, self._extend)
        self.acse = Negotiation(self)
        self.dul = StorageProvider(self, service, services)
        self.dimse = _PatientReactor(self)
        # These setters pass the timeouts on to the provider, which has just been replaced.
        self.acse_timeout = ae.acse_timeout
        self.network_timeout = ae.network_timeout

    @property
    def provider(self) -> StorageProvider:
        """The upper layer that reads this association's connection."""
        return cast(StorageProvider, self.dul)

    def run_reactor(self) -> None:
        """Serve the association until it ends, beginning with TLS where that is spoken."""
        server = cast("Server", self._server)
        try:
            if server.ssl_context is None or self._secure(server.ssl_context):
                super().run_reactor()
        except Exception as error:
            # The interpreter would print its text, which may quote what a peer has sent.
            logger.error("an association ended with %s", type(error).__name__)
            self._hang_up()
        finally:
            if self._taken is not None:
                self._taken.release()
            server.forget(self)

    def take_place(self) -> bool:
        """Take one of the places that there are for such callers, until the association ends."""
        places = self._strangers if self.caller.is_stranger else self._places
        if not places.acquire(False):
            return False
        self._taken = places
        if self.caller.is_stranger:
            self.network_timeout = min(self.network_timeout or STRANGERS_IDLE, STRANGERS_IDLE)
        return True

    def end(self) -> None:
        """Wait for the threads; the connection has been cut."""
        for thread in (self.provider, self):
            if thread.is_alive():
                thread.join(5.0)

    def _secure(self, context: ssl.SSLContext) -> bool:
        connection = cast(ReadAheadSocket, self.dul.socket)
        try:
            connection.secure(context, self.acse_timeout or LONGEST_WAIT)
        except (OSError, ValueError) as error:
            # OpenSSL's names of what is wrong; nothing that the peer has sent is in them.
            reason = getattr(error, "verify_message", None) or getattr(error, "reason", None)
            logger.warning("TLS was not agreed on: %s", reason or type(error).__name__)
            self._hang_up()
            return False
        return True

    def _hang_up(self) -> None:
        if self.provider.is_alive():
            # It closes what it uses, at its end.
            self.provider.cut()
            self.provider.kill_dul()
        else:
            cast(ReadAheadSocket, self.dul.socket).close()
            self.provider.bell.close()

    @cached_property
    def contexts(self) -> Mapping[int, Accepted]:
        """What was agreed for each presentation context, by its ID; asked for after that."""
        return {
            number: Accepted(
                str(context.abstract_syntax), str(context.transfer_syntax[0]), bool(context.as_scu)
            )
            for number, context in self._accepted_cx.items()
            if context.abstract_syntax is not None
        }

    def accepted(self, context_id: int) -> Accepted:
        """Return what was agreed for a presentation context.

        Raises:
            ProtocolViolation: that context was not accepted.
        """
        context = self.contexts.get(context_id)
        if context is None:
            raise ProtocolViolation("a message came in a presentation context not accepted")
        return context

    def _extend(self, _event: Event) -> dict[UID, bytes]:
        """Agree on the options of queries and retrievals."""
        proposed = self.requestor.sop_class_extended
        self.extended = agreed({str(uid): info for uid, info in proposed.items()})
        return {UID(uid): info for uid, info in self.extended.items()}


def _only_verifies(request: A_ASSOCIATE) -> bool:
    proposed = request.presentation_context_definition_list
    return all(context.abstract_syntax == VERIFICATION for context in proposed)
