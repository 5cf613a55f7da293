"""Finds where a header differs from another one, in a few comparisons of memory.

Invariants: an element is taken as equal only if all its bytes are.
Not here: what is made of the elements (`deid.repeats`, `store.metadata_pieces`).
"""

from bisect import bisect_left, insort
from typing import Final

from deid.encoding import Encoding

__all__ = ["Runs"]


class Runs:
    """A header, with which others are compared.

    Args:
        source: its bytes.
        starts: where each element begins, and where the last one ends.
    """

    def __init__(self, source: bytes, starts: tuple[int, ...]) -> None:
        self.source: Final = source
        self.starts: Final = starts
        # Which elements were seen to differ, in order.
        self._often: list[int] = []

    def equal_until(self, buf: bytes, pos: int, index: int) -> int:
        """Return up to which element another header is equal.

        What differs is mostly what differed before, so the runs between these are compared whole;
        a run that differs is halved.

        Args:
            buf: the other header.
            pos: where in it the element ``index`` begins.
            index: from which element on.
        """
        source, starts, often = self.source, self.starts, self._often
        low, count = index, len(starts) - 1
        base = pos - starts[index]

        def equal(first: int, end: int) -> bool:
            a, b = starts[first], starts[end]
            return source[a:b] == buf[base + a : base + b]

        while low < count:
            at = bisect_left(often, low)
            high = often[at] if at < len(often) else count
            if high == low:
                if not equal(low, low + 1):
                    return low
                low += 1
            elif equal(low, high):
                low = high
            else:
                break
        else:
            return count
        while high - low > 1:
            middle = (low + high) // 2
            if equal(low, middle):
                low = middle
            else:
                high = middle
        insort(often, low)
        return low

    def is_same_element(self, index: int, buf: bytes, pos: int, enc: Encoding) -> bool:
        """Tell whether an element of the other header has the tag and VR of one of this."""
        head = 6 if enc.explicit else 4
        start = self.starts[index]
        return self.source[start : start + head] == buf[pos : pos + head]
