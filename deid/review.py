"""Tells why a person must look at an instance before strangers may (held for review).

Standard: PS3.15 E.3.1 (clean pixel data), PS3.3 C.7.6.1.1.5 (Burned In Annotation), C.8.5.5
(ultrasound regions), A.45 (encapsulated documents).

Invariants: the reasons follow from the header and the transfer syntax as sent; that pixels are
clean is never assumed because somebody says so, only that they are not.

Not here: who may look meanwhile (``store.access``), what the owner decides (``store.review``).
"""

from enum import StrEnum

__all__ = ["Reason"]


class Reason(StrEnum):
    """Why an instance is held; the values are stable names, not words for people."""

    BURNED_IN_ANNOTATION = "burned-in-annotation"
    MODALITY = "modality"
    SECONDARY_CAPTURE = "secondary-capture"
    ULTRASOUND_REGIONS = "ultrasound-regions"
    SCANNED_DOCUMENT = "scanned-document"
    ENCAPSULATED_DOCUMENT = "encapsulated-document"
    VIDEO = "video"
