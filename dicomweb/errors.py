"""The errors of this edge, and the one table that gives every error its HTTP answer.

    DicomwebError
    ├── BadRequest             a parameter or header that cannot be understood
    │   └── BrokenBody         a multipart body that is not one, or is cut short
    ├── Unauthenticated        no valid credentials
    ├── NotFound               nothing of that name that this caller may see
    ├── NotAcceptable          no representation fits the Accept header
    ├── LengthRequired         a body whose end could not be told from a broken connection
    ├── BodyTooLarge           more bytes than this server takes in one request
    └── UnsupportedMediaType   a body of a kind that this server does not take

Standard: PS3.18 8.5 (status codes), 10.5.3 and I.2.2 (failure reasons).
Invariants: a sentence never holds a value of a data set or of a request; every error of deid and
store has a row of its own.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import deid.errors as d
import store.errors as s

__all__ = [
    "OUTCOMES",
    "UNEXPECTED",
    "BadRequest",
    "BodyTooLarge",
    "BrokenBody",
    "DicomwebError",
    "LengthRequired",
    "NotAcceptable",
    "NotFound",
    "Outcome",
    "Unauthenticated",
    "UnsupportedMediaType",
    "outcome_of",
    "sentence_of",
]


class DicomwebError(Exception):
    """A request that this edge refuses; the text is one sentence for people."""


class BadRequest(DicomwebError):
    """A parameter or header that cannot be understood."""


class BrokenBody(BadRequest):
    """A body that is not what its Content-Type says, or is cut short."""


class Unauthenticated(DicomwebError):
    """Credentials are missing or not valid."""


class NotFound(DicomwebError):
    """Nothing of that name that this caller may see."""


class NotAcceptable(DicomwebError):
    """No representation of the resource fits the Accept header."""


class LengthRequired(DicomwebError):
    """A body whose end could not be told from a broken connection."""


class BodyTooLarge(DicomwebError):
    """More bytes than this server takes in one request."""


class UnsupportedMediaType(DicomwebError):
    """A body of a kind that this server does not take."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an error means to a caller.

    Attributes:
        status: of an answer that has nothing else to say.
        sentence: one for people; empty when the error's own text, made here, is the sentence.
        failure_reason: the code of an instance that was not stored for it (PS3.18 I.2.2).
    """

    status: int
    sentence: str = ""
    failure_reason: int = 0x0110


_CANNOT_UNDERSTAND: Final = 0xC000
_DOES_NOT_MATCH_CLASS: Final = 0xA900
_OUT_OF_RESOURCES: Final = 0xA700
_PROCESSING_FAILURE: Final = 0x0110

OUTCOMES: Final = MappingProxyType(
    {
        DicomwebError: Outcome(400),
        BadRequest: Outcome(400),
        BrokenBody: Outcome(400),
        Unauthenticated: Outcome(401),
        NotFound: Outcome(404),
        NotAcceptable: Outcome(406),
        LengthRequired: Outcome(411),
        BodyTooLarge: Outcome(413),
        UnsupportedMediaType: Outcome(415),
        d.DeidError: Outcome(409, "It could not be de-identified.", _PROCESSING_FAILURE),
        d.NotDicom: Outcome(409, "It is not a DICOM file.", _CANNOT_UNDERSTAND),
        d.Truncated: Outcome(409, "It ends before it is complete.", _CANNOT_UNDERSTAND),
        d.Malformed: Outcome(409, "It breaks the encoding rules of DICOM.", _CANNOT_UNDERSTAND),
        d.TooLarge: Outcome(409, "Its header is larger than this server takes."),
        d.MissingIdentifier: Outcome(
            409, "It lacks a UID without which it cannot be stored.", _DOES_NOT_MATCH_CLASS
        ),
        d.TransferSyntaxUnsupported: Outcome(409, "Its transfer syntax is not supported.", 0xC122),
        d.SopClassUnsupported: Outcome(409, "Its SOP class is not supported.", 0x0122),
        d.VerificationFailed: Outcome(409, "It could not be de-identified with certainty."),
        s.StoreError: Outcome(500, "The archive could not do it."),
        s.NoSuchFrame: Outcome(404, "The instance does not have a frame of this number."),
        s.NoSuchBulkdata: Outcome(404, "The instance has no bulk data of this name."),
        s.NoSuchSeries: Outcome(404, "There is no such series."),
        s.NoSuchUpload: Outcome(404, "There is no such upload."),
        s.NoSuchJob: Outcome(404, "There is no such job."),
        s.NoSuchRemote: Outcome(404, "There is no such server."),
        s.BadRemote: Outcome(400, "A server has a name and an address."),
        s.WrongSecret: Outcome(500, "The archive could not do it."),
        s.Outdated: Outcome(409, "It has changed in the meantime; look again."),
        s.CannotDecode: Outcome(406, "The pixel data cannot be decoded."),
        s.CannotTranscode: Outcome(
            406, "The instance cannot be given in the transfer syntax that was asked for."
        ),
        s.CannotMask: Outcome(409, "It holds pixel data that cannot be blacked out."),
        s.BadRectangles: Outcome(400, "The rectangles are too many, or not inside the images."),
        s.DuplicateDiffers: Outcome(
            409, "Its SOP Instance UID is taken by an instance with other pixel data.", 0x0111
        ),
        s.NotSearchable: Outcome(400, "A search value is not of the form that its attribute has."),
        s.SearchTooBroad: Outcome(
            413, "The search is too broad: it needs another key that the index has."
        ),
        s.Forbidden: Outcome(403, "The credentials do not allow this."),
        s.NoSuchRoot: Outcome(404, "There is no such resource."),
        s.TooManyRequests: Outcome(429, "Too many requests came from this address."),
        s.StoreFull: Outcome(503, "There is no room for it.", _OUT_OF_RESOURCES),
        s.NoPrivateRoom: Outcome(
            409, "The room for private cases of its owner is full.", _OUT_OF_RESOURCES
        ),
        s.StoreBusy: Outcome(503, "The archive is busy; send it again.", _OUT_OF_RESOURCES),
    }
)

UNEXPECTED: Final = Outcome(500, "Something went wrong on the server.", _PROCESSING_FAILURE)


def outcome_of(error: BaseException) -> Outcome:
    """Return the row of the error's class, or of the nearest class above it."""
    for kind in type(error).__mro__:
        if kind in OUTCOMES:
            return OUTCOMES[kind]
    return UNEXPECTED


def sentence_of(error: BaseException, outcome: Outcome) -> str:
    """Return what people are told: the table's sentence, or the one that was made for the case."""
    return outcome.sentence or str(error)
