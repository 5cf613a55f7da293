"""What PS3.6 says of a tag: whether it is known, and its value representation.

Standard: PS3.6 6 (registry of data elements), PS3.5 A.1 (VR in Implicit VR Little Endian).

Invariants: looking up costs one dictionary access for all but the retired repeating groups; an
unknown or private tag has the VR ``UN``.

Not here: what is done with an element (``deid.rules``).
"""

import re
from functools import lru_cache
from typing import Final

from pydicom._dicom_dict import DicomDictionary, RepeatersDictionary

# An ambiguous VR needs one answer where the file does not state it. OW: PS3.5 A.1 asks for it in
# implicit VR. US: both alternatives have two bytes, so nothing is lost by the guess.
_AMBIGUOUS: Final = {
    "OB or OW": "OW",
    "US or SS": "US",
    "US or SS or OW": "OW",
    "US or OW": "OW",
}

# (FFFE,xxxx) are delimiters, not elements.
_VR_OF: Final[dict[int, str]] = {
    tag: _AMBIGUOUS.get(entry[0], entry[0])
    for tag, entry in DicomDictionary.items()
    if entry[0] != "NONE" and tag & 0xFFFF
}
_KEYWORD_OF: Final[dict[int, str]] = {tag: entry[4] for tag, entry in DicomDictionary.items()}


def _repeaters() -> list[tuple[re.Pattern[str], str]]:
    return [
        (re.compile(mask.replace("x", "[0-9A-Fa-f]")), _AMBIGUOUS.get(entry[0], entry[0]))
        for mask, entry in RepeatersDictionary.items()
    ]


_REPEATERS: Final = _repeaters()
# The groups that repeat, so that other unknown tags cost no search.
_GROUPS: Final = frozenset((0x0020, 0x0028, 0x1000, 0x1010))
_GROUP_RANGES: Final = frozenset((0x5000, 0x6000, 0x7F00))


def vr_of(tag: int) -> str:
    """Return the VR of a tag, ``UN`` when PS3.6 does not know it."""
    vr = _VR_OF.get(tag)
    return vr if vr is not None else _vr_of_repeater(tag)


def is_known(tag: int) -> bool:
    """Tell whether PS3.6 knows the tag as a data element of a data set."""
    return tag in _VR_OF or _vr_of_repeater(tag) != "UN"


def known_tags() -> dict[int, str]:
    """Return the registry: tag to VR, without the repeating groups."""
    return _VR_OF


def keyword_of(tag: int) -> str:
    """Return the keyword of a tag, or its number in the usual notation."""
    return _KEYWORD_OF.get(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def _vr_of_repeater(tag: int) -> str:
    group = tag >> 16
    if not tag & 0xFFFF or (group not in _GROUPS and group & 0xFF01 not in _GROUP_RANGES):
        return "UN"
    return _match_repeater(tag)


@lru_cache(maxsize=4096)
def _match_repeater(tag: int) -> str:
    text = f"{tag:08X}"
    for pattern, vr in _REPEATERS:
        if pattern.fullmatch(text):
            return vr
    return "UN"
