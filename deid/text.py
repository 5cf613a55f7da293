"""Cleans free text: the header's own identifiers go, safe imaging words stay (rule 6).

Standard: PS3.15 E.3.5 (clean descriptors), PS3.5 6.2 (text VRs), 6.1.2.5 (escape sequences).

Invariants: cleaning cleaned text changes nothing; work is on bytes, so it does not depend on the
character set: what is not ASCII is never a safe word, and neither is what stands between an
escape sequence and the way back to ASCII.

Not here: which elements are text (``deid.rules``), finding the identifiers (``deid.identity``).
"""

import re
from typing import Final

from pydicom.charset import python_encoding

from deid.profile import default_profile

_WORD: Final = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
# Possessive and from the first digit on: otherwise a long row of digits costs quadratic time.
_DOTTED_NUMBER: Final = re.compile(rb"(?<![0-9])[0-9]++(?:\.[0-9]++){4,}+")
# A date, a telephone number, a number of a patient: six digits or more, however they are parted.
_LONG_NUMBER: Final = re.compile(rb"(?<![0-9])[0-9](?:[ ./()+:-]?[0-9]){5}")
_ESCAPED: Final = re.compile(rb"\x1b(?!\(B|\(J)[^\x1b]*(?:\x1b\([BJ])?|\x1b\([BJ]?")
# Upper and lower case of one word are one piece: "ImagePosition" is two, "T2w" is three.
_PIECE: Final = re.compile(rb"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^0-9A-Za-z]+")
# Convolution kernels, which protocols are named after: B30f, Br40, H31s, Qr36d.
_KERNEL: Final = re.compile(rb"[A-Z][a-z]?[0-9]{2}[a-z]?")
# An age, which may be one that nobody else has: 94y, 094Y, 94yo, 94yrs.
_AGE: Final = re.compile(rb"[0-9]+(?:y|yo|yr|yrs|j|a|ans)", re.IGNORECASE)
# What OHIF and Slim write as the Tracking Identifier of a measurement, and know it again by: the
# library, its version and the tool. Whole, as no part of it can be anybody's.
_TOOL: Final = re.compile(
    rb"[Cc]ornerstone(?:3D)?(?:Tools)?@\^?[0-9]{1,2}(?:\.[0-9]{1,2}){2}:"
    rb"(Angle|ArrowAnnotate|Bidirectional|Calibration|CircleROI|CobbAngle|EllipticalROI"
    rb"|EllipticalRoi|FreehandRoi|KeyImage|Length|LivewireContour|PlanarFreehandROI|Probe"
    rb"|RectangleROI|RectangleRoi|SplineROI|UltrasoundDirectionalTool)[ \0]*"
)
_BETWEEN: Final = b" _-/.,:;+()[]*^=&#'\"<>%~|!?@$\r\n\t\f"
# What de-identification itself writes identifies nobody.
OURS: Final = frozenset((b"anonymized", b"removed"))
# PS3.3 C.12.1.1.2: without its character set, text cannot be read.
_CHARACTER_SETS: Final = frozenset(name.lower().encode() for name in python_encoding)
_LONG: Final = 6
_MANY: Final = 64
_REMEMBERED: Final = 64
_MOST_REMEMBERED: Final = 4096
_MOST_DIGITS: Final = 3
_MOST_LETTERS: Final = 2
_NUMBER: Final = re.compile(rb"[0-9.]+")
_DIGIT: Final = re.compile(rb"[0-9]")
_CODE_LENGTH: Final = 16
_CODE: Final = re.compile(rb"[A-Z0-9_ ]*")
_VOCABULARY: Final = default_profile().vocabulary
_TERMS: Final = default_profile().terms


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


def is_safe(word: bytes) -> bool:
    """Tell whether a word, in lower case, is one of imaging."""
    return word in _VOCABULARY


