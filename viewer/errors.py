"""What the pages say when a request fails: one table from status to words.

    PageError
    └── NotBuilt    the browser's side of the pages was never built here

Invariants: a page of error never repeats what was sent, and no stack trace leaves the server.
Not here: the answers of DICOMweb (`dicomweb.errors`).
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = ["UNEXPECTED", "WORDS", "NotBuilt", "PageError", "Words", "words_for"]


class PageError(Exception):
    """Anything that keeps a page from being drawn; the text is one sentence for people."""


class NotBuilt(PageError):
    """The browser's side of the pages was never built here."""


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
            "It may have been deleted, or the link was cut off when it was copied. Studies are "
            "shown only to the person who sent them.",
        ),
        405: Words(
            "This address does not work that way",
            "It was asked for something that it does not do. Start from the list of studies.",
        ),
        413: Words(
            "That was too large",
            "The request holds more than this address takes. Nothing of it was kept.",
        ),
        500: UNEXPECTED,
        503: Words(
            "The archive is busy",
            "It did not answer in time. Nothing that was acknowledged is lost. Try again soon.",
        ),
    }
)


def words_for(status: int) -> Words:
    """The words of a status; those of the nearest general one when it has none of its own."""
    return WORDS.get(status) or WORDS[400 if status < 500 else 500]
