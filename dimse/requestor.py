"""An association that we open with a peer, to ask something of it.

pynetdicom's own requestor starts two threads for each association, which look a thousand times a
second whether something has come, queues whole data sets, and waits for ever for a peer that stops
in the middle of a PDU. A requestor has only ever one thing to wait for: here the thread that asks
writes to the socket and reads from it, each within a time limit, and a slow peer slows it down.

Standard: PS3.8 section 9.2 (the state machine, as far as a requestor comes round in it), PS3.7
sections 9 and 10 (requests and responses).
Invariants: of a data set no more than one block is held; one request is answered before the next
(PS3.7 D.3.3.3); a message that cannot be completed ends the association; no AE title is logged.
Not here: bytes on the wire (`dimse.connection`), what is proposed and accepted
(`dimse.negotiating`), what is sent (`dimse.sending`, `dimse.reports`).
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from dimse import commands
from dimse.commands import Response
from dimse.connection import ABORT, ASSOCIATE_AC, ASSOCIATE_RJ, Connection, Limits
from dimse.errors import CannotReach, ConnectionLost, ProtocolViolation, Refused, Unwanted
from dimse.exchange import Accepted
from dimse.implementation import silence_pynetdicom
from dimse.negotiating import (
    Agreement,
    Proposal,
    agreement_of,
    encoded,
    no_answer,
    refusal_of,
    request_of,
)
from dimse.tls import secured

__all__ = ["Destination", "Limits", "Requestor", "open_association"]

BLOCK: Final = 256 * 1024
LONGEST_SENT: Final = BLOCK + 6
LONGEST_COMMAND: Final = 64 * 1024

_COMMAND, _LAST = 0x01, 0x02


@dataclass(frozen=True)
class Destination:
    """A peer that we may call; for memory only, never for a log.

    Attributes:
        ae_title, host, port: how it is called, and where it listens.
        tls: what is spoken with it; None is no TLS.
        allows: tells of an address to which the host's name leads whether we may connect to it;
            None is any.
    """

    ae_title: str
    host: str = field(repr=False)
    port: int
    tls: ssl.SSLContext | None = field(default=None, repr=False, kw_only=True)
    allows: Callable[[str], bool] | None = field(default=None, repr=False, kw_only=True)


def open_association(
    to: Destination,
    proposals: Sequence[Proposal],
    *,
    calling_ae_title: str,
    provided: Iterable[str] = (),
    limits: Limits,
    look: Callable[[], object] | None = None,
) -> Requestor:
    """Connect and negotiate.

    Args:
        to: the peer.
        proposals: what is asked for; the first gets the ID 1, the next 3, and so on.
        calling_ae_title: ours.
        provided: SOP classes of which we will be the provider.
        limits: how long the peer may take.
        look: called about once a second while the peer is sent to or waited for; what it raises
            comes out, and ends the association.

    Raises:
        CannotReach: nobody answers there, or nobody who speaks DICOM.
        Unwanted: we may not connect there, or do not trust the peer's certificate.
        Refused: the peer says no.
    """
    silence_pynetdicom()
    connected = _connected(to, limits.connect)
    if to.tls is not None:
        connected = secured(connected, to.tls, to.host, limits.connect)
    connection = Connection(connected, limits, look)
    try:
        request = request_of(
            proposals, calling=calling_ae_title, called=to.ae_title, provided=provided
        )
        answer = _answered(connection, encoded(request), is_secure=to.tls is not None)
        agreement = agreement_of(request, answer)
    except BaseException:
        connection.close()
        raise
    return Requestor(connection, agreement)


class Requestor:
    """An association with a peer, open until it is released, aborted or lost; a context manager.

    Attributes:
        contexts: the accepted presentation contexts by their IDs.
        is_open: whether something can be asked.
    """

    def __init__(self, connection: Connection, agreement: Agreement) -> None:
        self.contexts: Mapping[int, Accepted] = agreement.contexts
        self.is_open = True
        self._connection = connection
        # A fragment has an even number of bytes (PS3.8 Annex E.1), whatever the peer's maximum is,
        # and no PDU is longer than a block, whatever the peer would take.
        longest = min(agreement.maximum_length or LONGEST_SENT, LONGEST_SENT)
        self._maximum_length = max(longest & ~1, 8)
        self._message_id = 0

    def __enter__(self) -> Requestor:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.release()
        else:
            self.abort()

    def next_message_id(self) -> int:
        """A number for the next request."""
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def ask(self, context_id: int, command: bytes, data_set: Iterable[bytes]) -> Response:
        """Send a request and wait for the response.

        Args:
            context_id: an accepted context.
            command: the request's command set; its number is the last `next_message_id`.
            data_set: encoded in the transfer syntax of the context. Whatever it raises comes out;
                the association is still open if not a byte was sent. A C-STORE that has begun
                cannot be cancelled (PS3.7 9.1.1): all that ends it early is the abort.

        Raises:
            ConnectionLost: the association ended, or the peer took too long; it is closed.
            ProtocolViolation: what came is no response; the association is aborted.
        """
        is_begun = False
        try:
            unsent = commands.pdus(command, context_id, self._maximum_length)
            for block, is_last in _blocks(data_set, self._block_size()):
                is_begun = True
                self._connection.send(unsent + self._fragments(block, context_id, is_last))
                unsent = b""
            return self._response(command)
        except BaseException:
            if is_begun:
                self.abort()
            raise

    def release(self) -> None:
        """End the association in good order."""
        if not self.is_open:
            return
        self.is_open = False
        with contextlib.suppress(ConnectionLost, ProtocolViolation):
            self._connection.release()
        self._connection.close()

    def abort(self) -> None:
        """End the association at once."""
        if not self.is_open:
            return
        self.is_open = False
        self._connection.abort()

    def _block_size(self) -> int:
        room = self._maximum_length - 6
        return room * max(1, BLOCK // room)

    def _fragments(self, block: bytes, context_id: int, is_last: bool) -> bytes:
        return commands.pdus(
            block, context_id, self._maximum_length, is_command=False, is_last=is_last
        )

    def _response(self, command: bytes) -> Response:
        asked = commands.parse(command)
        fragments = self._connection.fragments()
        response = commands.read(_message(fragments, is_command=True))
        if not isinstance(response, Response) or response.message_id != asked.message_id:
            raise ProtocolViolation("a message came that is no response to ours")
        if response.has_data_set:
            _message(fragments, is_command=False)
        return response


def _connected(to: Destination, within: float) -> socket.socket:
    until = time.monotonic() + within
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError, OverflowError):
        raise CannotReach("The peer's host name is not known.") from None
    # Asked of what is connected to, and not of the name: that may lead elsewhere next time.
    allowed = [(family, at) for family, *_, at in found if _is_allowed(to, str(at[0]))]
    if not allowed:
        raise Unwanted(
            "This server may not connect to the peer's address. Its operator can allow it."
        )
    is_silent = False
    for family, at in allowed:
        connecting = socket.socket(family, socket.SOCK_STREAM)
        try:
            connecting.settimeout(max(0.001, until - time.monotonic()))
            connecting.connect(at)
        except OSError as error:
            connecting.close()
            is_silent = isinstance(error, TimeoutError)
        else:
            return connecting
    if is_silent:
        raise CannotReach("The peer's address does not answer.")
    raise CannotReach("Nobody listens at the peer's address.")


def _is_allowed(to: Destination, address: str) -> bool:
    return to.allows is None or to.allows(address)


def _answered(connection: Connection, request: bytes, *, is_secure: bool) -> bytes:
    """Send the request for an association; return what accepts it."""
    try:
        connection.send(request)
        kind, pdu = connection.pdu(connection.limits.associate)
    except ProtocolViolation:
        raise no_answer() from None
    except ConnectionLost:
        if is_secure:
            # Over TLS 1.3 it says no to our certificate after it has agreed (RFC 8446 4.4.2.4).
            raise CannotReach(
                "The peer does not answer over TLS; it may ask for a certificate that it trusts."
            ) from None
        raise CannotReach("The peer does not answer the request for an association.") from None
    if kind == ASSOCIATE_RJ:
        raise refusal_of(pdu)
    if kind == ABORT:
        # It gives no reason (PS3.8 9.3.8); a peer that starts, or is full, does so, too.
        raise Refused("The peer aborted the association at once.", is_transient=True)
    if kind != ASSOCIATE_AC:
        raise no_answer()
    return pdu


def _message(fragments: Iterator[tuple[int, bytes]], *, is_command: bool) -> bytes:
    """Collect a command set; pass over a data set."""
    collected = bytearray()
    control = 0
    while not control & _LAST:
        control, part = next(fragments)
        if bool(control & _COMMAND) != is_command or len(collected) > LONGEST_COMMAND:
            raise ProtocolViolation("another part of the message was due")
        if is_command:
            collected += part
    return bytes(collected)


def _blocks(data_set: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """Cut a data set into blocks of one size; tells of each whether it is the last."""
    held = bytearray()
    for chunk in data_set:
        held += chunk
        # One byte more than a block must be there, or it could be the last.
        while len(held) > size:
            yield bytes(held[:size]), False
            del held[:size]
    yield bytes(held), True
