"""The upper layer of an association: pynetdicom's state machine, with data sets streamed past it.

pynetdicom collects a PDU, then all PDUs of a message, and hands the whole between two threads. Here
the thread that reads the socket parses P-DATA in place, lets the data set flow through the storage
service piece by piece and answers, all without a hand-off; the receiver slows the peer down through
TCP. Everything that is not P-DATA (association, release, abort) stays with pynetdicom.

Standard: PS3.8 section 9.2 (state machine), 9.3.5 and Annex E (P-DATA-TF, PDVs); PS3.7 section 9.
Invariants: no PDU and no data set is held whole, whatever length it announces; one request is
answered before the next is read (PS3.7 D.3.3.3: no asynchronous operations); every fragment that is
sent has an even number of bytes.
Not here: negotiation (`dimse.association`), storing (`dimse.storage`), what the other services see
of an association (`dimse.exchange`).
"""

import logging
import queue
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import InvalidEventError

from dimse import commands, statuses
from dimse.commands import Request, Response
from dimse.errors import ConnectionLost, DimseError, Interrupted, ProtocolViolation
from dimse.exchange import Accepted, Exchange, Service, Services
from dimse.notices import Notices
from dimse.statuses import Status
from dimse.storage import Sender, StorageService, place_of
from dimse.transport import Bell, ReadAheadSocket

if TYPE_CHECKING:
    from pynetdicom.pdu_primitives import A_ABORT

    from dimse.association import StorageAssociation

logger = logging.getLogger(__name__)

ASSOCIATION_CLOSED = "Evt17"
INVALID_PDU = "Evt19"
DATA_TRANSFER = "Sta6"
AWAITING_CLOSE = "Sta13"
# A peer that hangs up or hurries on before it has our answer would bring pynetdicom's state machine
# an event and the answer to it in the wrong order; so it is not listened to until it is answered.
OUR_TURN = frozenset({"Sta3", "Sta8"})
P_DATA_TF = 0x04

# The longest PDU that is not P-DATA is an A-ASSOCIATE-RQ: 128 contexts with every transfer syntax
# there is, and extended negotiation, stay far below this.
LONGEST_CONTROL_PDU = 1024 * 1024
LONGEST_COMMAND = 64 * 1024
# Longer ones gain nothing, even if the peer takes PDUs of any length.
LONGEST_SENT_PDU = 128 * 1024
SHORTEST_SENT_PDU = 8

_PDU_HEADER = struct.Struct(">BxL")
_PDV_HEADER = struct.Struct(">LBB")
_COMMAND = 0x01
_LAST = 0x02


Primitive = TypeVar("Primitive")


