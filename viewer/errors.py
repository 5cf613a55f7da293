"""What pages and the API say when a request fails: one table from status to words, one from error
to status.

    PageError
    ├── NotBuilt        the browser's side of the pages was never built here
    ├── BadRectangle    a rectangle that cannot be one
    └── ApiError        a request that the API refuses
        ├── Unauthenticated    no valid credentials, or none that may change something
        ├── NotFound           nothing of that name that this caller may see
        ├── NotJson            a body that is not a JSON document
        ├── BodyTooLarge       a body of more bytes than the API takes
        ├── WrongMediaType     a body of another kind than JSON
        └── BadValue           a document that does not say what it should

Invariants: a page of error never repeats what was sent, and no stack trace leaves the server.
Not here: the answers of DICOMweb (`dicomweb.errors`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import accounts.errors as a
import cases.errors as c
import store.errors as s

__all__ = [
    "OUTCOMES",
    "UNEXPECTED",
    "WORDS",
    "ApiError",
    "BadRectangle",
    "BadValue",
    "BodyTooLarge",
    "NotBuilt",
    "NotFound",
    "NotJson",
    "PageError",
    "Unauthenticated",
    "Words",
    "WrongMediaType",
    "outcome_of",
    "sentence_of",
    "words_for",
]


class PageError(Exception):
    """Anything that keeps a page from being drawn; the text is one sentence for people."""


class NotBuilt(PageError):
    """The browser's side of the pages was never built here."""


class BadRectangle(PageError):
    """A rectangle that cannot be one."""


class ApiError(PageError):
    """A request that the API refuses."""


class Unauthenticated(ApiError):
    """Credentials are missing, are not valid, or do not allow a change."""


class NotFound(ApiError):
    """Nothing of that name that this caller may see."""


class NotJson(ApiError):
    """A body that is not a JSON document."""


class BodyTooLarge(ApiError):
    """A body of more bytes than the API takes."""


class WrongMediaType(ApiError):
    """A body of another kind than JSON."""


class BadValue(ApiError):
    """A document that does not say what it should."""


@dataclass(frozen=True, slots=True)
class Words:
    """The title and the sentence of an error page."""

    title: str
    sentence: str


UNEXPECTED: Final = Words(
    "Something went wrong here",
    "The fault is ours and has been noted. Nothing that was acknowledged is lost. Try again; "
    "if it stays, tell whoever runs this server what you did.",
)

