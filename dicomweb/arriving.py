"""An instance of a Store request before it is read, and what is said of one that is of no use.

Standard: PS3.18 10.5 (Store transaction), I.2.2 (failure reasons).
Invariants: what is wrong with one instance never ends the request; the text of `Unusable` is empty.
Not here: where instances come from (`dicomweb.stow_parts`) and go to (`dicomweb.stow`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from dicomweb.errors import Outcome

__all__ = ["Arriving", "Unusable", "refused"]


class Unusable(Exception):
    """What comes of an instance cannot be stored; the rest of the request can.

    Attributes:
        outcome: why.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Arriving:
    """One instance.

    Attributes:
        number: its place in the request.
        content: its bytes; reading them may raise `Unusable`, or a `DicomwebError` for the body.
        transfer_syntax: of a bare data set; None when the bytes are a Part 10 file.
    """

    number: int
    content: Iterable[bytes]
    transfer_syntax: str | None = None


def refused(number: int, outcome: Outcome) -> Arriving:
    """Return an instance of which it is known beforehand that it cannot be stored."""
    return Arriving(number, _nothing(outcome))


def _nothing(outcome: Outcome) -> Iterator[bytes]:
    raise Unusable(outcome)
    yield b""
