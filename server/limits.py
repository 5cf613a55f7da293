"""Counts what comes from each address, so that nobody asks more often than is good for the others.

Invariants: each worker counts for itself, in bounded memory; nothing of it is written anywhere.
Not here: who is counted (`server.gate`, `server.app`).
"""

import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from threading import Lock
from typing import Final

__all__ = ["PerMinute"]

WINDOW_SECONDS: Final = 60
KNOWN_ADDRESSES: Final = 20_000
# An IPv6 customer has at least a network of this many bits.
IPV6_NETWORK_BITS: Final = 64


class PerMinute:
    """So many times a minute, or in another while, for each address.

    Args:
        most: how often; 0 for as often as they like.
        clock: gives seconds.
        seconds: how long the while is.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        seconds: int = WINDOW_SECONDS,
    ) -> None:
        self._most = most
        self._clock = clock
        self._seconds = seconds
        self._counting = Lock()
        self._began: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    def count(self, address: str) -> int | None:
        """Count one time; return in how many seconds the next is allowed if this one is not."""
        if not self._most:
            return None
        who, now = _counted_as(address), self._clock()
        with self._counting:
            began = self._began.get(who)
            if began is None or now >= began + self._seconds:
                self._make_room(now)
                self._began[who] = began = now
                self._counts[who] = 0
            self._counts[who] += 1
            return self._wait(who, began, now, self._counts[who] - 1)

    def wait(self, address: str) -> int | None:
        """Return in how many seconds the next is allowed, without counting; None for now."""
        who, now = _counted_as(address), self._clock()
        began = self._began.get(who)
        if not self._most or began is None or now >= began + self._seconds:
            return None
        return self._wait(who, began, now, self._counts[who])

    def _wait(self, who: str, began: float, now: float, before: int) -> int | None:
        return None if before < self._most else max(1, round(began + self._seconds - now))

    def _make_room(self, now: float) -> None:
        if len(self._began) < KNOWN_ADDRESSES:
            return
        old = [who for who, began in self._began.items() if now >= began + self._seconds]
        # So many at once are no longer told apart: it is better to let all in than to keep all.
        for who in old or list(self._began):
            del self._began[who], self._counts[who]


def _counted_as(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    if not isinstance(parsed, IPv6Address):
        return address
    return str(parsed.ipv4_mapped or int(parsed) >> (128 - IPV6_NETWORK_BITS))