WORDS: Final = MappingProxyType(
    {
        400: Words(
            "This request cannot be understood",
            "A part of it is missing or was changed on the way. Go back and try again.",
        ),
        401: Words(
            "This needs you to sign in",
            "Your session has ended, or there was none. Sign in and come back.",
        ),
        403: Words(
            "This is not open to you",
            "The form was open too long, or came from another page. Go back and try again.",
        ),
        404: Words(
            "There is nothing at this address",
            "It may have been deleted or hidden, or the link was cut off when it was copied. "
            "Studies are shown only to the person who sent them.",
        ),
        405: Words(
            "This address does not work that way",
            "It was asked for something that it does not do. Start from the list of studies.",
        ),
        413: Words(
            "That was too large",
            "The request holds more than this address takes. Nothing of it was kept.",
        ),
        429: Words(
            "That was too often",
            "Too many attempts came from where you are. Wait a minute and try again.",
        ),
        500: UNEXPECTED,
        503: Words(
            "The archive is busy",
            "It did not answer in time. Nothing that was acknowledged is lost. Try again soon.",
        ),
    }
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an error means to a program.

    Attributes:
        status: of the answer.
        sentence: one for people; empty when the error's own text, made here, is the sentence.
    """

    status: int
    sentence: str = ""


OUTCOMES: Final[Mapping[type, Outcome]] = MappingProxyType(
    {
        PageError: Outcome(400),
        NotBuilt: Outcome(503),
        BadRectangle: Outcome(422),
        ApiError: Outcome(400),
        Unauthenticated: Outcome(401),
        NotFound: Outcome(404),
        NotJson: Outcome(400),
        BodyTooLarge: Outcome(413),
        WrongMediaType: Outcome(415),
        BadValue: Outcome(422),
        a.AccountError: Outcome(422),
        a.EmailTaken: Outcome(409),
        a.ChannelTaken: Outcome(409),
        a.NoSuchAccount: Outcome(404),
        a.NoSuchToken: Outcome(404),
        a.NoSuchSession: Outcome(404),
        a.NotInvited: Outcome(410),
        a.LastAdministrator: Outcome(409),
        a.NoSuchMessage: Outcome(404),
        a.NoSuchPeer: Outcome(404),
        a.NoSuchAeTitle: Outcome(404),
        a.AeTitleTaken: Outcome(409),
        a.HostNotAllowed: Outcome(422),
        a.InvalidValue: Outcome(422),
        c.CaseError: Outcome(400),
        c.NoSuchCase: Outcome(404),
        c.NoSuchVersion: Outcome(404),
        c.NoSuchPlaylist: Outcome(404),
        c.NoSuchShare: Outcome(404),
        c.NoSuchReport: Outcome(404),
        c.NeedsPassword: Outcome(401),
        c.WrongPassword: Outcome(422),
        c.NotAllowed: Outcome(403),
        c.NotReady: Outcome(409),
        c.Changed: Outcome(409),
        c.InvalidText: Outcome(422),
        s.StoreError: Outcome(500, "The archive could not do it."),
        s.NoSuchFrame: Outcome(404, "The instance does not have a frame of this number."),
        s.NoSuchBulkdata: Outcome(404, "The instance has no bulk data of this name."),
        s.NoSuchSeries: Outcome(404, "There is no such series among your studies."),
        s.NoSuchUpload: Outcome(404, "There is no such upload among yours."),
        s.NoSuchJob: Outcome(404, "There is no such job among yours."),
        s.NoSuchRemote: Outcome(404, "There is no server of this name among yours."),
        s.BadRemote: Outcome(422),
        s.WrongSecret: Outcome(500, "The server's secret is not the one that its keys need."),
        s.Outdated: Outcome(409, "The series has changed since you looked; nothing was changed."),
        s.CannotMask: Outcome(409),
        s.BadRectangles: Outcome(422),
        s.CannotDecode: Outcome(409, "The pixel data cannot be decoded, so nothing was changed."),
        s.CannotTranscode: Outcome(409, "The pixel data cannot be written again as it came."),
        s.DuplicateDiffers: Outcome(409, "The new instance's UID is taken; nothing was changed."),
        s.SearchTooBroad: Outcome(413, "That search is too broad; ask for something more."),
        s.NotSearchable: Outcome(400, "A search value is not of the form that it should have."),
        s.Forbidden: Outcome(403, "The token does not allow this."),
        s.NoSuchRoot: Outcome(404, "There is nothing at this address."),
        s.TooManyRequests: Outcome(429, "Too many requests came from this address; try later."),
        s.StoreFull: Outcome(503, "There is no room for the new instances; nothing was changed."),
        s.NoPrivateRoom: Outcome(409, "The room for private cases is full; nothing was changed."),
        s.StoreBusy: Outcome(503, "The archive is busy; nothing was changed. Try again."),
    }
)


def outcome_of(error: Exception) -> Outcome:
    """The row of the error's class, or of the nearest class above it."""
    return next(OUTCOMES[kind] for kind in type(error).__mro__ if kind in OUTCOMES)


def sentence_of(error: Exception) -> str:
    """What people are told: the table's sentence, or the one that was made for the case."""
    return outcome_of(error).sentence or str(error)


def words_for(status: int) -> Words:
    """The words of a status; those of the nearest general one when it has none of its own."""
    return WORDS.get(status) or WORDS[400 if status < 500 else 500]
