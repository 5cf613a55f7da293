"""C-GET and C-MOVE: sends what a caller may see, to the caller or to a peer that it names.

Standard: PS3.4 C.4.2 (C-MOVE), C.4.3 (C-GET), Tables C.4-2 and C.4-3 (statuses), C.5.2 and C.5.3
(SCP behaviour), PS3.7 9.1.3 and 9.1.4 (counts of sub-operations).
Invariants: each instance is counted once; who asked is told after each of them, and may cancel
before the next; memory is what names the instances, and a block of one. Nothing of an identifier
is logged or answered in a comment.
Not here: which instances are named (`dimse.fetching_keys`), sending to another peer
(`dimse.sending`), transfer syntaxes (`dimse.outgoing`).
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, Protocol

from dimse import commands, query_statuses, statuses
from dimse.callers import Caller
from dimse.errors import CannotReach, DimseError, Refused
from dimse.exchange import Accepted, Exchange
from dimse.fetching_keys import instances_asked_for
from dimse.identifiers import Unfit, Writer, read_identifier
from dimse.models import GET, MOVE, Model
from dimse.outgoing import chosen, data_set
from dimse.query import refuse
from dimse.requests import Originator
from dimse.sending import Destination, Totals, send
from dimse.statuses import Status, status_of
from dimse.storage import place_of
from store.encoders import LOSSLESS
from store.retrieve import Archive, StoredInstance
from store.transcode import can_be_written

__all__ = ["Destinations", "GetService", "MoveService", "Send"]

logger = logging.getLogger(__name__)

Destinations = Callable[[Caller, str], Destination | None]
"""Finds a peer of the caller's by its AE title; None if the caller has none of that name."""

#: PS3.7 Annex C: codes that say "stored, but" besides those of the class Bxxx.
_WARNINGS: Final = frozenset({0x0001, 0x0107, 0x0116})
_FAILED_UIDS: Final = 0x00080058


class Send(Protocol):
    """Sends instances to a peer; `dimse.sending.send` does."""

    def __call__(
        self,
        archive: Archive,
        refs: Sequence[StoredInstance],
        to: Destination,
        /,
        *,
        calling_ae_title: str,
        each: Callable[[Totals], bool] | None,
        originator: Originator | None,
    ) -> Totals:
        """Send them; see `dimse.sending.send`."""


@dataclass
class _Progress:
    """What became of the instances that were asked for."""

    total: int
    completed: int = 0
    failed: int = 0
    warning: int = 0
    failed_uids: list[str] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        return self.total - self.completed - self.failed - self.warning

    def fail(self, uid: str) -> None:
        self.failed += 1
        self.failed_uids.append(uid)

    def elements(self, *, is_under_way: bool) -> list[tuple[int, bytes]]:
        """The counts as elements of a response; how many remain is not said at the end."""
        counts = [(commands.REMAINING, self.remaining)] if is_under_way else []
        counts += [(commands.COMPLETED, self.completed), (commands.FAILED, self.failed)]
        counts.append((commands.WARNING, self.warning))
        return [(element, commands.number_value(number)) for element, number in counts]


class _Fetching:
    """What C-GET and C-MOVE have in common."""

    name = ""
    models: dict[str, Model]

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def __call__(self, exchange: Exchange) -> None:
        """Serve a request: a pending response for each instance, then how it ended."""
        try:
            self._serve(exchange)
        except Unfit as unfit:
            refuse(exchange, unfit)
        except DimseError:
            raise
        except Exception as error:
            exchange.respond(self._failure(error))

    def _failure(self, error: Exception) -> Status:
        if status_of(error).code == statuses.OUT_OF_RESOURCES.code:
            return query_statuses.CANNOT_COUNT
        logger.error("%s failed with %s at %s", self.name, type(error).__name__, place_of(error))
        return query_statuses.UNABLE

    def _serve(self, exchange: Exchange) -> None:
        scopes = exchange.caller.scopes
        model = self.models.get(exchange.abstract_syntax)
        if not scopes:
            raise Unfit(query_statuses.QUERIES_NOT_ALLOWED)
        if model is None or exchange.request.sop_class_uid != exchange.abstract_syntax:
            raise Unfit(query_statuses.OTHER_QUERY_CLASS)
        identifier = read_identifier(exchange)
        perform = self._performer(exchange)
        refs = instances_asked_for(self._archive, scopes, identifier, model)
        progress = _Progress(len(refs))
        status = perform(refs, progress)
        if progress.remaining:
            _end(exchange, progress, query_statuses.CANCELLED)
        else:
            _end(exchange, progress, status or _outcome(progress))

    def _performer(
        self, exchange: Exchange
    ) -> Callable[[list[StoredInstance], _Progress], Status | None]:
        """Return what sends instances until there are no more, or the request is cancelled."""
        raise NotImplementedError


