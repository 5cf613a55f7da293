"""Makes the metadata of an instance, PS3.18 F JSON, from the bytes of its de-identified header.

Standard: PS3.18 Annex F (DICOM JSON model), F.2.6 (BulkDataURI), PS3.5 6.1.2 (character sets).
Invariants: written once at ingest, so that reading never parses DICOM; numbers are JSON numbers
and never NaN or infinite; an empty attribute has only its `vr`; text is UTF-8. A BulkDataURI begins
with the byte 01H, which no JSON text can hold, where the DICOMweb root goes that it is served from.
Not here: walking the encoded bytes (`deid.encoding`); bulk values themselves (`store.retrieve`).
"""

import json
import math
import struct
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydicom._dicom_dict import DicomDictionary
from pydicom.charset import convert_encodings, decode_bytes

from deid.encoding import Encoding, elements, items
from store.byteorder import WORD_BYTES, swap_words

__all__ = [
    "FRAME_VALUES",
    "NO_CHARSET",
    "ROOT_MARK",
    "SPECIFIC_CHARACTER_SET",
    "Attributes",
    "Builder",
    "HeaderValues",
    "Streamed",
    "build",
    "charsets_of",
    "dumps",
]

Attributes = dict[str, dict[str, Any]]
Number = TypeVar("Number", int, float)

ROOT_MARK = b"\x01"
INLINE_BYTES = 256
SPECIFIC_CHARACTER_SET = 0x00080005
PIXEL_REPRESENTATION = 0x00280103

_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_NUMBERS = {
    "US": ("H", 2),
    "SS": ("h", 2),
    "UL": ("I", 4),
    "SL": ("i", 4),
    "UV": ("Q", 8),
    "SV": ("q", 8),
    "FL": ("f", 4),
    "FD": ("d", 8),
}
# In implicit VR these are US or SS, as Pixel Representation says (PS3.5 A.1 and PS3.6).
_SIGNED_WITH_PIXELS = frozenset(
    tag for tag, (vr, *_) in DicomDictionary.items() if vr in ("US or SS", "US or SS or OW")
)
_NAMES = {tag: f"{tag:08X}" for tag in DicomDictionary}
# Text that no character set touches; CS is not here, as Specific Character Set is one.
_PLAIN_TEXT = frozenset({"AE", "AS", "DA", "DT", "TM", "UI"})
NO_CHARSET = _PLAIN_TEXT | {"SQ"}
"""Value representations in which Specific Character Set, wrongly so, is not listened to."""
_ENCODED_TEXT = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_ONE_TEXT = frozenset({"LT", "ST", "UT", "UR"})
_COMPONENTS = ("Alphabetic", "Ideographic", "Phonetic")
_TEXT_DELIMITERS = {0x0A, 0x0C, 0x0D, 0x5C}
_NAME_DELIMITERS = {0x5E, 0x3D}


class Streamed(Protocol):
    """A value that was not kept with the header: `deid.Streamed` fits."""

    @property
    def tag(self) -> int:
        """Its attribute."""

    @property
    def vr(self) -> str:
        """Its value representation."""

    @property
    def length(self) -> int | None:
        """Bytes of the value; None when encapsulated."""


