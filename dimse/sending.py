"""Sends stored instances to a peer: the C-STORE service class user.

Standard: PS3.4 Annex B (Storage Service Class; B.2.3 statuses), PS3.7 section 9.1.1 (C-STORE).
Invariants: each instance is counted once, as what the peer's last answer says; memory is a block of
one data set, whatever the instance holds. An association that breaks, and a peer that says it has
no room, are tried again within limits; sending an instance twice is safe. An instance is settled
when another attempt would change nothing: the peer has it, or will never take it.
Not here: the association (`dimse.requestor`), transfer syntaxes (`dimse.outgoing`), who may send
what where (`server`).
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from dimse.errors import CannotReach, DimseError, Refused
from dimse.negotiating import Proposal
from dimse.outgoing import chosen, data_set, portions
from dimse.requestor import Destination, Limits, Requestor, open_association
from dimse.requests import Originator, store_request
from dimse.storage import place_of
from store.errors import CannotDecode, CannotTranscode
from store.retrieve import Archive, StoredInstance

__all__ = [
    "CannotReach",
    "Destination",
    "Limits",
    "Patience",
    "Refused",
    "Settled",
    "Totals",
    "is_final",
    "send",
]

logger = logging.getLogger(__name__)

#: PS3.7 Annex C: codes that say "stored, but" besides those of the class Bxxx.
_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116})
#: A processing failure and limited resources (PS3.7 Annex C), which are no word on the instance.
_PASSING: Final = frozenset({0x0110, 0x0213})
_WAITING_STEP: Final = 1.0

Settled = Callable[[StoredInstance, bool], None]
"""Takes an instance that is settled, and whether the peer has it."""


def is_final(status: int) -> bool:
    """Whether a failure would be the same another time, as far as its status says."""
    return status >> 8 != 0xA7 and status not in _PASSING


@dataclass(frozen=True)
class Patience:
    """How often what did not work is tried again.

    Attributes:
        reopen: seconds before each time that an association which broke is opened again; counted
            anew with each instance that is answered.
        no_room: seconds before each time that what a peer had no room for is sent again.
    """

    reopen: tuple[float, ...] = (1.0, 5.0)
    no_room: tuple[float, ...] = (5.0, 20.0, 60.0)


@dataclass
class Totals:
    """What became of the instances.

    Attributes:
        completed, warning, failed: how many.
        unsettled: how many of those that failed may succeed another time.
        failed_uids: SOP Instance UIDs of those that failed; all of them are our own.
    """

    completed: int = 0
    failed: int = 0
    warning: int = 0
    unsettled: int = 0
    failed_uids: list[str] = field(default_factory=list)


def send(
    archive: Archive,
    refs: Sequence[StoredInstance],
    to: Destination,
    *,
    calling_ae_title: str,
    each: Callable[[Totals], bool] | None = None,
    settled: Settled | None = None,
    originator: Originator | None = None,
    limits: Limits | None = None,
    patience: Patience | None = None,
) -> Totals:
    """Send instances, in the syntax they are stored in or a plain one.

    Args:
        archive: where they are.
        refs: the instances.
        to: the peer.
        calling_ae_title: ours.
        each: called after each instance, and about once a second however long one takes; False
            ends the sending, and what is left is not counted. An instance under way cannot be
            taken back: its association is aborted.
        settled: told of each instance that is settled, before `each` is asked.
        originator: who asked for it by C-MOVE.
        limits: how long the peer may take.
        patience: how often is tried again.

    Returns:
        What became of them.

    Raises:
        CannotReach: the peer cannot be reached; nothing was sent.
        Refused: the peer refuses an association; nothing was sent.
        Exception: what `each` has raised, which ends the sending, too.
    """
    sending = _Sending(
        archive,
        to,
        calling_ae_title,
        each,
        settled,
        originator,
        limits or Limits(),
        patience or Patience(),
    )
    sending.send(refs)
    return sending.totals


class _Outcome(Enum):
    COMPLETED = "completed"
    WARNING = "warning"
    FAILED = "failed"
    BROKEN = "broken"
    NO_ROOM = "no room"


class _Ended(Exception):
    """The caller wants no more to be sent."""


@dataclass
class _Sending:
    archive: Archive
    to: Destination
    calling_ae_title: str
    each: Callable[[Totals], bool] | None
    settled: Settled | None
    originator: Originator | None
    limits: Limits
    patience: Patience
    totals: Totals = field(default_factory=Totals)
    _no_room: list[StoredInstance] = field(default_factory=list)
    _was_open: bool = False
    _is_given_up: bool = False

    def send(self, refs: Sequence[StoredInstance]) -> None:
        try:
            self._round(refs)
            for pause in self.patience.no_room:
                if not self._no_room or self._is_given_up:
                    break
                again, self._no_room = self._no_room, []
                self._wait(pause)
                self._round(again)
            self._leave(self._no_room)
        except _Ended as ended:
            if ended.__cause__ is not None:
                raise ended.__cause__ from None

    def _round(self, refs: Sequence[StoredInstance]) -> None:
        """Send each of them once, over as many associations as it takes."""
        for proposals, portion in portions(refs):
            left = deque(portion)
            # Again and again, as long as some attempt in three gets anywhere.
            pauses = iter(self.patience.reopen)
            while left and not self._is_given_up:
                before = len(left)
                try:
                    self._over_one_association(proposals, left)
                except DimseError as error:
                    if not self._was_open:
                        raise
                    logger.warning("an association for sending broke: %s", type(error).__name__)
                    if len(left) < before:
                        pauses = iter(self.patience.reopen)
                    pause = next(pauses, None)
                    if pause is None:
                        self._is_given_up = True
                    else:
                        self._wait(pause)
            self._leave(left)

    def _over_one_association(
        self, proposals: Sequence[Proposal], left: deque[StoredInstance]
    ) -> None:
        """Send until nothing is left or the association ends.

        Raises:
            DimseError: it broke, and the instance under way is now the last of what is left.
        """
        with open_association(
            self.to,
            proposals,
            calling_ae_title=self.calling_ae_title,
            limits=self.limits,
            look=self._tell,
        ) as assoc:
            self._was_open = True
            while left and assoc.is_open:
                ref = left.popleft()
                try:
                    outcome = self._outcome(assoc, ref)
                except DimseError:
                    # Last, so that one which makes a peer fall over holds up none of the others.
                    left.append(ref)
                    raise
                if outcome is _Outcome.NO_ROOM:
                    self._no_room.append(ref)
                    continue
                try:
                    self._count(outcome, ref)
                except _Ended:
                    assoc.release()
                    raise

    def _outcome(self, assoc: Requestor, ref: StoredInstance) -> _Outcome:
        context = chosen(assoc.contexts, ref)
        if context is None:
            return _Outcome.FAILED
        context_id, syntax = context
        command = store_request(
            assoc.next_message_id(), ref.sop_class_uid, ref.sop_instance_uid, self.originator
        )
        try:
            answer = assoc.ask(context_id, command, data_set(self.archive, ref, syntax))
        except (DimseError, _Ended):
            raise
        except (CannotDecode, CannotTranscode) as error:
            logger.warning("an instance could not be sent: %s", type(error).__name__)
            return _Outcome.FAILED
        except Exception as error:
            # What is wrong with one instance is no reason to keep the others back.
            kind, place = type(error).__name__, place_of(error)
            logger.warning("an instance could not be sent: %s at %s", kind, place)
            return _Outcome.BROKEN
        return _outcome_of(answer.status)

    def _count(self, outcome: _Outcome, ref: StoredInstance) -> None:
        if outcome is _Outcome.COMPLETED:
            self.totals.completed += 1
        elif outcome is _Outcome.WARNING:
            self.totals.warning += 1
        else:
            self.totals.failed += 1
            self.totals.failed_uids.append(ref.sop_instance_uid)
        if outcome is _Outcome.BROKEN:
            self.totals.unsettled += 1
        elif self.settled is not None:
            self.settled(ref, outcome is not _Outcome.FAILED)
        self._tell()

    def _leave(self, refs: Iterable[StoredInstance]) -> None:
        """Count what another attempt may bring there."""
        for ref in refs:
            self._count(_Outcome.BROKEN, ref)

    def _tell(self) -> None:
        if self.each is None:
            return
        try:
            goes_on = self.each(self.totals)
        except Exception as error:
            # Told apart from what is wrong with an instance, in the midst of which it may come.
            raise _Ended from error
        if not goes_on:
            raise _Ended

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, _WAITING_STEP))
            self._tell()


def _outcome_of(status: int) -> _Outcome:
    if status == 0x0000:
        return _Outcome.COMPLETED
    if status >> 12 == 0xB or status in _WARNINGS:
        return _Outcome.WARNING
    if status >> 8 == 0xA7:
        return _Outcome.NO_ROOM
    return _Outcome.FAILED if is_final(status) else _Outcome.BROKEN
