"""Which representations an instance and its frames have, by the transfer syntax they are stored in.

Standard: PS3.18 8.7.3 (tables 8.7.3-2 to 8.7.3-5), 8.7.3.4 (default transfer syntax), PS3.6 A.
Invariants: Implicit VR and Big Endian are never given; nothing is decoded when what is stored will
do; a lossy image is given as it is unless its pixels are asked for by name.
Not here: picking one (`dicomweb.negotiation`), making it (`store.transcode`, `store.pixels`).
"""

from dataclasses import replace
from functools import cache
from typing import Final

from dicomweb.negotiation import ANY, Offer

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
_LOSSLESS: Final = frozenset(
    {"1.2.840.10008.1.2.5", "1.2.840.10008.1.2.1.98"}
    | {
        f"1.2.840.10008.1.2.4.{end}"
        for end in ["57", "58", "65", "66", "70", "80", "90", "92", "110", "201", "202"]
    }
)


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
    return _in_parts(kinds, alone=alone)


@cache
def instance_offers(transfer_syntax: str, *, alone: bool) -> tuple[Offer, ...]:
    """Return how an instance can be had, as part of a study or series or alone."""
    explicit = Offer(DICOM, transfer_syntax=EXPLICIT_LITTLE_ENDIAN)
    asked_for = Offer(DICOM, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, answers=("",))
    stored = Offer(DICOM, transfer_syntax=transfer_syntax)
    if transfer_syntax in _NEVER_GIVEN or transfer_syntax == EXPLICIT_LITTLE_ENDIAN:
        kinds = [explicit]
    elif transfer_syntax == _DEFLATED:
        kinds = [explicit, Offer(DICOM, transfer_syntax=_DEFLATED, answers=())]
    elif _MEDIA_TYPE_OF.get(transfer_syntax, "").startswith("video/"):
        kinds = [stored]
    elif transfer_syntax in _LOSSLESS:
        # As stored comes after, for when there is no codec and the caller did not insist.
        kinds = [asked_for, stored]
    else:
        kinds = [stored, Offer(DICOM, transfer_syntax=EXPLICIT_LITTLE_ENDIAN, answers=())]
    return _in_parts(kinds, alone=alone)


def _in_parts(kinds: list[Offer], *, alone: bool) -> tuple[Offer, ...]:
    shapes = (True, False) if alone else (True,)
    return tuple(replace(offer, multipart=shape) for shape in shapes for offer in kinds)
