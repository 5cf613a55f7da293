"""Tells peers the outcome of storage commitment: the reports, and the threads that bring them.

Standard: PS3.4 J.3.3 (N-EVENT-REPORT of storage commitment; Tables J.3-3 and J.3-4), PS3.7 10.1.1,
PS3.3 C.14.1.1 (failure reasons).
Invariants: what is pending is in memory alone, since it names instances as their sender does, and
an original UID reaches no disk: what is pending when the server stops is lost, and the peer asks
again. A peer that cannot be reached is tried with growing pauses for half a day, each time where
it is known to listen by then. What is told is looked up once, when the peer has answered: one that
is away costs no look into the index.
Not here: the request (`dimse.commitment`), what is stored (`store.commitment`).
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dimse.errors import CannotReach
from dimse.identifiers import Writer
from dimse.negotiating import Proposal
from dimse.requestor import Destination, Limits, open_association
from dimse.requests import event_report_request
from store.commitment import Custody, LookUp, Reference

__all__ = [
    "PUSH_MODEL",
    "PUSH_MODEL_INSTANCE",
    "Outcome",
    "Pending",
    "Reports",
    "Transaction",
    "found_of",
    "outcome_of",
]

logger = logging.getLogger(__name__)

PUSH_MODEL: Final = "1.2.840.10008.1.20.1"
PUSH_MODEL_INSTANCE: Final = "1.2.840.10008.1.20.1.1"

ALL_COMMITTED: Final = 1
SOME_FAILED: Final = 2
NO_SUCH_INSTANCE: Final = 0x0112
CLASS_CONFLICT: Final = 0x0119
DUPLICATE_TRANSACTION: Final = 0x0131
_REASONS: Final = {Custody.UNKNOWN: NO_SUCH_INSTANCE, Custody.OTHER_CLASS: CLASS_CONFLICT}

#: Seconds before each attempt: the first leaves the peer time to take in our answer, all of them
#: together are twelve hours.
PAUSES: Final = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 240.0, 480.0, *(900.0,) * 47)
LIMITS: Final = Limits(connect=10, associate=15, stall=15, answer=30, release=2)
#: A reference takes some 200 bytes.
MOST_PENDING: Final = 1000
MOST_OF_ONE_OWNER: Final = 200
MOST_REFERENCES: Final = 200_000
WORKERS: Final = 4


@dataclass(frozen=True)
class Transaction:
    """A request for storage commitment.

    Attributes:
        owner_id: to whom belongs what the peer sent.
        uid: by which the peer knows the request.
        references: what it asks for.
    """

    owner_id: int
    uid: str = field(repr=False)
    references: tuple[Reference, ...] = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What is told about a transaction.

    Attributes:
        event_type: whether all is well.
        attributes: the Event Information, in the DICOM JSON model.
    """

    event_type: int
    attributes: dict[str, Any] = field(repr=False)


Found = Sequence[int]
"""The failure reason of each instance, 0 for what is stored."""


def found_of(transaction: Transaction, look_up: LookUp) -> Found:
    """Find out what has become of the instances of a transaction.

    Raises:
        StoreError: it cannot be looked up now.
    """
    found = look_up(transaction.owner_id, transaction.references)
    return [_REASONS.get(custody, 0) for custody in found]


def outcome_of(transaction: Transaction, found: Found, ae_title: str) -> Outcome:
    """Say what has become of the instances of a transaction.

    Args:
        transaction: what was asked.
        found: what was found out.
        ae_title: from which what is stored can be had.
    """
    both = list(zip(transaction.references, found, strict=True))
    committed = [_item(reference) for reference, reason in both if not reason]
    failed = [_item(reference, reason) for reference, reason in both if reason]
    attributes: dict[str, Any] = {
        "00080054": {"vr": "AE", "Value": [ae_title]},
        "00081195": {"vr": "UI", "Value": [transaction.uid]},
    }
    if failed:
        attributes["00081198"] = {"vr": "SQ", "Value": failed}
    if committed:
        attributes["00081199"] = {"vr": "SQ", "Value": committed}
    return Outcome(SOME_FAILED if failed else ALL_COMMITTED, attributes)


