"""The states of review that a series can be in.

Not here: what leads from one to another (`store.review`), who sees what (`store.access`).
"""

from enum import StrEnum

__all__ = ["State"]


class State(StrEnum):
    """How far the review of a series is."""

    FREE = "free"
    HELD = "held"
    ATTESTED = "attested"
    MASKED = "masked"
    LEFT_OUT = "left-out"
