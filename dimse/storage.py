"""The storage service: one C-STORE request, its data set streamed through the one door.

Standard: PS3.4 Annex B (Storage Service Class), PS3.7 section 9.1.1.
Invariants: the data set is never held whole; success is decided only after the commit; whatever
the receiver raises, the data set is read to its end, so that the association can go on.
Not here: PDUs and sockets (`dimse.provider`), the table of statuses (`dimse.statuses`).
"""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dimse import statuses
from dimse.commands import Request
from dimse.door import Ingest, Received
from dimse.errors import DimseError
from dimse.statuses import Status, status_of

logger = logging.getLogger(__name__)

CAME_BY = "C-STORE"
_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True)
class Sender:
    """What an association's negotiation settled about one C-STORE request.

    Attributes:
        owner_id: to whom the instance will belong; None when nobody answers for the sender.
        sop_class_uid: abstract syntax of the presentation context.
        transfer_syntax: in which the data set comes.
    """

    owner_id: int | None
    sop_class_uid: str
    transfer_syntax: str


class StorageService:
    """Takes instances in.

    Args:
        ingest: the door.
        stored: the status that answers an instance which is durable.
    """

    def __init__(self, ingest: Ingest, stored: Status = statuses.STORED) -> None:
        self._ingest = ingest
        self._stored = stored

    def store(self, request: Request, sender: Sender, fragments: Iterator[memoryview]) -> Status:
        """Take one instance in.

        Args:
            request: the C-STORE request.
            sender: what was negotiated for it.
            fragments: the bytes of its data set as they arrive; always read to the end.

        Returns:
            What to answer.

        Raises:
            Interrupted: the data set will never be complete; nothing of it was kept.
        """
        refused = _refusal(request, sender)
        status = refused or self._take_in(request, sender, fragments)
        for _ in fragments:
            pass
        return status

    def _take_in(self, request: Request, sender: Sender, fragments: Iterator[memoryview]) -> Status:
        assert sender.owner_id is not None
        try:
            with self._ingest.batch(sender.owner_id, CAME_BY) as batch:
                incoming = batch.receive(transfer_syntax=sender.transfer_syntax)
                try:
                    for fragment in fragments:
                        incoming.feed(fragment)
                except DimseError:
                    incoming.abort()
                    raise
                received = incoming.finish()
                mismatch = _mismatch(request, received)
                if mismatch is not None:
                    return mismatch
                batch.commit()
        except DimseError:
            raise
        except Exception as error:
            return _failure(error)
        return self._stored


def _refusal(request: Request, sender: Sender) -> Status | None:
    if sender.owner_id is None:
        return statuses.NOT_AUTHORISED
    if request.sop_class_uid != sender.sop_class_uid:
        return statuses.SOP_CLASS_NOT_SUPPORTED
    if not _UID.fullmatch(request.sop_instance_uid):
        return statuses.INVALID_INSTANCE_UID
    return None if request.has_data_set else statuses.NO_DATA_SET


def _mismatch(request: Request, received: Received) -> Status | None:
    if received.sop_class_uid != request.sop_class_uid:
        return statuses.OTHER_SOP_CLASS
    if received.sent_sop_instance_uid != request.sop_instance_uid:
        return statuses.OTHER_SOP_INSTANCE
    return None


def place_of(error: BaseException) -> str:
    """Where an error was raised: all of a foreign exception that may be logged beside its kind."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"


def _failure(error: Exception) -> Status:
    status = status_of(error)
    if status is statuses.FAILED:
        # Only the kind and the place: the text of a foreign exception may quote the data set.
        logger.error("C-STORE failed with %s at %s", type(error).__name__, place_of(error))
    return status
