"""De-identifies DICOM instances as a stream of bytes, before anything is stored.

May import: nothing of ours; pydicom (its data dictionary) from outside.

Entry points: ``Deidentifier`` takes the bytes of one instance in any pieces and writes the
de-identified file; ``deid.encoding`` walks encoded data sets; ``deid.uids`` maps UIDs by key.
"""

from deid.body import Limits, Streamed
from deid.errors import (
    DeidError,
    Malformed,
    MissingIdentifier,
    NotDicom,
    SopClassUnsupported,
    TooLarge,
    TransferSyntaxUnsupported,
    Truncated,
    VerificationFailed,
)
from deid.receipt import Receipt
from deid.review import Reason
from deid.stream import Deidentified, Deidentifier, KeyChoice

__all__ = [
    "DeidError",
    "Deidentified",
    "Deidentifier",
    "KeyChoice",
    "Limits",
    "Malformed",
    "MissingIdentifier",
    "NotDicom",
    "Reason",
    "Receipt",
    "SopClassUnsupported",
    "Streamed",
    "TooLarge",
    "TransferSyntaxUnsupported",
    "Truncated",
    "VerificationFailed",
]
