"""Shows encoded values to a person: short, in their character set, and harmless on a terminal.

Standard: PS3.5 6.1 (character sets), 6.2 (VRs), 7.3 (byte order).

Invariants: a shown value is one line without control characters, whatever the value holds, and has
a limited length; a value that does not parse is shown by its length.

Not here: which values are shown (``deid.explain``).
"""

import struct
from collections.abc import Iterator
from typing import Final

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.valuerep import TEXT_VR_DELIMS

from deid.encoding import Encoding

__all__ = ["LONGEST", "charsets_of", "shown"]

LONGEST: Final = 48
"""Characters of a shown value; what is longer is cut."""

# A text of this many bytes is certainly longer than what is shown of it.
_LOOKED_AT: Final = 1024
_IN_CHARSET: Final = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))
_IN_ASCII: Final = frozenset(("AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"))
_NUMBERS: Final = {
    **{"US": "H", "SS": "h", "UL": "L", "SL": "l", "UV": "Q", "SV": "q"},
    **{"FL": "f", "FD": "d"},
}
_MOST_NUMBERS: Final = 8


def charsets_of(value: bytes) -> list[str]:
    """Return the codecs for a value of Specific Character Set; those of ASCII if it is strange."""
    terms = [term.strip() for term in value.decode("latin-1").strip(" \0").split("\\")]
    try:
        return convert_encodings(terms)
    except Exception:  # pydicom raises what it likes for terms that do not exist
        return ["iso8859"]


def shown(value: bytes, vr: str, enc: Encoding, charsets: list[str]) -> str:
    """Return a value as one short line."""
    if vr in _IN_CHARSET or vr in _IN_ASCII:
        return _line(_text(value, vr, charsets), len(value))
    if not value:
        return ""
    form = _NUMBERS.get(vr)
    if form and len(value) % struct.calcsize(f"<{form}") == 0:
        return _line(_numbers(value, form, enc), len(value))
    if vr == "AT" and len(value) % 4 == 0:
        return _line(_tags(value, enc), len(value))
    if vr == "UN" and value.isascii() and value.decode().rstrip(" \0").isprintable():
        return _line(value.decode(), len(value))
    return f"{len(value)} bytes"


def _text(value: bytes, vr: str, charsets: list[str]) -> str:
    if vr in _IN_ASCII:
        return value[:_LOOKED_AT].decode("latin-1")
    try:
        return decode_bytes(value[:_LOOKED_AT], charsets, TEXT_VR_DELIMS)
    except Exception:  # whatever a codec makes of a cut or damaged text
        return value[:_LOOKED_AT].decode("latin-1")


def _numbers(value: bytes, form: str, enc: Encoding) -> str:
    order = "<" if enc.little else ">"
    size = struct.calcsize(f"<{form}")
    count = len(value) // size
    found = struct.unpack_from(f"{order}{min(count, _MOST_NUMBERS)}{form}", value)
    text = "\\".join(f"{number:.7g}" if form in "fd" else str(number) for number in found)
    return text if count <= _MOST_NUMBERS else f"{text}\\… ({count} values)"


def _tags(value: bytes, enc: Encoding) -> str:
    order = "<" if enc.little else ">"
    pairs = struct.iter_unpack(f"{order}HH", value[: 4 * _MOST_NUMBERS])
    return "\\".join(f"({group:04X},{element:04X})" for group, element in pairs)


def _line(text: str, size: int) -> str:
    plain = "".join(_harmless(text.strip(" \0")))
    if len(plain) <= LONGEST:
        return plain
    return f"{plain[: LONGEST - 1]}… ({size} bytes)"


def _harmless(text: str) -> Iterator[str]:
    for character in text[: 2 * LONGEST]:
        # An escape sequence could do anything to a terminal.
        yield character if character.isprintable() else f"\\x{ord(character):02x}"
