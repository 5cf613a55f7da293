"""The errors of de-identification: what a caller may see when an instance is refused.

Standard: PS3.10 7 (file format), PS3.5 7 (data set encoding), PS3.15 E (confidentiality profile).

Invariants: every error that leaves this package is one of these; a message is one clear sentence
that may name tags and keywords and never holds a value of the data set.

    DeidError
    ├── NotDicom                    the bytes are no DICOM file
    ├── Truncated                   the data set ends in the middle of something
    ├── Malformed                   the data set breaks the encoding rules
    ├── TooLarge                    a limit was reached
    ├── MissingIdentifier           a UID without which nothing can be stored is absent
    ├── TransferSyntaxUnsupported   the transfer syntax is not one we can walk
    ├── SopClassUnsupported         the SOP class is not a standard one
    └── VerificationFailed          the check of the output found something
    ProfileError                    an operator's changes of the profile are not possible

Not here: what an HTTP or DIMSE peer is told; ``dicomweb.errors`` and ``dimse.statuses`` map these.
"""


class DeidError(Exception):
    """An instance was refused; nothing of it may be kept."""


class NotDicom(DeidError):
    """The bytes are not a DICOM file."""


class Truncated(DeidError):
    """The data set ends before it is complete."""


class Malformed(DeidError):
    """The data set breaks the encoding rules of PS3.5."""


class TooLarge(DeidError):
    """A limit on size, count or inflation was reached."""


class MissingIdentifier(DeidError):
    """An identifier that storage needs is absent or empty.

    Attributes:
        keyword: the keyword of the missing element.
    """

    def __init__(self, keyword: str) -> None:
        super().__init__(f"The data set has no {keyword}.")
        self.keyword = keyword


class TransferSyntaxUnsupported(DeidError):
    """The transfer syntax is unknown or cannot be walked."""


class SopClassUnsupported(DeidError):
    """The SOP class is not one of the standard's."""


class VerificationFailed(DeidError):
    """The output did not pass the check that rule 9 asks for; nothing was written."""


class ProfileError(ValueError):
    """The profile cannot be changed like this; the message names tags, never a value."""