def _item(reference: Reference, reason: int = 0) -> dict[str, Any]:
    item: dict[str, Any] = {
        "00081150": {"vr": "UI", "Value": [reference.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [reference.sop_instance_uid]},
    }
    if reason:
        item["00081197"] = {"vr": "US", "Value": [reason]}
    return item


Find = Callable[[], Destination | None]
"""Finds where a peer listens now; None when that is not known any more."""


@dataclass
class Pending:
    """A transaction whose outcome is to be told to a peer.

    Attributes:
        transaction: what was asked.
        find: finds the peer.
        found: what was found out; None while nobody has looked.
    """

    transaction: Transaction
    find: Find = field(repr=False)
    found: Found | None = field(default=None, repr=False)


class Reports:
    """Brings outcomes to peers, over associations that we open; one for a process, started once.

    Args:
        look_up: tells what the store has.
        ae_title: our own.
        pauses: seconds before each attempt.
        limits: how long a peer may take.
    """

    def __init__(
        self,
        look_up: LookUp,
        *,
        ae_title: str,
        pauses: Sequence[float] = PAUSES,
        limits: Limits = LIMITS,
    ) -> None:
        self._look_up = look_up
        self._ae_title = ae_title
        self._pauses = pauses
        self._limits = limits
        self._changed = threading.Condition()
        self._queue: list[tuple[float, int, int, Pending]] = []
        self._numbers = count()
        self._open: dict[tuple[int, str], int] = {}
        self._of_owner: Counter[int] = Counter()
        self._references = 0
        self._is_running = False
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        """Begin to bring reports; returns at once."""
        if self._threads:
            raise RuntimeError("the reports are brought only once")
        self._is_running = True
        self._threads = [
            threading.Thread(target=self._work, name=f"dimse-reports-{number}", daemon=True)
            for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self, within: float = 5.0) -> None:
        """Bring no more; what is pending is forgotten, what is under way may end in that time."""
        with self._changed:
            self._is_running = False
            self._queue.clear()
            self._changed.notify_all()
        until = time.monotonic() + within
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def add(self, transaction: Transaction, find: Find) -> bool:
        """Take on to tell a peer the outcome.

        Args:
            transaction: what was asked.
            find: finds where the peer listens, for each attempt.

        Returns:
            Whether it is: not while there is too much to tell, or nothing is told.
        """
        owner_id, size = transaction.owner_id, len(transaction.references)
        with self._changed:
            if (
                not self._is_running
                or self._of_owner.total() >= MOST_PENDING
                or self._of_owner[owner_id] >= MOST_OF_ONE_OWNER
                or self._references + size > MOST_REFERENCES
            ):
                return False
            key = owner_id, transaction.uid
            pending = Pending(transaction, find)
            if self._open.get(key, 0):
                pending.found = [DUPLICATE_TRANSACTION] * size
            self._open[key] = self._open.get(key, 0) + 1
            self._of_owner[owner_id] += 1
            self._references += size
            self._push(pending, 0)
        return True

    def _push(self, pending: Pending, attempt: int) -> None:
        due = time.monotonic() + self._pauses[attempt]
        heapq.heappush(self._queue, (due, next(self._numbers), attempt, pending))
        self._changed.notify()

    def _forget(self, pending: Pending) -> None:
        transaction = pending.transaction
        key = transaction.owner_id, transaction.uid
        self._of_owner[transaction.owner_id] -= 1
        self._references -= len(transaction.references)
        self._open[key] -= 1
        if not self._open[key]:
            del self._open[key]

    def _work(self) -> None:
        while (taken := self._next()) is not None:
            attempt, pending = taken
            is_told = self._tell(pending)
            with self._changed:
                if not self._is_running:
                    return
                if not is_told and attempt + 1 < len(self._pauses):
                    self._push(pending, attempt + 1)
                    continue
                self._forget(pending)
            if not is_told:
                logger.warning("a report of storage commitment was given up")

    def _next(self) -> tuple[int, Pending] | None:
        """Wait for what is due; None when nothing will be."""
        with self._changed:
            while self._is_running:
                wait = self._queue[0][0] - time.monotonic() if self._queue else None
                if wait is not None and wait <= 0:
                    _, _, attempt, pending = heapq.heappop(self._queue)
                    return attempt, pending
                self._changed.wait(wait)
        return None

    def _tell(self, pending: Pending) -> bool:
        """Tell a peer; whatever it answers, it has been told."""
        try:
            to = pending.find()
            if to is None:
                # Whoever listens there now is not to learn what another has sent.
                logger.info("a report of storage commitment is dropped: its peer is gone")
                return True
            status = self._send(pending, to)
        except Exception as error:
            # The text of a foreign exception may quote what it was about.
            logger.info("a report of storage commitment waits: %s", type(error).__name__)
            return False
        if status:
            logger.warning("a report of storage commitment was answered with %04X", status)
        return True

    def _send(self, pending: Pending, to: Destination) -> int:
        syntaxes = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
        with open_association(
            to,
            [Proposal(PUSH_MODEL, syntaxes)],
            calling_ae_title=self._ae_title,
            provided=[PUSH_MODEL],
            limits=self._limits,
        ) as assoc:
            if not assoc.contexts:
                raise CannotReach("The peer does not take part in storage commitment.")
            ((context_id, context),) = assoc.contexts.items()
            if pending.found is None:
                pending.found = found_of(pending.transaction, self._look_up)
            outcome = outcome_of(pending.transaction, pending.found, self._ae_title)
            command = event_report_request(
                assoc.next_message_id(), PUSH_MODEL, PUSH_MODEL_INSTANCE, outcome.event_type
            )
            information = Writer(context.transfer_syntax).data_set(outcome.attributes)
            return assoc.ask(context_id, command, [information]).status
