"""Serves requests for storage commitment: the Push Model's service class provider.

Standard: PS3.4 Annex J (Storage Commitment Service Class), PS3.7 10.1.4 (N-ACTION; Annex C, its
statuses).
Invariants: a request is answered at once, its outcome is told by a report: on a new association
where it is known at what address the peer listens, otherwise right after on the same one, where the
peer may go on before it answers. The request names instances as the sender does; none of it is
logged or written.
Not here: the reports (`dimse.reports`), which does say what is lost at a stop; what is stored
(`store.commitment`).
"""

from __future__ import annotations

import re
from functools import partial
from typing import Final

from dimse import commands
from dimse.commands import number_value, uid_value
from dimse.exchange import Exchange, Services
from dimse.fetching import Destinations
from dimse.identifiers import Identifier, Unfit, Writer, decoded
from dimse.notices import Message, Notice
from dimse.reports import (
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    Reports,
    Transaction,
    found_of,
    outcome_of,
)
from dimse.requests import event_report_request
from dimse.statuses import Status
from store.commitment import LookUp, Reference

__all__ = ["COMMITMENT_SOP_CLASSES", "CommitmentService", "Reports", "commitment"]

COMMITMENT_SOP_CLASSES: Final = (PUSH_MODEL,)
REQUEST_COMMITMENT: Final = 1
#: Some 20,000 instances.
LONGEST_REQUEST: Final = 2 * 1024 * 1024

ACCEPTED: Final = Status(0x0000)
NO_SUCH_INSTANCE: Final = Status(0x0112, "There is no such SOP Instance of storage commitment")
BAD_VALUE: Final = Status(0x0115, "Transaction UID or Referenced SOP Sequence is not valid")
NO_SUCH_CLASS: Final = Status(0x0118, "Only storage commitment is requested by N-ACTION here")
NO_SUCH_ACTION: Final = Status(0x0123, "Storage commitment has action type 1 only")
NOT_AUTHORISED: Final = Status(0x0124, "This AE title may not ask for storage commitment here")
NO_ROOM: Final = Status(0x0213, "Too much storage commitment is pending; ask again later")

_TRANSACTION_UID: Final = 0x00081195
_REFERENCED_SOP_SEQUENCE: Final = 0x00081199
_REFERENCED_SOP_CLASS_UID: Final = 0x00081150
_REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155
_UID: Final = re.compile(r"[0-9.]{1,64}")


def commitment(
    look_up: LookUp, reports: Reports, *, ae_title: str, destinations: Destinations
) -> Services:
    """Return the service that answers N-ACTION.

    Args:
        look_up: tells what the store has, `store.commitment.custody_of` with its first arguments.
        reports: brings outcomes to peers.
        ae_title: our own.
        destinations: finds where a caller listens itself.
    """
    return {commands.N_ACTION_RQ: CommitmentService(look_up, reports, ae_title, destinations)}


class CommitmentService:
    """Takes requests; see `commitment`."""

    def __init__(
        self, look_up: LookUp, reports: Reports, ae_title: str, destinations: Destinations
    ) -> None:
        self._look_up = look_up
        self._reports = reports
        self._ae_title = ae_title
        self._destinations = destinations

    def __call__(self, exchange: Exchange) -> None:
        """Serve a request."""
        try:
            transaction = _requested(exchange)
        except Unfit as unfit:
            exchange.respond(unfit.status)
            return
        # Asked again for each attempt: a peer may move, or be known no longer.
        find = partial(self._destinations, exchange.caller, exchange.caller.ae_title)
        is_here = find() is None
        size = len(transaction.references)
        has_room = exchange.has_room(size) if is_here else self._reports.add(transaction, find)
        if not has_room:
            exchange.respond(NO_ROOM)
            return
        exchange.respond(
            ACCEPTED,
            elements=[
                (commands.AFFECTED_SOP_INSTANCE_UID, uid_value(PUSH_MODEL_INSTANCE)),
                (commands.ACTION_TYPE_ID, number_value(REQUEST_COMMITMENT)),
            ],
        )
        if is_here:
            # The only way there is; a peer that ends the association instead learns nothing.
            make = partial(self._report, transaction, exchange.transfer_syntax)
            kind = commands.N_EVENT_REPORT_RQ
            exchange.notify(Notice(exchange.context_id, kind, size, make))

    def _report(self, transaction: Transaction, transfer_syntax: str, message_id: int) -> Message:
        found = found_of(transaction, self._look_up)
        outcome = outcome_of(transaction, found, self._ae_title)
        command = event_report_request(
            message_id, PUSH_MODEL, PUSH_MODEL_INSTANCE, outcome.event_type
        )
        return command, (Writer(transfer_syntax).data_set(outcome.attributes),)


def _requested(exchange: Exchange) -> Transaction:
    """Read a request.

    Raises:
        Unfit: it cannot be served.
    """
    request, owner_id = exchange.request, exchange.caller.owner_id
    if not exchange.abstract_syntax == request.sop_class_uid == PUSH_MODEL:
        raise Unfit(NO_SUCH_CLASS)
    if owner_id is None:
        raise Unfit(NOT_AUTHORISED)
    if request.sop_instance_uid != PUSH_MODEL_INSTANCE:
        raise Unfit(NO_SUCH_INSTANCE)
    if request.number(commands.ACTION_TYPE_ID) != REQUEST_COMMITMENT:
        raise Unfit(NO_SUCH_ACTION)
    data = bytearray()
    for fragment in exchange.data_set():
        if len(data) + len(fragment) > LONGEST_REQUEST:
            raise Unfit(NO_ROOM)
        data += fragment
    try:
        action = decoded(bytes(data), exchange.transfer_syntax, LONGEST_REQUEST)
    except Unfit:
        raise Unfit(BAD_VALUE) from None
    sequence = action.get(_REFERENCED_SOP_SEQUENCE)
    references = tuple(_reference(item) for item in sequence.items) if sequence else ()
    if not references:
        raise Unfit(BAD_VALUE)
    return Transaction(owner_id, _uid(action, _TRANSACTION_UID), references)


def _reference(item: Identifier) -> Reference:
    return Reference(
        _uid(item, _REFERENCED_SOP_CLASS_UID), _uid(item, _REFERENCED_SOP_INSTANCE_UID)
    )


def _uid(elements: Identifier, tag: int) -> str:
    element = elements.get(tag)
    if element is None or not _UID.fullmatch(element.value):
        raise Unfit(BAD_VALUE)
    return element.value
