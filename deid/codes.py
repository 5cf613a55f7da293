"""Cleans codes: value, scheme and meaning stand together and are judged together (rule 6).

Standard: PS3.3 8.8 (code sequence macro), PS3.16 8 (coding schemes) and its context groups.

Invariants: a code of a standard scheme stays; its meaning stays when it is made of safe words,
else it becomes the one that the standard states, or what safe words leave of it. Of other schemes
nothing that could be read stays but a code that is made of numbers and safe words.

Not here: where codes stand (``deid.rewriter``).
"""

import re
from typing import Final, NamedTuple, cast

from deid.encoding import Encoding, elements, items
from deid.profile import Profile
from deid.text import Identifiers, clean

CODE_VALUE: Final = 0x00080100
CODING_SCHEME_DESIGNATOR: Final = 0x00080102
CODING_SCHEME_VERSION: Final = 0x00080103
CODE_MEANING: Final = 0x00080104
LAST_OF_CODE: Final = CODE_MEANING

REMOVED: Final = b"Removed"
PRIVATE_SCHEME: Final = b"99REMOVED"
_NO_CODE: Final = b"0"
_CODE: Final = re.compile(rb"[0-9A-Za-z][0-9A-Za-z._-]*")
# UCUM without what stands in braces, which is a remark.
_UNIT: Final = re.compile(rb"[0-9A-Za-z%\[\]./*^'()+-]+")
_LONGEST_MEANING: Final = 64
_VERSION: Final = re.compile(rb"[0-9A-Za-z.]{1,16}")
_VENDOR: Final = re.compile(
    rb"99(?:SMS|SIEMENS|GE|GEMS|PHILIPS|PMP|PMS|CANON|TOSHIBA|FUJI|AGFA|HOLOGIC|CSH|OFFIS|DCMTK"
    rb"|QIICR|SLICER|IMP|VARIAN|ELEKTA|RAYSTATION|REMOVED)[A-Z0-9_]{0,8}"
)


class Code(NamedTuple):
    """A code as its bytes; None: the element is absent."""

    value: bytes | None
    scheme: bytes | None
    version: bytes | None
    meaning: bytes | None


def clean_code(code: Code, profile: Profile, identifiers: Identifiers) -> Code:
    """Return what of a code may stay."""
    scheme = (code.scheme or b"").strip(b" \0")
    if scheme in profile.schemes:
        return _of_standard(code, scheme, identifiers)
    kept = scheme if _VENDOR.fullmatch(scheme) and identifiers.is_harmless(scheme) else None
    return Code(
        _private_value(code.value, identifiers),
        code.scheme if kept else _if_there(code.scheme, PRIVATE_SCHEME),
        _version(code.version, identifiers),
        _if_there(code.meaning, REMOVED),
    )


def concept_of(buf: bytes, start: int, end: int, enc: Encoding) -> bytes:
    """Return the Code Value of the first item of a code sequence; empty when there is none."""
    for first, last in items(buf, start, end, enc):
        for tag, _, a, b in elements(buf, first, last, enc):
            if tag == CODE_VALUE:
                return buf[a:b].strip(b" \0")
            if tag > CODE_VALUE:
                break
    return b""


def _of_standard(code: Code, scheme: bytes, identifiers: Identifiers) -> Code:
    text = (code.value or b"").strip(b" \0")
    meanings = _meanings().get(_SAME_SCHEME.get(scheme, scheme), {}).get(text, ())
    # What the standard knows is no identifier, whatever a patient's number is.
    known = bool(meanings) or not text
    value = code.value
    shape = _UNIT if scheme == b"UCUM" else _CODE
    if not known and not (shape.fullmatch(text) and identifiers.is_harmless_number(text)):
        value = text = _NO_CODE
    otherwise = text if scheme == b"UCUM" else REMOVED
    meaning = _meaning(code, meanings, otherwise, identifiers)
    return Code(value, code.scheme, _version(code.version, identifiers), meaning)


def _meaning(
    code: Code, meanings: tuple[bytes, ...], otherwise: bytes, identifiers: Identifiers
) -> bytes | None:
    if code.meaning is None:
        return None
    text = code.meaning.strip(b" \0")
    if text.lower() in (meaning.lower() for meaning in meanings):
        return code.meaning
    cleaned = clean(text, identifiers.words)
    if text and text in (cleaned, otherwise):
        return code.meaning  # another name for the same, of safe words only
    plain = [m for m in meanings if m.isascii() and len(m) <= _LONGEST_MEANING]
    return plain[0] if plain else cleaned or otherwise


def _private_value(value: bytes | None, identifiers: Identifiers) -> bytes | None:
    if value is None:
        return None
    text = value.strip(b" \0")
    stays = _CODE.fullmatch(text) is not None and identifiers.is_harmless(text)
    if stays and clean(text, identifiers.words, technical=True) == text:
        return value
    return _NO_CODE if text else value


def _version(version: bytes | None, identifiers: Identifiers) -> bytes | None:
    if version is None:
        return None
    text = version.strip(b" \0")
    return version if _VERSION.fullmatch(text) and identifiers.is_harmless_number(text) else b""


def _if_there(value: bytes | None, instead: bytes) -> bytes | None:
    return None if value is None else instead


# SNOMED RT by its two designators, SNOMED CT by its one.
_SAME_SCHEME: Final = {b"SNM3": b"SRT", b"99SDM": b"SRT"}


Meanings = dict[bytes, dict[bytes, tuple[bytes, ...]]]
_KNOWN: Final[Meanings] = {}


def _meanings() -> Meanings:
    if not _KNOWN:
        use_meanings(read_meanings())
    return _KNOWN


def use_meanings(known: Meanings) -> None:
    """Take what another process has read, rather than read it when the first code comes."""
    _KNOWN.update(known)


def read_meanings() -> Meanings:
    """Return the meanings of every code that PS3.16 names, by scheme and value.

    pydicom's tables, which these are of, take 15 MB and stay in the process that reads them.
    """
    from pydicom.sr._concepts_dict import concepts
    from pydicom.sr._snomed_dict import mapping

    found: Meanings = {b"SCT": {}, b"SRT": {}}
    tables = cast(dict[str, dict[str, dict[str, tuple[str, list[int]]]]], concepts)
    for scheme, keywords in tables.items():
        named = found.setdefault(scheme.encode(), {})
        for codes in keywords.values():
            for value, (meaning, _) in codes.items():
                code = value.encode()
                named[code] = (*named.get(code, ()), meaning.encode())
    for retired, value in mapping.get("SRT", {}).items():
        meanings = found[b"SCT"].get(value.encode())
        if meanings:
            found[b"SRT"].setdefault(retired.encode(), meanings)
    return found
