"""Tells why a person must look at an instance before strangers may (held for review).

Standard: PS3.15 E.3.1 (clean pixel data), PS3.3 C.7.6.1.1.5 (Burned In Annotation), C.8.5.5
(ultrasound regions), A.45 (encapsulated documents).

Invariants: the reasons follow from the header and the transfer syntax as sent; that pixels are
clean is never assumed because somebody says so, only that they are not.

Not here: who may look meanwhile (``store.access``), what the owner decides (``store.review``).
"""

from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache
from typing import Final

from deid.encoding import is_video
from deid.identity import (
    BURNED_IN_ANNOTATION,
    CONVERSION_TYPE,
    MODALITY,
    OVERLAY_BIT_POSITION,
    Identity,
)
from deid.profile import Profile

__all__ = ["Reason", "reasons"]

_ULTRASOUND_REGIONS: Final = 0x00186011
_ENCAPSULATED_DOCUMENT: Final = 0x00420011


class Reason(StrEnum):
    """Why an instance is held; the values are stable names, not words for people."""

    BURNED_IN_ANNOTATION = "burned-in-annotation"
    MODALITY = "modality"
    SECONDARY_CAPTURE = "secondary-capture"
    ULTRASOUND_REGIONS = "ultrasound-regions"
    SCANNED_DOCUMENT = "scanned-document"
    ENCAPSULATED_DOCUMENT = "encapsulated-document"
    VIDEO = "video"


_OF_PIXELS: Final = frozenset(
    (
        *(Reason.BURNED_IN_ANNOTATION, Reason.MODALITY, Reason.SECONDARY_CAPTURE),
        *(Reason.ULTRASOUND_REGIONS, Reason.SCANNED_DOCUMENT),
    )
)


def reasons(
    profile: Profile,
    identity: Identity,
    present: Collection[int],
    sop_class_uid: str,
    transfer_syntax: str,
    *,
    cleaned_pixels: bool,
) -> tuple[Reason, ...]:
    """Return why a person must look at an instance, in order of names.

    Args:
        profile: says what is held.
        identity: the values of the header as sent.
        present: the tags at top level.
        sop_class_uid, transfer_syntax: of the instance.
        cleaned_pixels: a person has blacked out what the pixels said.
    """
    said = identity.context.get
    return _reasons(
        profile,
        said(BURNED_IN_ANNOTATION, b""),
        said(MODALITY, b""),
        said(CONVERSION_TYPE, b""),
        OVERLAY_BIT_POSITION in identity.context,
        _ULTRASOUND_REGIONS in present,
        _ENCAPSULATED_DOCUMENT in present,
        sop_class_uid,
        transfer_syntax,
        cleaned_pixels,
    )


# The instances of a series share all that it depends on.
@lru_cache(maxsize=256)
def _reasons(
    profile: Profile,
    burned_in: bytes,
    modality: bytes,
    conversion_type: bytes,
    has_overlay: bool,
    has_regions: bool,
    has_document: bool,
    sop_class_uid: str,
    transfer_syntax: str,
    cleaned_pixels: bool,
) -> tuple[Reason, ...]:
    held = profile.held
    found = {
        Reason.BURNED_IN_ANNOTATION: b"YES" in _values(burned_in) or has_overlay,
        Reason.MODALITY: not held.modalities.isdisjoint(_values(modality)),
        Reason.SECONDARY_CAPTURE: sop_class_uid in held.secondary_capture,
        Reason.ULTRASOUND_REGIONS: has_regions,
        Reason.SCANNED_DOCUMENT: not held.conversion_types.isdisjoint(_values(conversion_type)),
        Reason.ENCAPSULATED_DOCUMENT: sop_class_uid in held.documents or has_document,
        Reason.VIDEO: sop_class_uid in held.video or is_video(transfer_syntax),
    }
    cleaned = _OF_PIXELS if cleaned_pixels else frozenset()
    return tuple(
        sorted(reason for reason, holds in found.items() if holds and reason not in cleaned)
    )


def _values(value: bytes) -> set[bytes]:
    return {part.strip(b" \0").upper() for part in value.split(b"\\")}