@dataclass
class Builder:
    """Makes the attributes of the data sets of one instance, and of each alone.

    Attributes:
        encoding: of the data sets.
        bulk_uri: what the BulkDataURIs begin with.
        signed: whether Pixel Representation, as far as it was met, says that pixels have a sign.
        path: the sequences and items that are being made.
    """

    encoding: Encoding
    bulk_uri: str
    signed: bool = False
    path: list[str] = field(default_factory=list)

    def data_set(self, buf: bytes, start: int, end: int, charsets: Sequence[str]) -> Attributes:
        """The attributes of the elements in a range."""
        found: Attributes = {}
        for tag, vr, value_start, value_end in elements(buf, start, end, self.encoding):
            if not tag & 0xFFFF:
                continue  # a group length, which would be wrong in JSON (F.2.2)
            name = _NAMES.get(tag) or f"{tag:08X}"
            if vr == "US" and self.signed and tag in _SIGNED_WITH_PIXELS:
                vr = "SS"
            if value_end == value_start:
                found[name] = {"vr": vr}
            elif vr == "SQ":
                found[name] = self._sequence(name, buf, value_start, value_end, charsets)
            elif vr in _PLAIN_TEXT:
                values = _split(buf[value_start:value_end].decode("latin-1"), _plain)
                found[name] = {"vr": vr, "Value": values} if any(values) else {"vr": vr}
            else:
                value = buf[value_start:value_end]
                if tag == SPECIFIC_CHARACTER_SET:
                    charsets = charsets_of(value)
                    value = b"ISO_IR 192"
                elif tag == PIXEL_REPRESENTATION and not self.encoding.explicit:
                    self.signed = value.strip(b"\0") != b""
                found[name] = {"vr": vr, **self._value(name, vr, value, charsets)}
        return found

    def _sequence(
        self, name: str, buf: bytes, start: int, end: int, charsets: Sequence[str]
    ) -> dict[str, Any]:
        found = []
        for number, (item_start, item_end) in enumerate(items(buf, start, end, self.encoding), 1):
            self.path += (name, str(number))
            found.append(self.data_set(buf, item_start, item_end, charsets))
            del self.path[-2:]
        return {"vr": "SQ", "Value": found} if found else {"vr": "SQ"}

    def _value(self, name: str, vr: str, value: bytes, charsets: Sequence[str]) -> dict[str, Any]:
        if vr in _BINARY:
            if len(value) > INLINE_BYTES:
                return {"BulkDataURI": self._uri(name)}
            return {"InlineBinary": b64encode(self._little(vr, value)).decode()}
        if vr in _NUMBERS:
            values = self._numbers(vr, value)
        elif vr == "AT":
            form = "<HH" if self.encoding.little else ">HH"
            whole = len(value) - len(value) % 4
            values = [f"{g:04X}{e:04X}" for g, e in struct.iter_unpack(form, value[:whole])]
        else:
            values = _texts(vr, value, charsets)
        return {"Value": values} if any(v is not None for v in values) else {}

    def streamed(self, element: Streamed) -> Attributes:
        """The attribute of a value that is only in the blob."""
        name = f"{element.tag:08X}"
        if element.length == 0:
            return {name: {"vr": element.vr}}
        return {name: {"vr": element.vr, "BulkDataURI": self._uri(name)}}

    def _uri(self, name: str) -> str:
        return f"\x01{self.bulk_uri}/bulkdata/{'/'.join([*self.path, name])}"

    def _numbers(self, vr: str, value: bytes) -> list[Any]:
        form, width = _NUMBERS[vr]
        count = len(value) // width
        order = "<" if self.encoding.little else ">"
        values: list[Any] = list(struct.unpack_from(f"{order}{count}{form}", value))
        if form in "fd":
            return [v if math.isfinite(v) else None for v in values]
        return values

    def _little(self, vr: str, value: bytes) -> bytes:
        return value if self.encoding.little else swap_words(value, WORD_BYTES.get(vr, 1))


def build(
    header: bytes,
    trailer: bytes,
    streamed: Sequence[Streamed],
    encoding: Encoding,
    instance_path: str,
) -> Attributes:
    """The attributes of a data set in the DICOM JSON model.

    What is stored is put together by `store.metadata_pieces`, and has to be the same.

    Args:
        header: the encoded data set up to the first streamed value.
        trailer: the encoded elements after the last streamed value.
        streamed: the values that are only in the blob.
        encoding: of header and trailer.
        instance_path: `/studies/…/series/…/instances/…`, for the BulkDataURIs.
    """
    builder = Builder(encoding, instance_path)
    found = builder.data_set(header, 0, len(header), ())
    for element in streamed:
        found |= builder.streamed(element)
    if trailer:
        # Elements may stand between two streamed values, too.
        found |= builder.data_set(trailer, 0, len(trailer), ())
        return dict(sorted(found.items()))
    return found


