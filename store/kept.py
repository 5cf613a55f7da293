"""Keeps what was made, up to so much of it, and forgets what was longest not asked for.

Invariants: threads may share it; what takes more than an eighth of the room is not kept, so that
one thing never drives out all others.
Not here: pictures, which are kept on disk (`store.pictures`).
"""

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["Kept"]

LARGEST_SHARE = 8

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by name.

    Args:
        room: for all of them, in the unit of their sizes.
    """

    def __init__(self, room: int) -> None:
        self._largest = room // LARGEST_SHARE
        self._left = room
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, name: Hashable) -> Value | None:
        """What is kept under the name."""
        with self._lock:
            found = self._kept.get(name)
            if found is None:
                return None
            self._kept.move_to_end(name)
            return found[0]

    def put(self, name: Hashable, value: Value, size: int) -> None:
        """Keep the value in place of what is kept under the name."""
        with self._lock:
            _, old = self._kept.pop(name, (None, 0))
            self._left += old
            if size > self._largest:
                return
            self._kept[name] = (value, size)
            self._left -= size
            while self._left < 0:
                _, (_, freed) = self._kept.popitem(last=False)
                self._left += freed
