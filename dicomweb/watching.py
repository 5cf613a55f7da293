"""Ends long answers early when what they show may not be shown any more.

Standard: RFC 9112 8 (incomplete messages).
Invariants: what is shown to whoever is no owner is asked for anew, at most twice a second, before a
piece is sent; an answer that is cut has no proper end: its length falls short, or its last
delimiter is missing.
Not here: what may be shown (`store.access`).
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from dicomweb.answers import Answer, log_unexpected
from dicomweb.resources import Resource
from store.access import OwnerScope, Scope
from store.db import Database
from store.watching import Watch

__all__ = ["watched"]

SECONDS: Final = 0.5
"""How long an answer goes on without being asked for."""


def watched(
    answer: Answer,
    database: Database,
    scope: Scope,
    resource: Resource,
    renewed: Callable[[Scope], Scope],
    clock: Callable[[], float] = time.monotonic,
) -> Answer:
    """The answer, which ends as soon as the scope does not show the resource any more.

    Args:
        answer: its body is sent as it is if it has been made already.
        database: the index.
        scope: who is answered; owners are not taken from what is theirs.
        resource: what is answered.
        renewed: gives the scope as of now.
        clock: seconds, from any beginning.
    """
    if isinstance(answer.body, list) or isinstance(scope, OwnerScope):
        return answer
    watch = Watch(database, scope, resource.study, resource.series)
    pieces = _while_it_holds(answer.body, lambda: watch.holds(renewed(scope)), clock)
    return replace(answer, body=pieces)


def _while_it_holds(
    pieces: Iterator[bytes], holds: Callable[[], bool], clock: Callable[[], float]
) -> Iterator[bytes]:
    asked = clock()
    try:
        for piece in pieces:
            if (now := clock()) - asked >= SECONDS:
                if not holds():
                    return
                asked = now
            yield piece
    except Exception as error:
        # What cannot be asked is not shown; the server in front would log the error's text.
        log_unexpected(error)
    finally:
        if (close := getattr(pieces, "close", None)) is not None:
            close()
