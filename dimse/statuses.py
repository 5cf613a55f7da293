"""Which DIMSE status each outcome of a C-STORE is answered with, as data.

Standard: PS3.4 Table B.2-1 (C-STORE), PS3.7 Annex C (general statuses) and section 9.3.1.2
(Error Comment, at most 64 characters).
Invariants: every error of deid and of the store has a row of its own (a test walks them); a
comment is fixed text and never holds a value of the data set.
Not here: HTTP statuses for the same errors (`dicomweb.errors`), those of queries and retrievals
(`dimse.query_statuses`).
"""

import errno
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["BY_ERROR", "Status", "status_of"]


@dataclass(frozen=True)
class Status:
    """What is answered: (0000,0900) Status and (0000,0902) Error Comment."""

    code: int
    comment: str = ""


VERIFIED = Status(0x0000)
STORED = Status(0x0000)
STORED_CHANGED = Status(0xB000, "Stored de-identified: attributes were removed or replaced")
INVALID_INSTANCE_UID = Status(0x0117, "Affected SOP Instance UID is missing or malformed")
SOP_CLASS_NOT_SUPPORTED = Status(0x0122, "SOP class is not that of the presentation context")
NOT_AUTHORISED = Status(0x0124, "This AE title may not store here")
UNRECOGNISED_OPERATION = Status(0x0211, "This operation is not served here")
OTHER_SOP_CLASS = Status(0xA900, "SOP Class UIDs of command and data set differ")
OTHER_SOP_INSTANCE = Status(0xA900, "SOP Instance UIDs of command and data set differ")
NO_DATA_SET = Status(0xC000, "The C-STORE request came without a data set")
OUT_OF_RESOURCES = Status(0xA700, "Out of resources; send again later")
FAILED = Status(0x0110, "Processing failure")

PENDING = frozenset({0xFF00, 0xFF01})
"""The codes after which more responses follow."""

# Errors are looked up by the names of their classes, nearest ancestor first: this package may
# import the store only, and the de-identification's errors pass through it unchanged.
BY_ERROR: Mapping[str, Status] = {
    "DeidError": Status(0xC000, "The data set cannot be de-identified"),
    "NotDicom": Status(0xC000, "The bytes are no DICOM data set"),
    "Truncated": Status(0xC000, "The data set ends too early"),
    "Malformed": Status(0xC000, "The data set is not encoded correctly"),
    "TooLarge": Status(0xC000, "The data set exceeds a limit of this server"),
    "MissingIdentifier": Status(0xC000, "The data set lacks a UID without which none is stored"),
    "TransferSyntaxUnsupported": Status(0xC000, "The transfer syntax cannot be de-identified"),
    "SopClassUnsupported": Status(0x0122, "The SOP class is not one that is stored here"),
    "VerificationFailed": Status(0xC000, "The de-identified data set did not pass its check"),
    "StoreError": FAILED,
    "StoreFull": Status(0xA700, "No room is left"),
    "NoPrivateRoom": Status(0xA700, "The room for private cases of its owner is full"),
    "StoreBusy": Status(0xA700, "The store is busy; send again later"),
    "DuplicateDiffers": Status(0xA900, "SOP Instance UID is stored already, with other pixels"),
    "NoSuchUpload": FAILED,
    "NoSuchJob": FAILED,
    "NoSuchRemote": FAILED,
    "BadRemote": FAILED,
    "WrongSecret": FAILED,
    # The reading side's errors cannot come out of an ingest; should one, it is our failure.
    "NoSuchFrame": FAILED,
    "NoSuchBulkdata": FAILED,
    "NoSuchSeries": FAILED,
    "Outdated": FAILED,
    "CannotDecode": FAILED,
    "CannotTranscode": FAILED,
    "CannotMask": FAILED,
    "BadRectangles": FAILED,
    "NotSearchable": FAILED,
    "SearchTooBroad": FAILED,
    # Those of the gate, which associations do not pass.
    "Forbidden": FAILED,
    "NoSuchRoot": FAILED,
    "TooManyRequests": FAILED,
    "MemoryError": OUT_OF_RESOURCES,
}

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def status_of(error: BaseException) -> Status:
    """Return the status that answers an error raised while an instance came in."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return OUT_OF_RESOURCES
    for ancestor in type(error).__mro__:
        if ancestor.__name__ in BY_ERROR:
            return BY_ERROR[ancestor.__name__]
    return FAILED