class _RingingQueue(queue.Queue[Primitive]):
    """A queue that tells the thread which waits for something else."""

    def __init__(self, ring: Callable[[], object]) -> None:
        super().__init__()
        self._ring = ring

    def put(self, item: Primitive, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._ring()


class StorageProvider(DULServiceProvider):
    """Reads one connection and serves what comes over it.

    Args:
        assoc: the association that it carries.
        service: takes the instances.
        services: serve the other requests.

    Attributes:
        bell: wakes this thread.
        news: set when there is something for the association's own thread.
        busy: whether a message is under way.
        notices: requests of ours that the peer answers when it likes.
    """

    def __init__(
        self,
        assoc: "StorageAssociation",
        service: StorageService,
        services: Services = MappingProxyType({}),
    ) -> None:
        super().__init__(assoc)
        self.daemon = True
        self.bell = Bell()
        self.news = threading.Event()
        self.busy = False
        self.notices = Notices(self.write)
        self.to_provider_queue = _RingingQueue(self.bell.ring)
        self.to_user_queue = _RingingQueue(self.news.set)
        # The socket's wait takes the place of the sleep between two looks.
        self._run_loop_delay = 0
        self._service = service
        self._services = services
        self._pdu_left = 0

    @property
    def _connection(self) -> ReadAheadSocket:
        return cast(ReadAheadSocket, self.socket)

    def idle_timer_expired(self) -> bool:
        """Return whether nothing has happened for too long; a message under way is something."""
        return not self.busy and super().idle_timer_expired()

    def kill_dul(self) -> None:
        """End the thread."""
        super().kill_dul()
        self.bell.ring()

    def stop_dul(self) -> bool:
        """End the thread if the association is over, and wait for it."""
        if self.state_machine.current_state != "Sta1":
            return False
        self.kill_dul()
        if threading.current_thread() is not self:
            self.join()
        return True

    def cut(self) -> None:
        """End the connection from outside, whatever is under way."""
        if self.socket is not None:
            self._connection.cut()
        self.bell.ring()

    def run_reactor(self) -> None:
        """Serve the connection until it ends."""
        try:
            super().run_reactor()
        except InvalidEventError:
            # An abort of ours met an end that had come already.
            pass
        except Exception as error:
            logger.error("an association ended with %s", type(error).__name__)
        finally:
            self._connection.close()
            # Nothing more will come: who still waits for an association request learns it now.
            self.to_user_queue.put(cast("A_ABORT", None))
            self.bell.close()

    def _process_recv_primitive(self) -> bool:
        """Look for something to send, unless an event waits: each is acted on before the next."""
        return self.event_queue.empty() and super()._process_recv_primitive()

    def _is_transport_event(self) -> bool:
        """Look for something to read, unless an event waits or it is our turn to speak."""
        if not self.event_queue.empty():
            return False
        if self.state_machine.current_state in OUR_TURN:
            self._connection.wait_for_bell()
            return False
        return super()._is_transport_event()

    def _read_pdu_data(self) -> None:
        """Read and serve what comes next, be it a message or another PDU."""
        state = self.state_machine.current_state
        if state == AWAITING_CLOSE:
            # PS3.8 Table 9-10, Sta13: whatever still comes is ignored, and not worth decoding.
            if not self._connection.discard():
                self.event_queue.put(ASSOCIATION_CLOSED)
            return
        try:
            if state == DATA_TRANSFER and (self._pdu_left or self._next_pdu()[0] == P_DATA_TF):
                self._serve_message()
            elif self._next_pdu()[1] > LONGEST_CONTROL_PDU:
                self.event_queue.put(INVALID_PDU)
            else:
                super()._read_pdu_data()
        except ConnectionLost:
            self.event_queue.put(ASSOCIATION_CLOSED)
        except Interrupted:
            # What interrupted is still there to be read, by pynetdicom.
            pass
        except ProtocolViolation as error:
            logger.warning("association aborted: %s", error)
            self.event_queue.put(INVALID_PDU)

    def _serve_message(self) -> None:
        self.busy = True
        try:
            context_id, command = self.next_command()
            message = commands.read(command)
            if isinstance(message, Response):
                self._take(message, context_id)
            else:
                self._answer(message, context_id)
            self.notices.send_next()
        finally:
            self._idle_timer.restart()
            self.busy = False

    def _take(self, response: Response, context_id: int) -> None:
        if not self.notices.takes(response):
            raise ProtocolViolation("a response came although nothing was requested")
        if response.has_data_set:
            for _ in self.next_data_set(context_id):
                pass

    def _answer(self, request: Request, context_id: int) -> None:
        service = self._services.get(request.field)
        if service is not None:
            self._serve(service, request, context_id)
            return
        fragments = self.next_data_set(context_id) if request.has_data_set else iter(())
        status = self._perform(request, context_id, fragments)
        if status is not None:
            self.write(context_id, commands.response(request, status), None)

    def _perform(
        self, request: Request, context_id: int, fragments: Iterator[memoryview]
    ) -> Status | None:
        assoc = cast("StorageAssociation", self.assoc)
        context = assoc.accepted(context_id)
        if request.is_store:
            owner_id = assoc.caller.owner_id
            sender = Sender(owner_id, context.abstract_syntax, context.transfer_syntax)
            return self._service.store(request, sender, fragments)
        for _ in fragments:
            pass
        if request.field == commands.C_CANCEL_RQ:
            return None
        if request.field == commands.C_ECHO_RQ:
            return statuses.VERIFIED
        return statuses.UNRECOGNISED_OPERATION

    def _serve(self, service: Service, request: Request, context_id: int) -> None:
        assoc = cast("StorageAssociation", self.assoc)
        assoc.accepted(context_id)
        exchange = Exchange(self, request, context_id, assoc.caller)
        try:
            service(exchange)
        except DimseError:
            raise
        except Exception as error:
            # Only the kind and the place: the text of a foreign exception may quote an identifier.
            logger.error("a service failed with %s at %s", type(error).__name__, place_of(error))
        if not exchange.is_answered:
            exchange.respond(statuses.FAILED)

    def write(self, context_id: int, command: bytes, data_set: Iterable[bytes] | None) -> None:
        """Send a message; see `dimse.exchange.Carrier`."""
        # A fragment has an even number of bytes (PS3.8 Annex E.1), whatever the peer's maximum is.
        longest = self.assoc.requestor.maximum_length or 0
        longest = max(longest & ~1, SHORTEST_SENT_PDU) if longest else 0
        begun = commands.pdus(command, context_id, longest)
        if data_set is not None:
            longest = min(longest or LONGEST_SENT_PDU, LONGEST_SENT_PDU)
            for part, is_last in _parts(data_set, longest - 6):
                # The command set goes out together with the first part: most data sets are short.
                begun += commands.pdus(part, context_id, longest, is_command=False, is_last=is_last)
                self._put(begun)
                begun = b""
        if begun:
            self._put(begun)

    def _put(self, data: bytes) -> None:
        self._connection.send(data)
        if not self.event_queue.empty():
            raise Interrupted("the connection ended or stalled")

    def is_waiting(self) -> bool:
        """Tell whether something has come that was not read; see `dimse.exchange.Carrier`."""
        return bool(self._pdu_left) or self._connection.is_waiting()

    def contexts(self) -> Mapping[int, Accepted]:
        """Return the accepted presentation contexts by their IDs."""
        return cast("StorageAssociation", self.assoc).contexts

    def extended(self, sop_class_uid: str) -> bytes:
        """Return what was agreed by SOP Class Extended Negotiation."""
        return cast("StorageAssociation", self.assoc).extended.get(sop_class_uid, b"")

    def next_command(self) -> tuple[int, bytearray]:
        """Read the command set of the next message; see `dimse.exchange.Carrier`."""
        command = bytearray()
        context_id, control = 0, 0
        while not control & _LAST:
            length, context_id, control = self._next_pdv()
            if not control & _COMMAND or len(command) + length > LONGEST_COMMAND:
                raise ProtocolViolation("a command set was expected")
            for piece in self._pieces(length):
                command += piece
        return context_id, command

    def next_data_set(self, context_id: int) -> Iterator[memoryview]:
        """Read the data set that follows a command set, as it arrives."""
        control = 0
        while not control & _LAST:
            length, its_context_id, control = self._next_pdv()
            if control & _COMMAND or its_context_id != context_id:
                raise ProtocolViolation("a fragment of the data set was expected")
            yield from self._pieces(length)

    def _next_pdu(self) -> tuple[int, int]:
        """Look at the type and length of the PDU that comes next."""
        kind, length = _PDU_HEADER.unpack(self._connection.peek(_PDU_HEADER.size))
        return kind, length

    def _next_pdv(self) -> tuple[int, int, int]:
        """Consume a PDV's header: length of its fragment, context ID, message control header."""
        if not self._pdu_left:
            kind, self._pdu_left = self._next_pdu()
            if kind != P_DATA_TF:
                self._pdu_left = 0
                raise Interrupted("another PDU came in the middle of a message")
            self._connection.take(_PDU_HEADER.size)
        if self._pdu_left < _PDV_HEADER.size:
            raise ProtocolViolation("a P-DATA-TF PDU is too short for a PDV")
        length, context_id, control = _PDV_HEADER.unpack(self._connection.take(_PDV_HEADER.size))
        if not 2 <= length <= self._pdu_left - 4:
            raise ProtocolViolation("a PDV does not fit its PDU")
        self._pdu_left -= 4 + length
        return length - 2, context_id, control

    def _pieces(self, length: int) -> Iterator[memoryview]:
        while length:
            piece = self._connection.take_some(length)
            length -= len(piece)
            yield piece


def _parts(data_set: Iterable[bytes], room: int) -> Iterator[tuple[memoryview, bool]]:
    """Cut a data set into even parts of at most so many bytes; tells which is the last."""
    held = memoryview(b"")
    for chunk in data_set:
        if len(held) % 2:
            held = memoryview(bytes(held) + chunk)
        else:
            if held:
                yield held, False
            held = memoryview(chunk)
        while len(held) > room:
            yield held[:room], False
            held = held[room:]
    yield held, True
