"""Makes values of a data set from the bulk data parts of a Store request.

Standard: PS3.18 10.5.2 (bulk data and their media types), 8.7.3 (transfer syntaxes of media types),
PS3.5 A.4 (encapsulation).
Invariants: compressed frames are taken as they are, each as one fragment behind an empty Basic
Offset Table; native values pass through unheld when their length is known; the length that was
written in front of a value is the length that follows.
Not here: which part belongs to which value (`dicomweb.stow_metadata`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from dicomweb.arriving import Unusable
from dicomweb.body import too_large
from dicomweb.errors import BodyTooLarge, Outcome
from dicomweb.json_model import UNDEFINED, Slot, header, padding
from dicomweb.multipart import Part
from dicomweb.negotiation import MediaType, parse_media_type
from dicomweb.syntaxes import EXPLICIT_LITTLE_ENDIAN, OCTETS
from store.codestream import jpeg_header
from store.foreign_pictures import read_foreign

__all__ = [
    "HELD_BYTES",
    "PIXEL_DATA",
    "Allowance",
    "Bulk",
    "bulk_of",
    "is_foreign",
    "is_whole",
    "joined",
    "pictured",
    "syntax_of",
    "value",
]

PIXEL_DATA: Final = 0x7FE00010
HELD_BYTES: Final = 256 << 20
FRAGMENT_BYTES: Final = 1 << 20

_JPEG: Final = "1.2.840.10008.1.2.4."
_NATIVE: Final = frozenset(("", EXPLICIT_LITTLE_ENDIAN, "1.2.840.10008.1.2"))
# Number of Frames, and Planar Configuration, which a grey image must not have.
_OF_FRAMES: Final = frozenset(("00280006", "00280008"))
_FOREIGN: Final = frozenset(("image/png", "image/gif"))
_SYNTAXES: Final = {
    "image/jpeg": f"{_JPEG}70",
    "image/jls": f"{_JPEG}80",
    "image/jp2": f"{_JPEG}90",
    "image/jpx": f"{_JPEG}92",
    "image/jphc": f"{_JPEG}201",
    "image/jxl": f"{_JPEG}110",
    "image/dicom-rle": "1.2.840.10008.1.2.5",
    "video/mpeg": f"{_JPEG}101",
    "video/mp4": f"{_JPEG}102",
    "video/h265": f"{_JPEG}107",
}
_LOOKED_AT: Final = 64 * 1024
_ITEM: Final = b"\xfe\xff\x00\xe0"
_END: Final = b"\xfe\xff\xdd\xe0\0\0\0\0"
_UNEXPECTED_LENGTH: Final = Outcome(
    409, "Its bulk data are not as long as its metadata, or the header of the part, say.", 0xC000
)
_OTHER_COUNT: Final = Outcome(409, "It has not as many frames as its metadata say.", 0xC000)
_ODD_TYPES: Final = Outcome(409, "Its frames are of different media types.", 0xC000)


@dataclass(frozen=True, slots=True)
class Bulk:
    """A bulk data part.

    Attributes:
        media_type: of the part.
        length: its Content-Length, as far as that is one.
        content: to be used once, before the next part.
    """

    media_type: MediaType
    length: int | None
    content: Iterable[bytes]


class Allowance:
    """How many bytes a request may still make of fewer: of shared values, of picture files."""

    def __init__(self, limit: int) -> None:
        self._left = limit

    def spend(self, size: int) -> None:
        """Make so many.

        Raises:
            BodyTooLarge: it is more than may be made.
        """
        self._left -= size
        if self._left < 0:
            raise too_large()


def bulk_of(part: Part) -> Bulk:
    """Return what a part says it is."""
    declared = part.headers.get("content-type") or OCTETS
    media_type = parse_media_type(declared) or MediaType(OCTETS, {})
    length = part.headers.get("content-length", "")
    content = part.content
    if media_type.name == "image/jpeg" and not media_type.parameters.get("transfer-syntax"):
        # The type's default is lossless, but few of those who leave it out mean that.
        start = _start(content)
        media_type = MediaType(media_type.name, {"transfer-syntax": _jpeg_syntax(start)})
        content = chain([start], content)
    known = length.isascii() and length.isdigit() and len(length) < 16
    return Bulk(media_type, int(length) if known else None, content)


def _start(content: Iterator[bytes]) -> bytes:
    start = bytearray()
    while len(start) < _LOOKED_AT and (piece := next(content, b"")):
        start += piece
    return bytes(start)


def _jpeg_syntax(start: bytes) -> str:
    found = jpeg_header(start)
    if found is None or found.is_lossless:
        return _SYNTAXES["image/jpeg"]
    return f"{_JPEG}50" if found.precision == 8 else f"{_JPEG}51"


def syntax_of(bulk: Bulk) -> str:
    """Return the transfer syntax of an instance with these pixel data."""
    named = bulk.media_type.parameters.get("transfer-syntax", "")
    if bulk.media_type.name in _SYNTAXES:
        return named or _SYNTAXES[bulk.media_type.name]
    return EXPLICIT_LITTLE_ENDIAN if named in _NATIVE or is_foreign(bulk) else named


def is_foreign(bulk: Bulk) -> bool:
    """Tell whether it is a picture file, from which pixel data must be made."""
    return bulk.media_type.name in _FOREIGN


def is_whole(attributes: Mapping[str, Any], first: Bulk, parts: int, size: int) -> bool:
    """Tell whether no more parts are to come for the pixel data.

    Args:
        attributes: the metadata.
        first: the first part.
        parts, size: how many there are, and how many bytes they have.
    """
    if is_foreign(first) or first.media_type.name.startswith("video/"):
        return True
    if syntax_of(first) != EXPLICIT_LITTLE_ENDIAN:
        return parts >= _count(attributes, "00280008", 1)
    return size >= _native_length(attributes)


def joined(content: Iterable[bytes], limit: int = HELD_BYTES) -> bytes:
    """Return a part as a whole.

    Raises:
        BodyTooLarge: it is longer than the limit.
    """
    pieces, size = [], 0
    for piece in content:
        size += len(piece)
        if size > limit:
            raise BodyTooLarge(
                "The request asks for more of its metadata and bulk data to be held in memory "
                "than this server does."
            )
        pieces.append(piece)
    return b"".join(pieces)


def value(slot: Slot, attributes: Mapping[str, Any], bulks: Iterator[Bulk]) -> Iterator[bytes]:
    """Yield an element that is made of parts.

    Raises:
        Unusable: they do not fit together, or not the metadata.
    """
    first = next(bulks)
    rest = chain([first], bulks)
    if slot.tag == PIXEL_DATA and syntax_of(first) != EXPLICIT_LITTLE_ENDIAN:
        frames = _count(attributes, "00280008", 1)
        return _encapsulated(rest, first.media_type.name, syntax_of(first), frames)
    return _native(slot, attributes, first, rest)


def _encapsulated(bulks: Iterable[Bulk], name: str, syntax: str, frames: int) -> Iterator[bytes]:
    yield header(PIXEL_DATA, "OB", UNDEFINED) + _ITEM + bytes(4)
    is_video = name.startswith("video/")
    for bulk in bulks:
        frames -= 1
        if bulk.media_type.name != name or syntax_of(bulk) != syntax:
            raise Unusable(_ODD_TYPES)
        if is_video:
            yield from _stream_fragments(bulk.content)
        else:
            yield from _fragment(joined(bulk.content))
    if frames and not is_video:
        raise Unusable(_OTHER_COUNT)
    yield _END


def _stream_fragments(content: Iterable[bytes]) -> Iterator[bytes]:
    """A video is one stream, which may be cut anywhere (PS3.5 8.2.5 to 8.2.8)."""
    waiting = bytearray()
    for piece in content:
        waiting += piece
        while len(waiting) > FRAGMENT_BYTES:
            yield from _fragment(bytes(waiting[:FRAGMENT_BYTES]))
            del waiting[:FRAGMENT_BYTES]
    if waiting:
        yield from _fragment(bytes(waiting))


def _fragment(data: bytes) -> Iterator[bytes]:
    odd = len(data) % 2
    yield _ITEM + (len(data) + odd).to_bytes(4, "little")
    yield data
    yield bytes(odd)


def _native(
    slot: Slot, attributes: Mapping[str, Any], first: Bulk, bulks: Iterable[Bulk]
) -> Iterator[bytes]:
    expected = _native_length(attributes) if slot.tag == PIXEL_DATA else 0
    length = max(expected, first.length or 0)
    if not length or (first.length or 0) > UNDEFINED - 1:
        whole = joined(chain.from_iterable(bulk.content for bulk in bulks))
        bulks, length = [Bulk(first.media_type, len(whole), [whole])], len(whole)
    even = length + length % 2
    yield header(slot.tag, slot.vr, even)
    left = even
    for piece in chain.from_iterable(bulk.content for bulk in bulks):
        left -= len(piece)
        if left < 0:
            raise Unusable(_UNEXPECTED_LENGTH)
        yield piece
    if left > 1 or (left and not length % 2):
        raise Unusable(_UNEXPECTED_LENGTH)
    yield padding(slot.vr) * left


def pictured(attributes: Mapping[str, Any], bulk: Bulk) -> tuple[dict[str, Any], Bulk]:
    """Make a picture file into pixel data; return the data set for it, and the native value.

    Raises:
        CannotDecode: it is none.
    """
    picture = read_foreign(joined(bulk.content), HELD_BYTES)
    said = _first(attributes, "00280004")
    grey = said if said == "MONOCHROME1" else "MONOCHROME2"
    made: dict[str, tuple[str, object]] = {
        "00280002": ("US", picture.samples),
        "00280004": ("CS", grey if picture.samples == 1 else "RGB"),
        "00280010": ("US", picture.rows),
        "00280011": ("US", picture.columns),
        "00280100": ("US", picture.bits),
        "00280101": ("US", picture.bits),
        "00280102": ("US", picture.bits - 1),
        "00280103": ("US", 0),
    }
    if picture.samples == 3:
        made["00280006"] = ("US", 0)
    kept = {name: value for name, value in attributes.items() if name not in _OF_FRAMES}
    if picture.frames > 1:
        made["00280008"] = ("IS", picture.frames)
    described = {name: {"vr": vr, "Value": [value]} for name, (vr, value) in made.items()}
    media_type = MediaType(OCTETS, {})
    return {**kept, **described}, Bulk(media_type, len(picture.pixels), [picture.pixels])


def _native_length(attributes: Mapping[str, Any]) -> int:
    """Return the bytes of native pixel data, as far as the metadata tell."""
    pixels = _count(attributes, "00280010", 0) * _count(attributes, "00280011", 0)
    pixels *= _count(attributes, "00280002", 1) * _count(attributes, "00280008", 1)
    bits = pixels * _count(attributes, "00280100", 0)
    return (bits + 7) // 8


def _count(attributes: Mapping[str, Any], tag: str, default: int) -> int:
    found = _first(attributes, tag)
    try:
        number = default if found is None else int(found)
    except (TypeError, ValueError, OverflowError):
        return default
    return number if 0 <= number < 1 << 31 else default


def _first(attributes: Mapping[str, Any], tag: str) -> Any:  # noqa: ANN401 - of the JSON model
    values = attributes.get(tag, {}).get("Value")
    return values[0] if isinstance(values, list) and values else None
