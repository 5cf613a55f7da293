"""The names that cases and playlists have in addresses.

Invariants: a code is random, so that the next one cannot be guessed from it; that somebody knows
it opens nothing.
Not here: secrets (`accounts.secrets`).
"""

from collections.abc import Callable
from typing import Final

__all__ = ["LENGTH", "is_code", "new_code"]

# Without letters that are read as others, and without vowels, which would make words.
_LETTERS: Final = "23456789bcdfghjkmnpqrstvwxyz"
LENGTH: Final = 8


def new_code(random_bytes: Callable[[int], bytes]) -> str:
    """A new code.

    Args:
        random_bytes: gives that many random bytes.
    """
    number = int.from_bytes(random_bytes(16))
    letters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[place])
    return "".join(letters)


def is_code(text: str) -> bool:
    """Whether it has the form of a code; nothing else need be looked up."""
    return len(text) == LENGTH and all(letter in _LETTERS for letter in text)
