"""What a row of the table is: work, the columns that do it, and the targets.

Invariants: ``measure`` returns one figure of one column in one round, and raises when the work was
not done right, so that a wrong answer can never count as a fast one.
Not here: rounds, medians and ratios (``bench.figures``).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from bench.work.context import Context

OWN = "readingroom"


class WorkError(Exception):
    """The work was done, but its result is wrong: there is no figure."""


@dataclass(frozen=True)
class Target:
    """What this server is to reach: so many times a column, or (without one) at most a figure."""

    bound: float
    column: str | None = None


class Row(ABC):
    """One kind of work. ``columns`` are keys of peers, this server first, the floor last."""

    key: str
    title: str
    unit: str
    columns: tuple[str, ...]
    targets: tuple[Target, ...] = ()
    floor: str | None = None
    more_is_better: bool = True
    most_rounds: int = 100

    @abstractmethod
    def measure(self, context: Context, column: str, turn: int) -> float:
        """Let one column do the work once; ``turn`` counts rounds from 0."""
