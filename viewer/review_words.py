"""What the pages say about review: states, reasons, receipts, in plain words.

Standard: PS3.15 E.3.1 (clean pixel data).
Invariants: a value that has no words here is still shown, by its own name.
Not here: when something is held (`store.review`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = [
    "ACTIONS",
    "REASONS",
    "RULES",
    "STATES",
    "ReasonWords",
    "StateWords",
    "action",
    "listed",
    "reason",
    "rule",
    "state",
]


@dataclass(frozen=True, slots=True)
class StateWords:
    """How a state of a series is shown.

    Attributes:
        name: on its pill.
        tone, icon: of the pill.
        sentence: what it means.
    """

    name: str
    tone: str
    icon: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ReasonWords:
    """Why something is held, and what its owner can do about it."""

    sentence: str
    advice: str


STATES: Final[Mapping[str, StateWords]] = MappingProxyType(
    {
        "free": StateWords(
            "Ready",
            "note",
            "check",
            "Nothing in its headers suggests that these pictures name anybody.",
        ),
        "held": StateWords(
            "Held for review",
            "hold",
            "shield-half",
            "Only you can see it until you have decided.",
        ),
        "attested": StateWords(
            "Attested",
            "good",
            "check",
            "You looked at it and said that nothing in its pictures names anybody.",
        ),
        "masked": StateWords(
            "Masked",
            "good",
            "eraser",
            "Parts of its pictures were blacked out. The pictures before that are deleted.",
        ),
        "left-out": StateWords(
            "Left out",
            "",
            "eye-off",
            "Only you can see it, and it goes into no case.",
        ),
    }
)

REASONS: Final[Mapping[str, ReasonWords]] = MappingProxyType(
    {
        "burned-in-annotation": ReasonWords(
            "The device says that text is part of these pictures.",
            "Look at every image.",
        ),
        "modality": ReasonWords(
            "Devices of this kind often write names and dates into the picture.",
            "Look along the edges first.",
        ),
        "secondary-capture": ReasonWords(
            "A secondary capture is a picture of a screen or of a page, with all that stood on it.",
            "Look for names, numbers and dates.",
        ),
        "ultrasound-regions": ReasonWords(
            "Outside the marked regions of the scan, ultrasound machines write names and dates.",
            "Look at the bars around the scan.",
        ),
        "scanned-document": ReasonWords(
            "A scanned document is mostly text, and mostly about one person.",
            "Read all of it.",
        ),
        "encapsulated-document": ReasonWords(
            "It holds a whole document, such as a PDF, which is kept as it came.",
            "Read all of it. It cannot be masked.",
        ),
        "video": ReasonWords(
            "A video can show a name or a face, or say one, at any moment.",
            "Watch all of it, with the sound on. It cannot be masked.",
        ),
    }
)

ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "cleaned": "Text cleaned",
        "emptied": "Emptied",
        "literal": "Literal written",
        "mapped": "UID replaced",
        "removed": "Removed",
        "replaced": "Replaced by a dummy",
        "shifted": "Date shifted",
    }
)

RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "1": "Files and data sets, at every depth",
        "2": "Deleted always: private elements, curves, overlays, signatures",
        "3": "A literal of the profile",
        "4": "Listed in the DICOM Library table",
        "5": "Listed in PS3.15 Table E.1-1, or by its kind of value",
        "6": "Text: only safe imaging words stay",
        "7": "Content of reports, annotations and documents",
        "8": "Pixel data and its markers",
        "9": "Written with the file",
        "10": "Answered to the sender",
    }
)


def state(value: str) -> StateWords:
    """The words of a state."""
    return STATES.get(value) or StateWords(_named(value), "", "alert-circle", "")


def reason(value: str) -> ReasonWords:
    """The words of a reason."""
    return REASONS.get(value) or ReasonWords(f"{_named(value)}.", "Look at every image.")


def rule(value: str) -> str:
    """What a rule of the profile asks for."""
    return RULES.get(value) or _named(value)


def action(value: str) -> str:
    """What was done, as a word for a table."""
    return ACTIONS.get(value) or _named(value)


def listed(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Counts, the largest first."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _named(value: str) -> str:
    words = str(value).replace("-", " ").replace("_", " ").strip().lower()
    return words[:1].upper() + words[1:]
