"""Which representations an instance and its frames have, by the transfer syntax they are stored in.

Standard: PS3.18 8.7.3 (tables 8.7.3-2 to 8.7.3-5), 8.7.3.4 (default transfer syntax), PS3.6 A.
Invariants: Implicit VR and Big Endian are never given; nothing is decoded when what is stored will
do; a lossy image is given as it is unless its pixels are asked for by name, and only who names a
lossy syntax gets something that lost more. What one image in particular cannot be given in comes
to light when it is made: `CannotTranscode`, and the next offer is tried.
Not here: picking one (`dicomweb.negotiation`), making it (`store.transcode`, `store.pixels`).
"""

from dataclasses import replace
from functools import cache
from typing import Final

from dicomweb.negotiation import ANY, Offer
from store.encoders import LOSSLESS
from store.transcode import WRITTEN, can_be_written

__all__ = [
    "DICOM",
    "EXPLICIT_LITTLE_ENDIAN",
    "OCTETS",
    "frame_offers",
    "instance_offers",
    "is_native",
    "video_type",
]

DICOM: Final = "application/dicom"
OCTETS: Final = "application/octet-stream"
EXPLICIT_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"

_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
# Implicit VR little endian, and the retired big endian.
_NEVER_GIVEN: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.2"})
_NATIVE: Final = _NEVER_GIVEN | {EXPLICIT_LITTLE_ENDIAN, _DEFLATED}

_MEDIA_TYPES: Final = {
    "image/jpeg": "50 51 52 53 54 55 56 57 58 59 60 61 62 63 64 65 66 70",
    "image/jls": "80 81",
    "image/jp2": "90 91",
    "image/jpx": "92 93",
    "image/jphc": "201 202 203",
    "image/jxl": "110 111 112",
    "video/mpeg": "100 100.1 101 101.1",
    "video/mp4": "102 102.1 103 103.1 104 104.1 105 105.1 106 106.1",
    "video/H265": "107 108",
}
_MEDIA_TYPE_OF: Final = {"1.2.840.10008.1.2.5": "image/dicom-rle"} | {
    f"1.2.840.10008.1.2.4.{end}": name
    for name, ends in _MEDIA_TYPES.items()
    for end in ends.split()
}
_FAMILY: Final = "1.2.840.10008.1.2.4."
_LOSSLESS: Final = LOSSLESS | {f"{_FAMILY}{end}" for end in (58, 65, 66, 92)}
# What a media type means without a transfer syntax (table 8.7.3-5).
_DEFAULTS: Final = frozenset(
    {"1.2.840.10008.1.2.5"} | {f"{_FAMILY}{end}" for end in (70, 80, 90, 201, 110)}
)


def _preference(transfer_syntax: str) -> tuple[int, bool, str]:
    """Order by how many readers there are, for who asks for any image."""
    media_types = [*_MEDIA_TYPES, "image/dicom-rle", OCTETS]
    place = media_types.index(_MEDIA_TYPE_OF.get(transfer_syntax, OCTETS))
    return place, transfer_syntax not in _DEFAULTS, transfer_syntax


_TARGETS: Final = tuple(sorted(WRITTEN, key=_preference))


def is_native(transfer_syntax: str) -> bool:
    """Tell whether pixel data in this syntax are not compressed frame by frame."""
    return transfer_syntax in _NATIVE


def video_type(transfer_syntax: str) -> str | None:
    """Return the media type of a video; None for what is none."""
    media_type = _MEDIA_TYPE_OF.get(transfer_syntax, "")
    return media_type if media_type.startswith("video/") else None


@cache
def frame_offers(transfer_syntax: str, *, alone: bool) -> tuple[Offer, ...]:
    """Return how frames, or the pixel data, can be had.

    Args:
        transfer_syntax: as stored.
        alone: whether it is a single frame, which needs no multipart body.
    """
    if transfer_syntax in _NATIVE:
        kinds = [Offer(OCTETS, transfer_syntax=EXPLICIT_LITTLE_ENDIAN)]
    else:
        lossless = transfer_syntax in _LOSSLESS
        kinds = [
            Offer(
                _MEDIA_TYPE_OF.get(transfer_syntax, OCTETS),
                transfer_syntax=transfer_syntax,
                answers=("", ANY) if transfer_syntax in _MEDIA_TYPE_OF else (ANY,),
                also=OCTETS,
                default=not lossless,
            ),
            Offer(OCTETS, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, answers=("",), default=lossless),
        ]
    for syntax in _transcoded(transfer_syntax):
        answers = ("", ANY) if syntax in _DEFAULTS else ()
        media_type = _MEDIA_TYPE_OF.get(syntax, OCTETS)
        kinds.append(Offer(media_type, False, syntax, answers, also=OCTETS, default=False))
    return _in_parts(kinds, alone=alone)


@cache
def instance_offers(transfer_syntax: str, *, alone: bool) -> tuple[Offer, ...]:
    """Return how an instance can be had, as part of a study or series or alone."""
    explicit = Offer(DICOM, transfer_syntax=EXPLICIT_LITTLE_ENDIAN)
    asked_for = Offer(DICOM, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, answers=("",))
    stored = Offer(DICOM, transfer_syntax=transfer_syntax)
    is_video = _MEDIA_TYPE_OF.get(transfer_syntax, "").startswith("video/")
    if transfer_syntax in _NEVER_GIVEN or transfer_syntax == EXPLICIT_LITTLE_ENDIAN:
        kinds = [explicit]
    elif transfer_syntax == _DEFLATED:
        kinds = [explicit, Offer(DICOM, transfer_syntax=_DEFLATED, answers=())]
    elif is_video:
        kinds = [stored]
    elif transfer_syntax in _LOSSLESS:
        # As stored comes after, for when there is no codec and the caller did not insist.
        kinds = [asked_for, stored]
    else:
        kinds = [stored, Offer(DICOM, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, answers=())]
    offered = {offer.transfer_syntax for offer in kinds}
    for syntax in (_DEFLATED, *_transcoded(transfer_syntax)):
        if syntax not in offered and not is_video:
            kinds.append(Offer(DICOM, transfer_syntax=syntax, answers=()))
    return _in_parts(kinds, alone=alone)


def _transcoded(stored: str) -> list[str]:
    """Return the encapsulated transfer syntaxes in which it can be had but is not stored."""
    return [syntax for syntax in _TARGETS if syntax != stored and can_be_written(stored, syntax)]


def _in_parts(kinds: list[Offer], *, alone: bool) -> tuple[Offer, ...]:
    shapes = (True, False) if alone else (True,)
    return tuple(replace(offer, multipart=shape) for shape in shapes for offer in kinds)
