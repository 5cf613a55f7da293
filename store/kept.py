"""Keeps what was made, up to so many bytes, and forgets what was longest not asked for.

Invariants: threads may share it; what is larger than an eighth of the room is not kept, so that one
thing never drives out all others.
Not here: pictures, which are kept on disk (`store.pictures`).
"""

from collections import OrderedDict
from threading import Lock

__all__ = ["Kept"]

LARGEST_SHARE = 8


class Kept:
    """Bytes by name.

    Args:
        max_bytes: the room for all of them.
    """

    def __init__(self, max_bytes: int) -> None:
        self._room = max_bytes
        self._largest = max_bytes // LARGEST_SHARE
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, name: str) -> bytes | None:
        """What is kept under the name."""
        with self._lock:
            value = self._kept.get(name)
            if value is not None:
                self._kept.move_to_end(name)
            return value

    def put(self, name: str, value: bytes) -> None:
        """Keep the value; under one name it is always the same."""
        if len(value) > self._largest:
            return
        with self._lock:
            if name in self._kept:
                return
            self._kept[name] = value
            self._room -= len(value)
            while self._room < 0:
                _, forgotten = self._kept.popitem(last=False)
                self._room += len(forgotten)
