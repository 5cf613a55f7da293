"""The values that stand in for what was removed.

Standard: PS3.15 E.1.1 (dummy values consistent with the VR), PS3.5 6.2 (VRs), PS3.3 8.8 (codes).

Invariants: a dummy is a valid value of its VR, looks like nothing real, and is the same for all.

Not here: when a dummy is due (``deid.rules``).
"""

from functools import cache
from typing import Final

from deid.dictionary import vr_of
from deid.encoding import ITEM, Encoding, encode_element, encode_header
from deid.profile import Profile

ANONYMIZED: Final = b"Anonymized^^"
REMOVED: Final = b"Removed"

DUMMIES: Final[dict[str, bytes]] = {
    "AE": b"REMOVED",
    "AS": b"000Y",
    "AT": bytes(4),
    "CS": b"REMOVED",
    "DA": b"19000101",
    "DS": b"0",
    "DT": b"19000101",
    "FD": bytes(8),
    "FL": bytes(4),
    "IS": b"0",
    "LO": REMOVED,
    "LT": REMOVED,
    "OB": bytes(2),
    "OD": bytes(8),
    "OF": bytes(4),
    "OL": bytes(4),
    "OV": bytes(8),
    "OW": bytes(2),
    "PN": ANONYMIZED,
    "SH": REMOVED,
    "SL": bytes(4),
    "SS": bytes(2),
    "ST": REMOVED,
    "SV": bytes(8),
    "TM": b"000000",
    "UC": REMOVED,
    "UI": b"2.25.0",
    "UL": bytes(4),
    "UN": bytes(2),
    "UR": b"urn:removed",
    "US": bytes(2),
    "UT": REMOVED,
    "UV": bytes(8),
}

BURNED_IN_ANNOTATION: Final = 0x00280301
# Rule 9: always written at top level.
METHOD_TAGS: Final = (0x00120062, 0x00120063, 0x00120064, 0x00280303)
_CODE_VALUE: Final = 0x00080100
_CODING_SCHEME_DESIGNATOR: Final = 0x00080102
_CODE_MEANING: Final = 0x00080104

CLEAN_PIXELS: Final = "113101"
CLEAN_GRAPHICS: Final = "113103"
CLEAN_CONTENT: Final = "113104"
# PS3.16 CID 7050
MEANINGS: Final = {
    "113100": "Basic Application Confidentiality Profile",
    "113101": "Clean Pixel Data Option",
    "113103": "Clean Graphics Option",
    "113104": "Clean Structured Content Option",
    "113105": "Clean Descriptors Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
}


@cache
def code_item(value: str, scheme: str, meaning: str, enc: Encoding) -> bytes:
    """Encode one item of a code sequence."""
    content = (
        encode_element(_CODE_VALUE, "SH", value.encode(), enc)
        + encode_element(_CODING_SCHEME_DESIGNATOR, "SH", scheme.encode(), enc)
        + encode_element(_CODE_MEANING, "LO", meaning.encode(), enc)
    )
    return encode_header(ITEM, "", len(content), enc) + content


def dummy_code(enc: Encoding) -> bytes:
    """Encode the item that stands for a removed code; 99 marks a private scheme (PS3.16 8.2)."""
    return code_item("0", "99REMOVED", "Removed", enc)


@cache
def literals(profile: Profile, enc: Encoding, applied: frozenset[str]) -> dict[int, bytes]:
    """Return the elements that are written at top level whatever came (rules 3, 8 and 9).

    Args:
        profile: states the literals, and the codes of what is applied to all.
        enc: the encoding to write.
        applied: codes of what is applied to this instance as well.
    """
    stated = profile.literals.items()
    texts = {tag: value.encode() for tag, value in stated if tag >> 16 != 0x0002}
    texts[0x00120062] = b"YES"
    texts[0x00120063] = "\\".join(
        ("Readingroom", f"{profile.name} {profile.version}", profile.sha256)
    ).encode()
    texts[0x00280303] = b"MODIFIED"
    if CLEAN_PIXELS in applied:
        texts[BURNED_IN_ANNOTATION] = b"NO"
    encoded = {tag: encode_element(tag, vr_of(tag), text, enc) for tag, text in texts.items()}
    codes = b"".join(
        code_item(code, "DCM", MEANINGS[code], enc) for code in sorted({*profile.codes, *applied})
    )
    encoded[0x00120064] = encode_element(0x00120064, "SQ", codes, enc)
    return encoded
