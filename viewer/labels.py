"""What templates call what a case is: its kind, body part, licence and days.

Not here: numbers and ages (`viewer.words`).
"""

from datetime import date, datetime

from cases.document import LICENCES
from cases.vocabulary import body_part_words, modality_words
from viewer.words import MONTHS, NBSP, utc

__all__ = ["body_part", "day", "licence", "long_day", "modality", "names"]

MONTHS_IN_FULL = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
MOST_NAMES = 2


def modality(code: str) -> str:
    """What a modality is called."""
    return modality_words(code)


def body_part(code: str) -> str:
    """What a body part is called."""
    return body_part_words(code)


def licence(code: str) -> str:
    """What readers are told of a licence."""
    return LICENCES[code]


def day(moment: datetime) -> str:
    """The day of a moment as "12 May 2026"."""
    when = utc(moment)
    return f"{when.day}{NBSP}{MONTHS[when.month - 1]}{NBSP}{when.year}"


def long_day(text: str) -> str:
    """A day as ISO 8601 has it, as "1 November 2026"; the text itself if it is none."""
    try:
        when = date.fromisoformat(text)
    except ValueError:
        return text
    return f"{when.day} {MONTHS_IN_FULL[when.month - 1]} {when.year}"


def names(authors: tuple[str, ...]) -> str:
    """Authors where there is room for two."""
    if len(authors) <= MOST_NAMES:
        return ", ".join(authors)
    return f"{authors[0]} and {len(authors) - 1} others"
