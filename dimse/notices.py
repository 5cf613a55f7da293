"""Requests of ours on an association of a peer, which it answers whenever it likes.

Standard: PS3.7 D.3.3.3 (the Asynchronous Operations Window: without it one operation may be
outstanding for each invoker; ours and the peer's do not count together).
Invariants: one of them is outstanding at a time, the others wait; a peer may ask for more before
it answers, and its answer is taken whenever it comes. What waits is in memory, bounded, and is lost
with the association.
Not here: what is told (`dimse.commitment`), the association (`dimse.provider`).
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from dimse.commands import RESPONSE, Response
from dimse.errors import DimseError
from dimse.storage import place_of

__all__ = ["Message", "Notice", "Notices"]

logger = logging.getLogger(__name__)

#: A peer that asks and asks and never answers is told no more.
MOST_WAITING: Final = 10
LARGEST_TOGETHER: Final = 40_000

Message = tuple[bytes, Iterable[bytes]]
"""A command set and a data set."""


@dataclass(frozen=True)
class Notice:
    """A request of ours.

    Attributes:
        context_id: in which context.
        operation: its command field.
        size: how much of memory it takes while it waits, in references.
        make: makes it, given its Message ID, when it is its turn.
    """

    context_id: int
    operation: int
    size: int
    make: Callable[[int], Message] = field(repr=False)


class Notices:
    """Those of one association.

    Args:
        write: sends a message in a context.
    """

    def __init__(self, write: Callable[[int, bytes, Iterable[bytes]], None]) -> None:
        self._write = write
        self._waiting: deque[Notice] = deque()
        self._outstanding: tuple[int, int] | None = None
        self._number = 0

    @property
    def is_one_outstanding(self) -> bool:
        """Whether the peer has an answer to give."""
        return self._outstanding is not None

    def has_room(self, size: int) -> bool:
        """Whether one more of this size may wait."""
        together = size + sum(notice.size for notice in self._waiting)
        # A single one has room, whatever its size: how much can be asked is bounded elsewhere.
        is_small = together <= LARGEST_TOGETHER or not self._waiting
        return len(self._waiting) < MOST_WAITING and is_small

    def add(self, notice: Notice) -> None:
        """Send one, after those that wait, when nothing else is under way."""
        self._waiting.append(notice)

    def send_next(self) -> None:
        """Send what waits, unless the peer has an answer to give.

        Raises:
            DimseError: the association ends.
        """
        while self._waiting and self._outstanding is None:
            notice = self._waiting.popleft()
            self._number = self._number % 0xFFFF + 1
            try:
                command, data_set = notice.make(self._number)
            except DimseError:
                raise
            except Exception as error:
                # Only kind and place: the text may quote what it was about.
                logger.error("a report failed with %s at %s", type(error).__name__, place_of(error))
                continue
            self._outstanding = notice.operation | RESPONSE, self._number
            self._write(notice.context_id, command, data_set)

    def takes(self, response: Response) -> bool:
        """Take the answer to the outstanding one; False when it is none."""
        if (response.field, response.message_id) != self._outstanding:
            return False
        self._outstanding = None
        if response.status:
            logger.warning("a report was answered with %04X", response.status)
        return True
