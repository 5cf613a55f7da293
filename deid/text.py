"""Cleans free text: the header's own identifiers go, safe imaging words stay.

Standard: PS3.15 E.3.5 (clean descriptors), PS3.5 6.2 (text VRs).

Invariants: cleaning cleaned text changes nothing; work is on bytes, so it does not depend on the
character set; what is not ASCII is never a safe word.

Not here: which elements are text (``deid.rules``), finding the identifiers (``deid.identity``).
"""

import re
from typing import Final

from pydicom.charset import python_encoding

from deid.profile import default_profile

_WORD: Final = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
# Possessive and from the first digit on: otherwise a long row of digits costs quadratic time.
_DOTTED_NUMBER: Final = re.compile(rb"(?<![0-9])[0-9]++(?:\.[0-9]++){4,}+")
# What de-identification itself writes identifies nobody.
OURS: Final = frozenset((b"anonymized", b"removed"))
# PS3.3 C.12.1.1.2: without its character set, text cannot be read.
_CHARACTER_SETS: Final = frozenset(name.lower().encode() for name in python_encoding)
_LONG: Final = 6
_MANY: Final = 64
_REMEMBERED: Final = 64
_MOST_REMEMBERED: Final = 4096
_VOCABULARY: Final = default_profile().vocabulary


def _safe_words() -> re.Pattern[bytes]:
    units = "|".join(sorted(default_profile().units, key=len, reverse=True)).encode()
    number = rb"(?<![0-9A-Za-z.\x80-\xff])([0-9]{1,3}(?:\.[0-9]{1,3})?)( ?)((?i:" + units + rb"))"
    end = rb"(?![0-9A-Za-z.\x80-\xff])"
    # "without" must not lose its second letter and become "with"
    word = rb"((?i:w/o)(?![0-9A-Za-z\x80-\xff])|[0-9A-Za-z\x80-\xff]+(?:\.[0-9]+)*)"
    return re.compile(number + end + b"|" + word)


_SAFE: Final = _safe_words()


def words_of(value: bytes) -> list[bytes]:
    """Return the words of a value, in lower case."""
    return _WORD.findall(value.lower())


def clean(value: bytes, identifiers: frozenset[bytes]) -> bytes:
    """Keep the safe words, and numbers of up to three digits with a unit; may return nothing."""
    parts = [_clean_part(part, identifiers) for part in value.split(b"\\")]
    return b"\\".join(parts) if any(parts) else b""


def _clean_part(part: bytes, identifiers: frozenset[bytes]) -> bytes:
    kept = []
    for match in _SAFE.finditer(part):
        number, space, unit, word = match.groups()
        if word is None:
            kept.append(number + space + unit)
        elif word.lower() in _VOCABULARY and word.lower() not in identifiers:
            kept.append(word)
    return b" ".join(kept)


class Identifiers:
    """The names and numbers of one data set, and what was found to be free of them.

    Args:
        words: what no text may hold as a word.
        phrases: what no text may hold at all.
    """

    def __init__(self, words: frozenset[bytes], phrases: tuple[bytes, ...]) -> None:
        self.words = words
        # Short words count as words only; long ones, and numbers, inside of other words too. A
        # phrase that holds a word is found by that word.
        self._inside = (
            *(word for word in words if len(word) >= _LONG),
            *(p for p in phrases if words.isdisjoint(_WORD.findall(p)) or _is_number(p)),
        )
        needles = (*words, *self._inside)
        self._needles = needles if len(needles) <= _MANY else None
        self._harmless: set[bytes] = set()

    def is_harmless(self, value: bytes) -> bool:
        """Tell whether unlisted text holds no identifier of its own header, and no UID."""
        if value in self._harmless:
            return True
        lowered = value.lower()
        if self._holds_one(lowered):
            return False
        if lowered.count(b".") > 3 and _DOTTED_NUMBER.search(lowered):
            return False
        if len(value) <= _REMEMBERED and len(self._harmless) < _MOST_REMEMBERED:
            self._harmless.add(value)
        return True

    def is_harmless_code(self, value: bytes) -> bool:
        """The same for a code string: a defined term stays, even if a patient is called so."""
        return self.is_harmless(value) or all(
            part in _VOCABULARY or part in _CHARACTER_SETS or self.is_harmless(part)
            for part in (part.strip(b" \0").lower() for part in value.split(b"\\"))
        )

    def _holds_one(self, lowered: bytes) -> bool:
        if self._needles is not None:
            # Nearly all text holds none; a look for substrings is the cheapest way to see that.
            for needle in self._needles:
                if needle in lowered:
                    break
            else:
                return False
        if not self.words.isdisjoint(_WORD.findall(lowered)):
            return True
        return any(text in lowered for text in self._inside)


def _is_number(text: bytes) -> bool:
    return len(text) >= _LONG and any(48 <= c <= 57 for c in text)


def names_nobody(text: bytes) -> bool:
    """Tell whether a name or number is made of safe words and of what we write ourselves."""
    return all(word in _VOCABULARY or word in OURS for word in words_of(text))