class GetService(_Fetching):
    """Serves C-GET requests: sends instances over the association itself.

    Args:
        archive: where they are.
    """

    name = "C-GET"
    models = GET

    def _performer(
        self, exchange: Exchange
    ) -> Callable[[list[StoredInstance], _Progress], Status | None]:
        def perform(refs: list[StoredInstance], progress: _Progress) -> None:
            for ref in refs:
                if exchange.is_cancelled():
                    break
                self._send(exchange, ref, progress)
                _tell(exchange, progress)

        return perform

    def _send(self, exchange: Exchange, ref: StoredInstance, progress: _Progress) -> None:
        ours = {
            number: context
            for number, context in exchange.contexts.items()
            if context.is_ours_to_send
        }
        context = chosen(ours, ref) or _compressed(ours, ref)
        data = self._begun(ref, context[1]) if context else None
        if context is None or data is None:
            progress.fail(ref.sop_instance_uid)
            return
        status = exchange.store(context[0], ref.sop_class_uid, ref.sop_instance_uid, data)
        if status == query_statuses.COMPLETE.code:
            progress.completed += 1
        elif status >> 12 == 0xB or status in _WARNINGS:
            progress.warning += 1
        else:
            progress.fail(ref.sop_instance_uid)

    def _begun(self, ref: StoredInstance, transfer_syntax: str) -> Iterator[bytes] | None:
        """The data set, of which the first block has been read; None if it cannot be given.

        A message that has begun has to be brought to its end.
        """
        try:
            data = data_set(self._archive, ref, transfer_syntax)
            first = next(data, b"")
        except Exception as error:
            logger.warning("an instance could not be sent: %s", type(error).__name__)
            return None
        return chain((first,), data)


class MoveService(_Fetching):
    """Serves C-MOVE requests: sends instances to a peer of the caller's.

    Args:
        archive: where they are.
        ae_title: our own, by which we call the peer.
        destinations: finds the peer.
        sender: sends the instances.
    """

    name = "C-MOVE"
    models = MOVE

    def __init__(
        self, archive: Archive, ae_title: str, destinations: Destinations, sender: Send = send
    ) -> None:
        super().__init__(archive)
        self._ae_title = ae_title
        self._destinations = destinations
        self._sender = sender

    def _performer(
        self, exchange: Exchange
    ) -> Callable[[list[StoredInstance], _Progress], Status | None]:
        title = exchange.request.text(commands.MOVE_DESTINATION)
        destination = self._destinations(exchange.caller, title) if title else None
        if destination is None:
            raise Unfit(query_statuses.DESTINATION_UNKNOWN)

        def perform(refs: list[StoredInstance], progress: _Progress) -> Status | None:
            return self._send(exchange, destination, refs, progress) if refs else None

        return perform

    def _send(
        self,
        exchange: Exchange,
        destination: Destination,
        refs: list[StoredInstance],
        progress: _Progress,
    ) -> Status | None:
        broken: list[DimseError] = []

        def each(totals: Totals) -> bool:
            _count(progress, totals)
            try:
                _tell(exchange, progress)
                return not exchange.is_cancelled()
            except DimseError as error:
                # Of the association with the caller; the one with the peer goes on without it.
                broken.append(error)
                return False

        originator = exchange.caller.ae_title, exchange.request.message_id
        try:
            totals = self._sender(
                self._archive,
                refs,
                destination,
                calling_ae_title=self._ae_title,
                each=each,
                originator=originator,
            )
        except (CannotReach, Refused) as error:
            logger.warning("the destination of a C-MOVE: %s", type(error).__name__)
            for ref in refs:
                progress.fail(ref.sop_instance_uid)
            return query_statuses.DESTINATION_SILENT
        if broken:
            raise broken[0]
        _count(progress, totals)
        return None


def _compressed(contexts: Mapping[int, Accepted], ref: StoredInstance) -> tuple[int, str] | None:
    """A context in which the instance goes out compressed, without loss; its syntax."""
    for number, context in contexts.items():
        syntax = context.transfer_syntax
        is_of_class = context.abstract_syntax == ref.sop_class_uid
        if is_of_class and syntax in LOSSLESS and can_be_written(ref.transfer_syntax, syntax):
            return number, syntax
    return None


def _count(progress: _Progress, totals: Totals) -> None:
    progress.completed, progress.warning = totals.completed, totals.warning
    progress.failed, progress.failed_uids = totals.failed, totals.failed_uids


def _tell(exchange: Exchange, progress: _Progress) -> None:
    if progress.remaining:
        exchange.respond(query_statuses.UNDER_WAY, elements=progress.elements(is_under_way=True))


def _outcome(progress: _Progress) -> Status:
    if progress.failed and progress.failed == progress.total:
        return query_statuses.ALL_FAILED
    is_whole = progress.failed == progress.warning == 0
    return query_statuses.COMPLETE if is_whole else query_statuses.SOME_FAILED


def _end(exchange: Exchange, progress: _Progress, status: Status) -> None:
    is_cancelled = status is query_statuses.CANCELLED
    identifier = None
    if progress.failed_uids:
        writer = Writer(exchange.transfer_syntax)
        identifier = writer.uids(_FAILED_UIDS, progress.failed_uids)
    exchange.respond(
        status, identifier=identifier, elements=progress.elements(is_under_way=is_cancelled)
    )
