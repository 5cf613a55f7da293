"""One request being served, as the services see it: what was asked, and the ways to answer.

Standard: PS3.7 section 9.1 (operations, sub-operations, C-CANCEL), 9.3 (their messages).
Invariants: the data set of a request is read to its end before anything is answered; what a peer
sends while it is being answered can be a C-CANCEL or the answer to a notice, and nothing else
(PS3.7 D.3.3.3: no asynchronous operations), an abort or a release ends the service.
Not here: PDUs and sockets (`dimse.provider`), notices (`dimse.notices`), what is answered
(`dimse.query`, `dimse.fetching`, `dimse.commitment`).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from dimse import commands
from dimse.callers import Caller
from dimse.commands import Request, Response
from dimse.errors import ProtocolViolation
from dimse.notices import Notice, Notices
from dimse.requests import store_request
from dimse.statuses import PENDING, Status

__all__ = ["Accepted", "Carrier", "Exchange", "Service", "Services"]


@dataclass(frozen=True)
class Accepted:
    """What was agreed for a presentation context.

    Attributes:
        abstract_syntax, transfer_syntax: as agreed.
        is_ours_to_send: the peer has agreed to be the provider, so that we may store in it.
    """

    abstract_syntax: str
    transfer_syntax: str
    is_ours_to_send: bool = False


class Carrier(Protocol):
    """The association, as an exchange needs it; `dimse.provider.StorageProvider` is one.

    Each of its methods may raise:

        ConnectionLost: the connection ended, broke or stalled.
        Interrupted: the association is being ended.
        ProtocolViolation: what came is no message.

    Attributes:
        notices: requests of ours for which no service waits.
    """

    notices: Notices

    def write(self, context_id: int, command: bytes, data_set: Iterable[bytes] | None) -> None:
        """Send a message."""

    def is_waiting(self) -> bool:
        """Whether something has come that was not read; does not wait for it."""

    def next_command(self) -> tuple[int, bytearray]:
        """Read the next command set, and the ID of its context; waits for it."""

    def next_data_set(self, context_id: int) -> Iterator[memoryview]:
        """Read the data set that belongs to the command set just read."""

    def contexts(self) -> Mapping[int, Accepted]:
        """The accepted presentation contexts by their IDs."""

    def extended(self, sop_class_uid: str) -> bytes:
        """What was agreed by SOP Class Extended Negotiation; empty if nothing was."""


class Exchange:
    """A request, and the ways to answer it.

    Args:
        carrier: the association.
        request: its command set.
        context_id: the presentation context in which it came.
        caller: who sent it.

    Attributes:
        request, context_id, caller: as given.
        abstract_syntax, transfer_syntax: of that context.
        is_answered: whether the last response was sent.
    """

    def __init__(self, carrier: Carrier, request: Request, context_id: int, caller: Caller) -> None:
        self.request = request
        self.context_id = context_id
        self.caller = caller
        self.is_answered = False
        self.contexts = carrier.contexts()
        self.abstract_syntax = self.contexts[context_id].abstract_syntax
        self.transfer_syntax = self.contexts[context_id].transfer_syntax
        self._carrier = carrier
        self._is_cancelled = False
        self._stored = 0
        self._fragments = carrier.next_data_set(context_id) if request.has_data_set else iter(())

    @property
    def extended(self) -> bytes:
        """What was agreed by SOP Class Extended Negotiation for the context's SOP class."""
        return self._carrier.extended(self.abstract_syntax)

    def data_set(self) -> Iterator[memoryview]:
        """The bytes of the request's data set as they arrive; a view is valid until the next."""
        return self._fragments

    def respond(
        self,
        status: Status,
        *,
        identifier: bytes | None = None,
        elements: Iterable[tuple[int, bytes]] = (),
    ) -> None:
        """Send a response; one that is not pending is the last.

        Args:
            status: what is answered.
            identifier: the data set, encoded in the transfer syntax of the context.
            elements: further elements of the command set, encoded; `commands` has the makers.
        """
        assert not self.is_answered
        self._drain()
        has_data_set = identifier is not None
        command = commands.response(
            self.request, status, elements=elements, has_data_set=has_data_set
        )
        self.is_answered = status.code not in PENDING
        self._carrier.write(self.context_id, command, None if identifier is None else (identifier,))

    def has_room(self, size: int) -> bool:
        """Whether a notice of this size would be sent."""
        return self._carrier.notices.has_room(size)

    def notify(self, notice: Notice) -> None:
        """Send a request of ours when this one is served; its answer is not waited for."""
        self._carrier.notices.add(notice)

    def is_cancelled(self) -> bool:
        """Tell whether a C-CANCEL-RQ for this request has come; looks without waiting."""
        self._drain()
        while self._carrier.is_waiting():
            self._heard()
        return self._is_cancelled

    def store(
        self, context_id: int, sop_class_uid: str, sop_instance_uid: str, data_set: Iterable[bytes]
    ) -> int:
        """Send an instance to the peer over this association, and wait for its answer.

        Args:
            context_id: a context of the SOP class that is ours to send in.
            sop_class_uid, sop_instance_uid: of the instance.
            data_set: its bytes in the transfer syntax of that context.

        Returns:
            The status with which the peer answers.

        Raises:
            ProtocolViolation: the data set failed half-way, or the peer broke a rule.
        """
        # The numbers of our requests are none of the peer's.
        self._stored += 1
        message_id = self._stored & 0xFFFF or 1
        command = store_request(message_id, sop_class_uid, sop_instance_uid)
        answer = self._ask(context_id, message_id, command, data_set)
        if answer.field != commands.C_STORE_RSP:
            raise ProtocolViolation("a response came that answers nothing")
        return answer.status

    def _ask(
        self, context_id: int, message_id: int, command: bytes, data_set: Iterable[bytes]
    ) -> Response:
        self._drain()
        while self._carrier.notices.is_one_outstanding:
            # One operation of ours at a time.
            if self._heard() is not None:
                raise ProtocolViolation("a response came that answers nothing")
        self._carrier.write(context_id, command, _to_its_end(data_set))
        while True:
            answer = self._heard()
            if answer is not None:
                if answer.message_id != message_id:
                    raise ProtocolViolation("a response came that answers nothing")
                return answer

    def _heard(self) -> Response | None:
        """Read a message: note a C-CANCEL or the answer to a notice, return another response."""
        context_id, command = self._carrier.next_command()
        message = commands.read(command)
        if message.has_data_set:
            for _ in self._carrier.next_data_set(context_id):
                pass
        if isinstance(message, Response):
            return None if self._carrier.notices.takes(message) else message
        if message.field != commands.C_CANCEL_RQ:
            raise ProtocolViolation("a request came before the one before it was answered")
        if message.message_id == self.request.message_id:
            self._is_cancelled = True
        return None

    def _drain(self) -> None:
        for _ in self._fragments:
            pass


Service = Callable[[Exchange], None]
"""Serves a request: answers it, with as many responses as there are."""

Services = Mapping[int, Service]
"""Which service serves a request, by its command field."""


def _to_its_end(data_set: Iterable[bytes]) -> Iterator[bytes]:
    """Give all of it; a failure on the way leaves a message that can only be broken off."""
    chunks = iter(data_set)
    while True:
        try:
            chunk = next(chunks, None)
        except Exception:
            raise ProtocolViolation("an instance could not be sent to its end") from None
        if chunk is None:
            return
        yield chunk