def dumps(attributes: Attributes) -> bytes:
    """The JSON text, with `ROOT_MARK` at the start of each BulkDataURI."""
    text = _JSON.encode(attributes)
    # A quote inside a value is escaped, so this pattern is only ever a member of ours.
    marked = text.replace('"BulkDataURI":"\\u0001', '"BulkDataURI":"\x01')
    return marked.encode("utf-8", "replace")


def charsets_of(value: bytes) -> Sequence[str]:
    """Python's names of what Specific Character Set names."""
    terms = [term.strip() for term in value.decode("ascii", "replace").rstrip(" \0").split("\\")]
    try:
        return convert_encodings(terms)
    except (LookupError, ValueError):
        return ()


def _decoded(value: bytes, charsets: Sequence[str], delimiters: set[int]) -> str:
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii")
    try:
        return decode_bytes(value, charsets or ["iso8859"], delimiters)
    except (LookupError, UnicodeError):
        return value.decode("latin-1")


def _texts(vr: str, value: bytes, charsets: Sequence[str]) -> list[Any]:
    if vr not in _ENCODED_TEXT:
        text = value.decode("latin-1")
    else:
        delimiters = _NAME_DELIMITERS if vr == "PN" else set()
        text = _decoded(value, charsets, _TEXT_DELIMITERS | delimiters)
    text = text.rstrip(" \0")
    if vr in _ONE_TEXT:
        return [text] if text else []
    return _split(text, _CONVERT.get(vr, _plain))


def _split(text: str, convert: Callable[[str], Any]) -> list[Any]:
    if "\\" not in text:
        return [convert(text)]
    return [convert(part) for part in text.split("\\")]


def _plain(part: str) -> str | None:
    return part.strip(" \0") or None


def _name(part: str) -> dict[str, str] | None:
    groups = zip(_COMPONENTS, part.split("="), strict=False)
    return {key: group.strip(" ") for key, group in groups if group.strip(" ")} or None


def _integer(part: str) -> int | str | None:
    part = part.strip(" \0")
    try:
        return _checked(int, part) if part else None
    except ValueError:
        return part


def _checked(read: Callable[[str], Number], part: str) -> Number:
    # Python's own numbers may hold underscores, and digits of any script.
    if "_" in part or not part.isascii():
        raise ValueError(part)
    return read(part)


def _decimal(part: str) -> float | int | str | None:
    part = part.strip(" \0")
    try:
        number = _checked(float, part) if part else None
    except ValueError:
        return part
    if number is None or not math.isfinite(number):
        return None
    return int(part) if part.lstrip("+-").isdigit() else number


_CONVERT: dict[str, Callable[[str], Any]] = {"PN": _name, "IS": _integer, "DS": _decimal}


# Made once: it writes single elements, too.
_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))

_KEYWORD_TAGS = {
    "SamplesPerPixel": "00280002",
    "PhotometricInterpretation": "00280004",
    "NumberOfFrames": "00280008",
    "Rows": "00280010",
    "Columns": "00280011",
    "BitsAllocated": "00280100",
}
FRAME_VALUES = frozenset(_KEYWORD_TAGS.values())
"""The attributes of the JSON model that `HeaderValues` reads."""


class HeaderValues:
    """The few values that `store.frames` wants, read by keyword from the JSON model."""

    def __init__(self, attributes: Attributes) -> None:
        self._attributes = attributes

    def get(self, keyword: str, default: object = None, /) -> Any:  # noqa: ANN401 - any VR's value
        """The first value of the attribute, or the default."""
        attribute = self._attributes.get(_KEYWORD_TAGS.get(keyword, ""), {})
        return (attribute.get("Value") or [default])[0]
