"""How those who do a job are asked about once a second whether to go on.

Invariants: whoever ends a job is heard within the instance that is under way, unless the other side
takes or gives nothing.
Not here: who asks (`server.worker`).
"""

import time
from collections.abc import Callable, Iterator
from typing import Final

__all__ = ["Progress", "watched"]

LOOK_EVERY_SECONDS: Final = 1.0

Progress = Callable[[int, int], None]
"""Takes how many instances are done, and of how many; raises Cancelled when nobody wants more."""


def watched(chunks: Iterator[bytes], look: Callable[[], None]) -> Iterator[bytes]:
    """The same, with a look about once a second, which may raise."""
    looked = time.monotonic()
    for chunk in chunks:
        if time.monotonic() - looked >= LOOK_EVERY_SECONDS:
            looked = time.monotonic()
            look()
        yield chunk
