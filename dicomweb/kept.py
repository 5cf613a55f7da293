"""Keeps the last answers to searches, each until something it may show has changed.

The number of `store.changes` is part of what an answer is kept by. It is read from the database for
every request, before the search, so that an answer is never older than the number it is kept by:
what another process or node has committed by then has raised the number already. An answer may be
newer than its number; by then nobody reads that number any more.
Invariants: an answer is given to the same scope only, for the same resource, parameters, address of
the root and media type. The memory is bounded.
Not here: making answers (`dicomweb.qido`).
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from store.access import Scope
from store.changes import current_version
from store.db import Database

__all__ = ["KeptAnswer", "kept_or_made"]

MAX_ANSWERS: Final = 512
MAX_BYTES: Final = 32 * 1024 * 1024
MAX_ANSWER_BYTES: Final = MAX_BYTES // 16


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What an answer to a search is made of.

    Attributes:
        content_type: of the body.
        body: empty when nothing was found.
        etag: of the body.
        warnings: what the caller is warned of.
    """

    content_type: str
    body: bytes
    etag: str
    warnings: tuple[str, ...]


class _Answers:
    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, KeptAnswer] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: Hashable) -> KeptAnswer | None:
        with self._lock:
            if (answer := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
            return answer

    def put(self, key: Hashable, answer: KeptAnswer) -> None:
        if len(answer.body) > MAX_ANSWER_BYTES:
            return
        with self._lock:
            if (old := self._kept.pop(key, None)) is not None:
                self._bytes -= len(old.body)
            self._kept[key] = answer
            self._bytes += len(answer.body)
            while len(self._kept) > MAX_ANSWERS or self._bytes > MAX_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1].body)


_OF: Final[WeakKeyDictionary[Database, _Answers]] = WeakKeyDictionary()


def kept_or_made(
    database: Database, scope: Scope, asked: Hashable, make: Callable[[int], KeptAnswer]
) -> KeptAnswer:
    """Return the kept answer if nothing has changed since it was made, else make and keep one.

    Args:
        database: the index.
        scope: whose answer it is; scopes that are equal show the same.
        asked: everything else that the answer depends on.
        make: makes the answer, given the number; what it raises is not kept.
    """
    answers = _OF.setdefault(database, _Answers())
    number = current_version(database, scope)
    key = (scope, number, asked)
    if (answer := answers.get(key)) is None:
        answer = make(number)
        answers.put(key, answer)
    return answer
