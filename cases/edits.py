"""The shortest way from one sequence to another, as long as it is short.

Standard: E. W. Myers, "An O(ND) difference algorithm and its variations" (1986).
Invariants: the work is bounded by the lengths times `most`, whatever somebody wrote into a text.
Not here: what the sequences are (`cases.comparing`).
"""

from collections.abc import Sequence

__all__ = ["kept_pairs"]


def kept_pairs(old: Sequence[str], new: Sequence[str], most: int) -> list[tuple[int, int]]:
    """The places in both of what stays, in order.

    Args:
        old, new: the sequences.
        most: with more removals and insertions than this, nothing in between is said to stay.
    """
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    olds, news = old[head : len(old) - tail], new[head : len(new) - tail]
    middle = _middle(olds, news, most)
    pairs = [(at, at) for at in range(head)]
    pairs += [(head + x, head + y) for x, y in middle]
    pairs += [(len(old) - at, len(new) - at) for at in range(tail, 0, -1)]
    return pairs


def _middle(old: Sequence[str], new: Sequence[str], most: int) -> list[tuple[int, int]]:
    # By diagonal x - y, how far into `old` one gets with so many edits.
    furthest, rounds = {1: 0}, []
    for edits in range(min(most, len(old) + len(new)) + 1):
        rounds.append(furthest.copy())
        for diagonal in range(-edits, edits + 1, 2):
            x = _step(furthest, diagonal, edits)
            while x < len(old) and x - diagonal < len(new) and old[x] == new[x - diagonal]:
                x += 1
            furthest[diagonal] = x
            if x >= len(old) and x - diagonal >= len(new):
                return _walk_back(rounds, len(old), len(new))
    return []


def _step(furthest: dict[int, int], diagonal: int, edits: int) -> int:
    """Return how far one gets on a diagonal by one more removal or insertion."""
    if _inserts(furthest, diagonal, edits):
        return furthest[diagonal + 1]
    return furthest[diagonal - 1] + 1


def _inserts(furthest: dict[int, int], diagonal: int, edits: int) -> bool:
    if diagonal in (-edits, edits):
        return diagonal == -edits
    return furthest[diagonal - 1] < furthest[diagonal + 1]


def _walk_back(rounds: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs = []
    for edits, furthest in reversed(list(enumerate(rounds))):
        diagonal = x - y
        came = diagonal + 1 if _inserts(furthest, diagonal, edits) else diagonal - 1
        start = max(0, _step(furthest, diagonal, edits))
        while x > start and y > start - diagonal:
            x, y = x - 1, y - 1
            pairs.append((x, y))
        if edits:
            x = furthest[came]
            y = x - came
    return pairs[::-1]