def clean(value: bytes, identifiers: frozenset[bytes], *, technical: bool = False) -> bytes:
    """Keep the safe words, and numbers of up to three digits with a unit; may return nothing.

    Text of safe words only is returned as it is.

    Args:
        value: the text, encoded as in the data set.
        identifiers: words of the header that go, safe or not, in lower case.
        technical: the text is a setting of the device by its definition, so that numbers of up
            to three digits and abbreviations of two letters may stay.
    """
    if (tool := _TOOL.fullmatch(value)) and tool[1].lower() not in identifiers:
        return value
    if b"\x1b" in value:
        value = _ESCAPED.sub(b" ", value).strip()
    parts = [_clean_part(part, identifiers, technical) for part in value.split(b"\\")]
    return b"\\".join(parts) if any(parts) else b""


def _clean_part(part: bytes, identifiers: frozenset[bytes], technical: bool) -> bytes:
    found = list(_SAFE.finditer(part))
    named = [m[4] is not None and m[4].lower() in identifiers for m in found]
    safe = [
        not name and (match[4] is None or _is_safe(match[4], identifiers, technical))
        for match, name in zip(found, named, strict=True)
    ]
    if any(named):
        _drop_initials(found, named, safe)
    if technical:
        _drop_spelt(found, safe)
    kept: list[bytes] = []
    last = -2
    for number, (match, stays) in enumerate(zip(found, safe, strict=True)):
        if not stays:
            continue
        if kept:
            gap = part[found[number - 1].end() : match.start()]
            kept.append(gap if last == number - 1 and not gap.translate(None, _BETWEEN) else b" ")
        kept.append(match[0])
        last = number
    if found and all(safe):
        edges = part[: found[0].start()] + part[found[-1].end() :]
        if not edges.translate(None, _BETWEEN + b"\0") and len(kept) == 2 * len(found) - 1:
            whole = b"".join(kept)
            return part if whole == part[found[0].start() : found[-1].end()] else whole
    return b"".join(kept)


def _is_safe(word: bytes, identifiers: frozenset[bytes], technical: bool) -> bool:
    if word.isdigit():
        return technical and len(word) <= _MOST_DIGITS
    return word.lower() in _VOCABULARY or _is_mixed(word, identifiers, technical)


def _is_mixed(word: bytes, identifiers: frozenset[bytes], technical: bool) -> bool:
    """Tell whether a word is safe pieces written together, like T2w, B30f or ImagePosition."""
    if _AGE.fullmatch(word):
        return False
    if _KERNEL.fullmatch(word) and word.lower() not in identifiers:
        return True
    if not word.isascii():
        return False
    pieces = _PIECE.findall(word.replace(b".", b""))
    letters = [piece.lower() for piece in pieces if not piece.isdigit()]
    if not identifiers.isdisjoint(letters):
        return False
    digits = sum(len(piece) for piece in pieces if piece.isdigit())
    if digits > _MOST_DIGITS:
        return False
    # An abbreviation stands beside digits; in a setting of the device also alone.
    short = (2 if technical else 1) if digits or (technical and len(pieces) == 1) else 0
    strange = [piece for piece in letters if piece not in _VOCABULARY]
    if len(strange) > 1 or any(len(piece) > short for piece in strange):
        return False
    return technical or bool(letters)


def _drop_initials(found: list[re.Match[bytes]], named: list[bool], safe: list[bool]) -> None:
    """Let the single letters beside a name go with it."""
    for step, order in ((1, range(len(found))), (-1, range(len(found) - 1, -1, -1))):
        for at in order:
            before = at - step
            if 0 <= before < len(found) and named[before] and len(found[at][0]) == 1:
                named[at], safe[at] = True, False


def _drop_spelt(found: list[re.Match[bytes]], safe: list[bool]) -> None:
    """Let numbers go that make up a longer one, and letters that make up a word."""
    numbers = [at for at, match in enumerate(found) if safe[at] and _NUMBER.fullmatch(match[0])]
    if sum(len(_DIGIT.findall(found[at][0])) for at in numbers) > _MOST_DIGITS:
        for at in numbers:
            safe[at] = False
    letters = [at for at, match in enumerate(found) if safe[at] and len(match[0]) == 1]
    if len(letters) > _MOST_LETTERS:
        for at in letters:
            safe[at] = safe[at] and found[at][0].isdigit()


