"""Cleans free text: the header's own identifiers go, safe imaging words stay.

Standard: PS3.15 E.3.5 (clean descriptors), PS3.5 6.2 (text VRs).

Invariants: cleaning cleaned text changes nothing; work is on bytes, so it does not depend on the
character set; what is not ASCII is never a safe word.

Not here: which elements are text (``deid.rules``), finding the identifiers (``deid.identity``).
"""

import re
from typing import Final

from deid.profile import default_profile

_WORD: Final = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
_DOTTED_NUMBER: Final = re.compile(rb"[0-9]+(?:\.[0-9]+){4,}")
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


def is_suspicious(value: bytes, identifiers: frozenset[bytes], phrases: tuple[bytes, ...]) -> bool:
    """Tell whether unlisted text holds an identifier of its own header, or a UID."""
    lowered = value.lower()
    if not identifiers.isdisjoint(_WORD.findall(lowered)):
        return True
    for phrase in phrases:
        if phrase in lowered:
            return True
    return lowered.count(b".") > 3 and _DOTTED_NUMBER.search(lowered) is not None


def is_suspicious_code(
    value: bytes, identifiers: frozenset[bytes], phrases: tuple[bytes, ...]
) -> bool:
    """The same for a code string: a defined term stays, even if a patient is called like it."""
    if not is_suspicious(value, identifiers, phrases):
        return False
    return any(
        is_suspicious(part, identifiers, phrases)
        for part in value.split(b"\\")
        if part.strip(b" \0").lower() not in _VOCABULARY
    )
