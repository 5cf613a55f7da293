"""Knows the code meanings of the standard.

Standard: PS3.16 (context groups), PS3.3 8.8 (code sequence macro).

Invariants: a meaning that the standard states word for word identifies nobody, even if a person
is called like a word of it.

Not here: rewriting codes (``deid.rewriter``).
"""

from functools import cache
from typing import Final, cast

CODE_MEANING: Final = 0x00080104


def is_standard_meaning(value: bytes) -> bool:
    """Tell whether a code meaning is one that PS3.16 states."""
    return value.strip(b" \0").lower() in _meanings()


@cache
def _meanings() -> frozenset[bytes]:
    # Few data sets need it, and it is large.
    from pydicom.sr._concepts_dict import concepts

    schemes = cast(dict[str, dict[str, dict[str, tuple[str, list[int]]]]], concepts).values()
    return frozenset(
        meaning.lower().encode("utf-8")
        for keywords in schemes
        for codes in keywords.values()
        for meaning, _ in codes.values()
    )
