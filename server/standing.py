"""How a sending stands: which instances are settled, in a form that a job keeps between attempts.

Invariants: what is kept names nothing; it is two bits for each instance in the order of the index,
and a digest by which another order is noticed. Where that differs, as something was removed, or
there are too many, all of them are sent again, which is safe; those that came later are new ones.
Not here: what settles an instance (`dimse.sending`, `server.transfers`), the job (`store.jobs`).
"""

from __future__ import annotations

import zlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from store.retrieve import StoredInstance

__all__ = ["Standing"]

MOST: Final = 250_000


class Standing:
    """What has become of instances so far; `str` of it is what a job keeps.

    One thread settles; another may ask for the text meanwhile.

    Args:
        refs: all instances, in the order in which they are to be sent.
        kept: the text that an earlier attempt has left, or none.

    Attributes:
        went, refused: how many the other side has, and how many it will never take.
    """

    def __init__(self, refs: Sequence[StoredInstance], kept: str = "") -> None:
        self._refs = refs
        # New rows get higher numbers, so what is stored meanwhile comes behind what was there.
        self._in_order = sorted(refs, key=lambda ref: ref.id)
        self._places = {ref.id: place for place, ref in enumerate(self._in_order)}
        self._went, self._refused = (bytearray(_bytes_for(len(refs))) for _ in range(2))
        if kept:
            self._take_up(kept)
        self.went, self.refused = (_count(bits) for bits in (self._went, self._refused))
        self._digest = _digest(self._in_order)

    @property
    def total(self) -> int:
        """How many instances there are."""
        return len(self._refs)

    @property
    def settled(self) -> int:
        """Of how many nothing more is to be done."""
        return self.went + self.refused

    def left(self) -> list[StoredInstance]:
        """Those that are still to be sent."""
        return [ref for ref in self._refs if not self._is_settled(self._places[ref.id])]

    def settle(self, ref: StoredInstance, has_it: bool) -> None:
        """Note that the other side has an instance, or that it will never take it."""
        place = self._places[ref.id]
        if self._is_settled(place):
            return
        (self._went if has_it else self._refused)[place >> 3] |= 1 << (place & 7)
        self.went += has_it
        self.refused += not has_it

    def __str__(self) -> str:
        if self.total > MOST:
            return ""
        bits = (b64encode(zlib.compress(bytes(one))) for one in (self._went, self._refused))
        return ":".join((str(self.total), self._digest, *(one.decode() for one in bits)))

    def _is_settled(self, place: int) -> bool:
        return bool((self._went[place >> 3] | self._refused[place >> 3]) >> (place & 7) & 1)

    def _take_up(self, kept: str) -> None:
        count, digest, *packed = kept.split(":")
        if _digest(self._in_order[: int(count)]) != digest:
            return
        for bits, one in zip((self._went, self._refused), packed, strict=True):
            earlier = zlib.decompress(b64decode(one))
            bits[: len(earlier)] = earlier


def _digest(refs: Sequence[StoredInstance]) -> str:
    """Tells lists of instances apart; also where a row's number was given again."""
    found = sha256(str(len(refs)).encode())
    for ref in refs:
        found.update(f" {ref.id} {ref.sop_instance_uid} {ref.blob}".encode())
    return found.hexdigest()[:32]


def _bytes_for(count: int) -> int:
    return (count + 7) // 8


def _count(bits: bytearray) -> int:
    return int.from_bytes(bits, "little").bit_count()