class Identifiers:
    """The names and numbers of one data set, and what was found to be free of them.

    Args:
        words: what no text may hold as a word.
        phrases: what no text may hold at all.
    """

    def __init__(self, words: frozenset[bytes], phrases: tuple[bytes, ...]) -> None:
        self.words = words
        self._phrases = phrases
        # Short words count as words only; long ones, and numbers, inside of other words too. A
        # phrase that holds a word is found by that word.
        self._inside = (
            *(word for word in words if len(word) >= _LONG),
            *(p for p in phrases if words.isdisjoint(_WORD.findall(p)) or _is_number(p)),
        )
        needles = (*words, *self._inside)
        self._needles = needles if len(needles) <= _MANY else None
        self._harmless: set[bytes] = set()
        # Text that cleaning leaves as it is, by whether it is technical.
        self.clean_text: set[bytes] = set()
        self.clean_technical: set[bytes] = set()

    def is_harmless(self, value: bytes) -> bool:
        """Tell whether a value holds no identifier of its own header, no UID and no long number."""
        if value in self._harmless:
            return True
        lowered = value.lower()
        if self._holds_one(lowered):
            return False
        if lowered.count(b".") > 3 and _DOTTED_NUMBER.search(lowered):
            return False
        if _LONG_NUMBER.search(lowered):
            return False
        self._remember(value)
        return True

    def is_harmless_number(self, value: bytes) -> bool:
        """The same for what may be a long number, but not one of the header's."""
        return not self._holds_one(value.lower())

    def is_harmless_code(self, value: bytes) -> bool:
        """The same for a code string: a defined term stays, even if a patient is called so."""
        if value in self._harmless:
            return True
        if self.clean_code(value) is not value:
            return False
        self._remember(value)
        return True

    def clean_code(self, value: bytes) -> bytes:
        """Leave out the values of a code string that may not stay; the same object: all may."""
        parts = [part.strip(b" \0") for part in value.split(b"\\")]
        cleaned = [part if self._is_harmless_term(part) else self._cut(part) for part in parts]
        if cleaned == parts:
            return value
        return b"\\".join(cleaned) if any(cleaned) else b""

    def clean(self, value: bytes, *, technical: bool) -> bytes:
        """Clean text; the same object is returned when all of it stays."""
        if technical and value.strip(b" \0").lower() in _TERMS:
            return value
        cleaned = clean(self._without_phrases(value), self.words, technical=technical)
        if cleaned != value.rstrip(b" \0"):
            return cleaned if cleaned != value else value
        known = self.clean_technical if technical else self.clean_text
        if len(value) <= _REMEMBERED and len(known) < _MOST_REMEMBERED:
            known.add(value)
        return value

    def _without_phrases(self, value: bytes) -> bytes:
        """Cut whole names and numbers out, of which parts would pass as abbreviations."""
        lowered = value.lower()
        for phrase in self._phrases:
            if phrase in lowered:
                value = re.sub(re.escape(phrase), b" ", value, flags=re.IGNORECASE)
        return value

    def _is_harmless_term(self, part: bytes) -> bool:
        low = part.lower()
        if not part or low in _VOCABULARY or low in _CHARACTER_SETS:
            return True
        shaped = len(part) <= _CODE_LENGTH and _CODE.fullmatch(part) is not None
        return (shaped or self._cut(part) == part) and self.is_harmless(part)

    def _cut(self, part: bytes) -> bytes:
        """What of a value stays that is no code string by its form, or names somebody."""
        return clean(self._without_phrases(part), self.words, technical=True)

    def _remember(self, value: bytes) -> None:
        if len(value) <= _REMEMBERED and len(self._harmless) < _MOST_REMEMBERED:
            self._harmless.add(value)

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
