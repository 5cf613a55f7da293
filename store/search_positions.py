"""Remembers where the pages of searches ended, so that the page after one begins there.

Without it, page 1,000 is found by passing over a hundred thousand results.
Invariants: a position holds for one scope, one number of `store.changes` and the same conditions;
the number was read before the rows, so that nothing that changed since is passed over or repeated
under one number. The memory is bounded. What is not remembered costs time, and nothing else.
Not here: answers that are kept whole (`dicomweb.kept`); how a search goes on from a position
(`store.search_plan`).
"""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from store.db import Database

__all__ = ["Position", "Positions", "positions_of"]

MAX_SEARCHES: Final = 128
MAX_POSITIONS: Final = 500


@dataclass(frozen=True, slots=True)
class Position:
    """A place among the results of a search.

    Attributes:
        offset: how many results come before it.
        key: of the last one of them; None at the beginning.
        is_end: there is none behind it.
    """

    offset: int = 0
    key: int | None = None
    is_end: bool = False


@dataclass
class _Known:
    offsets: list[int] = field(default_factory=lambda: [0])
    keys: list[int | None] = field(default_factory=lambda: [None])
    end: int | None = None


class Positions:
    """Where pages ended, of the searches that were made last."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, _Known] = OrderedDict()
        self._lock = Lock()

    def before(self, search: Hashable, offset: int) -> Position:
        """The last position that is known at or before an offset; else the beginning."""
        with self._lock:
            known = self._known.get(search)
            if known is None:
                return Position()
            self._known.move_to_end(search)
            if known.end is not None and offset >= known.end:
                return Position(known.end, is_end=True)
            at = bisect_right(known.offsets, offset) - 1
            return Position(known.offsets[at], known.keys[at])

    def remember(self, search: Hashable, offset: int, keys: Sequence[int], end: int | None) -> None:
        """Remember a page.

        Args:
            search: everything that the results depend on, and the number of changes.
            offset, keys: where the page begins, and what is on it.
            end: from where on there are no results; None if that was not seen.
        """
        with self._lock:
            known = self._known.setdefault(search, _Known())
            self._known.move_to_end(search)
            if end is not None:
                known.end = end if known.end is None else min(end, known.end)
            if keys:
                _insert(known, offset + len(keys), keys[-1])
            while len(self._known) > MAX_SEARCHES:
                self._known.popitem(last=False)


def _insert(known: _Known, offset: int, key: int) -> None:
    at = bisect_right(known.offsets, offset)
    if known.offsets[at - 1] == offset:
        return
    known.offsets.insert(at, offset)
    known.keys.insert(at, key)
    if len(known.offsets) > MAX_POSITIONS:
        # Every second one, but neither the beginning nor the last, from which paging goes on.
        del known.offsets[1:-1:2], known.keys[1:-1:2]


_OF: Final[WeakKeyDictionary[Database, Positions]] = WeakKeyDictionary()


def positions_of(database: Database) -> Positions:
    """The positions of searches in an index."""
    return _OF.setdefault(database, Positions())
