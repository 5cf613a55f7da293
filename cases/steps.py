"""The way from a case of a playlist to its neighbours, whoever reads it.

Not here: which cases the reader sees (`cases.playing`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cases.around import Step
from cases.playing import Item

__all__ = ["Neighbours", "neighbours"]


@dataclass(frozen=True)
class Neighbours:
    """Where in a playlist a case is, from 1, and what comes before and after it."""

    place: int
    count: int
    previous: Step | None
    next: Step | None


def neighbours(items: Sequence[Item], code: str) -> Neighbours | None:
    """What is before and after a case; None when it is not among the items."""
    place = next((place for place, one in enumerate(items) if one.code == code), None)
    if place is None:
        return None
    steps = [Step(one.code, one.title) for one in items]
    return Neighbours(
        place + 1,
        len(items),
        steps[place - 1] if place else None,
        steps[place + 1] if place + 1 < len(steps) else None,
    )
